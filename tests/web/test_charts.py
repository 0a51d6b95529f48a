"""Bars stay in their box and show what is not nothing."""

from hypothesis import given
from hypothesis import strategies as st

from web import charts
from web.charts import BOTTOM, DAYS_NAMED_MAX, HEIGHT, TOP, WIDTH

amounts = st.lists(st.integers(0, 10**12), min_size=1, max_size=366)


@given(amounts)
def test_every_bar_lies_in_the_box(values: list[int]) -> None:
    days = charts.days(values, values[::-1], [str(index) for index in range(len(values))])

    for bar in (bar for day in days for bar in (day.sales, day.gifts)):
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert TOP - 0.1 <= bar.y <= bar.y + bar.height <= HEIGHT - BOTTOM + 0.1


@given(amounts)
def test_a_little_can_be_told_from_nothing(values: list[int]) -> None:
    days = charts.days(values, values, [""] * len(values))

    assert [day.sales.height > 0 for day in days] == [value > 0 for value in values]


def test_no_more_days_are_named_than_there_is_room_for() -> None:
    days = charts.days([1] * 100, [1] * 100, [f"day {index}" for index in range(100)])

    assert 0 < sum(bool(day.label) for day in days) <= DAYS_NAMED_MAX


def test_no_days_make_no_chart() -> None:
    assert charts.days([], [], []) == []
