"""Headers alone tell what arrived and what did not."""

from hypothesis import given
from hypothesis import strategies as st

from live import rtcp
from live.client_counts import ReceiveCounts
from live.client_packets import write_rtp


def packet(sequence: int, ssrc: int = 1) -> bytes:
    return write_rtp(
        b"", payload_type=96, marker=False, sequence=sequence & 0xFFFF, timestamp=0, ssrc=ssrc
    )


@given(
    first=st.integers(0, 0xFFFF),
    kept=st.lists(st.booleans(), min_size=1, max_size=200),
)
def test_losses_are_counted_across_the_wrap(first: int, kept: list[bool]) -> None:
    counts = ReceiveCounts()

    for index, is_kept in enumerate([True, *kept, True]):
        if is_kept:
            counts.count(packet(first + index))

    assert counts.lost_count == kept.count(False)
    assert counts.packet_count == kept.count(True) + 2


def test_packets_out_of_order_are_not_losses() -> None:
    counts = ReceiveCounts()

    for sequence in (65_534, 0, 65_535, 1):
        counts.count(packet(sequence))

    assert counts.lost_count == 0
    assert counts.packet_count == 4


def test_streams_are_counted_apart() -> None:
    counts = ReceiveCounts()

    counts.count(packet(5, ssrc=1))
    counts.count(packet(900, ssrc=2))

    assert (counts.packet_count, counts.lost_count) == (2, 0)


def test_a_report_tells_the_share_lost_since_the_last_one() -> None:
    counts = ReceiveCounts()
    for sequence in (0, 1, 2, 3):
        counts.count(packet(sequence))
    counts.receiver_report(9)
    for sequence in (4, 7):
        counts.count(packet(sequence))

    (report,) = rtcp.read(counts.receiver_report(9))

    assert isinstance(report, rtcp.ReceiverReport)
    (block,) = report.blocks
    assert (block.fraction_lost, block.lost_count, block.highest) == (128, 2, 7)


def test_a_report_without_streams_is_still_a_sign_of_life() -> None:
    assert rtcp.read(ReceiveCounts().receiver_report(9)) == [rtcp.ReceiverReport(9)]
