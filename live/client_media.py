"""One client's media transport: a UDP socket, connectivity checks, DTLS, then SRTP.

Plane   media. A shell: owns a socket and timers and reads the loop's clock.
Units   seconds; sizes are bytes.
Cost    RTP that nobody asked to see is counted from its header and dropped without decrypting,
        so that hundreds of viewers fit into one load-generating process.
Source  RFC 7983 section 7 (first bytes), RFC 5761 section 4 (RTP or RTCP), RFC 7675 (consent).
        Every datagram of a closed link is lost; there is no ICE restart: open another link.
"""

import asyncio
import random
import secrets
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from live import client_ice
from live.aiortc_private import Identity, Keys, SrtpError
from live.client_counts import ReceiveCounts
from live.client_errors import HandshakeFailed, NoPath
from live.client_sdp import LocalEnd, RemoteEnd
from live.errors import NotStun
from live.ice import Credentials, is_authentic, read_check, success
from live.peer import Peer, State

DATAGRAM_BYTES_MAX = 2_048
DATAGRAMS_PER_TURN_MAX = 64  # then other sockets and timers of the loop get their turn
RECEIVE_BUFFER_BYTES = 512 * 1024  # a join is a burst of some hundred packets
CHECK_INTERVAL_S = 0.05
CHECK_TIMEOUT_S = 5.0
CONSENT_INTERVAL_S = (3.2, 4.8)  # RFC 7675 section 5.1: randomised around 4 s
HANDSHAKE_TIMEOUT_S = 10.0

SO_TIMESTAMPNS = 35  # Linux; Python's socket module does not name it
TIMESPEC = struct.Struct("@qq")
ANCILLARY_BYTES = socket.CMSG_SPACE(TIMESPEC.size)

OnPacket = Callable[[bytes], None]
Receive = Callable[[bytearray], tuple[int, tuple[str, int]]]


def local_end(identity: Identity) -> LocalEnd:
    """Fresh credentials for one session."""
    return LocalEnd(
        ufrag=secrets.token_hex(4),
        password=secrets.token_hex(16),
        fingerprint=identity.fingerprint,
        session_id=secrets.randbits(62),
    )


