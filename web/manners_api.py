"""A room's manners over HTTP: deleting messages, muting and banning people.

BUS plane. A creator acts on their own rooms. A moderator who does the same acts on the record of
``web.trust.actions``, with the reason kept for ever, and is enforced like everything on it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct
from sqlalchemy import Connection

from live import chat, rooms
from live.errors import RoomNotFound
from live.rooms import Mute, Room
from web import rooms_live
from web.errors import Problem
from web.operations import Answer, Call, Operation, operation
from web.people import accounts, roles
from web.people.accounts import Name
from web.people.errors import NotOneself
from web.people.sessions import Person
from web.room_view import MODERATING
from web.trust import actions
from web.trust.actions import Kind, Order
from web.trust.enforcement import enforce_waiting
from web.trust.errors import CreatorOfRoom, Protected
from web.trust.subjects import Subject

MUTE_MINUTES_MAX = 60 * 24 * 365

Reason = Annotated[str, Meta(min_length=1, max_length=rooms.REASON_CHARACTERS_MAX)]


class BanOrder(Struct):
    """Why somebody has to leave."""

    reason: Reason


class MuteOrder(Struct):
    """Why, and for how long somebody may not chat; without ``minutes`` until taken back."""

    reason: Reason
    minutes: Annotated[int, Meta(ge=1, le=MUTE_MINUTES_MAX)] | None = None


@operation(
    "DELETE", "/api/rooms/{room_id}/messages/{message_id}", answers={204: None}, problems=(403,)
)
async def delete_message(call: Call[None]) -> Answer:
    """Take a message off everybody's screen."""
    room_id, message_id = call.path["room_id"], call.path["message_id"]
    stage = await call.state["read"](stage_of, room_id, call.person, message_id=message_id)
    if stage.acts_as_moderator:
        await act(call, stage, "delete_message", "Deleted in the room.", message_id=message_id)
    else:
        by_id = call.person.account_id
        await call.state["write"](chat.mark_deleted, message_id, by_id=by_id, now=call.now)
        rooms_live.delete_message(call.state, room_id, message_id)
    return Answer(204)


@operation(
    "PUT", "/api/rooms/{room_id}/mutes/{handle}", body=MuteOrder, answers={204: None},
    problems=(403, 409),
)  # fmt: skip
async def mute(call: Call[MuteOrder]) -> Answer:
    """Keep somebody from chatting in all rooms of this room's creator."""
    minutes = call.body.minutes
    until = None if minutes is None else call.now + timedelta(minutes=minutes)
    stage = await call.state["read"](
        stage_of, call.path["room_id"], call.person, handle=call.path["handle"]
    )
    if stage.acts_as_moderator:
        await act(call, stage, "mute", call.body.reason, until_at=until)
        return Answer(204)
    await call.state["write"](
        rooms.mute,
        creator_id=stage.room.creator_id,
        account_id=stage.name.account_id,
        by_id=call.person.account_id,
        reason=call.body.reason,
        until=until,
        now=call.now,
    )
    rooms_live.mute_person(
        call.state,
        stage.creators_rooms,
        stage.name.account_id,
        stage.name.handle,
        Mute(until, call.body.reason),
    )
    return Answer(204)


@operation(
    "DELETE", "/api/rooms/{room_id}/mutes/{handle}", answers={204: None}, problems=(403, 409)
)
async def unmute(call: Call[None]) -> Answer:
    """Let somebody chat again."""
    stage = await call.state["read"](
        stage_of, call.path["room_id"], call.person, handle=call.path["handle"]
    )
    creator_id, account_id = stage.room.creator_id, stage.name.account_id
    await call.state["write"](rooms.unmute, creator_id=creator_id, account_id=account_id)
    rooms_live.unmute_person(call.state, stage.creators_rooms, stage.name.handle)
    return Answer(204)


