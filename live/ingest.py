"""A broadcaster's packets: put in order of streams, repaired, fed back on, and handed to the relay.

Plane: media, sans I/O: plaintext RTP and RTCP in, plaintext RTCP out.
Units   ``now`` and arrivals: monotonic seconds.
Source  RFC 3550 section 6.4 (reports), RFC 4585 (NACK, PLI), RFC 4588 (RTX). Packets go on at
        once and out of order: every viewer reorders anyway.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from live import rtcp
from live.answers import CLOCK_RATES_HZ, Stream
from live.arrivals import Arrivals
from live.losses import Losses
from live.rewrite import Rtp, read, unwrap, unwrapped_retransmission

RECEIVER_REPORT_S = 1.0
ARRIVALS_REPORT_S = 0.1
SOURCES_MAX = 16  # streams one broadcaster may start in a session, one after the other
UNSTARTED = 0x10000  # first extended sequence: room below for what arrives late


class Onward(Protocol):
    """Where packets go: the relay."""

    def forward(self, kind: str, packet: Rtp, sequence: int, now: float) -> None: ...
    def restart(self, kind: str) -> None: ...
    def align(self, kind: str, timestamp: int, captured_at: float) -> None: ...
    def lost_for_good(self, now: float) -> None: ...


class Source:
    """One incoming stream: one kind, one SSRC at a time.

    Attributes:
        ssrc: None until the first packet.
        report: Middle bits of the last sender report, and when it came.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.kind = stream.kind
        self.ssrc: int | None = None
        self.losses = Losses(CLOCK_RATES_HZ[stream.kind])
        self.report: tuple[int, float] = (0, 0.0)

    def change(self, ssrc: int) -> None:
        """Take up a new SSRC."""
        self.ssrc = ssrc
        self.losses = Losses(CLOCK_RATES_HZ[self.kind])
        self.report = (0, 0.0)

    def extended(self, sequence: int) -> int:
        """Return the extended sequence of a 16-bit one."""
        highest = self.losses.highest
        return sequence + UNSTARTED if highest < 0 else unwrap(sequence, highest)

    def block(self, now: float) -> rtcp.Block:
        """Return our report block on this stream."""
        fraction, lost_count = self.losses.interval()
        last_report, came_at = self.report
        delay = int((now - came_at) * 65_536) if last_report else 0
        return rtcp.Block(
            ssrc=self.ssrc or 0,
            fraction_lost=fraction,
            lost_count=min(lost_count, 0x7F_FFFF),
            highest=self.losses.highest,
            jitter=int(self.losses.jitter),
            last_report=last_report,
            delay=delay & 0xFFFF_FFFF,
        )


