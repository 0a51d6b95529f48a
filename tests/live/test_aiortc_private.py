"""DTLS identity, SRTP keys, and the buffer bursts are encrypted in."""

import gc
import weakref

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80, SRTPProtectionProfile
from pylibsrtp import Policy, Session

from live.aiortc_private import PROFILES, BurstBuffer, Identity, Keys
from live.rewrite import HEADER


def packet(sequence: int, size: int = 100) -> bytes:
    return HEADER.pack(0x80, 96, sequence, 1000, 7) + bytes(size)


def material(profile: object) -> bytes:
    del profile
    return bytes(range(88))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.openssl_profile.decode())
def test_what_one_side_encrypts_the_other_decrypts(
    profile: SRTPProtectionProfile,
) -> None:
    server = Keys(profile, material(profile), is_server=True)
    client = Keys(profile, material(profile), is_server=False)
    buffer = BurstBuffer(10_000, 8)
    plain = [packet(1), packet(2, 40)]
    buffer.load(plain, server.tag_bytes, 2)

    assert buffer.encrypt(1, server.handle)

    size = sum(len(one) + server.tag_bytes for one in plain)
    at = size
    for one in plain:
        end = at + len(one) + server.tag_bytes
        assert client.unprotect(bytes(buffer.view[at:end])) == one
        at = end


def test_gcm_with_128_bits_is_preferred() -> None:
    assert PROFILES[0].openssl_profile == b"SRTP_AEAD_AES_128_GCM"
    assert SRTP_AES128_CM_SHA1_80 in PROFILES


def test_a_packet_sent_again_is_encrypted_to_the_same_bytes() -> None:
    keys = Keys(PROFILES[0], material(None), is_server=True)
    buffer = BurstBuffer(10_000, 8)
    copies = []
    for sequence in (1, 2, 1):
        buffer.load([packet(sequence)], keys.tag_bytes, 1)
        assert buffer.encrypt(0, keys.handle)
        copies.append(bytes(buffer.view[: len(packet(1)) + keys.tag_bytes]))

    assert copies[0] == copies[2] != copies[1]


def test_a_handle_outlives_the_keys_it_was_taken_from() -> None:
    keys = Keys(PROFILES[0], material(None), is_server=True)
    session, handle = weakref.ref(keys._outgoing), keys.handle
    buffer = BurstBuffer(10_000, 8)
    buffer.load([packet(1)], keys.tag_bytes, 1)

    del keys
    gc.collect()

    assert session() is not None
    assert buffer.encrypt(0, handle)
    del handle
    gc.collect()
    assert session() is None


def test_what_libsrtp_refuses_is_said_so() -> None:
    keys = Keys(PROFILES[0], material(None), is_server=True)
    buffer = BurstBuffer(10_000, 8)
    buffer.load([packet(5000)], keys.tag_bytes, 1)
    assert buffer.encrypt(0, keys.handle)
    buffer.load([packet(1)], keys.tag_bytes, 1)

    assert not buffer.encrypt(0, keys.handle), "older than the replay window"


def test_an_incoming_packet_is_taken_once() -> None:
    sender = Session(
        Policy(
            key=PROFILES[0].get_key_and_salt(material(None), 0),
            ssrc_type=Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=PROFILES[0].libsrtp_profile,
        )
    )
    keys = Keys(PROFILES[0], material(None), is_server=True)
    protected = sender.protect(packet(1))
    keys.unprotect(protected)

    with pytest.raises(pylibsrtp.Error):
        keys.unprotect(protected)


def test_an_identity_announces_its_sha_256() -> None:
    assert len(Identity().fingerprint.split(":")) == 32
