"""The menu: every gift there is, what one costs and how big its entrance is. Coin plane.

A menu is a value with a version. Version and unit price are written into the note of every
gift, so a new menu never changes what an old gift cost. To change a price or to add a gift,
edit ``GIFTS`` and raise ``VERSION``; an id is never given to another gift, because old journal
rows name it.

Units   coins: whole coins for one gift. quantity: gifts in one order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gifts.errors import QuantityOutOfRange, UnknownGift

VERSION = 1
QUANTITY_MAX = 999  # gifts in one order; a banner shows three digits

Tier: TypeAlias = Literal[1, 2, 3, 4]
# From how many coins for one gift each tier's entrance begins, largest first.
TIERS: tuple[tuple[int, Tier], ...] = ((10_000, 4), (1_000, 3), (100, 2), (1, 1))


@dataclass(frozen=True, slots=True)
class Gift:
    """One kind of gift.

    Attributes:
        gift_id: Lower-case word that names it for ever, also in the journal.
        name: What people call it.
        coins: Price of one.
        tier: How big its entrance on stage is, 1 to 4; it follows from the price.
        art: Path of its drawing below the static files.
    """

    gift_id: str
    name: str
    coins: int
    tier: Tier
    art: str


@dataclass(frozen=True, slots=True)
class Menu:
    """The gifts of one version, cheapest first."""

    version: int
    gifts: Mapping[str, Gift]

    def __iter__(self) -> Iterator[Gift]:
        return iter(self.gifts.values())

    def gift(self, gift_id: str) -> Gift:
        """Return the gift of this id.

        Raises:
            UnknownGift: This menu has none.
        """
        gift = self.gifts.get(gift_id)
        if gift is None:
            raise UnknownGift(gift_id)
        return gift

    def cost(self, gift_id: str, quantity: int) -> int:
        """Return what ``quantity`` gifts cost together, in coins.

        Raises:
            UnknownGift: This menu has no such gift.
            QuantityOutOfRange: Not between 1 and ``QUANTITY_MAX``.
        """
        if not 1 <= quantity <= QUANTITY_MAX:
            raise QuantityOutOfRange(quantity, QUANTITY_MAX)
        return self.gift(gift_id).coins * quantity


def tier_of(coins: int) -> Tier:
    """Return the tier of a gift that costs ``coins``."""
    return next(tier for from_coins, tier in TIERS if coins >= from_coins)


def written(version: int, gifts: Iterable[tuple[str, str, int]]) -> Menu:
    """Return the menu of these (id, name, coins)."""
    by_price = sorted(gifts, key=lambda gift: gift[2])
    return Menu(
        version,
        {
            gift_id: Gift(gift_id, name, coins, tier_of(coins), f"art/gifts/{gift_id}.svg")
            for gift_id, name, coins in by_price
        },
    )


GIFTS = (
    ("rose", "Rose", 1),
    ("heart", "Heart", 1),
    ("clap", "Applause", 2),
    ("coffee", "Coffee", 5),
    ("ice-cream", "Ice cream", 5),
    ("balloon", "Balloon", 10),
    ("finger-heart", "Finger heart", 10),
    ("donut", "Donut", 20),
    ("sunflower", "Sunflower", 30),
    ("paper-plane", "Paper plane", 50),
    ("crown-of-flowers", "Crown of flowers", 99),
    ("microphone", "Golden microphone", 100),
    ("headphones", "Headphones", 150),
    ("bouquet", "Bouquet", 199),
    ("fireworks", "Fireworks", 299),
    ("guitar", "Guitar", 399),
    ("swan", "Swan", 500),
    ("disco-ball", "Disco ball", 699),
    ("treasure-chest", "Treasure chest", 999),
    ("crown", "Crown", 1_000),
    ("motorbike", "Motorbike", 1_999),
    ("hot-air-balloon", "Hot-air balloon", 2_999),
    ("sports-car", "Sports car", 4_999),
    ("yacht", "Yacht", 7_499),
    ("castle", "Castle", 10_000),
    ("rocket", "Rocket", 15_000),
    ("whale", "Whale", 20_000),
    ("phoenix", "Phoenix", 25_000),
    ("galaxy", "Galaxy", 30_000),
)

MENU = written(VERSION, GIFTS)
