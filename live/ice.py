"""ICE-lite: answers connectivity checks and knows which peer stands behind an address.

We never send checks, gather nothing and make no pairs: the full agent on the other side does
(RFC 8445 section 2.5). A check is answered only if it proves the password, so that nobody can use
us to amplify traffic or move somebody else's peer.

Plane: media.
Units   ``now`` is monotonic seconds.
Source  STUN: RFC 8489 sections 5, 14.1 to 14.9. Usernames: RFC 8445 section 7.2.2. Role conflicts
        (487) and error answers to bad credentials (400, 401) are not sent: we stay silent.
"""

import hmac
import socket
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from live.errors import NotStun

Address = tuple[str, int] | tuple[str, int, int, int]

MAGIC_COOKIE = 0x2112_A442
HEADER = struct.Struct("!HHI12s")
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
XOR_MAPPED_ADDRESS = 0x0020
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
FINGERPRINT_XOR = 0x5354_554E
INTEGRITY_BYTES = 24  # attribute header and HMAC-SHA1
SILENT_S = 3.0  # a path unheard of for so long loses to any other
ADDRESSES_MAX = 8  # paths remembered per peer


@dataclass(frozen=True, slots=True)
class Check:
    """A binding request.

    Attributes:
        username: "ours:theirs", the two username fragments.
        nominated: USE-CANDIDATE is set: media should take this path.
        integrity_at: Where MESSAGE-INTEGRITY stands in the datagram, -1 without.
    """

    transaction_id: bytes
    username: str
    nominated: bool
    integrity_at: int


def read_check(datagram: bytes) -> Check | None:
    """Parse a binding request; None for any other STUN message.

    Raises:
        NotStun: It is not STUN, or cut short, or its FINGERPRINT does not match.
    """
    if len(datagram) < HEADER.size:
        raise NotStun(f"{len(datagram)} bytes")
    kind, length, cookie, transaction_id = HEADER.unpack_from(datagram)
    if cookie != MAGIC_COOKIE or length % 4 or length + HEADER.size != len(datagram):
        raise NotStun("wrong cookie or length")
    if kind != BINDING_REQUEST:
        return None
    username, nominated, integrity_at = "", False, -1
    at = HEADER.size
    while at + 4 <= len(datagram):
        attribute, size = struct.unpack_from("!HH", datagram, at)
        content = datagram[at + 4 : at + 4 + size]
        if len(content) != size:
            raise NotStun("attribute cut short")
        if attribute == FINGERPRINT:
            _require_fingerprint(datagram, at, content)
        elif attribute == MESSAGE_INTEGRITY and integrity_at < 0:
            integrity_at = at
        elif integrity_at < 0:  # what follows the integrity is not protected by it
            if attribute == USERNAME:
                username = content.decode("utf-8", "replace")
            elif attribute == USE_CANDIDATE:
                nominated = True
        at += 4 + (size + 3 & ~3)
    return Check(transaction_id, username, nominated, integrity_at)


def _require_fingerprint(datagram: bytes, at: int, content: bytes) -> None:
    expected = zlib.crc32(datagram[:at]) ^ FINGERPRINT_XOR
    if content != expected.to_bytes(4, "big"):
        raise NotStun("wrong fingerprint")


def is_authentic(datagram: bytes, check: Check, password: bytes) -> bool:
    """Was this check made by somebody who knows ``password``?"""
    at = check.integrity_at
    if at < 0 or len(datagram) < at + INTEGRITY_BYTES:
        return False
    covered = at + INTEGRITY_BYTES - HEADER.size
    signed = datagram[:2] + covered.to_bytes(2, "big") + datagram[4:at]
    return hmac.compare_digest(
        hmac.digest(password, signed, "sha1"), datagram[at + 4 : at + INTEGRITY_BYTES]
    )


def success(check: Check, address: Address, password: bytes) -> bytes:
    """Return the binding success for ``check`` that came from ``address``."""
    mapped = _xor_mapped_address(address, check.transaction_id)
    length = len(mapped) + INTEGRITY_BYTES
    head = struct.pack("!HHI", BINDING_SUCCESS, length, MAGIC_COOKIE) + check.transaction_id
    signed = head + mapped
    message = (
        signed + struct.pack("!HH", MESSAGE_INTEGRITY, 20) + hmac.digest(password, signed, "sha1")
    )
    message = message[:2] + (length + 8).to_bytes(2, "big") + message[4:]
    crc = zlib.crc32(message) ^ FINGERPRINT_XOR
    return message + struct.pack("!HHI", FINGERPRINT, 4, crc)


