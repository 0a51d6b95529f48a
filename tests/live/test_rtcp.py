"""RTCP: read, written, and read by aiortc's parser too."""

import contextlib

import pytest
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from live import rtcp
from live.errors import NotRtcp

BLOCK = rtcp.Block(5, 17, -3, 70_000, 12, 0x1234_5678, 99)


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_but_their_own_error(compound: bytes) -> None:
    with contextlib.suppress(NotRtcp):
        rtcp.read(compound)


@given(st.integers(0, 31), st.sampled_from([200, 201, 203, 205, 206]), st.binary(max_size=120))
def test_any_report_raises_nothing_but_its_own_error(count: int, kind: int, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    header = bytes((0x80 | count, kind)) + (len(body) // 4).to_bytes(2, "big")
    with contextlib.suppress(NotRtcp):
        rtcp.read(header + body)


def test_a_receiver_report_is_read_back() -> None:
    assert rtcp.read(rtcp.receiver_report(1, [BLOCK])) == [rtcp.ReceiverReport(1, (BLOCK,))]


def test_a_receiver_report_is_what_aiortc_reads() -> None:
    (parsed,) = RtcpPacket.parse(rtcp.receiver_report(1, [BLOCK]))

    assert isinstance(parsed, RtcpRrPacket)
    assert (parsed.reports[0].ssrc, parsed.reports[0].packets_lost) == (5, -3)


def test_sender_report_and_source_name_make_one_compound() -> None:
    report = rtcp.SenderReport(7, 1 << 40, 90_000, 10, 1000)
    compound = rtcp.sender_report(report) + rtcp.source_name([7, 8], "cname")

    assert rtcp.read(compound) == [report]
    sender, *names = RtcpPacket.parse(compound)
    assert isinstance(sender, RtcpSrPacket)
    assert sender.sender_info.ntp_timestamp == 1 << 40
    assert [name.chunks[0].ssrc for name in names if isinstance(name, RtcpSdesPacket)] == [7, 8]


@given(st.sets(st.integers(0x10000, 0x10200), min_size=1, max_size=60))
def test_a_nack_names_exactly_what_is_missing(missing: set[int]) -> None:
    (nack,) = rtcp.read(rtcp.nack(1, 2, sorted(missing)))

    assert isinstance(nack, rtcp.Nack)
    assert nack.media_ssrc == 2
    assert set(nack.sequences) == {sequence & 0xFFFF for sequence in missing}


def test_a_nack_over_the_wrap_is_what_aiortc_reads() -> None:
    (parsed,) = RtcpPacket.parse(rtcp.nack(1, 2, [0x1_0005, 0x1_0007]))

    assert isinstance(parsed, RtcpRtpfbPacket)
    assert parsed.lost == [5, 7]


def test_keyframe_requests_of_both_kinds_are_read() -> None:
    assert rtcp.read(rtcp.picture_loss(1, 2)) == [rtcp.KeyframeRequest(2)]
    assert rtcp.read(rtcp.full_intra_request(1, 2, 300)) == [rtcp.KeyframeRequest(2)]
    (parsed,) = RtcpPacket.parse(rtcp.picture_loss(1, 2))
    assert isinstance(parsed, RtcpPsfbPacket)


def test_a_bandwidth_estimate_is_read() -> None:
    body = bytes(8) + b"REMB" + bytes((2, 3 << 2 | 0x01, 0x00, 0x10))
    body += (7).to_bytes(4, "big") + (8).to_bytes(4, "big")
    packet = bytes((0x80 | 15, 206)) + (len(body) // 4).to_bytes(2, "big") + body

    assert rtcp.read(packet) == [rtcp.Remb(0x1_0010 << 3, (7, 8))]


def test_a_goodbye_is_read_back() -> None:
    assert rtcp.read(rtcp.goodbye([3, 4])) == [rtcp.Bye((3, 4))]


def test_what_follows_a_report_cut_short_is_left_out() -> None:
    whole = rtcp.picture_loss(1, 2)

    assert rtcp.read(whole + rtcp.goodbye([3])[:-2]) == [rtcp.KeyframeRequest(2)]


@pytest.mark.parametrize("compound", [b"", bytes(8), b"\x80\xc9\x00"])
def test_what_has_no_header_is_not_rtcp(compound: bytes) -> None:
    with pytest.raises(NotRtcp):
        rtcp.read(compound)


def test_rtcp_is_told_from_rtp_by_its_second_byte() -> None:
    assert rtcp.is_rtcp(rtcp.goodbye([1]))
    assert not rtcp.is_rtcp(b"\x80\x60" + bytes(10))
    assert not rtcp.is_rtcp(b"\x80")


@given(st.floats(1_600_000_000, 2_000_000_000))
def test_ntp_time_keeps_a_microsecond(unix_s: float) -> None:
    assert rtcp.unix_time(rtcp.ntp_time(unix_s)) == pytest.approx(unix_s, abs=1e-6)
