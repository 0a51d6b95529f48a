"""The menu's promises: what is on it, what it costs, what it refuses."""

import re

import pytest

from gifts.errors import QuantityOutOfRange, UnknownGift
from gifts.menu import MENU, QUANTITY_MAX, tier_of


def test_a_rose_costs_one_coin() -> None:
    assert MENU.gift("rose").coins == 1


def test_the_menu_offers_at_least_24_gifts_from_1_to_30_000_coins() -> None:
    prices = [gift.coins for gift in MENU]

    assert len(prices) >= 24
    assert (prices[0], prices[-1]) == (1, 30_000)


def test_gifts_are_listed_cheapest_first() -> None:
    prices = [gift.coins for gift in MENU]

    assert prices == sorted(prices)


def test_every_tier_has_at_least_four_gifts() -> None:
    for tier in (1, 2, 3, 4):
        assert sum(gift.tier == tier for gift in MENU) >= 4


@pytest.mark.parametrize(
    ("coins", "tier"),
    [(1, 1), (99, 1), (100, 2), (999, 2), (1_000, 3), (9_999, 3), (10_000, 4), (30_000, 4)],
)
def test_the_tier_follows_from_the_price(coins: int, tier: int) -> None:
    assert tier_of(coins) == tier


def test_ids_are_short_words_that_fit_a_path_and_a_note() -> None:
    assert all(re.fullmatch(r"[a-z][a-z-]{1,23}", gift.gift_id) for gift in MENU)


def test_no_gift_is_listed_twice() -> None:
    names = [gift.name for gift in MENU]

    assert len(set(names)) == len(names)


def test_an_unknown_gift_is_refused_by_its_id() -> None:
    with pytest.raises(UnknownGift, match="'unicorn'"):
        MENU.gift("unicorn")


@pytest.mark.parametrize(("quantity", "coins"), [(1, 100), (2, 200), (QUANTITY_MAX, 99_900)])
def test_several_gifts_cost_the_price_of_one_each(quantity: int, coins: int) -> None:
    assert MENU.cost("microphone", quantity) == coins


@pytest.mark.parametrize("quantity", [-1, 0, QUANTITY_MAX + 1])
def test_a_quantity_outside_the_limits_is_refused(quantity: int) -> None:
    with pytest.raises(QuantityOutOfRange) as refused:
        MENU.cost("rose", quantity)

    assert (refused.value.quantity, refused.value.quantity_max) == (quantity, QUANTITY_MAX)
