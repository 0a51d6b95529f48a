"""Rooms over HTTP: opening, finding, watching, the studio's tools, the channel key.

BUS plane. Changes go to the database first and are felt at once through ``web.rooms_live``.

Units   ``live_ms`` milliseconds of media, ``coins`` and ``diamonds`` whole ones.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import Connection

from gifts import ranking
from live import attendance, rooms
from live.errors import RoomNotFound
from live.rooms import Room
from web import keys, room_view, rooms_live, views
from web.errors import Problem
from web.limits import Pace, client_address
from web.operations import Answer, Call, Operation, operation
from web.people import accounts, ages
from web.people.accounts import Name
from web.people.sessions import Person
from web.state import State

OPENING = Pace("open room", burst=20, per_s=1 / 30)
VIEWING = Pace("view", burst=60, per_s=2, loopback_burst=20_000, loopback_per_s=2_000)

Title = Annotated[str, Meta(max_length=400)]  # the rules themselves are live.rooms'
Tags = Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=20)]


class NewRoom(Struct):
    """What a creator wants to do."""

    title: Title
    tags: Tags = ()


class RoomChanges(Struct):
    """What is to be different; what is left out stays."""

    title: Title | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET


class RoomOpened(Struct):
    """A new room and the secret to broadcast into it."""

    room_id: str
    stream_key: str
    whip_url: str


class Creator(Struct):
    """Whose room it is."""

    handle: str
    display_name: str


class RoomShown(Struct):
    """A room as everybody sees it."""

    room_id: str
    title: str
    tags: tuple[str, ...]
    state: Literal["open", "live", "ended"]
    creator: Creator
    viewer_count: int
    like_count: int
    opened_at: datetime
    live_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


class RoomList(Struct):
    """Who is live, the best attended first."""

    rooms: list[RoomShown]


class RoomSummary(Struct):
    """A broadcast in figures."""

    live_ms: int
    peak_viewer_count: int
    view_count: int
    like_count: int
    message_count: int
    gift_count: int
    coins: int
    diamonds: int
    supporter_count: int


class RoomEnded(Struct):
    """The room has ended; this was it."""

    summary: RoomSummary


class BroadcastHealth(Struct):
    """How the broadcast arrives; null what is not known.

    Attributes:
        lost_ratio: Lost and not repaired of what was expected, 0 to 1.
        keyframe_interval_s: Between the last two keyframes.
    """

    is_live: bool
    bitrate_bps: int
    lost_ratio: float
    round_trip_ms: float | None
    frames_per_s: float
    keyframe_interval_s: float | None
    has_b_frames: bool
    viewer_count: int
    codecs: dict[str, str]


class SupporterShown(Struct):
    """A place on the board."""

    handle: str
    display_name: str
    coins: int


class SupporterList(Struct):
    """Who gave most in this room."""

    supporters: list[SupporterShown]


class ViewOpened(Struct):
    """One person's watching, to be carried by socket, WHEP and HLS alike."""

    view_id: str
    view_token: str
    expires_at: datetime


class Channel(Struct):
    """How to broadcast from a program; the key itself is shown once, when it is made."""

    stream_key_hint: str | None
    whip_url: str


class ChannelKeyMade(Struct):
    """A lasting key; the one before works no more."""

    channel_key: str
    whip_url: str


# Rooms


@operation(
    "POST", "/api/rooms", body=NewRoom, answers={201: RoomOpened}, problems=(403, 409),
    pace=OPENING,
)  # fmt: skip
async def open_room(call: Call[NewRoom]) -> Answer:
    """Open a room; whoever opens it is its creator."""
    ages.require_adult(call.person, call.now.date())
    stream_key = keys.new_key()
    room = await call.state["write"](
        rooms.open_room,
        room_id=keys.new_room_id(),
        creator_id=call.person.account_id,
        title=call.body.title,
        tags=call.body.tags,
        stream_key_hash=keys.key_hash(stream_key),
        now=call.now,
    )
    whip_url = f"{own_url(call)}/whip/{room.room_id}"
    return Answer(201, RoomOpened(room.room_id, stream_key, whip_url))


@operation("GET", "/api/rooms", answers={200: RoomList}, person="none")
async def list_rooms(call: Call[None]) -> Answer:
    """List the rooms that are live."""
    viewers = viewer_counts(call.state)
    shown = await call.state["read"](read_live_rooms, viewers)
    return Answer(200, RoomList(shown))


@operation("GET", "/api/rooms/{room_id}", answers={200: RoomShown}, person="none")
async def get_room(call: Call[None]) -> Answer:
    """Show one room, ended or not."""
    viewers = viewer_counts(call.state)
    return Answer(200, await call.state["read"](read_room, call.path["room_id"], viewers))