def _xor_mapped_address(address: Address, transaction_id: bytes) -> bytes:
    text = address[0].partition("%")[0]
    is_ipv6 = ":" in text
    packed = socket.inet_pton(socket.AF_INET6 if is_ipv6 else socket.AF_INET, text)
    mask = (MAGIC_COOKIE.to_bytes(4, "big") + transaction_id)[: len(packed)]
    masked = int.from_bytes(packed, "big") ^ int.from_bytes(mask, "big")
    host = masked.to_bytes(len(packed), "big")
    family = 2 if is_ipv6 else 1
    port = address[1] ^ MAGIC_COOKIE >> 16
    return struct.pack("!HHBBH", XOR_MAPPED_ADDRESS, 4 + len(host), 0, family, port) + host


@dataclass(frozen=True, slots=True)
class Credentials:
    """One ICE session's secrets, both halves."""

    ufrag: str
    password: str
    remote_ufrag: str
    remote_password: str


class Reachable(Protocol):
    """What ICE knows of a peer.

    Attributes:
        address: Where media goes to; None until the first check.
        addresses: Every path that proved the password.
        heard_at: Last authenticated sign of life, monotonic seconds.
        path_heard_at: The same on ``address`` alone.
    """

    credentials: Credentials
    address: Address | None
    addresses: list[Address]
    heard_at: float
    path_heard_at: float


PeerT = TypeVar("PeerT", bound=Reachable)


class Doors(Generic[PeerT]):
    """Who may come in: peers by username fragment once, by address from then on."""

    def __init__(self) -> None:
        self._by_ufrag: dict[str, PeerT] = {}
        self._by_address: dict[Address, PeerT] = {}

    def __len__(self) -> int:
        return len(self._by_ufrag)

    def __iter__(self) -> Iterator[PeerT]:
        return iter(tuple(self._by_ufrag.values()))

    def admit(self, peer: PeerT) -> None:
        """Expect checks for ``peer``."""
        self._by_ufrag[peer.credentials.ufrag] = peer

    def dismiss(self, peer: PeerT) -> None:
        """Forget ``peer`` and all its addresses."""
        self._by_ufrag.pop(peer.credentials.ufrag, None)
        for address in peer.addresses:
            if self._by_address.get(address) is peer:
                del self._by_address[address]

    def behind(self, address: Address) -> PeerT | None:
        """Return the peer that proved itself from ``address``."""
        return self._by_address.get(address)

    def check(self, datagram: bytes, address: Address, now: float) -> bytes | None:
        """Return the answer to a STUN datagram, or None if it deserves none.

        Raises:
            NotStun: The datagram is malformed, or names nobody, or proves nothing.
        """
        check = read_check(datagram)
        if check is None:
            return None  # indications and answers: nothing to say
        ours, _, theirs = check.username.partition(":")
        peer = self._by_ufrag.get(ours)
        if peer is None or theirs != peer.credentials.remote_ufrag:
            raise NotStun("unknown username")
        password = peer.credentials.password.encode()
        if not is_authentic(datagram, check, password):
            raise NotStun("wrong integrity")
        self._remember(peer, address)
        prefer(peer, address, nominated=check.nominated, now=now)
        return success(check, address, password)

    def _remember(self, peer: PeerT, address: Address) -> None:
        if self._by_address.get(address) is peer:
            return
        self._by_address[address] = peer
        peer.addresses.append(address)
        if len(peer.addresses) > ADDRESSES_MAX:
            oldest = next(known for known in peer.addresses if known != peer.address)
            peer.addresses.remove(oldest)
            if self._by_address.get(oldest) is peer:
                del self._by_address[oldest]


def prefer(peer: Reachable, address: Address, *, nominated: bool, now: float) -> None:
    """Move ``peer`` to ``address`` if the other side chose it or the old path fell silent."""
    peer.heard_at = now
    is_silent = now - peer.path_heard_at > SILENT_S
    if peer.address is None or nominated or is_silent:
        peer.address = address
    if peer.address == address:
        peer.path_heard_at = now
