"""A broadcaster's packets: which are taken, what is said back."""

import pytest

from live import rtcp
from live.answers import Stream
from live.errors import NotRtp
from live.ingest import SOURCES_MAX, Ingest
from live.rewrite import Rtp
from live.sdp import Codec
from tests.live.media_builders import VIDEO_SSRC, rtp, written


class Relay:
    """Remembers what was forwarded."""

    def __init__(self) -> None:
        self.forwarded: list[tuple[str, int, Rtp]] = []
        self.restarts: list[str] = []
        self.aligned: list[tuple[str, int, float]] = []
        self.lost_at: list[float] = []

    def forward(self, kind: str, packet: Rtp, sequence: int, now: float) -> None:
        del now
        self.forwarded.append((kind, sequence & 0xFFFF, packet))

    def restart(self, kind: str) -> None:
        self.restarts.append(kind)

    def align(self, kind: str, timestamp: int, captured_at: float) -> None:
        self.aligned.append((kind, timestamp, captured_at))

    def lost_for_good(self, now: float) -> None:
        self.lost_at.append(now)


def a_session(feedback: frozenset[str] = frozenset({"nack", "nack pli"})) -> tuple[Ingest, Relay]:
    video = Codec(96, "VP8", 90_000, 1, "", feedback, 97)
    audio = Codec(111, "OPUS", 48_000, 2, "", frozenset(), None)
    streams = {
        "video": Stream("video", 1, video, transport_sequence_id=3),
        "audio": Stream("audio", 0, audio),
    }
    relay = Relay()
    return Ingest(streams, relay, ssrc=1), relay


def test_packets_go_on_at_once_and_out_of_order() -> None:
    ingest, relay = a_session()

    for sequence in (1, 3, 2):
        ingest.receive(written(rtp(sequence)), 1.0)
    ingest.receive(written(rtp(9, payload_type=111, ssrc=5)), 1.0)

    assert [(kind, sequence) for kind, sequence, _ in relay.forwarded] == [
        ("video", 1),
        ("video", 3),
        ("video", 2),
        ("audio", 9),
    ]


def test_a_repeated_packet_goes_on_once() -> None:
    ingest, relay = a_session()

    ingest.receive(written(rtp(1)), 1.0)
    ingest.receive(written(rtp(1)), 1.0)

    assert len(relay.forwarded) == 1
    assert ingest.dropped["repeated"] == 1


def test_payload_types_we_did_not_agree_on_are_dropped() -> None:
    ingest, relay = a_session()

    ingest.receive(written(rtp(1, payload_type=120)), 1.0)

    assert not relay.forwarded
    assert ingest.dropped["unknown_stream"] == 1


def test_what_is_not_rtp_raises_its_own_error() -> None:
    ingest, _ = a_session()

    with pytest.raises(NotRtp):
        ingest.receive(b"\x80", 1.0)


def test_a_retransmission_fills_its_gap() -> None:
    ingest, relay = a_session()
    ingest.receive(written(rtp(1)), 1.0)
    ingest.receive(written(rtp(3)), 1.0)
    missing = rtp(2, 3000, payload=b"\x00\x02lost", payload_type=97, ssrc=9)

    ingest.receive(written(missing), 1.1)

    kind, sequence, packet = relay.forwarded[-1]
    assert (kind, sequence, packet.payload, packet.payload_type) == ("video", 2, b"lost", 96)


def test_a_new_ssrc_takes_over_and_the_old_one_never_returns() -> None:
    ingest, relay = a_session()
    ingest.receive(written(rtp(1)), 1.0)
    ingest.receive(written(rtp(500, ssrc=77)), 1.0)

    ingest.receive(written(rtp(2)), 1.0)

    assert relay.restarts == ["video", "video"]
    assert [sequence for _, sequence, _ in relay.forwarded] == [1, 500]


def test_a_session_has_a_limited_number_of_sources() -> None:
    ingest, relay = a_session()

    for ssrc in range(1, SOURCES_MAX + 10):
        ingest.receive(written(rtp(1, ssrc=ssrc)), 1.0)

    assert len(relay.forwarded) == SOURCES_MAX