@operation(
    "PATCH", "/api/rooms/{room_id}", body=RoomChanges, answers={200: RoomShown},
    problems=(403, 409),
)  # fmt: skip
async def change_room(call: Call[RoomChanges]) -> Answer:
    """Give one's room another title or other tags."""
    room_id, changes = call.path["room_id"], call.body
    changed = await call.state["write"](
        change_own_room,
        room_id,
        call.person,
        title=None if changes.title is UNSET else changes.title,
        tags=None if changes.tags is UNSET else changes.tags,
    )
    rooms_live.tell_room(call.state, changed)
    viewers = viewer_counts(call.state)
    return Answer(200, await call.state["read"](read_room, room_id, viewers))


@operation("POST", "/api/rooms/{room_id}/end", answers={200: RoomEnded}, problems=(403,))
async def end_room(call: Call[None]) -> Answer:
    """End one's room for good; ending it again shows the summary again."""
    state, room_id = call.state, call.path["room_id"]
    ended = await state["write"](end_own_room, room_id, call.person, now=call.now)
    if ended is not None:
        await rooms_live.end_room(state, ended, ended.end_reason or "")
        await rooms_live.store_attendance(state)
    return Answer(200, RoomEnded(await state["read"](summarise, room_id, now=call.now)))


@operation("GET", "/api/rooms/{room_id}/summary", answers={200: RoomEnded}, problems=(403,))
async def get_summary(call: Call[None]) -> Answer:
    """Show one's room in figures, also while it goes on."""
    room_id = call.path["room_id"]
    await call.state["read"](own_room, room_id, call.person)
    return Answer(200, RoomEnded(await call.state["read"](summarise, room_id, now=call.now)))


@operation("GET", "/api/rooms/{room_id}/health", answers={200: BroadcastHealth}, problems=(403,))
async def get_health(call: Call[None]) -> Answer:
    """Show how one's broadcast arrives."""
    room_id = call.path["room_id"]
    await call.state["read"](own_room, room_id, call.person)
    viewer_count = call.state["audience"].viewer_count(room_id, now=time.monotonic())
    health = call.state["media"].broadcast_health(room_id)
    if health is None:
        return Answer(200, BroadcastHealth(False, 0, 0.0, None, 0.0, None, False, viewer_count, {}))
    return Answer(
        200,
        BroadcastHealth(
            is_live=health.is_live,
            bitrate_bps=health.bitrate_bps,
            lost_ratio=health.lost_ratio,
            round_trip_ms=health.round_trip_ms,
            frames_per_s=health.frames_per_s,
            keyframe_interval_s=health.keyframe_interval_s,
            has_b_frames=health.has_b_frames,
            viewer_count=viewer_count,
            codecs=dict(health.codecs),
        ),
    )


@operation("GET", "/api/rooms/{room_id}/supporters", answers={200: SupporterList}, person="none")
async def list_supporters(call: Call[None]) -> Answer:
    """Show who gave most in a room."""
    board = await call.state["read"](read_supporters, call.path["room_id"])
    return Answer(200, SupporterList(board))


@operation(
    "POST", "/api/rooms/{room_id}/views", answers={201: ViewOpened},
    problems=(403, 409), person="optional", pace=VIEWING,
)  # fmt: skip
async def open_view(call: Call[None]) -> Answer:
    """Begin to watch; without an account as a guest, of whom an address has a limited number."""
    state, room_id, person = call.state, call.path["room_id"], call.signed_in
    account_id = None if person is None else person.account_id
    await state["read"](rooms.entrance, room_id, account_id)
    view_id = uuid4().hex
    client = client_address(call.request, state["settings"].trusted_proxies)
    state["audience"].admit(
        room_id,
        view_id,
        now=time.monotonic(),
        address=client.text if person is None and not client.is_direct_loopback else None,
        account_id=account_id,
    )
    token = views.sign(view_id, room_id, account_id, state["secret"], now=call.now)
    return Answer(201, ViewOpened(view_id, token, call.now + views.LIFETIME))


# Channel


@operation("GET", "/api/channel", answers={200: Channel})
async def get_channel(call: Call[None]) -> Answer:
    """Show how to broadcast from a program."""
    key = await call.state["read"](rooms.channel_key, call.person.account_id)
    return Answer(200, Channel(key.hint if key else None, f"{own_url(call)}/whip"))


