"""Handshakes between two peers of ours, datagram by datagram."""

import pytest

from live.aiortc_private import Identity
from live.ice import Credentials
from live.peer import Peer, State

CREDENTIALS = Credentials("ours", "p" * 24, "theirs", "q" * 24)
HERE, THERE = Identity(), Identity()


def pair(*, expected_here: str = THERE.fingerprint) -> tuple[Peer, Peer]:
    """Return a DTLS server and the client that talks to it."""
    server = Peer("a", CREDENTIALS, HERE, (("sha-256", expected_here),), is_server=True, now=0.0)
    client = Peer(
        "b", CREDENTIALS, THERE, (("sha-256", HERE.fingerprint),), is_server=False, now=0.0
    )
    return server, client


def converse(server: Peer, client: Peer, first: list[bytes]) -> None:
    """Carry datagrams to and fro until nobody has anything to say."""
    towards_server = first
    while towards_server:
        answers = [one for sent in towards_server for one in server.receive_dtls(sent)]
        towards_server = [one for sent in answers for one in client.receive_dtls(sent)]


def test_two_peers_agree_on_keys() -> None:
    server, client = pair()

    converse(server, client, client.start())

    assert server.state is client.state is State.CONNECTED
    assert server.keys is not None
    assert client.keys is not None
    assert server.keys.profile == "SRTP_AEAD_AES_128_GCM"
    report = b"\x80\xc9\x00\x01" + bytes(4)
    assert client.keys.unprotect_rtcp(server.keys.protect_rtcp(report)) == report


def test_a_foreign_certificate_is_refused() -> None:
    server, client = pair(expected_here=":".join(["00"] * 32))

    converse(server, client, client.start())

    assert (server.state, server.gone_because) == (State.GONE, "fingerprint_mismatch")
    assert server.keys is None


def test_fingerprints_of_unknown_kinds_alone_prove_nothing() -> None:
    server, client = pair()
    server = Peer("a", CREDENTIALS, HERE, (("md5", "00"),), is_server=True, now=0.0)

    converse(server, client, client.start())

    assert server.gone_because == "fingerprint_mismatch"


def test_a_goodbye_ends_the_other_side_too() -> None:
    server, client = pair()
    converse(server, client, client.start())

    for goodbye in client.leave("left"):
        server.receive_dtls(goodbye)

    assert (server.state, server.gone_because) == (State.GONE, "closed_by_peer")
    assert client.leave("again") == []
    assert client.gone_because == "left"


@pytest.mark.parametrize("noise", [b"", b"\x16", b"\x16\xfe\xfd" + bytes(40), bytes(1500)])
def test_noise_neither_ends_a_session_nor_raises(noise: bytes) -> None:
    server, client = pair()
    server.receive_dtls(noise)
    converse(server, client, client.start())

    server.receive_dtls(noise)

    assert server.state is State.CONNECTED


def test_a_server_waits_to_be_spoken_to_and_a_client_speaks_once() -> None:
    server, client = pair()

    assert server.start() == []
    assert client.start() != []
    assert client.start() == []


def test_nothing_is_sent_again_before_its_time() -> None:
    _, client = pair()
    client.start()

    assert client.retransmit() == []