def said(ingest: Ingest, now: float) -> list[rtcp.Report]:
    return [
        report for packet in ingest.feedback(now) if packet[1] != 205 or packet[0] & 31 == 1
        for report in rtcp.read(packet)
    ]  # fmt: skip


def test_what_is_missing_is_asked_for() -> None:
    ingest, _ = a_session()
    for sequence in (1, 4):
        ingest.receive(written(rtp(sequence)), 1.0)

    assert rtcp.Nack(VIDEO_SSRC, (2, 3)) in said(ingest, 1.02)


def test_nobody_is_asked_who_did_not_offer_to_answer() -> None:
    ingest, _ = a_session(frozenset())
    for sequence in (1, 4):
        ingest.receive(written(rtp(sequence)), 1.0)

    assert not [one for one in said(ingest, 1.02) if isinstance(one, rtcp.Nack)]


def test_a_wanted_keyframe_is_asked_for_once() -> None:
    ingest, _ = a_session()
    ingest.request_keyframe()
    assert not said(ingest, 1.0)
    ingest.receive(written(rtp(1)), 1.0)

    assert rtcp.KeyframeRequest(VIDEO_SSRC) in said(ingest, 1.1)
    assert rtcp.KeyframeRequest(VIDEO_SSRC) not in said(ingest, 1.2)


def test_without_pli_the_request_is_a_fir() -> None:
    ingest, _ = a_session(frozenset({"ccm fir"}))
    ingest.receive(written(rtp(1)), 1.0)
    ingest.request_keyframe()

    assert any(
        packet[0] & 31 == rtcp.FIR_FMT for packet in ingest.feedback(1.1) if packet[1] == 206
    )


def test_reports_come_once_per_second_and_echo_the_senders() -> None:
    ingest, _ = a_session()
    ingest.receive(written(rtp(1)), 10.0)
    ingest.receive_rtcp(rtcp.sender_report(rtcp.SenderReport(VIDEO_SSRC, 1 << 40, 0, 0, 0)), 10.0)

    (report,) = said(ingest, 10.5)

    assert isinstance(report, rtcp.ReceiverReport)
    assert report.blocks[0].last_report == (1 << 40) >> 16 & 0xFFFF_FFFF
    assert report.blocks[0].delay == 65_536 // 2
    assert said(ingest, 10.6) == []


def test_arrivals_are_reported_where_transport_sequences_are_sent() -> None:
    ingest, _ = a_session()
    ingest.receive(written(rtp(1), extension=b"\x31\x00\x07"), 1.0)

    transport = [packet for packet in ingest.feedback(1.1) if packet[1] == 205]

    assert len(transport) == 1
    assert transport[0][12:16] == b"\x00\x07\x00\x01"


def test_sound_and_picture_share_one_offset_to_the_broadcasters_clock() -> None:
    ingest, relay = a_session()
    ingest.receive(written(rtp(1)), 10.0)
    ingest.receive(written(rtp(1, payload_type=111, ssrc=5)), 10.0)
    at = rtcp.ntp_time(1e9)

    ingest.receive_rtcp(rtcp.sender_report(rtcp.SenderReport(VIDEO_SSRC, at, 100, 0, 0)), 10.0)
    ingest.receive_rtcp(
        rtcp.sender_report(rtcp.SenderReport(5, rtcp.ntp_time(1e9 + 0.5), 200, 0, 0)), 10.7
    )

    (video, audio) = relay.aligned
    assert video[:2] == ("video", 100)
    assert audio[:2] == ("audio", 200)
    assert audio[2] - video[2] == pytest.approx(0.5, abs=1e-6)


def test_loss_for_good_is_told_to_the_relay() -> None:
    ingest, relay = a_session()
    ingest.receive(written(rtp(1)), 1.0)
    ingest.receive(written(rtp(900)), 1.0)

    ingest.feedback(1.1)

    assert relay.lost_at == [1.1]


def test_padding_alone_on_the_retransmission_stream_is_no_packet() -> None:
    ingest, relay = a_session()
    ingest.receive(written(rtp(1)), 1.0)

    ingest.receive(written(rtp(1, payload=b"", payload_type=97, ssrc=9), padding=200), 1.0)

    assert len(relay.forwarded) == 1
