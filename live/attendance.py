"""A room in figures: who came, how many at once, hearts, messages, minutes of media.

BUS plane. Pure functions over a connection.

Units   ``live_ms`` is milliseconds during which media arrived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select, update

from live import rooms, tables
from live.errors import RoomNotFound

_ROOMS = tables.rooms.c


@dataclass(frozen=True, slots=True)
class Attendance:
    """What happened in one room since the last call of ``record_attendance``."""

    room_id: str
    viewer_count: int
    new_view_count: int
    like_count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A room in figures."""

    live_ms: int
    peak_viewer_count: int
    view_count: int
    like_count: int
    message_count: int


def record(conn: Connection, attendances: Sequence[Attendance]) -> None:
    """Add what happened since the last call to the rooms' figures."""
    for seen in sorted(attendances, key=lambda seen: seen.room_id):
        conn.execute(
            update(tables.rooms)
            .where(_ROOMS.room_id == seen.room_id)
            .values(
                peak_viewer_count=case(
                    (_ROOMS.peak_viewer_count < seen.viewer_count, seen.viewer_count),
                    else_=_ROOMS.peak_viewer_count,
                ),
                view_count=_ROOMS.view_count + seen.new_view_count,
                like_count=_ROOMS.like_count + seen.like_count,
            )
        )


def summary(conn: Connection, room_id: str, *, now: datetime) -> Summary:
    """Return a room in figures, also while it goes on.

    Raises:
        RoomNotFound: There is no such room.
    """
    found = rooms.room(conn, room_id)
    if found is None:
        raise RoomNotFound(room_id)
    message_count = conn.execute(
        select(func.count())
        .select_from(tables.chat)
        .where(tables.chat.c.room_id == room_id, tables.chat.c.deleted_at.is_(None))
    ).scalar_one()
    return Summary(
        live_ms=found.live_ms + rooms.stretch_ms(found, now),
        peak_viewer_count=found.peak_viewer_count,
        view_count=found.view_count,
        like_count=found.like_count,
        message_count=message_count,
    )
