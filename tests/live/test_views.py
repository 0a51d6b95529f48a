"""Viewers: what they get to see, and how much they may ask for again."""

from live.rewrite import audio_packet, read, video_packet
from live.views import RESEND_BURST_MAX, RESENDS_PER_S_MAX, Admission, EgressClass, View
from tests.live.media_builders import rtp


def test_a_class_sees_its_own_payload_types() -> None:
    egress = EgressClass(102, 4, 111, 16)
    video = video_packet(rtp(), ssrc=1, sequence=1, timestamp=1, sent_at=0.0)
    audio = audio_packet(rtp(), ssrc=2, sequence=1, timestamp=1)

    (seen,) = egress.rendered("video", [video])
    (heard,) = egress.rendered("audio", [audio])

    assert (read(seen).payload_type, list(read(seen).extensions)) == (102, [4])
    assert read(heard).payload_type == 111


def test_what_was_not_negotiated_is_not_sent() -> None:
    egress = EgressClass(None, None, None, 16)
    packet = audio_packet(rtp(), ssrc=2, sequence=1, timestamp=1)

    assert egress.rendered("video", [packet]) == egress.rendered("audio", [packet]) == []


def test_resends_are_limited_and_the_limit_recovers() -> None:
    view = View(EgressClass(102, 4, 111, 16), None, None, Admission("view"))

    granted = sum(view.may_resend(5.0) for _ in range(2 * RESEND_BURST_MAX))
    later = sum(view.may_resend(6.0) for _ in range(2 * RESEND_BURST_MAX))

    assert (granted, later) == (RESEND_BURST_MAX, RESENDS_PER_S_MAX)
