"""What moderators and the operator do: decided, written down for ever, and in force at once.

``take`` changes the rows (a suspension, a ban, an ended room) and appends the action in one
transaction. What is live in memory (sockets, media) follows in ``web.trust.enforcement``, which
reads this list past the last sequence it saw; so the command line and other processes act by the
same path as the moderators' page.

Units   times are aware UTC datetimes. ``sequence`` counts from 1 without gaps.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from live import chat, rooms
from live.errors import RoomNotFound
from web.people import accounts, roles
from web.people.tables import insert_if_new
from web.trust import reports
from web.trust.errors import CreatorOfRoom, Protected, SubjectMissing
from web.trust.subjects import Subject
from web.trust.tables import actions, heads

Kind = Literal["delete_message", "mute", "remove", "end_room", "suspend", "restore", "dismiss"]
OPERATOR = "operator"  # whoever holds the command line; never an account id


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody decided.

    Attributes:
        reason: For the person to read.
        until_at: When a mute ends by itself.
    """

    kind: Kind
    reason: str
    subject: Subject
    report_id: str | None = None
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One line of the append-only list.

    Attributes:
        actor_id: Who did it; None for the operator.
        account_id: Whom it concerns.
    """

    sequence: int
    kind: Kind
    actor_id: str | None
    report_id: str | None
    room_id: str | None
    message_id: str | None
    account_id: str | None
    reason: str
    until_at: datetime | None
    taken_at: datetime


def take(conn: Connection, order: Order, *, actor_id: str | None, now: datetime) -> Action:
    """Carry out ``order`` and write it down.

    Raises:
        Protected: The actor may not act on this person.
        SubjectMissing, CreatorOfRoom: The order makes no sense for its subject.
        RoomNotFound, RoomEnded: There is no room to act in.
        UnknownReport, ReportClosed: Its report is not open.
    """
    reason = order.reason.replace("\x00", "").strip()  # PostgreSQL takes no NUL
    order = _complete(conn, replace(order, reason=reason))
    _check_rank(conn, order.subject, actor_id)
    if order.report_id is not None:
        state: Literal["acted", "dismissed"]
        state = "dismissed" if order.kind == "dismiss" else "acted"
        reports.close(conn, order.report_id, state, now=now)
    CARRY_OUT[order.kind](conn, order, actor_id, now)
    return _append(conn, order, actor_id, now)


def since(conn: Connection, sequence: int, *, limit: int) -> list[Action]:
    """Return the actions after ``sequence``, in order."""
    rows = conn.execute(
        select(actions)
        .where(actions.c.sequence > sequence)
        .order_by(actions.c.sequence)
        .limit(limit)
    )
    return [_action(row) for row in rows]


def head_before(conn: Connection, moment: datetime) -> int:
    """Return the sequence of the last action taken before ``moment``, 0 if there is none."""
    last = select(actions.c.sequence).where(actions.c.taken_at < moment)
    return conn.scalar(last.order_by(actions.c.sequence.desc()).limit(1)) or 0


def about(conn: Connection, account_id: str, *, limit: int) -> list[Action]:
    """Return what was done about one person, the latest first."""
    rows = conn.execute(
        select(actions)
        .where(actions.c.account_id == account_id, actions.c.kind != "dismiss")
        .order_by(actions.c.sequence.desc())
        .limit(limit)
    )
    return [_action(row) for row in rows]


def _complete(conn: Connection, order: Order) -> Order:
    """Fill in what the order leaves to its report."""
    if order.report_id is None:
        if order.kind == "dismiss":
            raise SubjectMissing("report_id")
        return order
    filed = reports.report(conn, order.report_id).subject
    given = order.subject
    if order.kind == "dismiss" or given == Subject():
        return replace(order, subject=filed)
    return replace(order, subject=replace(given, room_id=given.room_id or filed.room_id))


def _check_rank(conn: Connection, subject: Subject, actor_id: str | None) -> None:
    if actor_id is None or subject.account_id is None:
        return
    if subject.account_id == actor_id:
        raise Protected()
    is_over_admin = "admin" in roles.held_by(conn, subject.account_id)
    if is_over_admin and "admin" not in roles.held_by(conn, actor_id):
        raise Protected()


# What each kind changes in the database


def _delete_message(conn: Connection, order: Order, actor_id: str | None, now: datetime) -> None:
    message_id = _needed(order.subject.message_id, "message_id")
    chat.mark_deleted(conn, message_id, by_id=actor_id or OPERATOR, now=now)


def _mute(conn: Connection, order: Order, actor_id: str | None, now: datetime) -> None:
    rooms.mute(
        conn,
        creator_id=_creator_against(conn, order.subject),
        account_id=_needed(order.subject.account_id, "handle"),
        by_id=actor_id or OPERATOR,
        reason=order.reason,
        until=order.until_at,
        now=now,
    )


def _remove(conn: Connection, order: Order, actor_id: str | None, now: datetime) -> None:
    rooms.ban(
        conn,
        creator_id=_creator_against(conn, order.subject),
        account_id=_needed(order.subject.account_id, "handle"),
        by_id=actor_id or OPERATOR,
        reason=order.reason,
        now=now,
    )


def _end_room(conn: Connection, order: Order, _actor_id: str | None, now: datetime) -> None:
    room_id = _needed(order.subject.room_id, "room_id")
    rooms.unended(conn, room_id)
    rooms.end_room(conn, room_id, order.reason, now=now)


def _suspend(conn: Connection, order: Order, actor_id: str | None, now: datetime) -> None:
    account_id = _needed(order.subject.account_id, "handle")
    accounts.suspend(conn, account_id, order.reason, now=now)
    for room in rooms.unended_rooms_of(conn, account_id):
        # An action of its own: enforcement then has one meaning per line.
        ending = Order("end_room", order.reason, Subject(room.room_id, None, account_id))
        rooms.end_room(conn, room.room_id, order.reason, now=now)
        _append(conn, ending, actor_id, now)


def _restore(conn: Connection, order: Order, _actor_id: str | None, _now: datetime) -> None:
    accounts.restore(conn, _needed(order.subject.account_id, "handle"))


def _dismiss(_conn: Connection, _order: Order, _actor_id: str | None, _now: datetime) -> None:
    """Nothing changes but the report."""


CARRY_OUT: dict[Kind, Callable[[Connection, Order, str | None, datetime], None]] = {
    "delete_message": _delete_message,
    "mute": _mute,
    "remove": _remove,
    "end_room": _end_room,
    "suspend": _suspend,
    "restore": _restore,
    "dismiss": _dismiss,
}


def _needed(value: str | None, field: str) -> str:
    if value is None:
        raise SubjectMissing(field)
    return value


def _creator_against(conn: Connection, subject: Subject) -> str:
    """Return the creator in whose rooms somebody is muted or from which they are removed."""
    room_id = _needed(subject.room_id, "room_id")
    room = rooms.room(conn, room_id)
    if room is None:
        raise RoomNotFound(room_id)
    if room.creator_id == subject.account_id:
        raise CreatorOfRoom()
    return room.creator_id


def _append(conn: Connection, order: Order, actor_id: str | None, now: datetime) -> Action:
    row = conn.execute(
        insert(actions)
        .values(
            sequence=_next_sequence(conn),
            kind=order.kind,
            actor_id=actor_id,
            report_id=order.report_id,
            room_id=order.subject.room_id,
            message_id=order.subject.message_id,
            account_id=order.subject.account_id,
            reason=order.reason,
            until_at=order.until_at,
            taken_at=now,
        )
        .returning(actions)
    ).one()
    return _action(row)


def _next_sequence(conn: Connection) -> int:
    raise_head = update(heads).values(sequence=heads.c.sequence + 1).returning(heads.c.sequence)
    raised = conn.execute(raise_head).first()
    if raised is None:
        insert_if_new(conn, heads, head_id=1, sequence=0)  # the very first action
        raised = conn.execute(raise_head).one()
    return int(raised.sequence)


def _action(row: Row[Any]) -> Action:
    return Action(**row._mapping)
