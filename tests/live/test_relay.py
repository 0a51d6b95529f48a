"""The relay: bursts, joins, resends and keyframe requests, without a network."""

from collections.abc import Sequence

from live import rtcp
from live.relay import KEYFRAME_AGE_S_MAX, KEYFRAME_RETRY_S, Relay
from live.rewrite import read
from live.tracks import Track
from live.views import Admission, EgressClass, View
from tests.live.media_builders import IDR, SLICE, rtp

CHROMIUM = EgressClass(102, 4, 111, 16)
FIREFOX = EgressClass(126, None, 109, 16)


class Outlet:
    """Remembers who was sent what."""

    def __init__(self) -> None:
        self.bursts: list[tuple[list[bytes], list[View]]] = []

    def send(self, packets: list[bytes], tag_bytes: int, viewers: Sequence[View]) -> None:
        assert tag_bytes == 16
        self.bursts.append((packets, list(viewers)))

    def to(self, view: View) -> list[bytes]:
        return [packet for packets, views in self.bursts if view in views for packet in packets]


def a_room() -> tuple[Relay, Outlet]:
    outlet = Outlet()
    tracks = {
        "video": Track("video", "H264", ssrc=10, rtx_ssrc=11, timestamp=0),
        "audio": Track("audio", "OPUS", ssrc=12, rtx_ssrc=13, timestamp=0),
    }
    return Relay(outlet, tracks, cname="room"), outlet


def a_view(egress: EgressClass = CHROMIUM, rtx: int | None = None) -> View:
    view = View(egress, None, ("192.0.2.1", 5), Admission("view"))
    view.rtx_payload_type = rtx
    return view


def frame(relay: Relay, number: int, now: float, *, begins: bool = False) -> None:
    """Forward and fan out one frame of one packet."""
    payload = IDR if begins else SLICE
    relay.forward("video", rtp(number, number * 3000, payload=payload, marker=True), number, now)
    while relay.fan_out(now, 10):
        pass


def sequences(packets: list[bytes]) -> list[int]:
    return [read(packet).sequence for packet in packets]


def test_a_frame_reaches_every_viewer_as_its_class_negotiated_it() -> None:
    relay, outlet = a_room()
    frame(relay, 1, 1.0, begins=True)
    chromium, firefox = a_view(), a_view(FIREFOX)
    relay.join(chromium, 1.0)
    relay.join(firefox, 1.0)

    frame(relay, 2, 1.1)

    assert [read(packet).payload_type for packet in outlet.to(chromium)] == [102, 102]
    assert [read(packet).payload_type for packet in outlet.to(firefox)] == [126, 126]
    assert read(outlet.to(firefox)[0]).extensions == {}


def test_the_plaintext_is_made_once_per_class() -> None:
    relay, outlet = a_room()
    frame(relay, 1, 1.0, begins=True)
    views = [a_view() for _ in range(5)]
    for view in views:
        relay.join(view, 1.0)
    outlet.bursts.clear()

    frame(relay, 2, 1.1)

    ((packets, served),) = outlet.bursts
    assert len(packets) == 1
    assert set(map(id, served)) == set(map(id, views))


def test_a_fan_out_stops_after_its_share_and_goes_on() -> None:
    relay, outlet = a_room()
    frame(relay, 1, 1.0, begins=True)
    for _ in range(5):
        relay.join(a_view(), 1.0)
    outlet.bursts.clear()
    relay.forward("video", rtp(2, 6000, marker=True), 2, 1.1)

    assert relay.fan_out(1.1, 2)
    assert relay.fan_out(1.1, 2)
    assert not relay.fan_out(1.1, 2)

    assert [len(views) for _, views in outlet.bursts] == [2, 2, 1]


def test_a_joiner_gets_the_ring_from_its_keyframe_on_and_nothing_twice() -> None:
    relay, outlet = a_room()
    for number in range(1, 10):
        frame(relay, number, number / 30, begins=number == 4)
    view = a_view()

    relay.join(view, 0.4)
    frame(relay, 10, 0.4)

    assert sequences(outlet.to(view)) == [4, 5, 6, 7, 8, 9, 10]


def test_a_long_ring_is_sent_in_pieces() -> None:
    relay, outlet = a_room()
    for number in range(1, 120):
        frame(relay, number, number / 60, begins=number == 1)
    view = a_view()

    relay.join(view, 2.0)
    assert view.caught_up_at is None
    for step in range(3):
        relay.catch_up(2.0 + step * 0.02, 0.02)

    assert view.caught_up_at is not None
    assert sequences(outlet.to(view)) == list(range(1, 120))


def test_who_joins_before_any_keyframe_waits_for_it_and_hears_sound() -> None:
    relay, outlet = a_room()
    frame(relay, 1, 1.0)
    view = a_view()
    relay.join(view, 1.0)
    relay.forward("audio", rtp(7, 960), 7, 1.1)
    relay.fan_out(1.1, 10)
    frame(relay, 2, 1.2)

    frame(relay, 3, 1.3, begins=True)
    relay.catch_up(1.32, 0.02)

    video = [packet for packet in outlet.to(view) if read(packet).ssrc == 10]
    assert sequences(video) == [3]
    assert len(outlet.to(view)) == 2


