"""Why a gift was not sent. Coin plane.

GiftRefused
├── UnknownGift          the menu has no such gift
├── QuantityOutOfRange   fewer than one, or more than one order may hold
├── PriceChanged         dearer now than the sender believes
├── GiftToOneself        sender and creator are one person
├── RoomEnded            the broadcast ended before the gift was committed
├── NotWelcome           the creator does not want this sender in their rooms
├── SenderSuspended      the sender was suspended before the gift was committed
├── CreatorUnavailable   the creator may not receive gifts
└── InsufficientCoins    the sender has too few coins

A refusal is both a value, which one order of a batch gets as its answer, and an exception, which
whoever waits for that answer raises. Two refusals with the same fields are equal.
"""


class GiftRefused(Exception):
    """A gift was refused and no coin moved; ``args`` are its fields."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.args == self.args

    def __hash__(self) -> int:
        return hash((type(self), self.args))


class UnknownGift(GiftRefused):
    """The menu has no gift of this id."""

    def __init__(self, gift_id: str) -> None:
        super().__init__(gift_id)
        self.gift_id = gift_id

    def __str__(self) -> str:
        return f"the menu has no gift {self.gift_id!r}"


class QuantityOutOfRange(GiftRefused):
    """A quantity that one order may not hold."""

    def __init__(self, quantity: int, quantity_max: int) -> None:
        super().__init__(quantity, quantity_max)
        self.quantity = quantity
        self.quantity_max = quantity_max

    def __str__(self) -> str:
        return f"one order holds 1 to {self.quantity_max} gifts, not {self.quantity}"


class PriceChanged(GiftRefused):
    """The gift costs more than the sender believes; ``coins`` is the price of one now."""

    def __init__(self, gift_id: str, coins: int) -> None:
        super().__init__(gift_id, coins)
        self.gift_id = gift_id
        self.coins = coins

    def __str__(self) -> str:
        return f"one {self.gift_id} costs {self.coins} coins now"


class GiftToOneself(GiftRefused):
    """Sender and creator are the same person."""

    def __str__(self) -> str:
        return "nobody can send a gift to themselves"


class RoomEnded(GiftRefused):
    """The broadcast ended before the gift was committed."""

    def __str__(self) -> str:
        return "this broadcast has ended"


class NotWelcome(GiftRefused):
    """The creator has banned or blocked the sender; which of them, and why, is not said."""

    def __str__(self) -> str:
        return "you cannot send gifts in this room"


class SenderSuspended(GiftRefused):
    """The sender's account is suspended."""

    def __str__(self) -> str:
        return "your account is suspended"


class CreatorUnavailable(GiftRefused):
    """The creator is suspended, has closed the account, or is not known to be of age."""

    def __str__(self) -> str:
        return "this creator cannot receive gifts now"


class InsufficientCoins(GiftRefused):
    """The sender is ``short_by`` coins short."""

    def __init__(self, short_by: int) -> None:
        super().__init__(short_by)
        self.short_by = short_by

    def __str__(self) -> str:
        return f"{self.short_by} more coins are needed"
