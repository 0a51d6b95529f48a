"""Packs, the tax in their prices, and amounts as the ledger counts them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet import packs
from wallet.errors import UnknownPack
from wallet.packs import PACKS


def test_a_bigger_pack_never_costs_more_per_coin() -> None:
    for small, big in itertools.pairwise(PACKS):
        assert big.coins > small.coins
        assert big.amount_minor * small.coins <= small.amount_minor * big.coins


def test_packs_are_found_by_id_and_others_are_not_sold() -> None:
    assert packs.pack("coins-70").amount_minor == 99

    with pytest.raises(UnknownPack):
        packs.pack("coins-71")


@pytest.mark.parametrize(
    ("amount_minor", "basis_points", "tax_minor"),
    [(1_560, 2_000, 260), (99, 0, 0), (99, 2_000, 17), (969, 1_900, 155), (3, 2_000, 1)],
)
def test_the_tax_in_a_price_is_rounded_half_up(
    amount_minor: int, basis_points: int, tax_minor: int
) -> None:
    assert packs.tax_in(amount_minor, basis_points) == tax_minor


@pytest.mark.parametrize(
    ("currency", "micros"), [("EUR", 10_000), ("JPY", 1_000_000), ("KWD", 1_000)]
)
def test_the_smallest_unit_depends_on_the_currency(currency: str, micros: int) -> None:
    assert packs.micros(1, currency) == micros


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_whole_units_survive_the_ledgers_way_of_counting(amount: int, currency: str) -> None:
    assert packs.minor(packs.micros(amount, currency), currency) == amount


@pytest.mark.parametrize(("micros", "minor"), [(4_999, 0), (5_000, 1), (-5_000, 0), (-5_001, -1)])
def test_parts_of_a_unit_are_rounded_half_up(micros: int, minor: int) -> None:
    assert packs.minor(micros, "EUR") == minor
