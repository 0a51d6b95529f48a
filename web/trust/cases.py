"""The moderators' queue: each report with what is needed to decide.

Context (the lines of chat before a message, what was done about the person before) is read when
a moderator looks, never stored twice.

Limit   ``PAGE_MAX`` reports per page, ``LINES_MAX`` lines of chat and ``HISTORY_MAX`` actions each.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select

from live import chat, rooms
from live.chat import Message
from live.rooms import Room
from web.people import accounts
from web.people.accounts import Account, Name
from web.trust import actions, reports
from web.trust.actions import Action
from web.trust.reports import Report, ReportState
from web.trust.tables import reports as table

PAGE_MAX = 50
LINES_MAX = 20
HISTORY_MAX = 20


@dataclass(frozen=True, slots=True)
class Case:
    """A report with what a moderator needs to decide.

    Attributes:
        account: Whom it is about; None when they were never here.
        lines: Chat before and including the message, or the room's latest.
        history: What was done about the person before, the latest first.
        open_count: Open reports about the same person, this one included.
        names: How everybody who occurs is shown.
    """

    report: Report
    room: Room | None
    account: Account | None
    lines: list[Message]
    history: list[Action]
    open_count: int
    names: dict[str, Name]


def queue(
    conn: Connection, state: ReportState = "open", *, after: str | None = None
) -> tuple[list[Case], str | None]:
    """Return a page of the queue, the oldest first, and where the next one begins.

    Raises:
        UnknownReport: ``after`` is none.
    """
    wanted = select(table).where(table.c.state == state)
    if after is not None:
        last = reports.report(conn, after)
        wanted = wanted.where(
            or_(
                table.c.reported_at > last.reported_at,
                and_(
                    table.c.reported_at == last.reported_at,
                    table.c.report_id > last.report_id,
                ),
            )
        )
    rows = conn.execute(
        wanted.order_by(table.c.reported_at, table.c.report_id).limit(PAGE_MAX + 1)
    ).all()
    cases = [_case(conn, reports.of_row(row)) for row in rows[:PAGE_MAX]]
    more = cases[-1].report.report_id if len(rows) > PAGE_MAX else None
    return cases, more


def _case(conn: Connection, one: Report) -> Case:
    room = rooms.room(conn, one.room_id) if one.room_id else None
    history = actions.about(conn, one.account_id, limit=HISTORY_MAX) if one.account_id else []
    lines = _lines(conn, one)
    people = {line.account_id for line in lines}
    people |= {action.actor_id for action in history if action.actor_id}
    people |= {one.account_id} if one.account_id else set()
    people |= {room.creator_id} if room else set()
    people |= {one.reporter_id} if one.reporter_id else set()
    open_count = conn.scalar(
        select(func.count()).where(
            table.c.state == "open",
            table.c.account_id == one.account_id,
        )
    )
    return Case(
        report=one,
        room=room,
        account=accounts.by_id(conn, one.account_id) if one.account_id else None,
        lines=lines,
        history=history,
        open_count=open_count or 0,
        names=dict(accounts.names(conn, people)),
    )


def _lines(conn: Connection, one: Report) -> list[Message]:
    reported = chat.message(conn, one.message_id) if one.message_id else None
    if reported is not None:
        return chat.around(conn, reported, limit=LINES_MAX)
    return chat.latest(conn, one.room_id, limit=LINES_MAX) if one.room_id else []
