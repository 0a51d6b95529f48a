"""Gifts over HTTP, and ``send_gift``, which the socket shares. Coin plane, the shell.

Who asks, and whether they are of age, is known before the writer is asked; all that can change
until the commit is looked up in its transaction (``web.gift_facts``).

Units   coins: whole ones. Times: aware UTC, RFC 3339 in JSON.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from gifts import received, sending
from gifts.errors import GiftRefused, SenderSuspended
from gifts.menu import MENU, QUANTITY_MAX
from gifts.received import Place
from gifts.sent import Sent
from live.errors import RoomNotFound
from wallet.errors import KeyReused
from web import frames, gift_announcer, gift_facts
from web.errors import Problem
from web.gift_facts import Intent
from web.limits import ClientAddress, Pace
from web.operations import Answer, Call, Operation, operation
from web.people import ages
from web.people.sessions import Person
from web.state import State

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CURSOR = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
REFILL_GIFTS_MAX = 200

# Refusals are remembered for ever, so nobody may collect them without end. Gifts that are sent
# give their token back and are as many as somebody can pay.
REFUSED = Pace("refused gifts", burst=1_000, per_s=5.0)


class MenuGift(msgspec.Struct):
    """A kind of gift: ``art`` is a path below the static files."""

    gift_id: str
    name: str
    coins: int
    tier: int
    art: str


class MenuShown(msgspec.Struct):
    """The menu; its version is noted with every gift."""

    version: int
    quantity_max: int
    gifts: list[MenuGift]


class GiftOrder(msgspec.Struct):
    """What to send; ``coins`` is what the sender believes that one costs."""

    gift_id: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] = 1
    coins: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None = None
    combo_id: Annotated[str, Meta(pattern=f"^{UUID.pattern}$")] | None = None


class GiftReceipt(msgspec.Struct):
    """A gift that is on disk; ``coins`` is what it cost altogether."""

    id: str
    room_id: str
    gift_id: str
    quantity: int
    unit_coins: int
    coins: int
    tier: int
    combo_id: str | None
    at: datetime


class CoinsLeft(msgspec.Struct):
    """What the sender has left after this gift."""

    coins: int


class GiftSent(msgspec.Struct):
    """The answer to an order; the same key gets the same one for ever."""

    gift: GiftReceipt
    balance: CoinsLeft


class GiftsReceived(msgspec.Struct):
    """Gifts of a room, oldest first, and where to go on."""

    gifts: list[frames.Gift]
    cursor: str


async def send_gift(
    state: State, person: Person, room_id: str, order: GiftOrder, *, key: str, now: datetime
) -> GiftSent:
    """Send a gift once per ``key``; returns after it is on disk.

    Raises:
        BirthDateMissing, TooYoung: The sender is not known to be of age.
        RoomNotFound, GiftRefused, KeyReused: It was not sent.
        WriterError: It may not have been sent; the same key tells.
        Problem: 422 for an order that breaks a rule, 429 for too many refusals.
    """
    ages.require_adult(person, now.date())
    if person.suspended:
        raise SenderSuspended
    MENU.cost(order.gift_id, order.quantity)
    if order.combo_id is not None and not UUID.fullmatch(order.combo_id):
        raise Problem(422, "bad_request", "The request is not valid", "combo_id must be a UUID")
    sender = ClientAddress(person.account_id, is_direct_loopback=False)
    state["limits"].spend(REFUSED, sender)
    intent = Intent(
        key=journal_key(key),
        sender_id=person.account_id,
        room_id=room_id,
        gift_id=order.gift_id,
        quantity=order.quantity,
        believed_coins=order.coins,
        combo_id=order.combo_id or "",
        asked_at=now,
    )
    answer = await state["writer"].batch(commit_gifts, intent)
    if isinstance(answer, Exception):
        raise answer
    state["limits"].spend(REFUSED, sender, -1.0)
    return receipt(answer)


def commit_gifts(
    conn: Connection, intents: Sequence[Intent]
) -> Sequence[Sent | GiftRefused | KeyReused | RoomNotFound]:
    """Send all gifts that wait; one answer each, in order."""
    facts = gift_facts.facts(conn, intents)
    orders = [facts.order(intent) for intent in intents]
    known = [order for order in orders if not isinstance(order, RoomNotFound)]
    sent = iter(sending.send_many(conn, known, MENU))
    return [order if isinstance(order, RoomNotFound) else next(sent) for order in orders]


def journal_key(key: str) -> str:
    """Return what the journal knows ``key`` by: a UUID as it is, anything else by its hash.

    The journal is for ever, and a client may put anything into its key, a name too.
    """
    if UUID.fullmatch(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def receipt(gift: Sent) -> GiftSent:
    """Return the answer to a sent gift: made of its journal row alone, so always the same."""
    return GiftSent(
        GiftReceipt(
            id=gift.posting_id,
            room_id=gift.room_id,
            gift_id=gift.gift_id,
            quantity=gift.quantity,
            unit_coins=gift.unit_coins,
            coins=gift.coins,
            tier=gift.tier,
            combo_id=gift.combo_id or None,
            at=gift.at,
        ),
        CoinsLeft(gift.coins_after),
    )


@operation("GET", "/api/gifts", answers={200: MenuShown}, person="none")
async def gift_menu(_call: Call[None]) -> Answer:
    """List every gift, cheapest first."""
    gifts = [MenuGift(gift.gift_id, gift.name, gift.coins, gift.tier, gift.art) for gift in MENU]
    return Answer(200, MenuShown(MENU.version, QUANTITY_MAX, gifts))


@operation(
    "POST",
    "/api/rooms/{room_id}/gifts",
    body=GiftOrder,
    answers={201: GiftSent},
    problems=(402, 403, 404, 409, 429),
    idempotent=True,
)
async def post_gift(call: Call[GiftOrder]) -> Answer:
    """Send a gift, exactly once per Idempotency-Key."""
    sent = await send_gift(
        call.state, call.person, call.path["room_id"], call.body, key=call.key, now=call.now
    )
    return Answer(201, sent)


@operation(
    "GET",
    "/api/rooms/{room_id}/gifts",
    answers={200: GiftsReceived},
    person="none",
    query={"after": str},
)
async def room_gifts(call: Call[None]) -> Answer:
    """List a room's gifts after a cursor, for clients that missed some."""
    room_id, after = call.path["room_id"], place_of(call.query.get("after", ""))
    shown = await call.state["read"](gifts_after, room_id, after)
    return Answer(200, shown)


def gifts_after(conn: Connection, room_id: str, after: Place) -> GiftsReceived:
    """Return a room's gifts after a place, with names."""
    gifts = received.in_room(conn, room_id, after=after, limit=REFILL_GIFTS_MAX)
    last = gifts[-1].posting_id if gifts else f"{after[0]}-{after[1]}"
    return GiftsReceived(gift_announcer.shown(conn, gifts), last)


def place_of(cursor: str) -> Place:
    """Return the place a cursor names; an empty one is before the first gift.

    Raises:
        Problem: 422 for one we never gave out.
    """
    if not cursor:
        return received.NOWHERE
    match = CURSOR.fullmatch(cursor)
    if match is None:
        raise Problem(422, "bad_query", "after is not valid", "not a cursor of ours")
    return int(match[1]), int(match[2])


operations: list[Operation] = [gift_menu, post_gift, room_gifts]
