"""A test pattern and a tone, encoded once: something to broadcast where there is no camera.

Plane   media. Blocking: encoding takes a second or more, so run it in a thread.
Cost    720p30 takes about 0.15 s of CPU per second of pattern; playing it again costs nothing.
Source  libx264 and libopus inside PyAV. Constrained Baseline without B-frames, since receivers
        play WebRTC frames in the order they come.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import PictureType

from live.client_packets import is_keyframe, packetise_h264, split_access_unit
from live.client_source import Frame, Recording

UNESCAPED_COMMA = re.compile(r"(?<!\\),")
AUDIO_HZ = 48_000
AUDIO_FRAME_SAMPLES = 960  # 20 ms, as browsers send


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to draw and how to encode it.

    Attributes:
        drawing: FFmpeg filters from a video source to the frames to encode, comma-separated.
        melody: FFmpeg filters from an audio source to the samples to encode.
        duration_s: Even, so that keyframe ids alternate also where the loop starts again.
        burst_ms: How far above the mean rate a frame may go: the size of the rate buffer.
    """

    drawing: str
    melody: str
    width: int = 1280
    height: int = 720
    frames_per_s: int = 30
    video_bps: int = 1_400_000
    audio_bps: int = 64_000
    keyframe_interval_s: int = 2
    duration_s: int = 4
    burst_ms: int = 54
    preset: str = "ultrafast"


# Every frame takes five or six packets, as the frames of a busy 720p camera picture do.
STEADY = Pattern(
    drawing="testsrc2=size=1280x720:rate=30,noise=alls=14:allf=t",
    melody="sine=frequency=440",
    video_bps=1_800_000,  # the encoder stays about a quarter below with so small a rate buffer
)


def record(pattern: Pattern) -> Recording:
    """Encode ``pattern`` once from its start to its end."""
    assert pattern.duration_s % (2 * pattern.keyframe_interval_s) == 0
    frames = [*_video_frames(pattern), *_audio_frames(pattern)]
    frames.sort(key=lambda frame: frame.at_s)
    return Recording(tuple(frames), pattern.duration_s)


def _video_frames(pattern: Pattern) -> Iterator[Frame]:
    time_step = Fraction(1, pattern.frames_per_s)
    for index, annex_b in enumerate(_encoded_video(pattern, time_step)):
        units = split_access_unit(annex_b)
        yield Frame(
            at_s=float(index * time_step),
            kind="video",
            payloads=tuple(packetise_h264(units)),
            is_keyframe=is_keyframe(units),
        )


def _encoded_video(pattern: Pattern, time_step: Fraction) -> Iterator[bytes]:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = pattern.width, pattern.height
    encoder.pix_fmt = "yuv420p"
    encoder.time_base, encoder.framerate = time_step, 1 / time_step
    encoder.bit_rate = pattern.video_bps
    keyframe_interval = pattern.keyframe_interval_s * pattern.frames_per_s
    encoder.gop_size = keyframe_interval
    encoder.options = {
        "preset": pattern.preset,
        "tune": "zerolatency",
        "profile": "baseline",
        "maxrate": str(pattern.video_bps),
        "bufsize": str(pattern.video_bps * pattern.burst_ms // 1_000),
        "x264-params": f"scenecut=0:min-keyint={keyframe_interval}:sliced-threads=0:threads=1",
    }
    graph = _graph(f"{pattern.drawing},format=yuv420p,buffersink")
    for index in range(pattern.frames_per_s * pattern.duration_s):
        frame = graph.vpull()
        frame.pts, frame.time_base = index, time_step
        frame.pict_type = PictureType.NONE  # the drawing's own wish would make each a keyframe
        yield from (bytes(packet) for packet in encoder.encode(frame))
    yield from (bytes(packet) for packet in encoder.encode(None))


def _audio_frames(pattern: Pattern) -> Iterator[Frame]:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = AUDIO_HZ, "stereo", "s16"
    encoder.bit_rate = pattern.audio_bps
    encoder.options = {"application": "audio", "frame_duration": "20"}
    shape = f"aformat=sample_fmts=s16:sample_rates={AUDIO_HZ}:channel_layouts=stereo"
    graph = _graph(f"{pattern.melody},{shape},asetnsamples=n={AUDIO_FRAME_SAMPLES}:p=1,abuffersink")
    step_s = Fraction(AUDIO_FRAME_SAMPLES, AUDIO_HZ)
    count = int(pattern.duration_s / step_s)
    packets: list[bytes] = []
    for index in range(count + 1):  # one more to push out what the encoder looks ahead
        samples = graph.pull()
        assert isinstance(samples, av.AudioFrame)
        samples.pts, samples.time_base = index * AUDIO_FRAME_SAMPLES, Fraction(1, AUDIO_HZ)
        packets += (bytes(packet) for packet in encoder.encode(samples))
    for index, packet in enumerate(packets[:count]):
        yield Frame(float(index * step_s), "audio", (packet,), is_keyframe=True)


def _graph(description: str) -> Graph:
    """Build a chain of filters from its ``name=arguments`` parts; ``\\,`` parts nothing."""
    graph = Graph()
    links = []
    for part in UNESCAPED_COMMA.split(description):
        name, _, arguments = part.partition("=")
        links.append(graph.add(name, arguments or None))
    for before, after in itertools.pairwise(links):
        before.link_to(after)
    graph.configure()
    return graph
