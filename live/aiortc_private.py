"""The only file that touches underscore names of aiortc and pylibsrtp.

What we take from aiortc is its certificate, its SSL context and its SRTP profile table; what we
leave is a transport object with a task and an SSL context per peer. From pylibsrtp we take the
library handle, so that a whole burst is encrypted in one buffer without a Python object per packet.

Plane: media.
Source  aiortc 1.16 ``rtcdtlstransport.py`` (``_create_ssl_context``, ``_setup_srtp``),
        RFC 5764 sections 4.2 and 5.1.2 (keys, first bytes). DTLS 1.2 and 1.3, whichever OpenSSL
        and the other side agree on.
"""

import hmac
from itertools import repeat
from typing import Any

import pylibsrtp
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCCertificate,
    SRTPProtectionProfile,
)
from OpenSSL import SSL
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

PREFERRED = (SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80)
PROFILES = tuple(profile for profile in PREFERRED if profile in SRTP_PROFILES)
TAG_BYTES = {
    SRTP_AEAD_AES_128_GCM.openssl_profile: 16,
    SRTP_AEAD_AES_256_GCM.openssl_profile: 16,
    SRTP_AES128_CM_SHA1_80.openssl_profile: 10,
}
REPLAY_WINDOW_PACKETS = 1024  # libsrtp shifts all of it at every packet: 8192 would cost 1 µs
DATAGRAM_BYTES_MAX = 1500
DIGESTS = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}

SrtpError = pylibsrtp.Error
protect = lib.srtp_protect
"""``srtp_protect(handle, packet, length)``: encrypts in place, returns 0 or libsrtp's error."""


class Identity:
    """This process's certificate and its one SSL context, shared by every peer."""

    def __init__(self) -> None:
        certificate = RTCCertificate.generateCertificate()
        self._context: SSL.Context = certificate._create_ssl_context(list(PROFILES))
        self._context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # idle viewers need none
        self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # nobody resumes one
        self.fingerprint = next(
            known.value for known in certificate.getFingerprints() if known.algorithm == "sha-256"
        )

    def connection(self, *, is_server: bool) -> SSL.Connection:
        """Return a DTLS connection that reads and writes memory."""
        connection = SSL.Connection(self._context)
        if is_server:
            connection.set_accept_state()
        else:
            connection.set_connect_state()
        return connection


class Keys:
    """SRTP in both directions for one peer.

    Attributes:
        handle: libsrtp's outgoing session, for ``protect``.
        tag_bytes: What encryption adds to a packet.
        profile: Name of the negotiated SRTP profile.
    """

    def __init__(self, profile: SRTPProtectionProfile, material: bytes, *, is_server: bool) -> None:
        outgoing, incoming = (1, 0) if is_server else (0, 1)
        self._outgoing = _session(profile, material, outgoing, Policy.SSRC_ANY_OUTBOUND)
        self._incoming = _session(profile, material, incoming, Policy.SSRC_ANY_INBOUND)
        # A fan-out may still hold the handle when the peer has gone: the handle then keeps the
        # session alive, which would otherwise be freed under it.
        session = self._outgoing
        self.handle: Any = ffi.gc(session._srtp[0], lambda _handle, _kept=session: None)
        self.tag_bytes = TAG_BYTES[profile.openssl_profile]
        self.profile = profile.openssl_profile.decode()
        self.unprotect = self._incoming.unprotect
        self.unprotect_rtcp = self._incoming.unprotect_rtcp
        self.protect_rtp = self._outgoing.protect  # one packet at a time, for clients
        self.protect_rtcp = self._outgoing.protect_rtcp


def _session(
    profile: SRTPProtectionProfile, material: bytes, index: int, direction: int
) -> Session:
    policy = Policy(
        key=profile.get_key_and_salt(material, index),
        ssrc_type=direction,
        srtp_profile=profile.libsrtp_profile,
    )
    # A resend is the same bytes under the same nonce: see packet_cache. Incoming replays stay
    # refused, the flag is about sending only.
    policy.allow_repeat_tx = True
    policy.window_size = REPLAY_WINDOW_PACKETS
    return Session(policy)


def export_keys(connection: SSL.Connection, *, is_server: bool) -> Keys | None:
    """Return the SRTP keys of a finished handshake; None if no profile was agreed on."""
    agreed = connection.get_selected_srtp_profile()
    for profile in PROFILES:
        if profile.openssl_profile == agreed:
            size_bytes = 2 * (profile.key_length + profile.salt_length)
            material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", size_bytes)
            return Keys(profile, material, is_server=is_server)
    return None


def is_expected(connection: SSL.Connection, fingerprints: tuple[tuple[str, str], ...]) -> bool:
    """Does the other side's certificate match every fingerprint its SDP announced?"""
    certificate = connection.get_peer_certificate()
    if certificate is None:
        return False
    known = [(DIGESTS[name], value) for name, value in fingerprints if name in DIGESTS]
    return bool(known) and all(
        hmac.compare_digest(certificate.digest(name), value.encode()) for name, value in known
    )


class BurstBuffer:
    """Memory with a slot per viewer, in which copies of one burst are encrypted in place.

    Attributes:
        address: Where the first slot begins.
        view: The memory as Python sees it.
    """

    def __init__(self, size_bytes: int, packets_max: int) -> None:
        self._cell = ffi.new("char[]", size_bytes)
        self._template = ffi.new("char[]", size_bytes)
        self._lengths = ffi.new("int[]", packets_max)
        self._template_lengths = ffi.new("int[]", packets_max)
        self._length_pointers = [self._lengths + index for index in range(packets_max)]
        self._slots: list[tuple[Any, list[Any]]] = []
        self._shape: tuple[int, ...] = ()
        self._burst_bytes = 0
        self._count = 0
        self.address = int(ffi.cast("uintptr_t", self._cell))
        self.view = memoryview(ffi.buffer(self._cell))

    def load(self, packets: list[bytes], tag_bytes: int, slot_count: int) -> None:
        """Lay out ``packets`` one behind the other, each with room for its tag, once per slot."""
        gap = bytes(tag_bytes)
        layout = gap.join(packets) + gap
        ffi.memmove(self._template, layout, len(layout))
        shape = (tag_bytes, *map(len, packets))
        if shape != self._shape:
            self._shape, self._slots = shape, []
            self._burst_bytes, self._count = len(layout), len(packets)
            for index, packet in enumerate(packets):
                self._template_lengths[index] = len(packet)
        for slot in range(len(self._slots), slot_count):
            at, pointers = slot * len(layout), []
            for packet in packets:
                pointers.append(self._cell + at)
                at += len(packet) + tag_bytes
            self._slots.append((pointers[0], pointers))

    def encrypt(self, slot: int, handle: Any) -> bool:
        """Make one viewer's copy in ``slot``; False if libsrtp refused a packet.

        The loop over packets runs inside ``map``: per packet nothing but libsrtp is left.
        """
        start, pointers = self._slots[slot]
        ffi.memmove(start, self._template, self._burst_bytes)
        ffi.memmove(self._lengths, self._template_lengths, 4 * self._count)
        return not any(map(protect, repeat(handle), pointers, self._length_pointers))
