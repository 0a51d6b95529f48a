"""One outgoing track: numbering, frames, equal sizes, clocks."""

from live.packet_cache import Kept
from live.rewrite import read
from live.tracks import FRAME_WAIT_S, PENDING_MAX, Track, equalised
from tests.live.media_builders import IDR, SLICE, rtp


def video() -> Track:
    return Track("video", "H264", ssrc=7, rtx_ssrc=8, timestamp=1000)


def audio() -> Track:
    return Track("audio", "OPUS", ssrc=9, rtx_ssrc=10, timestamp=0)


def test_a_frame_leaves_when_its_last_packet_came() -> None:
    track = video()
    track.take(rtp(1), 1, 1.0)
    assert not track.is_ready(1.0)

    track.take(rtp(2, marker=True), 2, 1.0)

    assert track.is_ready(1.0)
    assert [read(entry.packet).sequence for entry in track.flush()] == [1, 2]
    assert not track.is_ready(2.0)


def test_a_frame_whose_end_does_not_come_leaves_after_a_moment() -> None:
    track = video()
    track.take(rtp(1), 1, 1.0)

    assert track.is_ready(1.0 + FRAME_WAIT_S)


def test_sound_waits_for_nothing() -> None:
    track = audio()
    track.take(rtp(1), 1, 1.0)

    assert track.is_ready(1.0)


def test_what_is_flushed_is_in_the_ring_from_then_on() -> None:
    track = video()
    track.take(rtp(1, payload=IDR), 1, 1.0)
    assert len(track.ring) == 0

    (entry,) = track.flush()

    assert track.ring.get(entry.sequence) == entry
    assert track.ring.keyframe == entry.sequence


def test_a_new_source_needs_a_keyframe_of_its_own() -> None:
    track = video()
    track.take(rtp(1, payload=IDR), 1, 1.0)
    track.flush()

    track.restart()
    track.take(rtp(900), 900, 1.1)
    (entry,) = track.flush()

    assert read(entry.packet).sequence == 2
    assert track.ring.keyframe is None


def test_more_waiting_packets_than_the_limit_are_dropped() -> None:
    track = video()
    for sequence in range(1, PENDING_MAX + 10):
        taken = track.take(rtp(sequence), sequence, 1.0)

    assert not taken
    assert len(track.pending) == PENDING_MAX


def test_packets_a_byte_short_are_padded_but_the_last_may_be_shorter() -> None:
    sizes = [100, 99, 100, 60, 99]
    entries = [Kept(n, 5, 1.0, b"\x80" + bytes(size - 1)) for n, size in enumerate(sizes)]

    assert [len(entry.packet) for entry in equalised(entries)] == [100, 100, 100, 60, 99]


def test_frames_are_equalised_apart() -> None:
    entries = [
        Kept(1, 5, 1.0, b"\x80" + bytes(98)),
        Kept(2, 5, 1.0, b"\x80" + bytes(98)),
        Kept(3, 6, 1.0, b"\x80" + bytes(99)),
        Kept(4, 6, 1.0, b"\x80" + bytes(99)),
    ]

    assert [len(entry.packet) for entry in equalised(entries)] == [99, 99, 100, 100]


def test_timestamps_follow_the_broadcasters_clock() -> None:
    track = video()
    assert track.timestamp_at(1.0) is None
    track.take(rtp(1, 3000), 1, 1.0)
    assert track.timestamp_at(2.0) == 1001 + 90_000

    track.align(3000, captured_at=0.9)

    assert track.timestamp_at(2.0) == 1001 + 99_000


def test_the_time_between_keyframes_is_known_from_the_second_on() -> None:
    track = video()
    track.take(rtp(1, 0, payload=IDR), 1, 1.0)
    track.take(rtp(2, 0, payload=IDR), 2, 1.0)
    assert track.keyframe_interval_s is None

    track.take(rtp(3, 90_000, payload=IDR), 3, 2.0)

    assert track.keyframe_interval_s == 1.0


def test_frames_sent_before_ones_shown_earlier_are_counted() -> None:
    track = video()
    for sequence, timestamp in enumerate((0, 9000, 3000, 6000, 12_000)):
        track.take(rtp(sequence, timestamp, payload=SLICE), sequence, 1.0)

    assert track.frame_count == 3
    assert track.reordered_frame_count == 2
