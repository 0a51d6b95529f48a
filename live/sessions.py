"""What one WHIP or WHEP resource is inside the plane, and the room it belongs to.

Plane: media, sans I/O.
Units   ``now``: monotonic seconds; rates in bits per second; ``*_ms`` milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from live.answers import Stream, profile_of
from live.ingest import Ingest
from live.peer import Peer
from live.relay import Relay
from live.views import Admission, EgressClass, View

TAKEOVER_S = 2.0  # a broadcaster silent for so long gives way to the next


@dataclass(frozen=True, slots=True)
class Resource:
    """What a WHIP or WHEP client gets."""

    resource_id: str
    answer: str
    etag: str


@dataclass(frozen=True, slots=True)
class Health:
    """How a room's broadcast arrives.

    Attributes:
        lost_ratio: Packets lost of those expected, repaired ones not counted, 0 to 1.
        round_trip_ms: None until a repair measured it.
        keyframe_interval_s: Between the last two keyframes, None before.
        has_b_frames: Frames come out of display order; browsers stutter on those.
    """

    is_live: bool
    bitrate_bps: int
    lost_ratio: float
    round_trip_ms: float | None
    frames_per_s: float
    keyframe_interval_s: float | None
    has_b_frames: bool
    viewer_count: int
    codecs: Mapping[str, str]


@dataclass(slots=True, eq=False)
class Broadcast:
    """A broadcaster's session."""

    room: "Room"
    peer: Peer
    ingest: Ingest

    def silent_s(self, now: float) -> float:
        """Return for how long nothing came."""
        heard_at = self.ingest.heard_at
        return now - (self.peer.created_at if heard_at is None else heard_at)


@dataclass(slots=True, eq=False)
class Watching:
    """A viewer's session; ``view`` exists once SRTP does."""

    room: "Room"
    peer: Peer
    streams: Mapping[str, Stream]
    admission: Admission
    view: View | None = None
    active_at: float = 0.0

    def start(self, now: float) -> None:
        """Begin to be served."""
        keys = self.peer.keys
        assert keys is not None, "a view needs SRTP"
        video, audio = self.streams.get("video"), self.streams.get("audio")
        egress = EgressClass(
            video_payload_type=video.codec.payload_type if video else None,
            send_time_id=video.send_time_id if video else None,
            audio_payload_type=audio.codec.payload_type if audio else None,
            tag_bytes=keys.tag_bytes,
        )
        self.view = View(egress, keys.handle, self.peer.address, self.admission)
        self.view.rtx_payload_type = video.codec.rtx_payload_type if video else None
        self.room.relay.join(self.view, now)


@dataclass(slots=True)
class Measured:
    """What was counted at the last look."""

    at: float = 0.0
    received_bytes: int = 0
    frame_count: int = 0
    expected_count: int = 0
    received_count: int = 0
    bitrate_bps: int = 0
    frames_per_s: float = 0.0
    lost_ratio: float = 0.0


@dataclass(slots=True, eq=False)
class Room:
    """One room's media.

    Attributes:
        is_flowing: Media arrives; ``web`` calls the room live.
        left_at: When the last broadcaster went, None while there is one.
        is_pumping: A fan-out is scheduled to go on.
    """

    room_id: str
    relay: Relay
    streams: Mapping[str, Stream]
    broadcast: Broadcast | None = None
    watching: dict[str, Watching] = field(default_factory=dict)
    is_flowing: bool = False
    left_at: float | None = None
    is_pumping: bool = False
    measured: Measured = field(default_factory=Measured)

    def codecs(self) -> dict[str, str]:
        """Return the codec of each kind the room has."""
        return {kind: stream.codec.name for kind, stream in self.streams.items()}

    def h264_profile(self) -> str | None:
        """Return the profile the broadcaster agreed to, if the video is H.264."""
        video = self.streams.get("video")
        return profile_of(video.codec) if video and video.codec.name == "H264" else None

    def measure(self, now: float) -> None:
        """Look at the counters; call it about once per second."""
        last, ingest = self.measured, self.broadcast.ingest if self.broadcast else None
        elapsed_s = now - last.at
        if ingest is None or elapsed_s <= 0:
            self.measured = Measured(at=now)
            return
        video = self.relay.tracks.get("video")
        losses = [source.losses for source in ingest.sources.values()]
        expected = sum(loss.expected_count() for loss in losses)
        received = sum(loss.received_count for loss in losses)
        frames = video.frame_count if video else 0
        expected_now = max(expected - last.expected_count, 0)
        lost_now = max(expected_now - (received - last.received_count), 0)
        self.measured = Measured(
            at=now,
            received_bytes=ingest.received_bytes,
            frame_count=frames,
            expected_count=expected,
            received_count=received,
            bitrate_bps=int(8 * max(ingest.received_bytes - last.received_bytes, 0) / elapsed_s),
            frames_per_s=max(frames - last.frame_count, 0) / elapsed_s,
            lost_ratio=min(lost_now / expected_now, 1.0) if expected_now else 0.0,
        )
        self.relay.measured(self.measured.bitrate_bps)

    def health(self) -> Health:
        """Return how the broadcast arrives."""
        video = self.relay.tracks.get("video")
        trip_s = self.broadcast.ingest.round_trip_s() if self.broadcast else None
        return Health(
            is_live=self.is_flowing,
            bitrate_bps=self.measured.bitrate_bps,
            lost_ratio=self.measured.lost_ratio,
            round_trip_ms=None if trip_s is None else trip_s * 1000,
            frames_per_s=self.measured.frames_per_s,
            keyframe_interval_s=video.keyframe_interval_s if video else None,
            has_b_frames=video is not None and video.reordered_frame_count > 0,
            viewer_count=self.relay.view_count,
            codecs=self.codecs(),
        )
