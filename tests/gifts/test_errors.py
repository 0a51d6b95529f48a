"""Refusals are values as well as exceptions."""

import pytest

from gifts.errors import (
    GiftRefused,
    GiftToOneself,
    InsufficientCoins,
    PriceChanged,
    QuantityOutOfRange,
    RoomEnded,
    UnknownGift,
)


def test_refusals_with_the_same_fields_are_equal() -> None:
    assert InsufficientCoins(3) == InsufficientCoins(3)
    assert hash(InsufficientCoins(3)) == hash(InsufficientCoins(3))


def test_refusals_that_differ_in_a_field_or_in_kind_are_not_equal() -> None:
    assert InsufficientCoins(3) != InsufficientCoins(4)
    assert GiftToOneself() != RoomEnded()


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        (UnknownGift("unicorn"), "the menu has no gift 'unicorn'"),
        (QuantityOutOfRange(0, 999), "one order holds 1 to 999 gifts, not 0"),
        (PriceChanged("rose", 2), "one rose costs 2 coins now"),
        (GiftToOneself(), "nobody can send a gift to themselves"),
        (RoomEnded(), "this broadcast has ended"),
        (InsufficientCoins(12), "12 more coins are needed"),
    ],
)
def test_each_refusal_says_what_is_wrong(refusal: GiftRefused, says: str) -> None:
    assert str(refusal) == says
