"""Transport-cc feedback says exactly what arrived and when."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from live.arrivals import TICK_S, Arrivals


def decoded(report: bytes) -> tuple[int, dict[int, int]]:
    """Read a feedback packet the way a sender does: packet count, and arrivals in ticks."""
    padding = report[-1] if report[0] & 0x20 else 0
    first, count = struct.unpack_from("!HH", report, 12)
    clock = int.from_bytes(report[16:19], "big") * 256
    statuses: list[int] = []
    at = 20
    while len(statuses) < count:
        chunk = int.from_bytes(report[at : at + 2], "big")
        at += 2
        if chunk >> 15:
            assert chunk >> 14 == 3
            statuses += [chunk >> 12 - 2 * place & 3 for place in range(7)]
        else:
            statuses += [chunk >> 13] * (chunk & 0x1FFF)
    arrived = {}
    for index, status in enumerate(statuses[:count]):
        if status:
            width = status
            clock += int.from_bytes(report[at : at + width], "big", signed=width == 2)
            at += width
            arrived[first + index & 0xFFFF] = clock
    assert at + padding == len(report)
    return count, arrived


@given(
    st.dictionaries(st.integers(0, 200), st.floats(0, 3), min_size=1, max_size=150),
    st.integers(0, 0xFFFF),
)
def test_a_report_can_be_decoded_to_what_was_noted(offsets: dict[int, float], start: int) -> None:
    arrivals = Arrivals()
    offsets = {0: 0.0, **offsets}
    for offset in sorted(offsets):
        arrivals.note(start + offset & 0xFFFF, 1000.0 + offsets[offset])

    (report,) = arrivals.reports(1, 2)

    assert len(report) % 4 == 0
    count, arrived = decoded(report)
    assert count == max(offsets) + 1
    assert arrived == {
        start + offset & 0xFFFF: int((1000.0 + at) / TICK_S) for offset, at in offsets.items()
    }


def test_nothing_new_is_not_reported() -> None:
    arrivals = Arrivals()
    assert arrivals.reports(1, 2) == []

    arrivals.note(1, 1.0)
    arrivals.reports(1, 2)

    assert arrivals.reports(1, 2) == []


def test_what_was_missing_between_two_reports_is_reported_lost() -> None:
    arrivals = Arrivals()
    arrivals.note(1, 1.0)
    arrivals.reports(1, 2)
    arrivals.note(4, 1.1)

    (report,) = arrivals.reports(1, 2)

    assert decoded(report) == (3, {4: int(1.1 / TICK_S)})


def test_reports_are_counted_so_that_a_lost_one_is_noticed() -> None:
    arrivals = Arrivals()
    numbers = []
    for sequence in range(3):
        arrivals.note(sequence, 1.0)
        (report,) = arrivals.reports(1, 2)
        numbers.append(report[19])

    assert numbers == [0, 1, 2]


def test_a_flood_is_reported_in_datagrams_of_bounded_size() -> None:
    arrivals = Arrivals()
    for sequence in range(20_000):
        arrivals.note(sequence & 0xFFFF, sequence / 1000)

    reports = arrivals.reports(1, 2)

    assert sum(decoded(report)[0] for report in reports) == 1024
    assert max(map(len, reports)) < 1200
