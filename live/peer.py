"""One remote end: ICE credentials, DTLS handshake, SRTP keys. Broadcasters and viewers alike.

DTLS is driven from arriving datagrams and from the plane's one timer; there is no task per peer.

Plane: media.
Units   ``now`` is monotonic seconds.
Source  RFC 6347 section 4.2.4 (timers), RFC 5763 section 5 (fingerprint and roles).
"""

from enum import Enum

from OpenSSL import SSL

from live.aiortc_private import (
    DATAGRAM_BYTES_MAX,
    Identity,
    Keys,
    export_keys,
    is_expected,
)
from live.ice import Address, Credentials


class State(Enum):
    """Where a peer stands; ``GONE`` is final."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    GONE = "gone"


class Peer:
    """One remote end.

    Attributes:
        resource_id: Of the WHIP or WHEP resource that made it.
        address: Where media goes to; None until ICE found out.
        keys: SRTP in both directions, once connected.
        gone_because: Why the peer is gone, in one word.
    """

    __slots__ = (
        "_connection",
        "_fingerprints",
        "_has_started",
        "_is_server",
        "address",
        "addresses",
        "created_at",
        "credentials",
        "gone_because",
        "heard_at",
        "keys",
        "path_heard_at",
        "resource_id",
        "state",
    )

    def __init__(
        self,
        resource_id: str,
        credentials: Credentials,
        identity: Identity,
        fingerprints: tuple[tuple[str, str], ...],
        *,
        is_server: bool,
        now: float,
    ) -> None:
        self.resource_id = resource_id
        self.credentials = credentials
        self.address: Address | None = None
        self.addresses: list[Address] = []
        self.heard_at = self.path_heard_at = self.created_at = now
        self.state = State.CONNECTING
        self.keys: Keys | None = None
        self.gone_because = ""
        self._fingerprints = fingerprints
        self._has_started = self._is_server = is_server
        self._connection: SSL.Connection | None = identity.connection(is_server=is_server)

    def start(self) -> list[bytes]:
        """Begin the handshake as DTLS client, once; a DTLS server waits to be spoken to."""
        if self._has_started or self._connection is None:
            return []
        self._has_started = True
        self._shake_hands(self._connection)
        return self._outgoing()

    def receive_dtls(self, datagram: bytes) -> list[bytes]:
        """Feed one DTLS datagram; return what to send back."""
        connection = self._connection
        if connection is None:
            return []
        try:
            connection.bio_write(datagram)
        except SSL.Error:
            return []
        if self.state is State.CONNECTING:
            self._shake_hands(connection)
        else:
            self._read_alerts(connection)
        return self._outgoing()

    def retransmit(self) -> list[bytes]:
        """Return the flight to send again if the other side let OpenSSL's timer run out."""
        connection = self._connection
        if connection is None or self.state is State.GONE:
            return []
        timeout_s = connection.DTLSv1_get_timeout()
        if timeout_s is None or timeout_s > 0:
            return []
        try:
            connection.DTLSv1_handle_timeout()
        except SSL.Error:
            self.leave("handshake_failed")
        return self._outgoing()

    @property
    def is_settled(self) -> bool:
        """Is the handshake done, with nothing left that might have to be sent again?"""
        connection = self._connection
        if self.state is not State.CONNECTED or connection is None:
            return False
        return connection.DTLSv1_get_timeout() is None

    def leave(self, because: str) -> list[bytes]:
        """Close for good; return the goodbye to send."""
        if self.state is State.GONE:
            return []
        self.state, self.gone_because = State.GONE, because
        connection, self._connection = self._connection, None
        if connection is None:
            return []
        try:
            connection.shutdown()
        except SSL.Error:
            return []  # no handshake, no goodbye
        return _drained(connection)

    def _shake_hands(self, connection: SSL.Connection) -> None:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error:
            self._fail("handshake_failed")
            return
        if not is_expected(connection, self._fingerprints):
            self._fail("fingerprint_mismatch")
            return
        self.keys = export_keys(connection, is_server=self._is_server)
        if self.keys is None:
            self._fail("no_srtp_profile")
            return
        self.state = State.CONNECTED

    def _read_alerts(self, connection: SSL.Connection) -> None:
        """Let OpenSSL see what came after the handshake: a goodbye, or a flight sent again."""
        try:
            connection.recv(DATAGRAM_BYTES_MAX)
        except SSL.ZeroReturnError:
            self._fail("closed_by_peer")
        except SSL.Error:
            return  # wants more, or noise: an attacker's record must not end the session

    def _fail(self, because: str) -> None:
        self.state, self.gone_because = State.GONE, because

    def _outgoing(self) -> list[bytes]:
        return _drained(self._connection) if self._connection is not None else []


def _drained(connection: SSL.Connection) -> list[bytes]:
    datagrams: list[bytes] = []
    while not datagrams or len(datagrams[-1]) == DATAGRAM_BYTES_MAX:  # a short one was the last
        try:
            datagrams.append(connection.bio_read(DATAGRAM_BYTES_MAX))
        except SSL.Error:
            break
    return datagrams
