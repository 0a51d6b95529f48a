"""The coin packs that are sold, and the tax in their prices.

Coins plane, pure. Bigger packs cost less per coin, and never more than a smaller one.

Units   ``amount_minor``: the currency's smallest unit, tax included, exactly what is paid.
        ``tax_basis_points``: hundredths of a percent on the price without tax.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wallet.errors import UnknownPack

BASIS_POINTS: Final = 10_000

# VAT depends on where the seller is registered and the buyer lives, so none is assumed: with 0
# the whole price is deferred revenue; with 2_000 a sixth of it is posted as tax (LEDGER.md).
TAX_BASIS_POINTS: Final = 0


CURRENCY: Final = "EUR"  # what packs are sold in


@dataclass(frozen=True, slots=True)
class Pack:
    """So many coins for so much money."""

    pack_id: str
    coins: int
    amount_minor: int
    currency: str = CURRENCY


# Currencies whose smallest unit is not a hundredth, as Stripe counts them.
MINOR_DIGITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"), 0),
    **dict.fromkeys(("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}
MICRO_DIGITS: Final = 6

PACKS: Final = (
    Pack("coins-70", 70, 99),
    Pack("coins-350", 350, 489),
    Pack("coins-700", 700, 969),
    Pack("coins-1400", 1_400, 1_899),
    Pack("coins-3500", 3_500, 4_699),
    Pack("coins-7000", 7_000, 9_299),
    Pack("coins-17500", 17_500, 22_999),
    Pack("coins-35000", 35_000, 44_999),
)
BY_ID: Final[Mapping[str, Pack]] = {pack.pack_id: pack for pack in PACKS}


def pack(pack_id: str) -> Pack:
    """Return the pack of that id.

    Raises:
        UnknownPack: None is sold.
    """
    found = BY_ID.get(pack_id)
    if found is None:
        raise UnknownPack(pack_id)
    return found


def tax_in(amount_minor: int, basis_points: int = TAX_BASIS_POINTS) -> int:
    """Return the tax inside a price, rounded half up to the smallest unit."""
    whole = BASIS_POINTS + basis_points
    return (2 * amount_minor * basis_points + whole) // (2 * whole)


def micros(amount_minor: int, currency: str) -> int:
    """Return an amount as the ledger counts it: 10⁻⁶ of the currency's major unit."""
    return int(amount_minor * 10 ** (MICRO_DIGITS - MINOR_DIGITS.get(currency, 2)))


def minor(amount_micros: int, currency: str) -> int:
    """Return an amount of the ledger in the currency's smallest unit, rounded half up."""
    unit = micros(1, currency)
    return (2 * amount_micros + unit) // (2 * unit)
