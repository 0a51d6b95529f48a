"""A room's life: opened, live while media arrives, ended for good; who may be in it.

BUS plane. Pure functions over a connection; the time and every id are arguments.

A creator's bans and mutes hold in all of that creator's rooms, so that ending a stream and opening
the next one lets nobody back in.

Units   ``live_ms`` is milliseconds during which media arrived, counted per finished stretch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, case, delete, func, insert, select, update

from live import tables
from live.errors import BadRoomText, Banned, RoomEnded, RoomNotFound, TooManyRooms
from live.lines import clean_line

RoomState = Literal["open", "live", "ended"]

TITLE_CHARACTERS_MAX: Final = 100
TAG_CHARACTERS_MAX: Final = 24
TAGS_MAX: Final = 5
REASON_CHARACTERS_MAX: Final = 500
UNENDED_ROOMS_MAX: Final = 20  # per creator
LISTED_ROOMS_MAX: Final = 200
IDLE_MAX: Final = timedelta(minutes=30)
MILLISECOND: Final = timedelta(milliseconds=1)

_ROOMS = tables.rooms.c


@dataclass(frozen=True, slots=True)
class Room:
    """One room as it stands in the database."""

    room_id: str
    creator_id: str
    title: str
    tags: tuple[str, ...]
    state: RoomState
    stream_key_hash: str | None
    opened_at: datetime
    live_at: datetime | None
    idle_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    live_ms: int
    peak_viewer_count: int
    view_count: int
    like_count: int


@dataclass(frozen=True, slots=True)
class ChannelKey:
    """What is kept of a creator's lasting WHIP key."""

    creator_id: str
    hint: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Mute:
    """Why and until when somebody may not chat."""

    until: datetime | None
    reason: str


# Words


def title_of(text: str) -> str:
    """Return ``text`` as a title.

    Raises:
        BadRoomText: It is empty or too long.
    """
    title = clean_line(text)
    if not title:
        raise BadRoomText("title", "must not be empty")
    if len(title) > TITLE_CHARACTERS_MAX:
        raise BadRoomText("title", f"at most {TITLE_CHARACTERS_MAX} characters")
    return title


def tags_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return ``words`` as tags: lower case, each once, in the order given.

    Raises:
        BadRoomText: There are too many, or one is empty, too long or has other signs than
            letters, digits and hyphens.
    """
    tags = tuple(dict.fromkeys(word.strip().lstrip("#").lower() for word in words))
    if len(tags) > TAGS_MAX:
        raise BadRoomText("tags", f"at most {TAGS_MAX}")
    for tag in tags:
        if not 1 <= len(tag) <= TAG_CHARACTERS_MAX:
            raise BadRoomText("tags", f"each 1 to {TAG_CHARACTERS_MAX} characters")
        if not all(sign.isalnum() or sign == "-" for sign in tag):
            raise BadRoomText("tags", "letters, digits and hyphens only")
    return tags


def reason_of(text: str) -> str:
    """Return ``text`` as the reason of a ban, a mute or an end.

    Raises:
        BadRoomText: It is empty or too long.
    """
    reason = clean_line(text)
    if not 1 <= len(reason) <= REASON_CHARACTERS_MAX:
        raise BadRoomText("reason", f"1 to {REASON_CHARACTERS_MAX} characters")
    return reason


# Opening, looking up, ending


def open_room(
    conn: Connection,
    *,
    room_id: str,
    creator_id: str,
    title: str,
    stream_key_hash: str | None,
    now: datetime,
    tags: Sequence[str] = (),
) -> Room:
    """Open a room.

    Raises:
        BadRoomText: The title or a tag breaks its rules.
        TooManyRooms: The creator has ``UNENDED_ROOMS_MAX`` rooms that have not ended.
    """
    unended_count = conn.execute(
        select(func.count())
        .select_from(tables.rooms)
        .where(_ROOMS.creator_id == creator_id, _ROOMS.state != "ended")
    ).scalar_one()
    if unended_count >= UNENDED_ROOMS_MAX:
        raise TooManyRooms(UNENDED_ROOMS_MAX)
    row = conn.execute(
        insert(tables.rooms)
        .values(
            room_id=room_id,
            creator_id=creator_id,
            title=title_of(title),
            tags=list(tags_of(tags)),
            state="open",
            stream_key_hash=stream_key_hash,
            opened_at=now,
            idle_at=now,
            live_ms=0,
            peak_viewer_count=0,
            view_count=0,
            like_count=0,
        )
        .returning(tables.rooms)
    ).one()
    return _room(row)


def room(conn: Connection, room_id: str) -> Room | None:
    """Return the room, ended or not."""
    if "\x00" in room_id:  # PostgreSQL takes none
        return None
    row = conn.execute(select(tables.rooms).where(_ROOMS.room_id == room_id)).one_or_none()
    return None if row is None else _room(row)


def rooms(conn: Connection, room_ids: Iterable[str]) -> dict[str, Room]:
    """Return the rooms that exist of ``room_ids``, by id."""
    rows = conn.execute(select(tables.rooms).where(_ROOMS.room_id.in_(list(room_ids))))
    return {row.room_id: _room(row) for row in rows}


def live_rooms(conn: Connection) -> list[Room]:
    """Return the rooms media arrives in, the newest first, at most ``LISTED_ROOMS_MAX``."""
    rows = conn.execute(
        select(tables.rooms)
        .where(_ROOMS.state == "live")
        .order_by(_ROOMS.live_at.desc(), _ROOMS.room_id)
        .limit(LISTED_ROOMS_MAX)
    )
    return [_room(row) for row in rows]


def unended_rooms_of(conn: Connection, creator_id: str) -> list[Room]:
    """Return a creator's rooms that have not ended: live ones first, then the newest."""
    rows = conn.execute(
        select(tables.rooms)
        .where(_ROOMS.creator_id == creator_id, _ROOMS.state != "ended")
        .order_by(_ROOMS.state, _ROOMS.opened_at.desc())  # "live" sorts before "open"
    )
    return [_room(row) for row in rows]


