"""What a report or an action is about: a message, a room or a person."""

from dataclasses import dataclass

from sqlalchemy import Connection

from live import chat, rooms
from web.people import accounts
from web.people.errors import UnknownAccount
from web.trust.errors import SubjectMissing, UnknownSubject


@dataclass(frozen=True, slots=True)
class Subject:
    """One message, room or person.

    Attributes:
        room_id: Where it happened; None for a person on their own.
        account_id: Whose message, room or account it is.
    """

    room_id: str | None = None
    message_id: str | None = None
    account_id: str | None = None


def find(
    conn: Connection,
    *,
    room_id: str | None = None,
    message_id: str | None = None,
    handle: str | None = None,
) -> Subject:
    """Return what is meant: the message if one is named, else the person, else the room.

    Raises:
        SubjectMissing: Nothing is named.
        UnknownSubject: What is named does not exist, or not together.
    """
    if message_id is not None:
        return _message(conn, message_id, room_id)
    if room_id is not None and rooms.room(conn, room_id) is None:
        raise UnknownSubject("room_id")
    if handle is not None:
        return Subject(room_id=room_id, account_id=_account_id(conn, handle))
    if room_id is None:
        raise SubjectMissing("room_id, message_id or handle")
    room = rooms.room(conn, room_id)
    assert room is not None
    return Subject(room_id=room_id, account_id=room.creator_id)


def _message(conn: Connection, message_id: str, room_id: str | None) -> Subject:
    message = chat.message(conn, message_id)
    if message is None or room_id not in (None, message.room_id):
        raise UnknownSubject("message_id")
    return Subject(message.room_id, message_id, message.account_id)


def _account_id(conn: Connection, handle: str) -> str:
    try:
        return accounts.by_handle(conn, handle).account_id
    except UnknownAccount:
        raise UnknownSubject("handle") from None
