"""Offers and fragments: what is read of them and what is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.errors import BadFragment, BadSdp
from live.sdp import read_fragment, read_offer
from tests.live.media_builders import (
    FINGERPRINT,
    H264,
    H264_RTX,
    OPUS,
    offer,
    publish_offer,
    section,
)

CANDIDATE = "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"


def test_an_offer_is_read() -> None:
    read = read_offer(publish_offer(H264, H264_RTX))

    assert (read.ufrag, read.password) == ("abcd", "abcdefghijklmnopqrstuvwx")
    assert read.fingerprints == (("sha-256", FINGERPRINT),)
    assert [section.kind for section in read.sections] == ["audio", "video"]
    video = read.sections[1]
    assert (video.mid, video.direction, video.is_bundled) == ("1", "sendonly", True)
    (codec,) = video.codecs
    assert (codec.name, codec.payload_type, codec.rtx_payload_type) == ("H264", 102, 103)
    assert codec.parameter("profile-level-id") == "42e01f"
    assert codec.feedback == {"nack", "nack pli"}


def test_extensions_are_read_and_ids_that_do_not_fit_left_out() -> None:
    text = offer(
        section("audio", "0", "sendonly", [OPUS], extra=("a=extmap:3 urn:a", "a=extmap:15 urn:b"))
    )

    assert read_offer(text).sections[0].extensions == {"urn:a": 3}


def test_payload_types_that_look_like_rtcp_are_left_out() -> None:
    text = offer(section("audio", "0", "sendonly", [(72, "opus/48000/2", ""), OPUS]))

    assert [codec.payload_type for codec in read_offer(text).sections[0].codecs] == [111]


def test_credentials_may_stand_at_the_session() -> None:
    text = publish_offer().replace("a=ice-ufrag:abcd\r\n", "", 1)
    text = text.replace("a=group", "a=ice-ufrag:efgh\r\na=group", 1)

    assert read_offer(text).ufrag == "efgh"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "v=0\r\ns=-\r\n",
        publish_offer().replace("v=0\r\n", ""),
        publish_offer().replace("a=ice-ufrag:abcd\r\n", ""),
        publish_offer().replace("ice-pwd:abcdefghijklmnopqrstuvwx", "ice-pwd:short"),
        publish_offer().replace(f"a=fingerprint:sha-256 {FINGERPRINT}\r\n", ""),
        publish_offer().replace("a=setup:actpass", "a=setup:holdconn"),
        publish_offer().replace("m=audio 9", "m=audio nine"),
        publish_offer().replace("opus/48000/2", "opus/fast"),
        publish_offer().replace("a=mid:0", "a=mid:" + "x" * 40),
        publish_offer().replace("s=-", "s=-\r\na=ice-lite"),
        publish_offer().replace("s=-", "nonsense"),
        publish_offer() + "a=x:\x07",
        "v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 20,
        "v=0\r\n" + "a=x\r\n" * 60_000,
    ],
)  # fmt: skip
def test_an_offer_that_cannot_work_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadSdp) as refusal:
        read_offer(text)

    assert str(refusal.value)


LINES = st.sampled_from([*publish_offer().split("\r\n"), CANDIDATE, "a=", "m=", "v=0", "x"])


@given(st.lists(LINES, max_size=30).map("\r\n".join) | st.text(max_size=300))
def test_any_text_raises_nothing_but_its_own_error(text: str) -> None:
    for read in (read_offer, read_fragment):
        with contextlib.suppress(BadSdp):
            read(text)


@given(st.integers(0, 2000), st.characters())
def test_one_changed_character_raises_nothing_but_its_own_error(at: int, sign: str) -> None:
    text = publish_offer()
    at %= len(text)
    with contextlib.suppress(BadSdp):
        read_offer(text[:at] + sign + text[at + 1 :])


def test_a_fragment_is_read() -> None:
    text = (
        f"a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n{CANDIDATE}\r\n"
    )

    read = read_fragment(text)

    assert (read.ufrag, read.password, read.candidate_count) == ("abcd", "secret", 1)


def test_the_end_of_candidates_is_a_fragment() -> None:
    assert read_fragment("a=end-of-candidates\r\n").is_complete


@pytest.mark.parametrize(
    "text",
    ["", "v=0", "a=ice-ufrag:abcd", "a=candidate:1 1 udp", CANDIDATE.replace("typ", "kind"), "a=x"],
)
def test_what_is_not_a_fragment_is_refused(text: str) -> None:
    with pytest.raises(BadFragment):
        read_fragment(text)