def test_sound_starts_at_the_live_edge() -> None:
    relay, outlet = a_room()
    for number in range(1, 6):
        relay.forward("audio", rtp(number, number * 960), number, number / 50)
        relay.fan_out(number / 50, 10)
    view = a_view()

    relay.join(view, 0.2)
    relay.forward("audio", rtp(6, 6 * 960), 6, 0.2)
    relay.fan_out(0.2, 10)

    heard = [packet for packet in outlet.to(view) if read(packet).ssrc == 12]
    assert sequences(heard) == [6]


def test_who_left_gets_nothing_any_more() -> None:
    relay, outlet = a_room()
    frame(relay, 1, 1.0, begins=True)
    view = a_view()
    relay.join(view, 1.0)
    relay.leave(view)
    relay.leave(view)
    outlet.bursts.clear()

    frame(relay, 2, 1.1)

    assert outlet.to(view) == []
    assert relay.view_count == 0


def test_a_nack_without_rtx_is_answered_with_the_same_bytes() -> None:
    relay, outlet = a_room()
    view = a_view()
    frame(relay, 1, 1.0, begins=True)
    relay.join(view, 1.0)
    frame(relay, 2, 1.1)
    first = outlet.to(view)[1]

    relay.hear(view, rtcp.nack(9, 10, [2, 500]), 1.2)

    assert outlet.to(view)[2:] == [first]


def test_a_nack_with_rtx_is_answered_on_a_stream_of_its_own() -> None:
    relay, outlet = a_room()
    view = a_view(rtx=103)
    frame(relay, 1, 1.0, begins=True)
    relay.join(view, 1.0)

    relay.hear(view, rtcp.nack(9, 10, [1]), 1.2)
    relay.hear(view, rtcp.nack(9, 10, [1]), 1.3)

    first, second = (read(packet) for packet in outlet.to(view)[1:])
    assert (first.ssrc, first.payload_type, first.payload[:2]) == (11, 103, b"\x00\x01")
    assert (first.sequence, second.sequence) == (0, 1)


def requests(relay: Relay) -> list[float]:
    asked: list[float] = []
    relay.request_keyframe = lambda: asked.append(0.0)
    return asked


def test_a_keyframe_is_asked_for_when_none_came_for_four_seconds() -> None:
    relay, _ = a_room()
    asked = requests(relay)
    frame(relay, 1, 1.0, begins=True)

    relay.govern(1.0 + KEYFRAME_AGE_S_MAX)
    assert not asked
    relay.govern(1.1 + KEYFRAME_AGE_S_MAX)
    relay.govern(1.2 + KEYFRAME_AGE_S_MAX)

    assert len(asked) == 1
    relay.govern(1.2 + KEYFRAME_AGE_S_MAX + KEYFRAME_RETRY_S)
    assert len(asked) == 2


def test_many_viewers_who_cannot_decode_are_one_request() -> None:
    relay, _ = a_room()
    asked = requests(relay)
    frame(relay, 1, 1.0, begins=True)

    for _ in range(10):
        relay.hear(a_view(), rtcp.picture_loss(9, 10), 2.0)

    assert len(asked) == 1


def test_a_request_right_after_a_keyframe_is_already_answered() -> None:
    relay, _ = a_room()
    asked = requests(relay)
    frame(relay, 1, 1.0, begins=True)

    relay.hear(a_view(), rtcp.picture_loss(9, 10), 1.1)

    assert not asked


def test_sender_reports_tie_both_tracks_to_one_clock() -> None:
    relay, _ = a_room()
    frame(relay, 1, 1.0, begins=True)
    relay.forward("audio", rtp(1, 0), 1, 1.0)

    reports = rtcp.read(relay.sender_reports(CHROMIUM, 3.0, ntp_offset_s=1e9))

    assert all(isinstance(report, rtcp.SenderReport) for report in reports)
    senders = [report for report in reports if isinstance(report, rtcp.SenderReport)]
    assert [(one.ssrc, one.timestamp) for one in senders] == [(10, 1 + 180_000), (12, 1 + 96_000)]
    assert len({one.ntp for one in senders}) == 1


def test_a_class_without_sound_gets_no_report_on_it() -> None:
    relay, _ = a_room()
    frame(relay, 1, 1.0, begins=True)
    relay.forward("audio", rtp(1, 0), 1, 1.0)

    reports = rtcp.read(relay.sender_reports(EgressClass(102, 4, None, 16), 3.0, 1e9))

    assert len(reports) == 1


def test_packets_of_a_kind_the_room_has_not_are_counted() -> None:
    relay, _ = a_room()

    relay.forward("data", rtp(1), 1, 1.0)

    assert relay.dropped["no_track"] == 1


def test_an_estimate_is_remembered() -> None:
    relay, _ = a_room()
    view = a_view()
    body = bytes(8) + b"REMB" + bytes((1, 0, 0x10, 0)) + (10).to_bytes(4, "big")

    relay.hear(view, bytes((0x8F, 206, 0, 5)) + body, 1.0)

    assert view.estimate_bps == 0x1000
