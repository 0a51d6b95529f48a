"""One outgoing track of a room: whoever broadcasts, viewers see one unbroken stream.

Plane: media, sans I/O.
Units   ``now`` and capture times: monotonic seconds; timestamps: RTP ticks.
"""

from collections.abc import Callable
from dataclasses import dataclass

from live import rewrite
from live.answers import CLOCK_RATES_HZ
from live.bursts import NEARLY_EQUAL_BYTES
from live.keyframes import BEGINS
from live.packet_cache import Kept, PacketCache
from live.rewrite import Continuity, Rtp

AUDIO_AGE_S_MAX = 2.0
FRAME_WAIT_S = 0.002  # how long a frame's first packets wait for its last
PENDING_MAX = 1024  # packets waiting for a fan-out; more than this is dropped
FIRST_SEQUENCE = 0x10000 + 1  # 1 on the wire: far from a wrap, which SRTP's rollover dislikes early


@dataclass(slots=True)
class MediaClock:
    """Which moment an outgoing timestamp was captured at."""

    captured_at: float
    timestamp: int


class Track:
    """Packets of one kind, in the relay's own numbering.

    Attributes:
        pending: Packets that wait for the next burst, oldest first.
        clock: None until the first packet.
        source_started_at: When the present source sent its first packet.
    """

    def __init__(self, kind: str, codec: str, *, ssrc: int, rtx_ssrc: int, timestamp: int) -> None:
        self.kind = kind
        self.codec = codec
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.clock_rate_hz = CLOCK_RATES_HZ[kind]
        self.ring = PacketCache() if kind == "video" else PacketCache(AUDIO_AGE_S_MAX)
        self.pending: list[Kept] = []
        self.pending_since = 0.0
        self.has_whole_frame = False
        self.clock: MediaClock | None = None
        self.source_started_at = 0.0
        self.keyframe_seen_at = 0.0
        self.keyframe_interval_s: float | None = None
        self.packet_count = 0
        self.octet_count = 0
        self.frame_count = 0
        self.reordered_frame_count = 0
        self._begins: Callable[[bytes], bool] | None = BEGINS.get(codec)
        self._keyframe_starts: set[int] = set()
        self._must_restart = True
        self._keyframe_timestamp: int | None = None
        self._newest_timestamp: int | None = None
        self._continuity = Continuity(
            self.clock_rate_hz, highest=FIRST_SEQUENCE - 1, timestamp=timestamp
        )

    def restart(self) -> None:
        """The next packet comes from another source."""
        self._must_restart = True

    def take(self, rtp: Rtp, sequence: int, now: float) -> bool:
        """Put an incoming packet among the pending; False if it came too late or is too much."""
        if self._must_restart:
            self._start_source(sequence, rtp.timestamp, now)
        carried = self._continuity.carry(sequence, rtp.timestamp, now)
        if carried is None or len(self.pending) >= PENDING_MAX:
            return False
        outgoing, timestamp = carried
        if not self.ring.accepts(outgoing):
            return False
        if self.clock is None:
            self.clock = MediaClock(now, timestamp)
        self._count_frame(timestamp)
        packet = self._packet(rtp, outgoing, timestamp, now)
        if self._begins is not None and self._begins(rtp.payload):
            self._keyframe_starts.add(outgoing)
            self._note_keyframe(timestamp, now)
        if not self.pending:
            self.pending_since = now
        self.pending.append(Kept(outgoing, timestamp, now, packet))
        self.has_whole_frame = self.has_whole_frame or rtp.marker or self.kind == "audio"
        return True

    def is_ready(self, now: float) -> bool:
        """Is a frame complete, or has it waited long enough?"""
        if not self.pending:
            return False
        return self.has_whole_frame or now - self.pending_since >= FRAME_WAIT_S

    def flush(self) -> list[Kept]:
        """Move the pending packets into the ring, equalised for sending; return them."""
        pending, self.pending = self.pending, []
        self.has_whole_frame = False
        kept = equalised(pending) if self.kind == "video" else pending
        for entry in kept:
            begins = entry.sequence in self._keyframe_starts
            self.ring.keep(entry, begins_keyframe=begins)
            self.packet_count += 1
            self.octet_count += len(entry.packet)
        self._keyframe_starts.clear()
        return kept

    def align(self, timestamp: int, captured_at: float) -> None:
        """An incoming ``timestamp`` was captured at ``captured_at``."""
        if self._must_restart:
            return
        moved = timestamp + self._continuity.timestamp_offset & 0xFFFF_FFFF
        self.clock = MediaClock(captured_at, moved)

    def timestamp_at(self, now: float) -> int | None:
        """Return the outgoing timestamp of something captured ``now``."""
        if self.clock is None:
            return None
        ticks = round((now - self.clock.captured_at) * self.clock_rate_hz)
        return self.clock.timestamp + ticks & 0xFFFF_FFFF

    def _start_source(self, sequence: int, timestamp: int, now: float) -> None:
        self._must_restart = False
        self._continuity.restart(sequence, timestamp, now)
        self.ring.forget_keyframe()
        self.clock = None
        self.source_started_at = now
        self._newest_timestamp = None

    def _packet(self, rtp: Rtp, sequence: int, timestamp: int, now: float) -> bytes:
        if self.kind == "audio":
            return rewrite.audio_packet(rtp, ssrc=self.ssrc, sequence=sequence, timestamp=timestamp)
        return rewrite.video_packet(
            rtp, ssrc=self.ssrc, sequence=sequence, timestamp=timestamp, sent_at=now
        )

    def _note_keyframe(self, timestamp: int, now: float) -> None:
        """Several packets may begin one keyframe (parameter sets, then the slice)."""
        if timestamp == self._keyframe_timestamp:
            return
        if self._keyframe_timestamp is not None:
            self.keyframe_interval_s = now - self.keyframe_seen_at
        self._keyframe_timestamp, self.keyframe_seen_at = timestamp, now

    def _count_frame(self, timestamp: int) -> None:
        """Count frames, and those shown before one that was sent earlier (B-frames)."""
        newest = self._newest_timestamp
        if newest is None or timestamp != newest:
            if newest is not None and (timestamp - newest) % 0x1_0000_0000 >= 0x8000_0000:
                self.reordered_frame_count += 1
                return
            self.frame_count += 1
            self._newest_timestamp = timestamp


def equalised(pending: list[Kept]) -> list[Kept]:
    """Pad packets that are a few bytes short of the largest of their frame.

    Equal packets leave in one run; the last of a frame may be shorter anyway.
    """
    largest: dict[int, int] = {}
    last: dict[int, int] = {}
    for entry in pending:
        largest[entry.timestamp] = max(largest.get(entry.timestamp, 0), len(entry.packet))
        last[entry.timestamp] = entry.sequence
    return [
        entry
        if entry.sequence == last[entry.timestamp]
        or not 0 < largest[entry.timestamp] - len(entry.packet) <= NEARLY_EQUAL_BYTES
        else Kept(
            entry.sequence,
            entry.timestamp,
            entry.kept_at,
            rewrite.padded(entry.packet, largest[entry.timestamp]),
        )
        for entry in pending
    ]
