"""A recording plays on time, round and round, without a step back."""

from live.client_source import Frame, LoopSource, Outgoing, Recording


def a_recording() -> Recording:
    """Two seconds: four video frames, the first and third of them keyframes, and two of sound."""
    return Recording(
        frames=(
            Frame(0.0, "video", (b"key-a", b"key-b"), is_keyframe=True),
            Frame(0.25, "audio", (b"sound",), is_keyframe=True),
            Frame(0.5, "video", (b"delta",), is_keyframe=False),
            Frame(1.0, "video", (b"second-key",), is_keyframe=True),
            Frame(1.25, "audio", (b"sound",), is_keyframe=True),
            Frame(1.5, "video", (b"delta",), is_keyframe=False),
        ),
        duration_s=2,
    )


def payloads(packets: list[Outgoing]) -> list[bytes]:
    return [packet.payload for packet in packets]


def test_nothing_is_due_twice_and_nothing_is_left_out() -> None:
    source = LoopSource(a_recording(), started_at=100.0)

    heard = [payloads(list(source.due(now))) for now in (100.0, 100.1, 100.5, 100.5)]

    assert heard == [[b"key-a", b"key-b"], [], [b"sound", b"delta"], []]


def test_the_source_says_when_to_ask_again() -> None:
    source = LoopSource(a_recording(), started_at=100.0)
    source.due(100.0)

    assert source.next_at == 100.25


def test_only_the_last_packet_of_a_video_frame_carries_the_marker() -> None:
    source = LoopSource(a_recording(), started_at=0.0)

    packets = source.due(0.25)

    assert [packet.marker for packet in packets] == [False, True, False]


def test_timestamps_go_on_where_the_recording_starts_again() -> None:
    source = LoopSource(a_recording(), started_at=0.0)
    packets = [packet for now in (0.0, 0.9, 1.8, 2.0) for packet in source.due(now)]

    ticks = [packet.timestamp for packet in packets if packet.kind == "video"]

    assert ticks == [0, 0, 45_000, 90_000, 135_000, 180_000, 180_000]


def test_the_clock_of_reports_is_the_clock_of_packets() -> None:
    source = LoopSource(a_recording(), started_at=50.0)
    source.due(50.0)
    (sound,) = source.due(50.25)

    assert sound.timestamp == source.timestamp_at("audio", 50.25) == 12_000


def test_after_a_pause_it_goes_on_live_at_a_keyframe() -> None:
    source = LoopSource(a_recording(), started_at=0.0)
    source.due(0.0)

    packets = source.due(10.75)

    assert list(packets) == []
    assert source.next_at == 11.0
    assert payloads(list(source.due(11.0))) == [b"second-key"]


def test_a_pause_past_the_last_keyframe_goes_on_with_the_next_round() -> None:
    source = LoopSource(a_recording(), started_at=0.0)

    source.due(5.75)

    assert source.next_at == 6.0


def test_a_recording_knows_its_rates() -> None:
    recording = a_recording()

    assert recording.packets_per_s("video") == 2.5
    assert recording.packets_per_s("audio") == 1.0
    assert recording.packets_per_frame() == 1.25
    assert recording.bits_per_s() == 8 * 40 / 2