def rooms_of(conn: Connection, creator_id: str) -> list[Room]:
    """Return every room a creator ever opened, the oldest first."""
    rows = conn.execute(
        select(tables.rooms)
        .where(_ROOMS.creator_id == creator_id)
        .order_by(_ROOMS.opened_at, _ROOMS.room_id)
    )
    return [_room(row) for row in rows]


def room_by_stream_key(conn: Connection, room_id: str, key_hash: str) -> Room | None:
    """Return the room if ``key_hash`` is of its stream key or of its creator's channel key."""
    found = room(conn, room_id)
    if found is None or key_hash == found.stream_key_hash:
        return found
    return found if channel_owner(conn, key_hash) == found.creator_id else None


def change_room(
    conn: Connection,
    room_id: str,
    *,
    title: str | None = None,
    tags: Sequence[str] | None = None,
) -> Room:
    """Give a room another title or other tags; ``None`` keeps what there is.

    Raises:
        RoomNotFound, RoomEnded: It cannot be changed.
        BadRoomText: The title or a tag breaks its rules.
    """
    unended(conn, room_id)
    changes: dict[str, Any] = {}
    if title is not None:
        changes["title"] = title_of(title)
    if tags is not None:
        changes["tags"] = list(tags_of(tags))
    if changes:
        conn.execute(update(tables.rooms).where(_ROOMS.room_id == room_id).values(changes))
    return unended(conn, room_id)


def unended(conn: Connection, room_id: str) -> Room:
    """Return the room.

    Raises:
        RoomNotFound: There is none.
        RoomEnded: It has ended.
    """
    found = room(conn, room_id)
    if found is None:
        raise RoomNotFound(room_id)
    if found.state == "ended":
        raise RoomEnded(room_id)
    return found


def set_state(
    conn: Connection, room_id: str, state: Literal["open", "live"], *, now: datetime
) -> Room | None:
    """Note that media started (``live``) or stopped (``open``).

    Returns the room if that changed its state; an ended room stays ended.
    """
    found = room(conn, room_id)
    if found is None or found.state in (state, "ended"):
        return None
    live = state == "live"
    conn.execute(
        update(tables.rooms)
        .where(_ROOMS.room_id == room_id)
        .values(
            state=state,
            live_at=now if live else None,
            idle_at=None if live else now,
            live_ms=found.live_ms + stretch_ms(found, now),
        )
    )
    return room(conn, room_id)


def end_room(conn: Connection, room_id: str, reason: str, *, now: datetime) -> Room | None:
    """End the room for good; ``None`` if there is none or it had ended before."""
    found = room(conn, room_id)
    if found is None or found.state == "ended":
        return None
    conn.execute(
        update(tables.rooms)
        .where(_ROOMS.room_id == room_id)
        .values(
            state="ended",
            live_at=None,
            idle_at=None,
            ended_at=now,
            end_reason=reason[:200],
            live_ms=found.live_ms + stretch_ms(found, now),
        )
    )
    return room(conn, room_id)


def end_idle_rooms(conn: Connection, *, now: datetime) -> list[Room]:
    """End every open room that has had no media for ``IDLE_MAX``; returns those ended."""
    idle = conn.execute(
        select(_ROOMS.room_id).where(_ROOMS.state == "open", _ROOMS.idle_at <= now - IDLE_MAX)
    ).scalars()
    ended = (end_room(conn, room_id, "No media for 30 minutes.", now=now) for room_id in list(idle))
    return [found for found in ended if found is not None]


def forget_media(conn: Connection, *, now: datetime) -> None:
    """Turn every live room open: a process that starts has no media yet."""
    for room_id in list(
        conn.execute(select(_ROOMS.room_id).where(_ROOMS.state == "live")).scalars()
    ):
        set_state(conn, room_id, "open", now=now)


# Channel keys


def set_channel_key(
    conn: Connection, *, creator_id: str, key_hash: str, hint: str, now: datetime
) -> None:
    """Give a creator a channel key; the one before stops working at once."""
    conn.execute(delete(tables.channel_keys).where(tables.channel_keys.c.creator_id == creator_id))
    conn.execute(
        insert(tables.channel_keys).values(
            creator_id=creator_id, key_hash=key_hash, hint=hint, made_at=now
        )
    )