@operation(
    "PUT", "/api/rooms/{room_id}/bans/{handle}", body=BanOrder, answers={204: None},
    problems=(403, 409),
)  # fmt: skip
async def ban(call: Call[BanOrder]) -> Answer:
    """Remove somebody from all rooms of this room's creator, at once."""
    stage = await call.state["read"](
        stage_of, call.path["room_id"], call.person, handle=call.path["handle"]
    )
    if stage.acts_as_moderator:
        await act(call, stage, "remove", call.body.reason)
        return Answer(204)
    await call.state["write"](
        rooms.ban,
        creator_id=stage.room.creator_id,
        account_id=stage.name.account_id,
        by_id=call.person.account_id,
        reason=call.body.reason,
        now=call.now,
    )
    await rooms_live.ban_person(
        call.state,
        stage.creators_rooms,
        stage.name.account_id,
        stage.name.handle,
        call.body.reason,
    )
    return Answer(204)


@operation("DELETE", "/api/rooms/{room_id}/bans/{handle}", answers={204: None}, problems=(403, 409))
async def unban(call: Call[None]) -> Answer:
    """Let somebody in again."""
    stage = await call.state["read"](
        stage_of, call.path["room_id"], call.person, handle=call.path["handle"]
    )
    creator_id, account_id = stage.room.creator_id, stage.name.account_id
    await call.state["write"](rooms.unban, creator_id=creator_id, account_id=account_id)
    return Answer(204)


operations: list[Operation] = [delete_message, mute, unmute, ban, unban]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where manners are taught, to whom, and in which role.

    Attributes:
        creators_rooms: All unended rooms of the creator: what is done holds in each.
        acts_as_moderator: Not the room's creator: what is done goes on the moderators' record.
    """

    room: Room
    creators_rooms: list[Room]
    name: Name
    acts_as_moderator: bool


def stage_of(
    conn: Connection,
    room_id: str,
    person: Person,
    *,
    handle: str | None = None,
    message_id: str | None = None,
) -> Stage:
    """Return the stage for acting on somebody, by handle or by their message.

    Raises:
        RoomNotFound, UnknownAccount, Problem: There is no such room, person or message.
        Protected, CreatorOfRoom, NotOneself: Nobody acts on them like this.
    """
    room = rooms.room(conn, room_id)
    if room is None:
        raise RoomNotFound(room_id)
    is_creator = room.creator_id == person.account_id
    if not is_creator and MODERATING.isdisjoint(person.roles):
        raise Problem(403, "not_your_room", "This is somebody else's room")
    if message_id is not None:
        name = writer_of(conn, room_id, message_id)
    else:
        account = accounts.by_handle(conn, handle or "")
        name = Name(account.account_id, account.handle, account.display_name)
        check_target(conn, room, person, name.account_id)
    return Stage(
        room=room,
        creators_rooms=rooms.unended_rooms_of(conn, room.creator_id),
        name=name,
        acts_as_moderator=not is_creator,
    )


def writer_of(conn: Connection, room_id: str, message_id: str) -> Name:
    """Return who wrote a message of this room.

    Raises:
        Problem: There is no such message here.
    """
    message = chat.message(conn, message_id)
    if message is None or message.room_id != room_id:
        raise Problem(404, "unknown_message", "There is no such message here")
    names = accounts.names(conn, [message.account_id])
    return names.get(message.account_id, Name(message.account_id, *accounts.CLOSED_NAME))


def check_target(conn: Connection, room: Room, person: Person, account_id: str) -> None:
    """Let pass only whom this person may mute or ban here.

    Raises:
        NotOneself, CreatorOfRoom, Protected: Not these.
    """
    if account_id == person.account_id:
        raise NotOneself
    if account_id == room.creator_id:
        raise CreatorOfRoom
    if not MODERATING.isdisjoint(roles.held_by(conn, account_id)):
        raise Protected


async def act(
    call: Call[Any],
    stage: Stage,
    kind: Kind,
    reason: str,
    *,
    message_id: str | None = None,
    until_at: datetime | None = None,
) -> None:
    """Act as a moderator: on the record, then enforced like everything on it."""
    subject = Subject(stage.room.room_id, message_id, stage.name.account_id)
    order = Order(kind, reason, subject, until_at=until_at)
    await call.state["write"](actions.take, order, actor_id=call.person.account_id, now=call.now)
    await enforce_waiting(call.state)
