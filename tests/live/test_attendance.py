"""A room in figures."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from live import attendance, chat, rooms
from live.attendance import Attendance, Summary
from live.chat import Message
from live.errors import RoomNotFound

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BEN = "b" * 32


def a_room(conn: Connection) -> None:
    rooms.open_room(
        conn, room_id="room", creator_id="a" * 32, title="Songs", stream_key_hash=None, now=NOON
    )


def test_attendance_adds_up_and_peaks_stay(conn: Connection) -> None:
    a_room(conn)
    for viewers in (3, 7, 2):
        attendance.record(conn, [Attendance("room", viewers, 1, 10)])
    chat.append(conn, Message("m", "room", BEN, "k", "Hi", NOON, shown=True))
    rooms.set_state(conn, "room", "live", now=NOON)

    summed = attendance.summary(conn, "room", now=NOON + MINUTE)

    assert summed == Summary(60_000, 7, 3, 30, 1)


def test_a_summary_needs_a_room(conn: Connection) -> None:
    with pytest.raises(RoomNotFound):
        attendance.summary(conn, "nowhere", now=NOON)
