"""A room on a seeded network, without sockets or clocks: time is an argument and runs in steps.

A broadcaster sends over a lossy path into the real ``Ingest`` and ``Relay``; viewers get what the
relay sends over lossy paths of their own, ask again for what is missing, and say so in RTCP. Every
path draws from its own generator, so that one viewer's luck changes nobody else's.

Units   seconds; sequences in ``Viewer`` are extended.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from live import rtcp
from live.answers import Stream
from live.ingest import Ingest
from live.relay import Relay
from live.rewrite import Rtp, read, unwrap, unwrapped_retransmission
from live.sdp import Codec
from live.tracks import Track
from live.views import Admission, EgressClass, View
from tests.live.media_builders import IDR, SLICE, written

STEP_S = 0.005
FRAME_S = 1 / 30
AUDIO_S = 0.02
TICK_S = 0.02
VIDEO_PT, RTX_PT, AUDIO_PT = 102, 103, 111


def codec(name: str, number: int, rate_hz: int, rtx: int | None = None) -> Codec:
    """Return a codec as an offer would give it."""
    feedback = frozenset({"nack", "nack pli"})
    return Codec(number, name, rate_hz, 1, "", feedback, rtx)


STREAMS = {
    "video": Stream("video", 1, codec("H264", VIDEO_PT, 90_000, RTX_PT), transport_sequence_id=3),
    "audio": Stream("audio", 0, codec("OPUS", AUDIO_PT, 48_000)),
}


@dataclass
class Path:
    """One direction of one link."""

    seed: str
    loss_ratio: float = 0.0
    delay_s: float = 0.05
    jitter_s: float = 0.0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def arrival(self, now: float) -> float | None:
        """Return when a packet sent now arrives; None: never."""
        lost, late = self.random.random(), self.random.random()
        return None if lost < self.loss_ratio else now + self.delay_s + late * self.jitter_s


class Network:
    """What is on its way."""

    def __init__(self) -> None:
        self._coming: list[tuple[float, int, Callable[[float], None]]] = []
        self._number = itertools.count()

    def send(self, path: Path, now: float, deliver: Callable[[float], None]) -> None:
        """Call ``deliver`` when a packet sent now arrives, if it does."""
        at = path.arrival(now)
        if at is not None:
            heapq.heappush(self._coming, (at, next(self._number), deliver))

    def deliver(self, now: float) -> None:
        """Deliver everything that has arrived by now."""
        while self._coming and self._coming[0][0] <= now:
            at, _, deliver = heapq.heappop(self._coming)
            deliver(at)


class Broadcaster:
    """Sends frames of five or six packets and Opus, resends what is asked for, as RTX."""

    def __init__(self, world: "World", up: Path, *, ssrc: int, sequence: int, timestamp: int):
        self.world, self.up, self.ssrc = world, up, ssrc
        self.ingest = Ingest(STREAMS, world.relay, ssrc=1)
        self.sent: dict[int, Rtp] = {}
        self.keyframe_wanted = True
        self.asked_for_keyframe_count = 0
        self._sequence, self._timestamp = sequence, timestamp
        self._rtx_sequence = self._audio_sequence = self._transport = 0
        self._frame_at = self._audio_at = world.now
        self._started_at = world.now

    def send_due(self, now: float) -> None:
        """Send the frames due by now."""
        while self._frame_at <= now:
            self._send_frame(self._frame_at)
            self._frame_at += FRAME_S
        while self._audio_at <= now:
            ticks = round((self._audio_at - self._started_at) * 48_000)
            packet = Rtp(
                True, AUDIO_PT, self._audio_sequence & 0xFFFF, ticks, self.ssrc + 1, b"opus"
            )
            self._audio_sequence += 1
            self._put(written(packet), now)
            self._audio_at += AUDIO_S

    def hear(self, compound: bytes, now: float) -> None:
        """Obey RTCP."""
        for report in rtcp.read(compound):
            if isinstance(report, rtcp.Nack):
                for sequence in report.sequences:
                    self._resend(sequence, now)
            elif isinstance(report, rtcp.KeyframeRequest):
                self.asked_for_keyframe_count += 1
                self.keyframe_wanted = True

    def _send_frame(self, at: float) -> None:
        begins, self.keyframe_wanted = self.keyframe_wanted, False
        count = 20 if begins else 5 + (self._sequence & 1)
        ticks = self._timestamp + round((at - self._started_at) * 90_000)
        for index in range(count):
            payload = (IDR if begins else SLICE) + bytes(40 + (index & 1))
            packet = Rtp(
                index == count - 1,
                VIDEO_PT,
                self._sequence & 0xFFFF,
                ticks & 0xFFFF_FFFF,
                self.ssrc,
                payload,
            )
            self.sent[self._sequence & 0xFFFF] = packet
            self._sequence += 1
            self._transport += 1
            extension = b"\x31" + (self._transport & 0xFFFF).to_bytes(2, "big")
            self._put(written(packet, extension), at)

    def _resend(self, sequence: int, now: float) -> None:
        packet = self.sent.get(sequence)
        if packet is None:
            return
        rtx = Rtp(
            packet.marker,
            RTX_PT,
            self._rtx_sequence & 0xFFFF,
            packet.timestamp,
            self.ssrc + 2,
            sequence.to_bytes(2, "big") + packet.payload,
        )
        self._rtx_sequence += 1
        self._put(written(rtx), now)

    def _put(self, packet: bytes, now: float) -> None:
        self.world.network.send(self.up, now, partial(self.ingest.receive, packet))


class Viewer:
    """Collects what arrives and asks again for what does not."""

    def __init__(self, world: "World", name: str, down: Path, *, has_rtx: bool = True) -> None:
        self.world, self.down = world, down
        self.up = Path(f"{down.seed} up", delay_s=down.delay_s)
        egress = EgressClass(VIDEO_PT, 4, AUDIO_PT, 16)
        self.view = View(egress, None, ("192.0.2.1", 1), Admission(name))
        self.view.rtx_payload_type = RTX_PT if has_rtx else None
        self.sent: list[bytes] = []  # plaintexts the relay encrypted for us, in order
        self.got: dict[int, Rtp] = {}  # video, by extended sequence
        self._highest = -1
        self._asked_at: dict[int, float] = {}

    def take(self, packet: bytes, _now: float) -> None:
        """Receive one packet."""
        rtp: Rtp | None = read(packet)
        assert rtp is not None
        video = self.world.relay.tracks["video"]
        if rtp.payload_type == RTX_PT:
            rtp = unwrapped_retransmission(rtp, payload_type=VIDEO_PT, ssrc=video.ssrc)
        if rtp is None or rtp.ssrc != video.ssrc:
            return
        sequence = (
            rtp.sequence + 0x10000 if self._highest < 0 else unwrap(rtp.sequence, self._highest)
        )
        self.got.setdefault(sequence, rtp)
        self._highest = max(self._highest, sequence)

    def missing(self) -> list[int]:
        """Return the holes between the first and the last video packet."""
        return [one for one in range(min(self.got), self._highest) if one not in self.got]

    def ask(self, now: float) -> None:
        """Send NACKs for holes, each at most every 150 ms and for 2 s."""
        if not self.got:
            return
        wanted = [
            one
            for one in self.missing()
            if one > self._highest - 400 and now - self._asked_at.get(one, -1.0) > 0.15
        ]
        self._asked_at.update(dict.fromkeys(wanted, now))
        if wanted:
            ssrc = self.world.relay.tracks["video"].ssrc
            nack = rtcp.nack(9, ssrc, wanted[:100])
            relay, view = self.world.relay, self.view
            self.world.network.send(self.up, now, partial(relay.hear, view, nack))


@dataclass
class World:
    """A room with its people; ``now`` is where the simulation stands."""

    seed: int
    now: float = 100.0
    network: Network = field(default_factory=Network)
    viewers: list[Viewer] = field(default_factory=list)
    broadcaster: Broadcaster | None = None

    def __post_init__(self) -> None:
        tracks = {
            "video": Track("video", "H264", ssrc=10, rtx_ssrc=11, timestamp=0xFFFF_0000),
            "audio": Track("audio", "OPUS", ssrc=12, rtx_ssrc=13, timestamp=5),
        }
        self.relay = Relay(self, tracks, cname="room")
        self._ticked_at = self.now

    def send(self, packets: list[bytes], tag_bytes: int, viewers: Sequence[View]) -> None:
        """Be the relay's outlet."""
        assert tag_bytes == 16
        by_view = {viewer.view: viewer for viewer in self.viewers}
        for view in viewers:
            viewer = by_view[view]
            viewer.sent += packets
            for packet in packets:
                self.network.send(
                    viewer.down,
                    self.now,
                    partial(viewer.take, packet),
                )

    def broadcast(self, loss_ratio: float = 0.0, *, number: int = 0) -> Broadcaster:
        """Let a broadcaster begin, or take over."""
        up = Path(f"{self.seed} up {number}", loss_ratio, jitter_s=0.004)
        self.broadcaster = Broadcaster(
            self, up, ssrc=1000 + 10 * number, sequence=65_400 + number, timestamp=number * 77
        )
        self.relay.request_keyframe = self.broadcaster.ingest.request_keyframe
        return self.broadcaster

    def watch(self, name: str, loss_ratio: float = 0.0, *, has_rtx: bool = True) -> Viewer:
        """Let a viewer join now."""
        down = Path(f"{self.seed} {name}", loss_ratio, jitter_s=0.004)
        viewer = Viewer(self, name, down, has_rtx=has_rtx)
        self.viewers.append(viewer)
        self.relay.join(viewer.view, self.now)
        return viewer

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now += STEP_S
            if self.broadcaster is not None:
                self.broadcaster.send_due(self.now)
            self.network.deliver(self.now)
            while self.relay.fan_out(self.now, 3):
                pass
            if self.now - self._ticked_at >= TICK_S:
                self._tick()

    def _tick(self) -> None:
        elapsed_s, self._ticked_at = self.now - self._ticked_at, self.now
        self.relay.catch_up(self.now, elapsed_s)
        self.relay.govern(self.now)
        if (broadcaster := self.broadcaster) is not None:
            for packet in broadcaster.ingest.feedback(self.now):
                self.network.send(
                    Path("feedback", delay_s=0.05),
                    self.now,
                    partial(broadcaster.hear, packet),
                )
        for viewer in self.viewers:
            viewer.ask(self.now)
