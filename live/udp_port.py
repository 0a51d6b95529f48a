"""The one UDP socket of this process: datagrams in by kind, datagrams and runs out.

Reading drains the socket with bounded work per turn of the event loop, so that HTTP and timers are
served between bursts. Each datagram carries its kernel arrival time: one frame's fan-out takes
milliseconds, and a bandwidth estimator must not see that.

Plane: media, shell (reads the clock).
Units   arrival times and ``now``: monotonic seconds.
Source  RFC 7983 section 7 (first byte), socket(7) SO_TIMESTAMPNS, udp(7) UDP_SEGMENT, ip(7)
        IP_PKTINFO. A host with several addresses must answer from the one it was asked at; the
        kernel picks another at times, so such paths are learnt from their checks.
"""

import asyncio
import errno
import socket
import struct
import time
from collections import Counter
from typing import Protocol

from live.ice import Address

SO_TIMESTAMPNS = 35
UDP_SEGMENT = 103
DATAGRAMS_PER_TURN_MAX = 128
DATAGRAM_BYTES_MAX = 2048
ANCILLARY_BYTES = 128
IPV6_RECVPKTINFO, IPV6_PKTINFO = 49, 50
IP_PKTINFO = 8
LEARNT_PATHS_MAX = 4096
SOCKET_BUFFER_BYTES = 4 * 1024 * 1024
_TIMESPEC = struct.Struct("@qq")
_PKTINFO = struct.Struct("@I4s4s")  # interface, local address, address in the header

Control = tuple[tuple[int, int, bytes], ...]


class Receiver(Protocol):
    """Who takes what arrives."""

    def receive_stun(self, datagram: bytes, address: Address, now: float) -> None: ...
    def receive_dtls(self, datagram: bytes, address: Address, now: float) -> None: ...
    def receive_media(self, datagram: bytes, address: Address, arrived_at: float) -> None: ...
    def turn_over(self, now: float) -> None:
        """Everything that was waiting has been received, or as much as one turn may take."""


