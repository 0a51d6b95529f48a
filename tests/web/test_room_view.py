"""A room as somebody who comes in finds it."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert

from gifts.tables import supporters
from live import chat, rooms
from live.chat import Message
from live.errors import Banned, RoomNotFound
from live.rooms import Mute
from tests.web.people.builders import NOON, a_person
from web import frames, room_view
from web.people import accounts, roles
from web.people.accounts import Account


def a_stage(conn: Connection) -> tuple[Account, Account]:
    """Open a room and return its creator and a viewer."""
    cai, ben = a_person(conn, "cai", display_name="Cai C."), a_person(conn, "ben")
    rooms.open_room(
        conn,
        room_id="room",
        creator_id=cai.account_id,
        title="Songs",
        stream_key_hash=None,
        now=NOON,
    )
    return cai, ben


def say(conn: Connection, number: int, who: Account) -> None:
    at = NOON + timedelta(seconds=number)
    chat.append(
        conn, Message(f"m{number}", "room", who.account_id, f"k{number}", "Hi", at, shown=True)
    )


def test_a_guest_finds_room_creator_and_chat(conn: Connection) -> None:
    cai, ben = a_stage(conn)
    say(conn, 1, ben)
    say(conn, 2, cai)

    found = room_view.arrive(conn, "room", None, now=NOON)

    assert found.creator == frames.Sender("cai", "Cai C.", creator=True)
    assert [(line.sender.handle, line.sender.creator) for line in found.chat] == [
        ("ben", False),
        ("cai", True),
    ]
    assert (found.mute, found.supporters) == (None, ())


def test_moderators_are_marked_in_the_chat(conn: Connection) -> None:
    _, ben = a_stage(conn)
    roles.grant(conn, ben.account_id, "moderator", now=NOON)
    say(conn, 1, ben)

    (line,) = room_view.arrive(conn, "room", None, now=NOON).chat

    assert line.sender.moderator


def test_who_closed_their_account_has_no_name_any_more(conn: Connection) -> None:
    _, ben = a_stage(conn)
    say(conn, 1, ben)
    accounts.close(conn, ben.account_id, now=NOON)

    (line,) = room_view.arrive(conn, "room", None, now=NOON).chat

    assert line.sender == frames.Sender(*accounts.CLOSED_NAME)


def test_the_muted_are_told_and_the_banned_do_not_come_in(conn: Connection) -> None:
    cai, ben = a_stage(conn)
    pair = {"creator_id": cai.account_id, "account_id": ben.account_id}
    rooms.mute(conn, **pair, by_id=cai.account_id, reason="Spam.", until=None, now=NOON)

    assert room_view.arrive(conn, "room", ben.account_id, now=NOON).mute == Mute(None, "Spam.")
    rooms.ban(conn, **pair, by_id=cai.account_id, reason="Hate.", now=NOON)

    with pytest.raises(Banned):
        room_view.arrive(conn, "room", ben.account_id, now=NOON)
    with pytest.raises(RoomNotFound):
        room_view.arrive(conn, "nowhere", None, now=NOON)


def test_the_board_shows_who_gave_most_first(conn: Connection) -> None:
    cai, ben = a_stage(conn)
    for who, coins in ((ben, 10), (cai, 30)):
        conn.execute(
            insert(supporters).values(
                room_id="room", sender_id=who.account_id, gifts=1, coins=coins, reached_at=NOON
            )
        )

    assert room_view.supporters(conn, "room") == (
        frames.Supporter("cai", "Cai C.", 30),
        frames.Supporter("ben", "ben", 10),
    )
