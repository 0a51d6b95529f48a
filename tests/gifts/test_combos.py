"""Combos count hits, and only hits that belong together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gifts import combos
from gifts.combos import COMBOS_MAX, IDLE_MAX, Combos, Hit

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HIT = Hit("ana", "room", "rose", "streak", 1, NOON)


def after(wait: timedelta) -> Hit:
    return replace(HIT, at=NOON + wait)


def test_the_first_hit_of_a_streak_counts_its_quantity() -> None:
    assert Combos().count(replace(HIT, quantity=7)) == 7


def test_hits_of_one_streak_add_up() -> None:
    streaks = Combos()

    counts = [streaks.count(replace(HIT, quantity=quantity)) for quantity in (1, 5, 1)]

    assert counts == [1, 6, 7]


def test_a_hit_exactly_at_the_idle_limit_still_belongs_to_the_streak() -> None:
    streaks = Combos()
    streaks.count(HIT)

    assert streaks.count(after(IDLE_MAX)) == 2


def test_a_hit_after_the_idle_limit_starts_a_new_streak() -> None:
    streaks = Combos()
    streaks.count(HIT)

    assert streaks.count(after(IDLE_MAX + TICK)) == 1


def test_a_streak_lives_as_long_as_somebody_keeps_hitting() -> None:
    streaks = Combos()

    counts = [streaks.count(after(IDLE_MAX * step)) for step in range(10)]

    assert counts == list(range(1, 11))


def test_another_sender_room_gift_or_id_is_another_streak() -> None:
    streaks = Combos()
    streaks.count(HIT)

    others = [
        replace(HIT, sender_id="ben"),
        replace(HIT, room_id="elsewhere"),
        replace(HIT, gift_id="heart"),
        replace(HIT, combo_id="another"),
    ]

    assert [streaks.count(other) for other in others] == [1, 1, 1, 1]


def test_past_the_limit_the_streak_idle_longest_is_forgotten() -> None:
    streaks = Combos()
    for number in range(COMBOS_MAX + 1):
        streaks.count(replace(HIT, combo_id=str(number)))

    assert streaks.count(replace(HIT, combo_id=str(COMBOS_MAX))) == 2
    assert streaks.count(replace(HIT, combo_id="0")) == 1


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from([timedelta(0), IDLE_MAX - TICK, IDLE_MAX, IDLE_MAX + TICK]),
        ),
        min_size=1,
    )
)
def test_counts_of_a_streak_end_at_the_sum_of_its_quantities(
    hits: list[tuple[int, timedelta]],
) -> None:
    streaks, at, expected = Combos(), NOON, 0

    for quantity, wait in hits:
        at += wait
        expected = quantity + (expected if wait <= combos.IDLE_MAX else 0)
        assert streaks.count(replace(HIT, quantity=quantity, at=at)) == expected
