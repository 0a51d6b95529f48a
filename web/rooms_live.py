"""What happens to a room is carried to everybody it concerns: sockets, media, figures.

BUS plane. The database is changed first, by the caller; these functions make it felt at once: on
the room's sockets, on its media and in its counts. Moderation, the studio and the sweeps all go
through here.
"""

import time
from collections.abc import Iterable

from live import attendance, chat, rooms
from live.attendance import Attendance
from live.rooms import Mute, Room
from web import frames
from web.jobs import Job
from web.state import State

TELL_S = 1.0
STORE_S = 10.0
IDLE_LOOK_S = 30.0
RETENTION_LOOK_S = 600.0


# Media


async def media_started(state: State, room_id: str) -> None:
    """A broadcaster's media arrives: the room is live."""
    changed = await state["write"](rooms.set_state, room_id, "live", now=state["clock"]())
    if changed is not None:
        tell_room(state, changed)


async def media_stopped(state: State, room_id: str) -> None:
    """A broadcaster's media has stopped: the room is open and waits for it."""
    changed = await state["write"](rooms.set_state, room_id, "open", now=state["clock"]())
    if changed is not None:
        tell_room(state, changed)


# Rooms and people


def tell_room(state: State, room: Room, reason: str | None = None) -> None:
    """Tell everybody in a room what has become of it."""
    frame = frames.room_changed(room.state, room.title, room.tags, reason)
    state["bus"].publish(room.room_id, frame)


async def end_room(state: State, room: Room, reason: str) -> None:
    """A room has ended: its media stops, everybody in it is told why."""
    tell_room(state, room, reason)
    state["media"].end_room(room.room_id, reason)


async def remove_person(
    state: State, account_id: str, reason: str, *, room_id: str | None = None, code: str = "removed"
) -> None:
    """Close every connection of a person, or those in one room, on socket and media.

    Args:
        code: Of the notice the person gets: ``removed``, ``banned`` or ``suspended``.
    """
    last = frames.notice(code, reason)
    state["bus"].expel(frames.BANNED, last, account_id=account_id, room_id=room_id)
    view_ids = state["audience"].views_of(account_id, room_id)
    for view_id in view_ids:
        state["audience"].leave(view_id)
    state["media"].drop_views(view_ids, reason)


async def ban_person(
    state: State, in_rooms: Iterable[Room], account_id: str, handle: str, reason: str
) -> None:
    """A person was banned by a creator: they leave all of the creator's rooms at once."""
    for room in in_rooms:
        await remove_person(state, account_id, reason, room_id=room.room_id, code="banned")
        state["bus"].publish(room.room_id, frames.removed(handle))


def mute_person(
    state: State, in_rooms: Iterable[Room], account_id: str, handle: str, mute: Mute
) -> None:
    """A person was muted by a creator: rooms and person are told, the person also why."""
    for room in in_rooms:
        state["bus"].publish(room.room_id, frames.muted(handle, mute.until))
        notice = frames.notice("muted", mute.reason)
        state["bus"].direct(account_id, notice, room_id=room.room_id)


def unmute_person(state: State, in_rooms: Iterable[Room], handle: str) -> None:
    """A person may chat again."""
    for room in in_rooms:
        state["bus"].publish(room.room_id, frames.unmuted(handle))


def delete_message(state: State, room_id: str, message_id: str) -> None:
    """A message was deleted: everybody takes it off the screen."""
    state["bus"].publish(room_id, frames.chat_deleted(message_id))


def send_away(state: State) -> None:
    """The server stops: sockets are told to come back elsewhere."""
    state["sockets"].drain()


# Sweeps


async def tell_counts(state: State) -> None:
    """Publish the viewer counts that changed."""
    for room_id, count in state["audience"].changed_counts(now=time.monotonic()):
        state["bus"].publish(room_id, frames.viewers(count))


async def store_attendance(state: State) -> None:
    """Add peaks, views and likes to the rooms' figures; forget rooms of the bus nobody needs."""
    news = state["audience"].take_news(now=time.monotonic())
    seen = [Attendance(n.room_id, n.viewer_count, n.new_view_count, n.like_count) for n in news]
    if seen:
        await state["write"](attendance.record, seen)
    state["bus"].sweep()


async def end_idle_rooms(state: State) -> None:
    """End rooms that have had no media for too long."""
    for room in await state["write"](rooms.end_idle_rooms, now=state["clock"]()):
        await end_room(state, room, room.end_reason or "")


async def forget_old_chat(state: State) -> None:
    """Delete messages past their time."""
    while await state["write"](chat.forget_old, now=state["clock"]()):
        pass


async def forget_media(state: State) -> None:
    """Begin with no room live: a process that starts has no media yet."""
    await state["write"](rooms.forget_media, now=state["clock"]())


jobs: list[Job] = [
    Job("viewer counts", TELL_S, tell_counts),
    Job("attendance", STORE_S, store_attendance),
    Job("idle rooms", IDLE_LOOK_S, end_idle_rooms),
    Job("chat retention", RETENTION_LOOK_S, forget_old_chat),
]
