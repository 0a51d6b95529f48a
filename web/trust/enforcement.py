"""Actions carried out on what is live: sockets, streams, broadcasts.

There is one path. ``Enforcement`` reads the append-only list past the last action it saw: several
times a second for what the command line and other processes did, and at once after a moderator's
request. Enforcing an action twice is harmless; a process that starts goes a minute back.

Units   ``SWEEP_S``: seconds between looks; with the look itself an action is in force within 1 s.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import Connection

from live import rooms
from live.rooms import Mute, Room
from web import frames, rooms_live
from web.people import accounts
from web.trust import actions
from web.trust.actions import Action, Kind

if TYPE_CHECKING:
    from web.state import State

SWEEP_S: Final = 0.4
ACTIONS_AT_ONCE_MAX: Final = 100
ATTEMPTS_MAX: Final = 3
LOOK_BACK: Final = timedelta(minutes=1)

log = structlog.get_logger()


@dataclass(slots=True)
class Enforcement:
    """How far this process has carried out the list of actions.

    Attributes:
        seen: Sequence of the last action carried out here; None before the first look.
        attempts: How often the next one was tried; one that keeps failing is passed over, so
            that it cannot keep the others from being carried out.
    """

    seen: int | None = None
    attempts: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Scene:
    """What an action touches, as the database has it.

    Attributes:
        room: Where it was taken, if in a room.
        creators_rooms: The open rooms of that room's creator, where bans and mutes hold.
        handle: Of the person it concerns; "" for nobody.
    """

    room: Room | None
    creators_rooms: list[Room]
    handle: str


async def enforce_waiting(state: "State") -> None:
    """Carry out every action that this process has not carried out yet."""
    progress = state["enforcement"]
    async with progress.lock:
        if progress.seen is None:
            since = state["clock"]() - LOOK_BACK
            progress.seen = await state["read"](actions.head_before, since)
        while waiting := await state["read"](
            actions.since, progress.seen, limit=ACTIONS_AT_ONCE_MAX
        ):
            for action in waiting:
                await enforce_once(state, action)
                progress.seen = action.sequence
                progress.attempts = 0


async def enforce_once(state: "State", action: Action) -> None:
    """Carry out one action; the last attempt's failure is logged and passed over."""
    progress = state["enforcement"]
    progress.attempts += 1
    try:
        await enforce(state, action)
    except Exception:
        if progress.attempts < ATTEMPTS_MAX:
            raise
        log.exception("action not enforced", sequence=action.sequence, kind=action.kind)


async def enforce(state: "State", action: Action) -> None:
    """Make one action felt on sockets, streams and broadcasts."""
    carry_out = ENFORCE.get(action.kind)
    if carry_out is not None:
        await carry_out(state, action, await state["read"](scene_of, action))


def scene_of(conn: Connection, action: Action) -> Scene:
    """Return what ``action`` touches."""
    room = rooms.room(conn, action.room_id) if action.room_id else None
    person = accounts.by_id(conn, action.account_id) if action.account_id else None
    return Scene(
        room=room,
        creators_rooms=rooms.unended_rooms_of(conn, room.creator_id) if room else [],
        handle=person.handle if person else "",
    )


async def _delete_message(state: "State", action: Action, _scene: Scene) -> None:
    assert action.room_id is not None
    assert action.message_id is not None
    rooms_live.delete_message(state, action.room_id, action.message_id)
    _tell(state, action, "message_deleted")


async def _mute(state: "State", action: Action, scene: Scene) -> None:
    assert action.account_id is not None
    mute = Mute(action.until_at, action.reason)
    rooms_live.mute_person(state, scene.creators_rooms, action.account_id, scene.handle, mute)


async def _remove(state: "State", action: Action, scene: Scene) -> None:
    assert action.account_id is not None
    await rooms_live.ban_person(
        state, scene.creators_rooms, action.account_id, scene.handle, action.reason
    )


async def _end_room(state: "State", action: Action, scene: Scene) -> None:
    assert scene.room is not None
    await rooms_live.end_room(state, scene.room, action.reason)
    _tell(state, action, "room_ended")


async def _suspend(state: "State", action: Action, _scene: Scene) -> None:
    assert action.account_id is not None
    await rooms_live.remove_person(state, action.account_id, action.reason, code="suspended")


ENFORCE: Final[dict[Kind, Callable[["State", Action, Scene], Awaitable[None]]]] = {
    "delete_message": _delete_message,
    "mute": _mute,
    "remove": _remove,
    "end_room": _end_room,
    "suspend": _suspend,
}


def _tell(state: "State", action: Action, code: str) -> None:
    """Tell the person concerned, wherever they are connected, what happened and why."""
    if action.account_id is not None:
        state["bus"].direct(action.account_id, frames.notice(code, action.reason))