class MediaLink:
    """The transport of one WHIP or WHEP session.

    Attributes:
        counts: What arrived, by SSRC.
        on_rtp: Called with each decrypted RTP packet; None: count and drop.
        on_rtcp: Called with each decrypted compound RTCP packet; None: drop.
        arrived_at: Wall-clock time at which the kernel got the datagram that is being handed on;
            only after ``time_arrivals``.
        closed: Set once the link is closed by either end.
    """

    def __init__(
        self,
        identity: Identity,
        local: LocalEnd,
        remote: RemoteEnd,
        *,
        is_controlling: bool = True,
    ) -> None:
        self.counts = ReceiveCounts()
        self.on_rtp: OnPacket | None = None
        self.on_rtcp: OnPacket | None = None
        self.arrived_at = 0.0
        self.closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._remote = remote
        self._credentials = Credentials(local.ufrag, local.password, remote.ufrag, remote.password)
        self._peer = Peer(
            "",
            self._credentials,
            identity,
            remote.fingerprints,
            is_server=remote.is_dtls_client,
            now=self._loop.time(),
        )
        self._keys: asyncio.Future[Keys] = self._loop.create_future()
        self._is_controlling = is_controlling
        self._tie_breaker = secrets.randbits(64)
        self._checks: dict[bytes, tuple[str, int]] = {}
        self._path: asyncio.Future[tuple[str, int]] = self._loop.create_future()
        self._consent: asyncio.TimerHandle | None = None
        self._buffer = bytearray(DATAGRAM_BYTES_MAX)
        self._view = memoryview(self._buffer)
        self._socket = _open_socket()
        self._receive: Receive = self._socket.recvfrom_into
        self._loop.add_reader(self._socket, self._readable)

    async def connect(self) -> None:
        """Find a path, agree on keys, and keep consent fresh from then on.

        Raises:
            NoPath: No address of the server answered within ``CHECK_TIMEOUT_S``.
            HandshakeFailed: DTLS did not end in keys within ``HANDSHAKE_TIMEOUT_S``.
        """
        try:
            self._socket.connect(await self._find_path())
            self._check(None)
            await self._agree_on_keys()
        except BaseException:
            self.vanish()
            raise
        self._plan_consent()

    @property
    def srtp_profile(self) -> str:
        """Name of the SRTP profile that was agreed on; empty before ``connect``."""
        return self._keys.result().profile if self._keys.done() else ""

    def send_rtp(self, packet: bytes) -> None:
        """Encrypt and send one RTP packet; nothing happens on a closed link."""
        if not self.closed.is_set():
            self._send(self._keys.result().protect_rtp(packet))

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypt and send one compound RTCP packet; nothing happens on a closed link."""
        if not self.closed.is_set():
            self._send(self._keys.result().protect_rtcp(packet))

    def time_arrivals(self) -> None:
        """Let the kernel note when each datagram arrives, however late we read it."""
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._receive = self._receive_timed

    def close(self) -> None:
        """Say goodbye in DTLS and free the socket; a second call does nothing."""
        if not self.closed.is_set():
            for datagram in self._peer.leave("closed"):
                self._send(datagram)
        self.vanish()

    def vanish(self) -> None:
        """Fall silent without a word, as a crashed client does."""
        if self.closed.is_set():
            return
        self.closed.set()
        if self._consent is not None:
            self._consent.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    # Connectivity checks

    async def _find_path(self) -> tuple[str, int]:
        deadline = self._loop.time() + CHECK_TIMEOUT_S
        while self._loop.time() < deadline:
            for address in self._remote.addresses:
                self._check(address)
            done, _ = await asyncio.wait({self._path}, timeout=CHECK_INTERVAL_S)
            if done:
                return self._path.result()
        raise NoPath(self._remote.addresses)

    def _check(self, address: tuple[str, int] | None) -> None:
        """Send a check to ``address``; None: along the chosen path, which it nominates."""
        transaction = secrets.token_bytes(12)
        message = client_ice.binding_request(
            self._credentials,
            transaction,
            tie_breaker=self._tie_breaker,
            is_controlling=self._is_controlling,
            is_nominating=self._is_controlling and address is None,
        )
        with suppress(OSError):  # no route to this candidate: the others are still tried
            if address is None:
                self._socket.send(message)
            else:
                self._checks[transaction] = address
                self._socket.sendto(message, address)

    def _keep_consent(self) -> None:
        if self.closed.is_set():
            return
        self._check(None)
        self._plan_consent()

    def _plan_consent(self) -> None:
        wait_s = random.uniform(*CONSENT_INTERVAL_S)
        self._consent = self._loop.call_later(wait_s, self._keep_consent)

    # DTLS

    async def _agree_on_keys(self) -> None:
        deadline = self._loop.time() + HANDSHAKE_TIMEOUT_S
        self._send_all(self._peer.start())
        while not self._keys.done():
            if self._peer.state is State.GONE or self._loop.time() > deadline:
                raise HandshakeFailed(self._peer.gone_because or "silence")
            done, _ = await asyncio.wait({self._keys}, timeout=CHECK_INTERVAL_S)
            if not done:
                self._check(None)  # the one that nominated may be lost
                self._send_all(self._peer.retransmit())

    def _take_dtls(self, datagram: bytes) -> None:
        self._send_all(self._peer.receive_dtls(datagram))
        if self._peer.state is State.GONE and self._keys.done():
            self.vanish()
        elif self._peer.keys is not None and not self._keys.done():
            self._keys.set_result(self._peer.keys)

    # Datagrams

    def _readable(self) -> None:
        receive, buffer = self._receive, self._buffer
        for _ in range(DATAGRAMS_PER_TURN_MAX):
            try:
                size, address = receive(buffer)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier send: the other end may come back
            first = buffer[0] if size else 255
            if 128 <= first <= 191 and size >= 12:
                self._take_media(self._view[:size])
            elif 20 <= first <= 63:
                self._take_dtls(bytes(buffer[:size]))
            elif first <= 3:
                self._take_stun(bytes(buffer[:size]), address)
            if self.closed.is_set():
                return

    def _receive_timed(self, buffer: bytearray) -> tuple[int, tuple[str, int]]:
        size, ancillary, _, address = self._socket.recvmsg_into([buffer], ANCILLARY_BYTES)
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = TIMESPEC.unpack(value)
                self.arrived_at = seconds + nanoseconds / 1e9
        return size, address

    def _take_stun(self, message: bytes, address: tuple[str, int]) -> None:
        transaction = client_ice.answered_transaction(message, self._credentials)
        if transaction is not None:
            checked = self._checks.get(transaction)
            if checked is not None and not self._path.done():
                self._path.set_result(checked)
                self._checks.clear()
            return
        try:
            check = read_check(message)
        except NotStun:
            return
        password = self._credentials.password.encode()
        if check is not None and is_authentic(message, check, password):
            with suppress(OSError):
                self._socket.sendto(success(check, address, password), address)

    def _take_media(self, datagram: memoryview) -> None:
        if 192 <= datagram[1] <= 223:
            if self.on_rtcp is not None and self._keys.done():
                self._decrypt(self._keys.result().unprotect_rtcp, datagram, self.on_rtcp)
            return
        self.counts.count(datagram)
        if self.on_rtp is not None and self._keys.done():
            self._decrypt(self._keys.result().unprotect, datagram, self.on_rtp)

    def _decrypt(
        self, unprotect: Callable[[bytes], bytes], datagram: memoryview, then: OnPacket
    ) -> None:
        try:
            plain = unprotect(bytes(datagram))
        except SrtpError:
            return  # a repeat, or not from our peer
        then(plain)

    def _send_all(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self._send(datagram)

    def _send(self, datagram: bytes) -> None:
        with suppress(OSError):  # a lost datagram, as on any network
            self._socket.send(datagram)


def _open_socket() -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setblocking(False)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    udp.bind(("0.0.0.0", 0))
    return udp