class Ingest:
    """One broadcaster's session.

    Attributes:
        heard_at: When the last RTP packet came, None before the first.
        received_bytes: RTP bytes received, headers included.
        dropped: Packets not forwarded, by reason.
    """

    def __init__(self, streams: Mapping[str, Stream], relay: Onward, ssrc: int) -> None:
        self._relay = relay
        self._ssrc = ssrc  # we say RTCP under this name
        self._arrivals = Arrivals()
        self._sources: dict[int, Source] = {}  # by payload type
        self._retransmissions: dict[int, Source] = {}  # by RTX payload type
        self._transport_ids = {
            stream.transport_sequence_id
            for stream in streams.values()
            if stream.transport_sequence_id is not None
        }
        self._known_ssrcs: set[int] = set()
        self._captured_offset_s: float | None = None
        self._receiver_report_at = self._arrivals_report_at = 0.0
        self._keyframe_request_count = 0
        self._is_keyframe_wanted = False
        self.streams = dict(streams)
        self.sources: dict[str, Source] = {}
        for stream in streams.values():
            source = self.sources[stream.kind] = Source(stream)
            self._sources[stream.codec.payload_type] = source
            if stream.codec.rtx_payload_type is not None:
                self._retransmissions[stream.codec.rtx_payload_type] = source
        self.heard_at: float | None = None
        self.received_bytes = 0
        self.dropped: Counter[str] = Counter()

    def receive(self, packet: bytes, now: float) -> None:
        """Take one decrypted RTP packet.

        Raises:
            NotRtp: It cannot be parsed.
        """
        rtp = read(packet)
        self.heard_at = now
        self.received_bytes += len(packet)
        for number in self._transport_ids:
            if sequence := rtp.extensions.get(number):
                self._arrivals.note(int.from_bytes(sequence[:2], "big"), now)
        source = self._retransmissions.get(rtp.payload_type)
        if source is not None:
            self._receive_retransmission(source, rtp, now)
            return
        source = self._sources.get(rtp.payload_type)
        if source is None or not self._is_current(source, rtp.ssrc):
            self.dropped["unknown_stream"] += 1
            return
        in_order = source.extended(rtp.sequence) > source.losses.highest
        if self._pass_on(source, rtp, now) and in_order:
            source.losses.transit(rtp.timestamp, now)

    def receive_rtcp(self, compound: bytes, now: float) -> None:
        """Take one decrypted RTCP compound.

        Raises:
            NotRtcp: It cannot be parsed.
        """
        for report in rtcp.read(compound):
            if not isinstance(report, rtcp.SenderReport):
                continue
            for source in self.sources.values():
                if source.ssrc == report.ssrc:
                    self._align(source, report, now)

    def request_keyframe(self) -> None:
        """Ask the broadcaster for a keyframe with the next feedback."""
        self._is_keyframe_wanted = True

    def feedback(self, now: float) -> list[bytes]:
        """Return the RTCP packets to send now; call it about every 20 ms."""
        packets: list[bytes] = []
        for source in self.sources.values():
            wanted = source.losses.due(now)
            if wanted and source.ssrc is not None and "nack" in source.stream.codec.feedback:
                packets.append(rtcp.nack(self._ssrc, source.ssrc, wanted))
            if source.losses.given_up:
                source.losses.given_up = False
                if source.kind == "video":
                    self._relay.lost_for_good(now)
        packets += self._keyframe_request()
        if now - self._arrivals_report_at >= ARRIVALS_REPORT_S:
            self._arrivals_report_at = now
            media_ssrc = next((source.ssrc for source in self.sources.values() if source.ssrc), 0)
            packets += self._arrivals.reports(self._ssrc, media_ssrc)
        if now - self._receiver_report_at >= RECEIVER_REPORT_S:
            self._receiver_report_at = now
            packets += self._receiver_report(now)
        return packets

    def round_trip_s(self) -> float | None:
        """Return the shortest time from asking to getting, None before the first repair."""
        known = [source.losses.round_trip_s for source in self.sources.values()]
        return min((value for value in known if value is not None), default=None)

    def _is_current(self, source: Source, ssrc: int) -> bool:
        """Is ``ssrc`` what the source sends now? A new one takes over, an old one never returns."""
        if source.ssrc == ssrc:
            return True
        if ssrc in self._known_ssrcs or len(self._known_ssrcs) >= SOURCES_MAX:
            return False
        self._known_ssrcs.add(ssrc)
        source.change(ssrc)
        self._relay.restart(source.kind)
        return True

    def _receive_retransmission(self, source: Source, rtx: Rtp, now: float) -> None:
        if source.ssrc is None:
            return
        codec = source.stream.codec
        original = unwrapped_retransmission(rtx, payload_type=codec.payload_type, ssrc=source.ssrc)
        if original is not None:
            self._pass_on(source, original, now)

    def _pass_on(self, source: Source, rtp: Rtp, now: float) -> bool:
        sequence = source.extended(rtp.sequence)
        if not source.losses.arrived(sequence, now):
            self.dropped["repeated"] += 1
            return False
        self._relay.forward(source.kind, rtp, sequence, now)
        return True

    def _align(self, source: Source, report: rtcp.SenderReport, now: float) -> None:
        """Remember which moment of the broadcaster's clock a timestamp stands for.

        One offset for all its streams: sound and picture keep their distance.
        """
        source.report = (report.ntp >> 16 & 0xFFFF_FFFF, now)
        sent_at = rtcp.unix_time(report.ntp)
        if self._captured_offset_s is None:
            self._captured_offset_s = now - sent_at
        self._relay.align(source.kind, report.timestamp, sent_at + self._captured_offset_s)

    def _keyframe_request(self) -> list[bytes]:
        source = self.sources.get("video")
        if not self._is_keyframe_wanted or source is None or source.ssrc is None:
            return []
        self._is_keyframe_wanted = False
        self._keyframe_request_count += 1
        feedback = source.stream.codec.feedback
        if "nack pli" not in feedback and "ccm fir" in feedback:
            count = self._keyframe_request_count
            return [rtcp.full_intra_request(self._ssrc, source.ssrc, count)]
        return [rtcp.picture_loss(self._ssrc, source.ssrc)]

    def _receiver_report(self, now: float) -> list[bytes]:
        blocks = [source.block(now) for source in self.sources.values() if source.ssrc is not None]
        return [rtcp.receiver_report(self._ssrc, blocks)] if blocks else []
