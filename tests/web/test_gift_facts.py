"""What is looked up at the commit decides whether a gift is taken, and by whom it is refused."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import Connection

from gifts.errors import CreatorUnavailable, GiftRefused, NotWelcome, RoomEnded, SenderSuspended
from live import rooms
from live.errors import RoomNotFound
from live.rooms import Room
from tests.web.people.builders import NOON, a_person
from tests.web.trust.builders import a_room
from web.gift_facts import Intent, facts
from web.people import accounts, blocks
from web.people.accounts import Account

Change = Callable[[Connection, Account, Account, Room], object]


def an_intent(sender: Account, room_id: str, key: str = "key") -> Intent:
    """Return the wish to send one rose."""
    return Intent(
        key=key,
        sender_id=sender.account_id,
        room_id=room_id,
        gift_id="rose",
        quantity=1,
        believed_coins=None,
        combo_id="",
        asked_at=NOON,
    )


def objection(conn: Connection, change: Change) -> GiftRefused | None:
    """Return what speaks against a gift once ``change`` has happened."""
    creator, sender = a_person(conn, "creator"), a_person(conn, "sender")
    room = a_room(conn, creator)
    change(conn, creator, sender, room)
    intent = an_intent(sender, room.room_id)
    order = facts(conn, [intent]).order(intent)
    assert not isinstance(order, RoomNotFound)
    return order.objection


def nothing(*_everything: object) -> None:
    """Change nothing."""


def ends(conn: Connection, _creator: Account, _sender: Account, room: Room) -> None:
    """End the room."""
    rooms.end_room(conn, room.room_id, "Done.", now=NOON)


def bans(conn: Connection, creator: Account, sender: Account, _room: Room) -> None:
    """Ban the sender."""
    rooms.ban(
        conn,
        creator_id=creator.account_id,
        account_id=sender.account_id,
        by_id=creator.account_id,
        reason="Spam",
        now=NOON,
    )


def mutes(conn: Connection, creator: Account, sender: Account, _room: Room) -> None:
    """Mute the sender."""
    rooms.mute(
        conn,
        creator_id=creator.account_id,
        account_id=sender.account_id,
        by_id=creator.account_id,
        reason="Loud",
        until=None,
        now=NOON,
    )


def creator_blocks(conn: Connection, creator: Account, sender: Account, _room: Room) -> None:
    """Let the creator block the sender."""
    blocks.block(conn, creator.account_id, sender.account_id, now=NOON)


def sender_blocks(conn: Connection, creator: Account, sender: Account, _room: Room) -> None:
    """Let the sender block the creator."""
    blocks.block(conn, sender.account_id, creator.account_id, now=NOON)


def suspends_sender(conn: Connection, _creator: Account, sender: Account, _room: Room) -> None:
    """Suspend the sender."""
    accounts.suspend(conn, sender.account_id, "Fraud", now=NOON)


def suspends_creator(conn: Connection, creator: Account, _sender: Account, _room: Room) -> None:
    """Suspend the creator."""
    accounts.suspend(conn, creator.account_id, "Fraud", now=NOON)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (nothing, None),
        (mutes, None),
        (ends, RoomEnded()),
        (bans, NotWelcome()),
        (creator_blocks, NotWelcome()),
        (sender_blocks, NotWelcome()),
        (suspends_sender, SenderSuspended()),
        (suspends_creator, CreatorUnavailable()),
    ],
)
def test_what_speaks_against_a_gift(
    conn: Connection, change: Change, expected: GiftRefused | None
) -> None:
    assert objection(conn, change) == expected


@pytest.mark.parametrize(
    ("birth_date", "expected"),
    [
        (date(2008, 1, 2), None),  # 18 today
        (date(2008, 1, 3), CreatorUnavailable()),
        (None, CreatorUnavailable()),
    ],
)
def test_a_creator_receives_gifts_from_the_eighteenth_birthday_on(
    conn: Connection, birth_date: date | None, expected: GiftRefused | None
) -> None:
    creator = a_person(conn, "creator", birth_date=birth_date)
    room = a_room(conn, creator)
    intent = an_intent(a_person(conn, "sender"), room.room_id)

    order = facts(conn, [intent]).order(intent)

    assert not isinstance(order, RoomNotFound)
    assert order.objection == expected


def test_an_order_knows_whose_room_it_is_and_since_when(conn: Connection) -> None:
    creator = a_person(conn, "creator")
    room = a_room(conn, creator)
    intent = an_intent(a_person(conn, "sender"), room.room_id)

    order = facts(conn, [intent]).order(intent)

    assert not isinstance(order, RoomNotFound)
    assert (order.creator_id, order.opened_at) == (creator.account_id, room.opened_at)


def test_a_room_that_does_not_exist_is_its_intents_answer_alone(conn: Connection) -> None:
    room = a_room(conn, a_person(conn, "creator"))
    sender = a_person(conn, "sender")
    intents = [an_intent(sender, "nosuchroom22"), an_intent(sender, room.room_id)]

    known = facts(conn, intents)

    assert [isinstance(known.order(intent), RoomNotFound) for intent in intents] == [True, False]


def test_one_creators_ban_does_not_hold_in_anothers_room(conn: Connection) -> None:
    creator, other = a_person(conn, "creator"), a_person(conn, "other")
    sender = a_person(conn, "sender")
    room, elsewhere = a_room(conn, creator), a_room(conn, other, "elsewhere222")
    bans(conn, creator, sender, room)
    intents = [an_intent(sender, room.room_id), an_intent(sender, elsewhere.room_id)]

    orders = [facts(conn, intents).order(intent) for intent in intents]

    objections = [o.objection for o in orders if not isinstance(o, RoomNotFound)]
    assert objections == [NotWelcome(), None]
