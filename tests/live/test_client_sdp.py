"""Offers that others can read, answers of others that we can read."""

import pytest
from aiortc.sdp import SessionDescription

from live.client_errors import BadAnswer
from live.client_sdp import LocalEnd, RemoteEnd, read_sdp, write_sdp

LOCAL = LocalEnd("ufrag", "a password of 22 chars", ":".join(["AB"] * 32), 42)
CANDIDATE = "a=candidate:{} 1 {} {} {} 9000 typ host\r\n"


def an_answer(*candidates: tuple[str, str, int], setup: str = "passive") -> str:
    """What a server answers that has these (transport, address, priority) candidates."""
    lines = "".join(
        CANDIDATE.format(index, transport, priority, address)
        for index, (transport, address, priority) in enumerate(candidates)
    )
    offer = write_sdp(LOCAL, "recvonly", setup="actpass").replace("actpass", setup)
    return offer.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\n" + lines)


def test_an_offer_bundles_opus_and_h264_in_one_transport() -> None:
    offer = SessionDescription.parse(write_sdp(LOCAL, "sendonly", ssrcs={"audio": 1, "video": 2}))

    assert [media.kind for media in offer.media] == ["audio", "video"]
    assert [media.rtp.codecs[0].mimeType for media in offer.media] == ["audio/opus", "video/H264"]
    assert [media.direction for media in offer.media] == ["sendonly", "sendonly"]
    assert [media.ssrc[0].ssrc for media in offer.media] == [1, 2]
    assert offer.group[0].items == ["0", "1"]


def test_who_only_receives_announces_no_source() -> None:
    assert "a=ssrc" not in write_sdp(LOCAL, "recvonly")


def test_the_answer_tells_where_to_connect_and_whom_to_expect_there() -> None:
    answer = an_answer(("udp", "10.0.0.1", 5), ("udp", "127.0.0.1", 9), ("tcp", "10.0.0.2", 99))

    assert read_sdp(answer) == RemoteEnd(
        ufrag="ufrag",
        password="a password of 22 chars",
        fingerprints=(("sha-256", LOCAL.fingerprint),),
        is_dtls_client=False,
        addresses=(("127.0.0.1", 9_000), ("10.0.0.1", 9_000)),
        payload_types={"audio": 111, "video": 102},
    )


def test_an_active_server_opens_the_handshake() -> None:
    answer = an_answer(("udp", "127.0.0.1", 9), setup="active")

    assert read_sdp(answer).is_dtls_client


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("a=fingerprint", "DTLS fingerprint"),
        ("a=ice-pwd", "ICE credentials"),
        ("a=candidate", "IPv4 UDP candidate"),
        ("m=", "accepted media"),
    ],
)
def test_an_answer_without_what_it_takes_is_refused(line: str, missing: str) -> None:
    answer = an_answer(("udp", "127.0.0.1", 9))
    cut = "\r\n".join(kept for kept in answer.split("\r\n") if not kept.startswith(line))

    with pytest.raises(BadAnswer) as raised:
        read_sdp(cut)

    assert raised.value.missing == missing


def test_what_is_no_sdp_is_refused() -> None:
    with pytest.raises(BadAnswer):
        read_sdp("m=audio what a mess\r\n")
