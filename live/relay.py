"""One room's media: a broadcaster's tracks to all its viewers.

The packet's way: ``forward`` numbers it anew and lets it wait for its frame; ``fan_out`` sends the
frame as one burst per viewer, plaintext made once per egress class. Who joins is served from the
ring until it has caught up with the live edge.

Plane: media, sans I/O: bursts leave through an ``Outlet``.
Units   ``now``: monotonic seconds. Rates in bits per second.
Limits  A fan-out stops after ``viewers_max`` viewers and goes on at the next call; meanwhile frames
        wait and leave together: bursts grow with load by themselves.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from live import rtcp
from live.packet_cache import Kept
from live.rewrite import Rtp, retransmission, unwrap
from live.tracks import Track
from live.views import EgressClass, View

KEYFRAME_AGE_S_MAX = 4.0  # the ring holds 6 s: the answer has 2 s before a joiner would wait
KEYFRAME_RETRY_S = 1.0
FIRST_KEYFRAME_S = 0.5  # a new source that did not begin with a keyframe is asked after this
CATCH_UP_BPS_MIN = 16_000_000
CATCH_UP_FACTOR = 8  # times the stream's own rate
CATCH_UP_PACKETS_MIN = 54  # one full run
SENDER_REPORT_S = 1.0


class Outlet(Protocol):
    """Where bursts leave: ``live.bursts.Bursts``, or a simulated network."""

    def send(self, packets: list[bytes], tag_bytes: int, viewers: Sequence[View]) -> None: ...


class FanOut:
    """A burst on its way: what is left to send, per egress class."""

    __slots__ = ("left",)

    def __init__(self, left: list[tuple[list[bytes], int, list[View]]]) -> None:
        self.left = left

    def advance(self, outlet: Outlet, viewers_max: int) -> bool:
        """Serve at most ``viewers_max`` viewers; True while some are left."""
        while self.left and viewers_max > 0:
            packets, tag_bytes, viewers = self.left.pop()
            served, rest = viewers[:viewers_max], viewers[viewers_max:]
            outlet.send(packets, tag_bytes, served)
            viewers_max -= len(served)
            if rest:
                self.left.append((packets, tag_bytes, rest))
        return bool(self.left)


class Relay:
    """One room.

    Attributes:
        request_keyframe: Asks the broadcaster; set by whoever connects one.
        keyframe_request_count: How often it was asked, in all.
        dropped: Packets not forwarded, by reason.
    """

    def __init__(self, outlet: Outlet, tracks: Mapping[str, Track], cname: str) -> None:
        self._outlet = outlet
        self.tracks = dict(tracks)
        self.cname = cname
        self.request_keyframe: Callable[[], None] | None = None
        self.keyframe_request_count = 0
        self.dropped: Counter[str] = Counter()
        self._live: dict[EgressClass, list[View]] = {}
        self._catching_up: list[View] = []
        self._fan_out: FanOut | None = None
        self._turn = 0
        self._asked_at = -KEYFRAME_RETRY_S
        self._rate_bps = 0.0

    @property
    def view_count(self) -> int:
        """How many viewers are connected."""
        return len(self._catching_up) + sum(map(len, self._live.values()))

    # The packet's way

    def forward(self, kind: str, packet: Rtp, sequence: int, now: float) -> None:
        """Take a broadcaster's packet; ``sequence`` is extended."""
        track = self.tracks.get(kind)
        if track is None:
            self.dropped["no_track"] += 1
        elif not track.take(packet, sequence, now):
            self.dropped["too_late"] += 1

    def fan_out(self, now: float, viewers_max: int) -> bool:
        """Send what is due to at most ``viewers_max`` viewers; True if there is more to send."""
        if self._fan_out is None:
            ready = self._ready(now)
            if not ready:
                return False
            self._fan_out = self._burst([(track.kind, track.flush()) for track in ready])
            self._catch_up_audio()
        if self._fan_out.advance(self._outlet, viewers_max):
            return True
        self._fan_out = None
        return bool(self._ready(now))

    def _ready(self, now: float) -> list[Track]:
        return [track for track in self.tracks.values() if track.is_ready(now)]

    def is_waiting(self) -> bool:
        """Do packets wait for their frame's end?"""
        return any(track.pending for track in self.tracks.values())

    def _burst(self, flushed: list[tuple[str, list[Kept]]]) -> FanOut:
        """Make the plaintext of each egress class, and fix who gets it."""
        flushed.sort(key=lambda part: part[0], reverse=True)  # video first: audio ends the run
        plain = [(kind, [entry.packet for entry in kept]) for kind, kept in flushed]
        self._turn += 1
        left = []
        for egress, views in self._live.items():
            packets = [packet for kind, some in plain for packet in egress.rendered(kind, some)]
            if packets and views:
                start = self._turn * 7 % len(views)  # nobody is always the last to be served
                left.append((packets, egress.tag_bytes, views[start:] + views[:start]))
        return FanOut(left)

    # Joining

    def join(self, view: View, now: float) -> None:
        """Begin to serve ``view``, from the ring first."""
        view.joined_at = now
        audio = self.tracks.get("audio")
        view.audio_next = audio.ring.newest + 1 if audio is not None else None
        self._catching_up.append(view)
        self._step(view, CATCH_UP_PACKETS_MIN, now)

    def leave(self, view: View) -> None:
        """Stop serving ``view``."""
        if view in self._catching_up:
            self._catching_up.remove(view)
        views = self._live.get(view.egress)
        if views is not None and view in views:
            views.remove(view)
            if not views:
                del self._live[view.egress]

    def catch_up(self, now: float, elapsed_s: float) -> None:
        """Send joiners the next piece of the ring, as much as ``elapsed_s`` is worth."""
        if not self._catching_up:
            return
        rate_bps = max(CATCH_UP_BPS_MIN, CATCH_UP_FACTOR * self._rate_bps)
        count_max = max(int(rate_bps * elapsed_s / 8 / 1200), CATCH_UP_PACKETS_MIN)
        for view in tuple(self._catching_up):
            self._step(view, count_max, now)

    def _step(self, view: View, count_max: int, now: float) -> None:
        self._send_new_audio(view)
        video = self.tracks.get("video")
        if video is not None and view.egress.video_payload_type is not None:
            if view.video_next is None:
                if video.ring.keyframe is None:
                    return  # the relay's clock has asked for one; audio plays meanwhile
                view.video_next = video.ring.keyframe
            entries = list(video.ring.since(view.video_next, count_max))
            if entries:
                self._send(view, "video", [entry.packet for entry in entries])
                view.video_next = entries[-1].sequence + 1
            if view.video_next <= video.ring.newest:
                return
        self._catching_up.remove(view)
        self._live.setdefault(view.egress, []).append(view)
        view.caught_up_at = now

    def _catch_up_audio(self) -> None:
        for view in self._catching_up:
            self._send_new_audio(view)

    def _send_new_audio(self, view: View) -> None:
        """Sound starts at the live edge at once; old sound would only have to be skipped."""
        audio = self.tracks.get("audio")
        if audio is None or view.audio_next is None:
            return
        entries = list(audio.ring.since(view.audio_next, CATCH_UP_PACKETS_MIN))
        if entries:
            self._send(view, "audio", [entry.packet for entry in entries])
            view.audio_next = entries[-1].sequence + 1

    def _send(self, view: View, kind: str, packets: list[bytes]) -> None:
        rendered = view.egress.rendered(kind, packets)
        if rendered:
            self._outlet.send(rendered, view.egress.tag_bytes, (view,))

    # What viewers say

    def hear(self, view: View, compound: bytes, now: float) -> None:
        """Take one decrypted RTCP compound of ``view``.

        Raises:
            NotRtcp: It cannot be parsed.
        """
        for report in rtcp.read(compound):
            if isinstance(report, rtcp.Nack):
                self._resend(view, report, now)
            elif isinstance(report, rtcp.KeyframeRequest):
                self._merge_request(now)
            elif isinstance(report, rtcp.Remb):
                view.estimate_bps = report.bitrate_bps

    def _resend(self, view: View, wanted: rtcp.Nack, now: float) -> None:
        """Answer a NACK from the ring; the broadcaster never hears of it."""
        for track in self.tracks.values():
            if track.ssrc != wanted.media_ssrc:
                continue
            found = [
                kept.packet
                for sequence in wanted.sequences
                if (kept := track.ring.get(unwrap(sequence, track.ring.newest))) is not None
                and view.may_resend(now)
            ]
            if track.kind == "video" and view.rtx_payload_type is not None:
                self._send_retransmissions(view, track, found, view.rtx_payload_type)
            else:
                self._send(view, track.kind, found)

    def _send_retransmissions(
        self, view: View, track: Track, packets: list[bytes], payload_type: int
    ) -> None:
        wrapped = []
        for packet in view.egress.rendered(track.kind, packets):
            wrapped.append(
                retransmission(
                    packet,
                    payload_type=payload_type,
                    ssrc=track.rtx_ssrc,
                    sequence=view.rtx_sequence,
                )
            )
            view.rtx_sequence += 1  # counts up for ever: no nonce is used twice
        if wrapped:
            self._outlet.send(wrapped, view.egress.tag_bytes, (view,))

    # Keyframes, on our own clock

    def govern(self, now: float) -> None:
        """Ask for a keyframe where none came for too long; call it a few times per second."""
        video = self.tracks.get("video")
        if video is None or video.clock is None:
            return
        if video.ring.keyframe is None:
            is_due = now - max(video.source_started_at, video.keyframe_seen_at) > FIRST_KEYFRAME_S
        else:
            is_due = now - video.keyframe_seen_at > KEYFRAME_AGE_S_MAX
        if is_due:
            self._ask(now)

    def lost_for_good(self, now: float) -> None:
        """Packets of the broadcaster are gone: every viewer's picture is broken."""
        self._merge_request(now)

    def _merge_request(self, now: float) -> None:
        """One request for all who ask, unless a keyframe has just come."""
        video = self.tracks.get("video")
        if video is not None and now - video.keyframe_seen_at > FIRST_KEYFRAME_S:
            self._ask(now)

    def _ask(self, now: float) -> None:
        if now - self._asked_at < KEYFRAME_RETRY_S or self.request_keyframe is None:
            return
        self._asked_at = now
        self.keyframe_request_count += 1
        self.request_keyframe()

    # Clocks

    def restart(self, kind: str) -> None:
        """Another source is about to send ``kind``."""
        if track := self.tracks.get(kind):
            track.restart()

    def align(self, kind: str, timestamp: int, captured_at: float) -> None:
        """The broadcaster says when it captured ``timestamp``."""
        if track := self.tracks.get(kind):
            track.align(timestamp, captured_at)

    def measured(self, rate_bps: float) -> None:
        """Note the stream's present rate, which joins are paced by."""
        self._rate_bps = rate_bps

    def sender_reports(self, egress: EgressClass, now: float, ntp_offset_s: float) -> bytes:
        """Return the compound that ties sound and picture together, for one egress class."""
        reports, ssrcs = b"", []
        for track in self.tracks.values():
            timestamp = track.timestamp_at(now)
            wanted = (
                egress.video_payload_type if track.kind == "video" else egress.audio_payload_type
            )
            if timestamp is None or wanted is None:
                continue
            ssrcs.append(track.ssrc)
            reports += rtcp.sender_report(
                rtcp.SenderReport(
                    ssrc=track.ssrc,
                    ntp=rtcp.ntp_time(now + ntp_offset_s),
                    timestamp=timestamp,
                    packet_count=track.packet_count,
                    octet_count=track.octet_count,
                )
            )
        return reports + rtcp.source_name(ssrcs, self.cname) if ssrcs else b""
