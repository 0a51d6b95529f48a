"""Sending a gift: an order is priced, paid and journaled, or refused, once per key. Coin plane.

``send_many`` runs inside the writer's transaction and takes all orders that wait. The caller
looks up, in the same transaction, what the wallet cannot know (whose room it is, whether it has
ended, who may give there) and passes it as the order's ``creator_id`` and ``objection``. So the
line is the commit: a gift committed before a room's end counts, one that comes after is refused.
On PostgreSQL, where rooms are written beside the writer, the line is the moment of that look-up.

What happens twice      the same key gives the first answer again, refusals included, and moves
                        nothing; with another order it is ``KeyReused``.
What comes late         is judged by the menu and the room as they are at the commit.
What dies halfway       was never committed; asking again under the same key is safe.

The split: a coin given is ``DIAMONDS_PER_COIN`` diamonds earned, and a diamond is worth
``MICROS_PER_DIAMOND`` to its creator, whatever pack the coins came from; our fee is the rest of
what the coins had cost. Price, menu version and split are frozen in the journal's note.

Units   coins, diamonds: whole ones. ``*_micros``: 10⁻⁶ of the currency's major unit. ``*_ms``:
        milliseconds since the room was opened.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gifts import ranking, received, sent
from gifts.errors import (
    CreatorUnavailable,
    GiftRefused,
    GiftToOneself,
    InsufficientCoins,
    NotWelcome,
    PriceChanged,
    RoomEnded,
    SenderSuspended,
)
from gifts.menu import Gift, Menu
from gifts.sent import KIND, Sent
from wallet import coins, ledger
from wallet.accounts import AccountName
from wallet.errors import KeyReused
from wallet.ledger import Book, Outcome, Refusal, Settled

ROUTE = "gifts"
MILLISECOND = timedelta(milliseconds=1)

DIAMONDS_PER_COIN = 1
MICROS_PER_DIAMOND = 5_000  # € 0.005
CURRENCY = "EUR"  # what creators are paid in


@dataclass(frozen=True, slots=True)
class Order:
    """What a viewer asks for, and what its room is like at the commit.

    Attributes:
        key: Made by the viewer's client, reused on every retry.
        believed_coins: What the viewer believes one costs; None takes any price.
        combo_id: The streak the viewer's client counts this gift to, or empty.
        creator_id: Whose room it is.
        opened_at: Since when.
        objection: Why no gift from this viewer is taken there now, or None.
    """

    key: str
    sender_id: str
    room_id: str
    gift_id: str
    quantity: int
    believed_coins: int | None
    combo_id: str
    asked_at: datetime
    creator_id: str
    opened_at: datetime
    objection: GiftRefused | None = None

    @property
    def terms(self) -> bytes:
        """What was asked; what the room was like is not part of it."""
        believed = "" if self.believed_coins is None else str(self.believed_coins)
        asked = (self.room_id, self.gift_id, str(self.quantity), believed, self.combo_id)
        return "\n".join(asked).encode()


# Refusals as the journal keeps them, and back. Fields of a refusal become numbers by their names.
CODES: dict[type[GiftRefused], str] = {
    PriceChanged: "price_changed",
    GiftToOneself: "gift_to_oneself",
    RoomEnded: "room_ended",
    NotWelcome: "not_welcome",
    SenderSuspended: "suspended",
    CreatorUnavailable: "creator_unavailable",
    InsufficientCoins: coins.INSUFFICIENT_COINS,
}
REFUSALS: dict[str, Callable[[Order, Refusal], GiftRefused]] = {
    "price_changed": lambda order, refusal: PriceChanged(order.gift_id, refusal["coins"]),
    "gift_to_oneself": lambda _order, _refusal: GiftToOneself(),
    "room_ended": lambda _order, _refusal: RoomEnded(),
    "not_welcome": lambda _order, _refusal: NotWelcome(),
    "suspended": lambda _order, _refusal: SenderSuspended(),
    "creator_unavailable": lambda _order, _refusal: CreatorUnavailable(),
    coins.INSUFFICIENT_COINS: lambda _order, refusal: InsufficientCoins(refusal["short_by"]),
}


@dataclass(frozen=True, slots=True)
class Sending:
    """An order with its price: an event of the ledger."""

    order: Order
    gift: Gift
    payment: coins.Gift
    kind: str = KIND
    lot_ids: tuple[int, ...] = ()

    @property
    def touches(self) -> Collection[AccountName]:
        """The accounts its payment needs; none if it cannot come to that."""
        return () if self.refusal() else self.payment.touches

    def refusal(self) -> Refusal | None:
        """Return why the order fails whatever the sender has, the gravest reason first."""
        order = self.order
        if order.sender_id == order.creator_id:
            return Refusal(CODES[GiftToOneself])
        if order.objection is not None:
            return Refusal(CODES[type(order.objection)])
        if order.believed_coins is not None and order.believed_coins < self.gift.coins:
            return Refusal(CODES[PriceChanged], {"coins": self.gift.coins})
        return None

    def settle(self, book: Book) -> Settled | Refusal:
        """Pay, unless there is a reason not to."""
        return self.refusal() or self.payment.settle(book)


def send_many(
    conn: Connection, orders: Sequence[Order], menu: Menu
) -> list[Sent | GiftRefused | KeyReused]:
    """Send each of ``orders`` in turn; one answer each, refusals included.

    Raises:
        UnknownGift, QuantityOutOfRange: An order was not checked against ``menu`` before.
    """
    commands = [command(order, menu) for order in orders]
    outcomes = ledger.post(conn, commands)
    answers = [answer(order, outcome) for order, outcome in zip(orders, outcomes, strict=True)]
    fresh = [
        gift
        for gift, outcome in zip(answers, outcomes, strict=True)
        if isinstance(gift, Sent) and isinstance(outcome, Outcome) and not outcome.repeated
    ]
    received.add(conn, fresh)
    ranking.add(conn, fresh)
    return answers


def command(order: Order, menu: Menu) -> ledger.Command:
    """Return what ``order`` asks of the ledger at this menu's prices."""
    return ledger.ask(
        priced(order, menu),
        account_id=order.sender_id,
        route=ROUTE,
        key=order.key,
        terms=order.terms,
        asked_at=order.asked_at,
    )


