"""Answers: which codec is chosen, and what the text says."""

import pytest
from aiortc.sdp import SessionDescription

from live.answers import (
    LocalEnd,
    Outgoing,
    agree_published,
    agree_watched,
    setup_for,
    write_answer,
)
from live.errors import BadSdp, NoCommonCodec
from live.sdp import read_offer
from tests.live.media_builders import (
    H264,
    H264_RTX,
    OPUS,
    VP8,
    offer,
    publish_offer,
    section,
    watch_offer,
)

LOCAL = LocalEnd(1, "ours", "p" * 24, "AA:BB", ("127.0.0.1", "192.0.2.1"), 8000)
ROOM = {"audio": "OPUS", "video": "H264"}
AV1 = (45, "AV1/90000", "")
H264_HIGH = (104, "H264/90000", "packetization-mode=1;profile-level-id=640028")
H264_MODE_0 = (105, "H264/90000", "packetization-mode=0;profile-level-id=42e01f")
H264_OF_FFMPEG = (106, "H264/90000", "packetization-mode=1;profile-level-id=42401f")


def published(*video: tuple[int, str, str], current: dict[str, str] | None = None) -> int:
    streams = agree_published(read_offer(publish_offer(*video)), current or {})
    return streams["video"].codec.payload_type


@pytest.mark.parametrize(
    ("video", "payload_type"),
    [
        ((VP8, H264), 102),
        ((AV1, VP8), 96),
        ((AV1,), 45),
        ((H264_HIGH, H264), 102),
        ((H264_HIGH, H264_MODE_0), 104),
        ((H264_OF_FFMPEG,), 106),
    ],
)  # fmt: skip
def test_the_codec_most_viewers_can_play_is_chosen(
    video: tuple[tuple[int, str, str], ...], payload_type: int
) -> None:
    assert published(*video) == payload_type


def test_a_returning_broadcaster_keeps_the_rooms_codec_where_possible() -> None:
    assert published(VP8, H264, current={"video": "VP8"}) == 96
    assert published(H264, current={"video": "VP8"}) == 102


def test_a_viewer_gets_the_profile_the_broadcaster_sends() -> None:
    read = read_offer(watch_offer(H264, H264_HIGH))

    assert agree_watched(read, ROOM, "6400")["video"].codec.payload_type == 104
    assert agree_watched(read, ROOM, "42e0")["video"].codec.payload_type == 102


def test_no_common_codec_says_which_would_do() -> None:
    with pytest.raises(NoCommonCodec) as refusal:
        published((98, "H265/90000", ""))
    assert "VP8" in str(refusal.value)

    with pytest.raises(NoCommonCodec) as refusal:
        agree_watched(read_offer(watch_offer(VP8)), ROOM, None)
    assert refusal.value.wanted == ("H264",)


def test_a_watching_offer_cannot_publish_nor_the_other_way_round() -> None:
    with pytest.raises(BadSdp):
        agree_published(read_offer(watch_offer()), {})
    with pytest.raises(BadSdp):
        agree_watched(read_offer(publish_offer()), ROOM, None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        ("a=rtcp-mux\r\n", ""),
        ("a=group:BUNDLE 0 1", "a=group:LS 0 1"),
    ],
)
def test_an_offer_that_is_not_bundled_muxed_and_encrypted_is_refused(old: str, new: str) -> None:
    with pytest.raises(BadSdp):
        agree_published(read_offer(publish_offer().replace(old, new)), {})


def test_a_room_without_video_can_be_heard() -> None:
    read = read_offer(watch_offer())

    streams = agree_watched(read, {"audio": "OPUS"}, None)

    assert set(streams) == {"audio"}
    text = write_answer(read, streams, LOCAL, {"audio": Outgoing(1, 2, "cname")})
    assert "m=video 0 " in text
    assert "a=group:BUNDLE 0\r\n" in text


def test_other_sections_are_refused_with_port_zero() -> None:
    channel = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:2"]
    read = read_offer(offer(section("video", "1", "sendonly", [H264]), channel))

    text = write_answer(read, agree_published(read, {}), LOCAL)

    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in text


def test_an_answer_to_a_broadcaster_is_what_aiortc_reads() -> None:
    read = read_offer(publish_offer())

    text = write_answer(read, agree_published(read, {}), LOCAL)

    parsed = SessionDescription.parse(text)
    assert [media.kind for media in parsed.media] == ["audio", "video"]
    for media in parsed.media:
        assert media.direction == "recvonly"
        assert media.ice is not None
        assert media.ice.iceLite
        assert media.dtls is not None
        assert media.dtls.role == "server"
        assert [c.ip for c in media.ice_candidates] == ["127.0.0.1", "192.0.2.1"]
        assert media.ice_candidates_complete
    assert [codec.name for codec in parsed.media[1].rtp.codecs] == ["H264", "rtx"]


def test_a_viewers_answer_names_our_ssrcs_the_medias_own_first() -> None:
    read = read_offer(watch_offer(H264, H264_RTX))

    text = write_answer(
        read,
        agree_watched(read, ROOM, None),
        LOCAL,
        {"video": Outgoing(10, 11, "cname"), "audio": Outgoing(12, 13, "cname")},
    )

    assert text.index("a=ssrc:10 ") < text.index("a=ssrc:11 ")
    assert "a=ssrc-group:FID 10 11" in text
    assert "a=ssrc:13 " not in text
    assert text.count("a=sendonly") == 2


def test_only_offered_feedback_is_answered() -> None:
    read = read_offer(publish_offer().replace("a=rtcp-fb:102 nack pli\r\n", ""))

    text = write_answer(read, agree_published(read, {}), LOCAL)

    assert "a=rtcp-fb:102 nack\r\n" in text
    assert "nack pli" not in text


def test_an_offer_that_wants_to_be_dtls_server_gets_a_client() -> None:
    passive = read_offer(publish_offer().replace("setup:actpass", "setup:passive"))

    assert setup_for(passive) == "active"
    assert setup_for(read_offer(publish_offer())) == "passive"
    assert "a=setup:active" in write_answer(passive, agree_published(passive, {}), LOCAL)


def test_sound_alone_can_be_published() -> None:
    read = read_offer(offer(section("audio", "0", "sendonly", [OPUS])))

    assert set(agree_published(read, {})) == {"audio"}
