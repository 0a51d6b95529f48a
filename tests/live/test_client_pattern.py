"""The test pattern is real media: a decoder plays all of it."""

import av
import pytest

from live.client_packets import AccessUnits, RtpPacket
from live.client_pattern import Pattern, record
from live.client_source import Recording

SMALL = Pattern(
    drawing="testsrc2=size=320x180:rate=30",
    melody="sine=frequency=440",
    width=320,
    height=180,
    video_bps=300_000,
    burst_ms=500,
)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(SMALL)


def test_a_decoder_plays_every_frame(recording: Recording) -> None:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    depacketiser, sequence, decoded = AccessUnits(), 0, 0

    for frame in recording.frames:
        for index, payload in enumerate(frame.payloads if frame.kind == "video" else ()):
            is_last = index == len(frame.payloads) - 1
            packet = RtpPacket(102, is_last, sequence, round(frame.at_s * 90_000), 1, payload)
            sequence += 1
            access_unit = depacketiser.add(packet)
            if access_unit is not None:
                decoded += len(decoder.decode(av.Packet(access_unit)))
    decoded += len(decoder.decode(None))

    assert decoded == 4 * 30
    assert depacketiser.broken_count == 0


def test_a_decoder_hears_every_20_ms(recording: Recording) -> None:
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    packets = [frame.payloads[0] for frame in recording.frames if frame.kind == "audio"]

    samples = sum(frame.samples for p in packets for frame in decoder.decode(av.Packet(p)))

    assert len(packets) == 4 * 50
    assert samples >= 4 * 48_000 - 960  # the decoder leaves out what the encoder looked ahead


def test_keyframes_come_every_two_seconds(recording: Recording) -> None:
    keyframes = [f.at_s for f in recording.frames if f.kind == "video" and f.is_keyframe]

    assert keyframes == [0.0, 2.0]