def priced(order: Order, menu: Menu) -> Sending:
    """Return ``order`` with what it costs and what the creator gets for it."""
    gift = menu.gift(order.gift_id)
    cost = menu.cost(order.gift_id, order.quantity)
    diamonds = cost * DIAMONDS_PER_COIN
    held_micros = diamonds * MICROS_PER_DIAMOND
    note = sent.write_note(
        room_id=order.room_id,
        creator_id=order.creator_id,
        gift_id=order.gift_id,
        quantity=order.quantity,
        unit_coins=gift.coins,
        menu_version=menu.version,
        diamonds=diamonds,
        held_micros=held_micros,
        stream_ms=max(0, (order.asked_at - order.opened_at) // MILLISECOND),
        combo_id=order.combo_id,
    )
    payment = coins.Gift(
        viewer_id=order.sender_id,
        creator_id=order.creator_id,
        coins=cost,
        diamonds=diamonds,
        held_micros=held_micros,
        currency=CURRENCY,
        note=note,
    )
    return Sending(order, gift, payment)


def answer(order: Order, outcome: Outcome | KeyReused) -> Sent | GiftRefused | KeyReused:
    """Return what the sender of ``order`` is told."""
    if isinstance(outcome, KeyReused):
        return outcome
    if outcome.refusal is not None:
        return REFUSALS[outcome.refusal.code](order, outcome.refusal)
    return sent.read(outcome, order.sender_id)


def rebuild(conn: Connection) -> None:
    """Throw away everything that is only read from the journal, and read it again."""
    received.forget(conn)
    ranking.forget(conn)
    for gifts in received.whole_journal(conn):
        received.add(conn, gifts)
        ranking.add(conn, gifts)
