"""Closing an account: what each package forgets of a person, in one transaction.

The books keep their account id, which no longer leads to anybody.
"""

from datetime import datetime

from sqlalchemy import Connection

from live import chat, rooms
from live.rooms import Room
from web.people import accounts
from web.trust import reports

END_REASON = "The account was closed."


def close(conn: Connection, account_id: str, *, now: datetime) -> list[Room]:
    """Erase a person everywhere but in the books; return the rooms this ended.

    Raises:
        UnknownAccount: The account is closed already.
    """
    accounts.close(conn, account_id, now=now)
    chat.erase_person(conn, account_id)
    reports.forget_reporter(conn, account_id)
    rooms.forget_channel(conn, account_id)
    unended = rooms.unended_rooms_of(conn, account_id)
    ended = [rooms.end_room(conn, room.room_id, END_REASON, now=now) for room in unended]
    return [room for room in ended if room is not None]
