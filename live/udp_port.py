"""The one UDP socket of this process: datagrams in by kind, datagrams and runs out.

Reading drains the socket with bounded work per turn of the event loop, so that HTTP and timers are
served between bursts. Each datagram carries its kernel arrival time: one frame's fan-out takes
milliseconds, and a bandwidth estimator must not see that.

Plane: media, shell (reads the clock).
Units   arrival times and ``now``: monotonic seconds.
Source  RFC 7983 section 7 (first byte), socket(7) SO_TIMESTAMPNS, ip(7) IP_PKTINFO. A host with
        several addresses must answer from the one it was asked at; where the kernel would pick
        another, the path is learnt from its checks.
"""

import asyncio
import errno
import socket
import struct
import time
from collections import Counter
from typing import Protocol

from live.ice import Address
from live.sendmmsg import Messages, control

SO_TIMESTAMPNS = 35
DATAGRAMS_PER_TURN_MAX = 128
DATAGRAM_BYTES_MAX = 2048
ANCILLARY_BYTES = 128
IPV6_RECVPKTINFO, IPV6_PKTINFO = 49, 50
IP_PKTINFO = 8
LEARNT_PATHS_MAX = 4096
MESSAGES_MAX = 256
FULL = (errno.EAGAIN, errno.ENOBUFS)  # the send buffer is: whoever is left gets nothing
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
        has_gso: The kernel cuts runs into datagrams; off for good after it answered EIO.
        messages: The table ``send_messages`` sends from.
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
        self.messages = Messages(MESSAGES_MAX, family)
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
        self.forget(address)
        asked_at = self._asked_at
        if not asked_at or asked_at == self._chosen_by_kernel(address):
            return
        if len(self._sources) < LEARNT_PATHS_MAX:
            self._sources[address] = asked_at
            self.messages.name(address, control(*asked_at[0]))

    def forget(self, address: Address) -> None:
        """Unlearn a path."""
        self._sources.pop(address, None)
        self.messages.forget(address)

    def send(self, datagram: bytes, address: Address) -> None:
        """Send one datagram; what the kernel does not take is counted and forgotten."""
        self.try_send(datagram, address)

    def try_send(self, datagram: bytes | memoryview, address: Address) -> bool:
        """Send one datagram; False if the kernel did not take it, which is counted."""
        try:
            self._socket.sendmsg((datagram,), self._sources.get(address, ()), 0, address)
        except OSError as error:
            self.dropped[_reason(error.errno)] += 1
            return False
        return True

    def send_messages(self, count: int) -> list[tuple[int, int]]:
        """Send the first ``count`` of ``messages``; return those refused, as (index, errno)."""
        refused: list[tuple[int, int]] = []
        first = 0
        while first < count:
            try:
                first += self.messages.send(self._socket.fileno(), first, count)
            except OSError as error:
                number = error.errno or 0
                if number in FULL:
                    return refused + [(index, number) for index in range(first, count)]
                refused.append((first, number))
                first += 1
        return refused

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
                    self.dropped[_reason(error.errno)] += 1
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


def _arrival(ancillary: list[tuple[int, int, bytes]], since_epoch: float, now: float) -> float:
    """Return the kernel's arrival time; ``now`` where it gave none."""
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(content) >= 16:
            seconds, nanoseconds = _TIMESPEC.unpack_from(content)
            arrived_at: float = seconds + nanoseconds * 1e-9 - since_epoch
            return min(arrived_at, now) if now - arrived_at < 1.0 else now
    return now


def _reason(number: int | None) -> str:
    return errno.errorcode.get(number or 0, "unknown").lower()


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
