"""Where a publishing client's packets come from: a recording played round and round.

Plane   media. Pure: the caller says what time it is.
Units   times are monotonic seconds; timestamps are RTP clock ticks that never go back, also not
        where the recording starts again.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from live.client_packets import AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ
from live.client_sdp import Kind

CLOCK_HZ: dict[Kind, int] = {"audio": AUDIO_CLOCK_HZ, "video": VIDEO_CLOCK_HZ}
CATCH_UP_S_MAX = 1.0  # a source that was held up longer than this skips what it missed


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded video frame or Opus packet, cut into RTP payloads.

    Attributes:
        at_s: When it is due, after the start of the recording.
        is_keyframe: Whether a decoder can start here; always true for audio.
    """

    at_s: float
    kind: Kind
    payloads: tuple[bytes, ...]
    is_keyframe: bool


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One packet to send now."""

    kind: Kind
    marker: bool
    timestamp: int
    payload: bytes


class Source(Protocol):
    """What ``publish`` sends."""

    @property
    def next_at(self) -> float:
        """When ``due`` has something again."""

    def due(self, now: float) -> Sequence[Outgoing]:
        """Return what must be sent by ``now``, in order, each packet once."""

    def timestamp_at(self, kind: Kind, now: float) -> int:
        """The RTP timestamp of ``now``, for sender reports."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Frames in the order they are due, to be repeated every ``duration_s``.

    The first video frame is a keyframe and ``duration_s`` is a whole number of audio and of
    video frames, so that the end fits the beginning.
    """

    frames: tuple[Frame, ...]
    duration_s: int

    def __post_init__(self) -> None:
        first_video = next((f for f in self.frames if f.kind == "video"), None)
        assert first_video is None or first_video.is_keyframe
        assert all(0 <= f.at_s < self.duration_s for f in self.frames)

    def packets_per_s(self, kind: Kind) -> float:
        """Mean packets per second of ``kind``."""
        return sum(len(f.payloads) for f in self.frames if f.kind == kind) / self.duration_s

    def bits_per_s(self) -> float:
        """Mean rate of all payloads."""
        return 8 * sum(len(p) for f in self.frames for p in f.payloads) / self.duration_s

    def packets_per_frame(self) -> float:
        """Mean packets in one video frame."""
        counts = [len(f.payloads) for f in self.frames if f.kind == "video"]
        return sum(counts) / len(counts)


class LoopSource:
    """Plays a recording in real time from ``started_at`` until nobody asks any more."""

    def __init__(self, recording: Recording, started_at: float) -> None:
        self._recording = recording
        self._started_at = started_at
        self._round = 0
        self._index = 0

    @property
    def next_at(self) -> float:
        """When ``due`` has something again."""
        return self._round_started_at + self._recording.frames[self._index].at_s

    def due(self, now: float) -> Sequence[Outgoing]:
        """Return what must be sent by ``now``; what is late by more than a second is skipped."""
        if now - self.next_at > CATCH_UP_S_MAX:
            self._skip_to(now)
        packets: list[Outgoing] = []
        while self.next_at <= now:
            frame = self._recording.frames[self._index]
            packets += self._packets(frame)
            self._step()
        return packets

    def timestamp_at(self, kind: Kind, now: float) -> int:
        """The RTP timestamp of ``now``, for sender reports."""
        return round((now - self._started_at) * CLOCK_HZ[kind]) & 0xFFFF_FFFF

    @property
    def _round_started_at(self) -> float:
        return self._started_at + self._round * self._recording.duration_s

    def _packets(self, frame: Frame) -> list[Outgoing]:
        hz = CLOCK_HZ[frame.kind]
        ticks = self._round * self._recording.duration_s * hz + round(frame.at_s * hz)
        last = len(frame.payloads) - 1
        return [
            Outgoing(frame.kind, frame.kind == "video" and i == last, ticks & 0xFFFF_FFFF, payload)
            for i, payload in enumerate(frame.payloads)
        ]

    def _step(self) -> None:
        self._index += 1
        if self._index == len(self._recording.frames):
            self._index = 0
            self._round += 1

    def _skip_to(self, now: float) -> None:
        """Go on at the first keyframe due from ``now`` on, as an encoder that was paused does."""
        self._round = int((now - self._started_at) // self._recording.duration_s)
        offset_s = now - self._round_started_at
        frames = self._recording.frames
        self._index = bisect.bisect_left(frames, offset_s, key=lambda frame: frame.at_s)
        while self._index < len(frames) and not (
            frames[self._index].kind == "video" and frames[self._index].is_keyframe
        ):
            self._index += 1
        if self._index == len(frames):
            self._index = 0
            self._round += 1