def forget_channel(conn: Connection, creator_id: str) -> None:
    """Let a creator's channel key open nothing any more, because their account is closed."""
    conn.execute(delete(tables.channel_keys).where(tables.channel_keys.c.creator_id == creator_id))


def channel_key(conn: Connection, creator_id: str) -> ChannelKey | None:
    """Return what is known of a creator's channel key."""
    row = conn.execute(
        select(tables.channel_keys).where(tables.channel_keys.c.creator_id == creator_id)
    ).one_or_none()
    return None if row is None else ChannelKey(row.creator_id, row.hint, row.made_at)


def channel_owner(conn: Connection, key_hash: str) -> str | None:
    """Return the creator whose channel key this is."""
    keys = tables.channel_keys.c
    return conn.execute(
        select(keys.creator_id).where(keys.key_hash == key_hash)
    ).scalar_one_or_none()


def by_channel_key(
    conn: Connection, key_hash: str, *, new_room_id: str, new_title: str, now: datetime
) -> Room | None:
    """Return the room to broadcast in: the creator's newest unended one, or a new one.

    A new room takes over the title and the tags of the creator's last room; ``new_title`` is for
    a creator who never had one. ``None`` if nobody has this key.
    """
    creator_id = channel_owner(conn, key_hash)
    if creator_id is None:
        return None
    last = conn.execute(
        select(tables.rooms)
        .where(_ROOMS.creator_id == creator_id)
        .order_by(case((_ROOMS.state == "ended", 1), else_=0), _ROOMS.opened_at.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.state != "ended":
        return _room(last)
    return open_room(
        conn,
        room_id=new_room_id,
        creator_id=creator_id,
        title=new_title if last is None else last.title,
        stream_key_hash=None,
        now=now,
        tags=() if last is None else last.tags,
    )


# Who may be in a room


def entrance(conn: Connection, room_id: str, account_id: str | None) -> Room:
    """Return the room somebody wants to enter; ``None`` stands for a guest.

    Raises:
        RoomNotFound, RoomEnded: There is nothing to enter.
        Banned: Not for this person.
    """
    found = unended(conn, room_id)
    if account_id is not None:
        reason = ban_reason(conn, found.creator_id, account_id)
        if reason is not None:
            raise Banned(reason)
    return found


def ban(
    conn: Connection, *, creator_id: str, account_id: str, by_id: str, reason: str, now: datetime
) -> None:
    """Ban a person from all rooms of a creator."""
    unban(conn, creator_id=creator_id, account_id=account_id)
    conn.execute(
        insert(tables.bans).values(
            creator_id=creator_id,
            account_id=account_id,
            by_id=by_id,
            reason=reason_of(reason),
            made_at=now,
        )
    )


def unban(conn: Connection, *, creator_id: str, account_id: str) -> None:
    """Take a ban back; nothing happens if there is none."""
    conn.execute(delete(tables.bans).where(*_pair(tables.bans.c, creator_id, account_id)))


def ban_reason(conn: Connection, creator_id: str, account_id: str) -> str | None:
    """Return why a person is banned, ``None`` if not."""
    return conn.execute(
        select(tables.bans.c.reason).where(*_pair(tables.bans.c, creator_id, account_id))
    ).scalar_one_or_none()


def mute(
    conn: Connection,
    *,
    creator_id: str,
    account_id: str,
    by_id: str,
    reason: str,
    until: datetime | None,
    now: datetime,
) -> None:
    """Keep a person from chatting in all rooms of a creator."""
    unmute(conn, creator_id=creator_id, account_id=account_id)
    conn.execute(
        insert(tables.mutes).values(
            creator_id=creator_id,
            account_id=account_id,
            by_id=by_id,
            reason=reason_of(reason),
            made_at=now,
            until=until,
        )
    )


def unmute(conn: Connection, *, creator_id: str, account_id: str) -> None:
    """Take a mute back; nothing happens if there is none."""
    conn.execute(delete(tables.mutes).where(*_pair(tables.mutes.c, creator_id, account_id)))


def mute_of(conn: Connection, creator_id: str, account_id: str, *, now: datetime) -> Mute | None:
    """Return the mute that holds now."""
    row = conn.execute(
        select(tables.mutes.c.until, tables.mutes.c.reason).where(
            *_pair(tables.mutes.c, creator_id, account_id)
        )
    ).one_or_none()
    if row is None or (row.until is not None and row.until <= now):
        return None
    return Mute(row.until, row.reason)


def _pair(columns: Any, creator_id: str, account_id: str) -> tuple[Any, Any]:
    return columns.creator_id == creator_id, columns.account_id == account_id


def stretch_ms(found: Room, now: datetime) -> int:
    """Return for how long media has been arriving in the present stretch."""
    if found.live_at is None:
        return 0
    return max(0, (now - found.live_at) // MILLISECOND)


def _room(row: Row[Any]) -> Room:
    return Room(**{**row._mapping, "tags": tuple(row.tags)})
