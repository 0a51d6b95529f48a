"""A room as somebody who comes in finds it, read in one go.

BUS plane; the board of supporters is a projection of the coin plane, shown and never trusted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from gifts import ranking
from live import chat, rooms
from live.chat import Message
from live.rooms import Mute, Room
from web import frames
from web.people import accounts
from web.people.accounts import CLOSED_NAME, Name
from web.people.tables import roles

SUPPORTERS_SHOWN_MAX = 10
MODERATING = frozenset({"moderator", "admin"})


@dataclass(frozen=True, slots=True)
class Arrival:
    """What somebody needs to know when they enter a room."""

    room: Room
    creator: frames.Sender
    mute: Mute | None
    supporters: tuple[frames.Supporter, ...]
    chat: tuple[frames.Chat, ...]


def arrive(conn: Connection, room_id: str, account_id: str | None, *, now: datetime) -> Arrival:
    """Return what somebody finds in a room; ``None`` stands for a guest.

    Raises:
        RoomNotFound, RoomEnded, Banned: They may not enter.
    """
    room = rooms.entrance(conn, room_id, account_id)
    return Arrival(
        room=room,
        creator=sender(conn, room.creator_id, room),
        mute=mute_of(conn, room, account_id, now=now),
        supporters=supporters(conn, room_id),
        chat=shown(conn, room, chat.latest(conn, room_id)),
    )


def mute_of(conn: Connection, room: Room, account_id: str | None, *, now: datetime) -> Mute | None:
    """Return the mute that holds for somebody in a room."""
    if account_id is None:
        return None
    return rooms.mute_of(conn, room.creator_id, account_id, now=now)


def supporters(conn: Connection, room_id: str) -> tuple[frames.Supporter, ...]:
    """Return the board of supporters with names."""
    board = ranking.supporters(conn, room_id, SUPPORTERS_SHOWN_MAX)
    names = accounts.names(conn, {place.sender_id for place in board})
    return tuple(
        frames.Supporter(*name_in(names, place.sender_id), coins=place.coins) for place in board
    )


def shown(conn: Connection, room: Room, messages: Sequence[Message]) -> tuple[frames.Chat, ...]:
    """Return messages as the room sees them."""
    writers = {message.account_id for message in messages}
    names = accounts.names(conn, writers)
    moderators = frozenset(
        conn.scalars(
            select(roles.c.account_id).where(
                roles.c.account_id.in_(writers), roles.c.role.in_(MODERATING)
            )
        )
    )
    return tuple(
        frames.Chat(
            id=message.message_id,
            sender=frames.Sender(
                *name_in(names, message.account_id),
                creator=message.account_id == room.creator_id,
                moderator=message.account_id in moderators,
            ),
            text=message.text,
            at=message.sent_at,
        )
        for message in messages
    )


def sender(conn: Connection, account_id: str, room: Room) -> frames.Sender:
    """Return somebody as a room sees them."""
    names = accounts.names(conn, [account_id])
    return frames.Sender(*name_in(names, account_id), creator=account_id == room.creator_id)


def name_in(names: Mapping[str, Name], account_id: str) -> tuple[str, str]:
    """Return (handle, display name), also of somebody whose account is gone."""
    name = names.get(account_id)
    return CLOSED_NAME if name is None else (name.handle, name.display_name)