class UdpPort:
    """One bound socket.

    Attributes:
        port: The port it is bound to.
        dropped: Datagrams neither received nor sent, by reason.
        has_gso: Runs leave as one ``sendmsg``; off for good after the kernel answered EIO.
    """

    def __init__(self, host: str, port: int, receiver: Receiver) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._prepare(host, port)
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.dropped: Counter[str] = Counter()
        self.has_gso = True
        self._receiver = receiver
        self._asked_at: Control = ()  # where the datagram being received was sent to
        self._sources: dict[Address, Control] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def _prepare(self, host: str, port: int) -> None:
        self._socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if self._socket.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._socket.bind((host, port))

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start reading on ``loop``."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._drain)

    def close(self) -> None:
        """Stop reading and let the port go."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()

    def learn(self, address: Address) -> None:
        """Answer ``address`` from where the datagram just received was sent to."""
        if not self._asked_at or self._asked_at == self._chosen_by_kernel(address):
            self._sources.pop(address, None)
        elif len(self._sources) < LEARNT_PATHS_MAX:
            self._sources[address] = self._asked_at

    def forget(self, address: Address) -> None:
        """Unlearn a path."""
        self._sources.pop(address, None)

    def send(self, datagram: bytes, address: Address) -> None:
        """Send one datagram; what the kernel does not take is counted and forgotten."""
        try:
            self._socket.sendmsg((datagram,), self._sources.get(address, ()), 0, address)
        except OSError as error:
            self.dropped[_reason(error)] += 1

    def send_runs(self, runs: "list[Run]", address: Address) -> int:
        """Send the ``runs`` of one burst; return how many packets were dropped."""
        sendmsg = self._socket.sendmsg
        source = self._sources.get(address)
        dropped_count = 0
        for run in runs:
            try:
                control = run.control if source is None else run.control + source
                sendmsg(run.whole, control, 0, address)
            except OSError as error:
                dropped_count += self._send_split(run, address, error)
        return dropped_count

    def _send_split(self, run: "Run", address: Address, error: OSError) -> int:
        """Send a run the kernel refused packet by packet, where that can help."""
        if error.errno == errno.EIO:  # the device cannot segment: no use in trying again
            self.has_gso = False
        if error.errno not in (errno.EIO, errno.EMSGSIZE, errno.EINVAL) or not run.control:
            self.dropped[_reason(error)] += len(run.packets)
            return len(run.packets)
        dropped_count = 0
        for packet in run.packets:
            try:
                self._socket.sendmsg((packet,), self._sources.get(address, ()), 0, address)
            except OSError as still:
                self.dropped[_reason(still)] += 1
                dropped_count += 1
        return dropped_count

    def _chosen_by_kernel(self, address: Address) -> Control:
        """Return the source the kernel would pick, in the form of ``_asked_at``."""
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(address)  # sends nothing, only looks up the route
            except OSError:
                return ()
            return _leaving_from(self._socket.family, probe.getsockname()[0])

    def _drain(self) -> None:
        receiver = self._receiver
        now = time.monotonic()
        since_epoch = time.time() - now  # turns kernel time into monotonic time
        for _ in range(DATAGRAMS_PER_TURN_MAX):
            try:
                datagram, ancillary, _, address = self._socket.recvmsg(
                    DATAGRAM_BYTES_MAX, ANCILLARY_BYTES
                )
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    self.dropped[_reason(error)] += 1
                break
            first = datagram[0] if datagram else 255
            if 128 <= first <= 191:
                arrived_at = _arrival(ancillary, since_epoch, now)
                receiver.receive_media(datagram, address, arrived_at)
            elif first <= 3:
                self._asked_at = _destination(ancillary)
                receiver.receive_stun(datagram, address, now)
            elif 20 <= first <= 63:
                receiver.receive_dtls(datagram, address, now)
            else:
                self.dropped["unknown_kind"] += 1
        receiver.turn_over(now)


class Run:
    """Packets of one size (the last may be shorter) that leave as one ``sendmsg``.

    Attributes:
        whole: The memory they lie in, one behind the other, as ``sendmsg`` wants it.
        control: The UDP_SEGMENT message, empty for a single packet.
        packets: The same memory packet by packet.
    """

    __slots__ = ("control", "packets", "whole")

    def __init__(self, packets: list[memoryview], whole: memoryview) -> None:
        self.packets = packets
        self.whole = (whole,)
        self.control: Control = ()
        if len(packets) > 1:
            size = len(packets[0]).to_bytes(2, "little")
            self.control = ((socket.SOL_UDP, UDP_SEGMENT, size),)


def _arrival(ancillary: list[tuple[int, int, bytes]], since_epoch: float, now: float) -> float:
    """Return the kernel's arrival time; ``now`` where it gave none."""
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(content) >= 16:
            seconds, nanoseconds = _TIMESPEC.unpack_from(content)
            arrived_at: float = seconds + nanoseconds * 1e-9 - since_epoch
            return min(arrived_at, now) if now - arrived_at < 1.0 else now
    return now


def _reason(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unknown").lower()


def _destination(ancillary: list[tuple[int, int, bytes]]) -> Control:
    """Return the control message that answers from where a datagram was sent to."""
    for level, kind, content in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO and len(content) >= _PKTINFO.size:
            return _leaving_from(socket.AF_INET, socket.inet_ntoa(_PKTINFO.unpack_from(content)[1]))
        if level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO and len(content) >= 16:
            host = socket.inet_ntop(socket.AF_INET6, content[:16])
            return _leaving_from(socket.AF_INET6, host)
    return ()


def _leaving_from(family: int, host: str) -> Control:
    packed = socket.inet_pton(family, host.partition("%")[0])
    if family == socket.AF_INET6:
        return ((socket.IPPROTO_IPV6, IPV6_PKTINFO, packed + bytes(4)),)
    return ((socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(0, packed, bytes(4))),)
