"""Rooms, lines of chat and reports for tests."""

from datetime import timedelta
from itertools import count

from sqlalchemy import Connection

from live import chat, rooms
from live.chat import Message
from live.rooms import Room
from tests.web.people.builders import NOON
from web.people.accounts import Account
from web.trust import reports
from web.trust.reports import Report
from web.trust.subjects import Subject

numbers = count(1)


def a_room(conn: Connection, creator: Account, room_id: str = "abcdefghijkl") -> Room:
    """Open a room."""
    return rooms.open_room(
        conn,
        room_id=room_id,
        creator_id=creator.account_id,
        title="A room",
        stream_key_hash=None,
        now=NOON,
    )


def a_line(
    conn: Connection, room: Room, author: Account, text: str, *, seconds: int = 0
) -> Message:
    """Say something in a room, some seconds after noon."""
    message_id = f"{next(numbers):032x}"
    message = Message(
        message_id=message_id,
        room_id=room.room_id,
        account_id=author.account_id,
        key=message_id,
        text=text,
        sent_at=NOON + timedelta(seconds=seconds),
        shown=True,
    )
    return chat.append(conn, message)


def a_report(
    conn: Connection, subject: Subject, *, reporter: Account | None = None, seconds: int = 0
) -> Report:
    """Report something, some seconds after noon."""
    return reports.file_report(
        conn,
        subject,
        report_id=f"{next(numbers):032x}",
        reporter_id=reporter.account_id if reporter else None,
        reason="spam",
        detail="Look at this.",
        now=NOON + timedelta(seconds=seconds),
    )