@operation("POST", "/api/channel/key", answers={201: ChannelKeyMade}, problems=(403,))
async def make_channel_key(call: Call[None]) -> Answer:
    """Make a new channel key; the one before works no more."""
    ages.require_adult(call.person, call.now.date())
    key = keys.new_key()
    await call.state["write"](
        rooms.set_channel_key,
        creator_id=call.person.account_id,
        key_hash=keys.key_hash(key),
        hint=keys.hint(key),
        now=call.now,
    )
    return Answer(201, ChannelKeyMade(key, f"{own_url(call)}/whip"))


operations: list[Operation] = [
    open_room, list_rooms, get_room, change_room, end_room, get_summary, get_health,
    list_supporters, open_view, get_channel,
    make_channel_key,
]  # fmt: skip


# Reading


def viewer_counts(state: State) -> Callable[[str], int]:
    """Return a function that tells how many watch a room."""
    now = time.monotonic()
    return lambda room_id: state["audience"].viewer_count(room_id, now=now)


def read_live_rooms(conn: Connection, viewers: Callable[[str], int]) -> list[RoomShown]:
    """Return every live room, the best attended first."""
    found = rooms.live_rooms(conn)
    names = accounts.names(conn, {room.creator_id for room in found})
    shown = [show(room, names.get(room.creator_id), viewers(room.room_id)) for room in found]
    return sorted(shown, key=lambda one: -one.viewer_count)


def read_room(conn: Connection, room_id: str, viewers: Callable[[str], int]) -> RoomShown:
    """Return one room.

    Raises:
        RoomNotFound: There is none.
    """
    room = rooms.room(conn, room_id)
    if room is None:
        raise RoomNotFound(room_id)
    names = accounts.names(conn, [room.creator_id])
    return show(room, names.get(room.creator_id), viewers(room_id))


def show(room: Room, name: Name | None, viewer_count: int) -> RoomShown:
    """Return a room as everybody sees it."""
    handle, display_name = accounts.CLOSED_NAME
    if name is not None:
        handle, display_name = name.handle, name.display_name
    return RoomShown(
        room_id=room.room_id,
        title=room.title,
        tags=room.tags,
        state=room.state,
        creator=Creator(handle, display_name),
        viewer_count=viewer_count,
        like_count=room.like_count,
        opened_at=room.opened_at,
        live_at=room.live_at,
        ended_at=room.ended_at,
        end_reason=room.end_reason,
    )


def read_supporters(conn: Connection, room_id: str) -> list[SupporterShown]:
    """Return a room's board.

    Raises:
        RoomNotFound: There is no such room.
    """
    if rooms.room(conn, room_id) is None:
        raise RoomNotFound(room_id)
    return [
        SupporterShown(place.handle, place.display_name, place.coins)
        for place in room_view.supporters(conn, room_id)
    ]


def summarise(conn: Connection, room_id: str, *, now: datetime) -> RoomSummary:
    """Return a room in figures: attendance from the bus plane, gifts from the coin plane."""
    seen = attendance.summary(conn, room_id, now=now)
    received = ranking.totals(conn, room_id)
    return RoomSummary(
        live_ms=seen.live_ms,
        peak_viewer_count=seen.peak_viewer_count,
        view_count=seen.view_count,
        like_count=seen.like_count,
        message_count=seen.message_count,
        gift_count=received.gifts,
        coins=received.coins,
        diamonds=received.diamonds,
        supporter_count=received.supporters,
    )


# Whose room it is


def own_room(conn: Connection, room_id: str, person: Person) -> Room:
    """Return the room if it is the person's.

    Raises:
        RoomNotFound: There is none.
        Problem: It is somebody else's.
    """
    room = rooms.room(conn, room_id)
    if room is None:
        raise RoomNotFound(room_id)
    if room.creator_id != person.account_id:
        raise Problem(403, "not_your_room", "This is somebody else's room")
    return room


def change_own_room(
    conn: Connection,
    room_id: str,
    person: Person,
    *,
    title: str | None,
    tags: tuple[str, ...] | None,
) -> Room:
    """Change the room if it is the person's."""
    own_room(conn, room_id, person)
    return rooms.change_room(conn, room_id, title=title, tags=tags)


def end_own_room(conn: Connection, room_id: str, person: Person, *, now: datetime) -> Room | None:
    """End the room if it is the person's; ``None`` if it had ended."""
    own_room(conn, room_id, person)
    return rooms.end_room(conn, room_id, "The broadcast is over.", now=now)


def own_url(call: Call[Any]) -> str:
    """Return the address people reach this server at."""
    public_url = call.state["settings"].public_url
    return public_url.rstrip("/") or str(call.request.base_url).rstrip("/")
