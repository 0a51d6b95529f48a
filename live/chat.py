"""Chat: what may be written, how fast, how much of it a room is shown, and the log of it.

BUS plane. Every accepted message is logged before it is shown; what a crowded room is not shown
is logged too, so that its sender's retry gets the first answer.

Units   monotonic seconds for paces, moments for the log; lengths in characters.
Limit   ``PEOPLE_MAX`` paces per process; past it the one idle longest is forgotten, which can only
        be generous to somebody who had not written for a while.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from live import tables
from live.errors import BadChatText, ChatTooFast
from live.lines import clean_line

TEXT_CHARACTERS_MAX: Final = 500
SHOWN_PER_ROOM_AND_S: Final = 20.0
PEOPLE_MAX: Final = 100_000
LATEST_MAX: Final = 30
KEPT: Final = timedelta(days=30)
FORGOTTEN_AT_ONCE_MAX: Final = 5_000

_CHAT = tables.chat.c


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one person may write.

    Attributes:
        burst: Messages at once.
        per_s: Messages per second that come back.
    """

    burst: float
    per_s: float


VIEWER_PACE: Final = Pace(burst=5, per_s=20 / 30)
MODERATOR_PACE: Final = Pace(burst=20, per_s=100 / 30)


@dataclass(slots=True)
class Bucket:
    """Tokens that come back with time."""

    tokens: float
    filled_at: float

    def take(self, pace: Pace, now: float) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        self.tokens = min(pace.burst, self.tokens + (now - self.filled_at) * pace.per_s)
        self.filled_at = now
        if self.tokens < 1:
            return (1 - self.tokens) / pace.per_s
        self.tokens -= 1
        return 0.0


@dataclass(slots=True)
class Manners:
    """How fast everybody writes, and how much each room is shown."""

    people_max: int = PEOPLE_MAX
    _people: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)
    _rooms: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)

    def admit(self, account_id: str, pace: Pace, now: float) -> None:
        """Let one message pass.

        Raises:
            ChatTooFast: Says when the next one will.
        """
        wait_s = _bucket(self._people, account_id, pace, now, self.people_max).take(pace, now)
        if wait_s:
            raise ChatTooFast(wait_s)

    def shows(self, room_id: str, now: float) -> bool:
        """Say whether the room still has place for a message this second."""
        pace = Pace(SHOWN_PER_ROOM_AND_S, SHOWN_PER_ROOM_AND_S)
        return not _bucket(self._rooms, room_id, pace, now, self.people_max).take(pace, now)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the log.

    Attributes:
        key: Made by the sender's client; the same key is the same message.
        shown: Whether the room saw it, or only its sender.
    """

    message_id: str
    room_id: str
    account_id: str
    key: str
    text: str
    sent_at: datetime
    shown: bool
    deleted_at: datetime | None = None
    deleted_by_id: str | None = None


def text_of(raw: str) -> str:
    """Return ``raw`` as one clean line.

    Raises:
        BadChatText: Nothing is left, or more than ``TEXT_CHARACTERS_MAX``.
    """
    text = clean_line(raw)
    if not text:
        raise BadChatText("There is nothing to read in this message")
    if len(text) > TEXT_CHARACTERS_MAX:
        raise BadChatText(f"A message has at most {TEXT_CHARACTERS_MAX} characters")
    return text


def by_key(conn: Connection, room_id: str, account_id: str, key: str) -> Message | None:
    """Return the message a sender's client knows by ``key``."""
    row = conn.execute(
        select(tables.chat).where(
            _CHAT.room_id == room_id, _CHAT.account_id == account_id, _CHAT.key == key
        )
    ).one_or_none()
    return None if row is None else _message(row)


def append(conn: Connection, message: Message) -> Message:
    """Log ``message`` and return it, or the one that came first under the same key."""
    first = by_key(conn, message.room_id, message.account_id, message.key)
    if first is not None:
        return first
    row = conn.execute(
        insert(tables.chat)
        .values(
            message_id=message.message_id,
            room_id=message.room_id,
            account_id=message.account_id,
            key=message.key,
            text=message.text,
            sent_at=message.sent_at,
            shown=int(message.shown),
        )
        .returning(tables.chat)
    ).one()
    return _message(row)


def message(conn: Connection, message_id: str) -> Message | None:
    """Return one message, deleted or not."""
    if "\x00" in message_id:  # PostgreSQL takes none
        return None
    row = conn.execute(select(tables.chat).where(_CHAT.message_id == message_id)).one_or_none()
    return None if row is None else _message(row)


def latest(conn: Connection, room_id: str, *, limit: int = LATEST_MAX) -> list[Message]:
    """Return the newest messages a room was shown and nobody deleted, oldest first."""
    rows = conn.execute(
        select(tables.chat)
        .where(_CHAT.room_id == room_id, _CHAT.shown == 1, _CHAT.deleted_at.is_(None))
        .order_by(_CHAT.sent_at.desc(), _CHAT.message_id)
        .limit(limit)
    )
    return [_message(row) for row in rows][::-1]


def around(conn: Connection, reported: Message, *, limit: int = LATEST_MAX) -> list[Message]:
    """Return what was said before and up to a message, oldest first, deleted ones included."""
    rows = conn.execute(
        select(tables.chat)
        .where(_CHAT.room_id == reported.room_id, _CHAT.sent_at <= reported.sent_at)
        .order_by(_CHAT.sent_at.desc(), _CHAT.message_id)
        .limit(limit)
    )
    return [_message(row) for row in rows][::-1]


def written_by(conn: Connection, account_id: str) -> list[Message]:
    """Return everything the log still holds of one person, oldest first."""
    rows = conn.execute(
        select(tables.chat)
        .where(_CHAT.account_id == account_id)
        .order_by(_CHAT.sent_at, _CHAT.message_id)
    )
    return [_message(row) for row in rows]


def mark_deleted(conn: Connection, message_id: str, *, by_id: str, now: datetime) -> Message | None:
    """Mark a message deleted; ``None`` if there is none or it was deleted before."""
    row = conn.execute(
        update(tables.chat)
        .where(_CHAT.message_id == message_id, _CHAT.deleted_at.is_(None))
        .values(deleted_at=now, deleted_by_id=by_id)
        .returning(tables.chat)
    ).one_or_none()
    return None if row is None else _message(row)


def erase_person(conn: Connection, account_id: str) -> None:
    """Remove everything a person wrote, because their account is closed."""
    conn.execute(delete(tables.chat).where(_CHAT.account_id == account_id))


def forget_old(conn: Connection, *, now: datetime) -> int:
    """Remove messages older than ``KEPT``, some at a time; returns how many went."""
    old = (
        select(_CHAT.message_id)
        .where(_CHAT.sent_at < now - KEPT)
        .order_by(_CHAT.sent_at)
        .limit(FORGOTTEN_AT_ONCE_MAX)
    )
    gone: Sequence[str] = (
        conn.execute(
            delete(tables.chat).where(_CHAT.message_id.in_(old)).returning(_CHAT.message_id)
        )
        .scalars()
        .all()
    )
    return len(gone)


def _bucket(
    buckets: OrderedDict[str, Bucket], key: str, pace: Pace, now: float, count_max: int
) -> Bucket:
    bucket = buckets.setdefault(key, Bucket(pace.burst, now))
    buckets.move_to_end(key)
    if len(buckets) > count_max:
        buckets.popitem(last=False)
    return bucket


def _message(row: Row[Any]) -> Message:
    return Message(**{**row._mapping, "shown": bool(row.shown)})
