"""Cost lots: exact to the last millionth, whatever the steps."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.errors import BadEncoding, NotACommand
from wallet.lots import Lot, LotMoved, LotOpened, decode_changes, encode_changes

WORDS = st.integers(-(2**63), 2**63 - 1)
CHANGES = st.builds(LotOpened, WORDS, WORDS, WORDS, WORDS, WORDS) | st.builds(
    LotMoved, WORDS, WORDS, WORDS, WORDS, WORDS
)


@pytest.mark.parametrize(
    ("spent", "coins", "released"), [(0, 1, 3), (1, 1, 3), (2, 1, 4), (0, 3, 10), (3, -3, -10)]
)
def test_a_lot_of_3_that_cost_10_releases(spent: int, coins: int, released: int) -> None:
    lot = Lot(1, 1, 2, size=3, cost=10, spent=spent)

    assert lot.released_by(coins) == released


@given(st.integers(1, 1000), st.integers(0, 10**12), st.lists(st.integers(1, 300)))
def test_a_used_up_lot_has_released_exactly_its_cost(
    size: int, cost: int, steps: list[int]
) -> None:
    lot, released = Lot(1, 1, 2, size, cost), 0

    for step in [*steps, size]:
        coins = min(step, lot.available)
        released += lot.released_by(coins)
        lot.moved(LotMoved(1, spent=coins))
        assert released + lot.deferred == cost

    assert (lot.available, lot.deferred, released) == (0, 0, cost)


@pytest.mark.parametrize(
    "move",
    [
        LotMoved(1, spent=11),
        LotMoved(1, spent=-1),
        LotMoved(1, taken=6, frozen=5),
        LotMoved(1, owed=1),
        LotMoved(1, frozen=-1),
    ],
)
def test_a_lot_of_10_cannot_move_out_of_its_range(move: LotMoved) -> None:
    lot = Lot(1, 1, 2, size=10, cost=10)

    with pytest.raises(NotACommand):
        lot.moved(move)

    assert lot.row == (1, 1, 2, 10, 10, 0, 0, 0, 0)


def test_what_a_refund_may_still_take_counts_debts() -> None:
    lot = Lot(1, 1, 2, size=10, cost=10, spent=4, taken=3, owed=2)

    assert (lot.available, lot.untouched_by_refund) == (3, 5)


@given(st.lists(CHANGES, max_size=4))
def test_changes_survive_their_encoding(changes: list[LotOpened | LotMoved]) -> None:
    assert decode_changes(encode_changes(changes)) == changes


@given(st.binary(max_size=130) | st.binary(min_size=41, max_size=41))
def test_bytes_that_are_no_changes_are_told_apart(encoded: bytes) -> None:
    with contextlib.suppress(BadEncoding):
        assert encode_changes(decode_changes(encoded)) == encoded
