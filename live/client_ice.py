"""The checking half of ICE, for clients of a server with a few public addresses.

Plane   media. Pure: makes and reads STUN messages; ``live/client_media.py`` sends them.
Source  RFC 8445 sections 7.2 (checks) and 8.1.1 (nomination), RFC 7675 (consent), RFC 8489.
        The client controls unless it answers an offer of a full agent, which then controls.
        No candidates are gathered or paired and role conflicts are not resolved.
"""

import hashlib
import hmac
import struct
import zlib

from live.ice import (
    BINDING_REQUEST,
    BINDING_SUCCESS,
    FINGERPRINT,
    FINGERPRINT_XOR,
    HEADER,
    MAGIC_COOKIE,
    MESSAGE_INTEGRITY,
    USE_CANDIDATE,
    USERNAME,
    Credentials,
)

PRIORITY = 0x0024
ICE_CONTROLLED = 0x8029
ICE_CONTROLLING = 0x802A

ATTRIBUTE = struct.Struct("!HH")  # type, length
INTEGRITY_BYTES = ATTRIBUTE.size + 20
FINGERPRINT_BYTES = ATTRIBUTE.size + 4
PEER_REFLEXIVE_PRIORITY = 110 << 24 | 65_535 << 8 | 255  # RFC 8445 section 5.1.2.1, one component


def binding_request(
    credentials: Credentials,
    transaction: bytes,
    *,
    tie_breaker: int,
    is_controlling: bool = True,
    is_nominating: bool = False,
) -> bytes:
    """Return a check; a nominating one tells the server to use this path and no other."""
    username = f"{credentials.remote_ufrag}:{credentials.ufrag}".encode()
    role = ICE_CONTROLLING if is_controlling else ICE_CONTROLLED
    attributes = (
        _attribute(USERNAME, username)
        + _attribute(PRIORITY, PEER_REFLEXIVE_PRIORITY.to_bytes(4))
        + _attribute(role, tie_breaker.to_bytes(8))
    )
    if is_nominating:
        attributes += _attribute(USE_CANDIDATE, b"")
    signed = _message(BINDING_REQUEST, transaction, attributes, INTEGRITY_BYTES)
    mac = hmac.digest(credentials.remote_password.encode(), signed, hashlib.sha1)
    attributes += _attribute(MESSAGE_INTEGRITY, mac)
    summed = _message(BINDING_REQUEST, transaction, attributes, FINGERPRINT_BYTES)
    checksum = zlib.crc32(summed) ^ FINGERPRINT_XOR
    return summed + _attribute(FINGERPRINT, checksum.to_bytes(4))


def answered_transaction(message: bytes, credentials: Credentials) -> bytes | None:
    """Return the transaction that ``message`` answers; None unless the server signed it."""
    if len(message) < HEADER.size:
        return None
    kind, length, cookie, transaction = HEADER.unpack_from(message)
    if kind != BINDING_SUCCESS or cookie != MAGIC_COOKIE or length != len(message) - HEADER.size:
        return None
    at = HEADER.size
    while at + ATTRIBUTE.size <= len(message):
        name, size = ATTRIBUTE.unpack_from(message, at)
        if name == MESSAGE_INTEGRITY:
            attributes = message[HEADER.size : at]
            signed = _message(kind, transaction, attributes, INTEGRITY_BYTES)
            mac = hmac.digest(credentials.remote_password.encode(), signed, hashlib.sha1)
            value = message[at + ATTRIBUTE.size : at + ATTRIBUTE.size + size]
            return transaction if hmac.compare_digest(mac, value) else None
        at += ATTRIBUTE.size + size + -size % 4
    return None


def _message(kind: int, transaction: bytes, attributes: bytes, room_bytes: int) -> bytes:
    """A message whose length already counts the ``room_bytes`` of the attribute to come."""
    return HEADER.pack(kind, len(attributes) + room_bytes, MAGIC_COOKIE, transaction) + attributes


def _attribute(name: int, value: bytes) -> bytes:
    return ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) % 4)
