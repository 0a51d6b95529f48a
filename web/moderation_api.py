"""Reporting, the moderators' queue and what moderators do, over HTTP.

Neither plane. An action is answered once it is in force here: written down, and enforced on every
socket and every stream of this process; other processes follow within ``SWEEP_S``.
"""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import uuid4

from msgspec import Meta, Struct
from sqlalchemy import Connection

from live.chat import Message
from web.jobs import Job
from web.limits import Pace
from web.operations import Answer, Call, Operation, operation
from web.people.accounts import Name
from web.trust import actions, cases, reports, subjects
from web.trust.actions import Action, Kind, Order
from web.trust.cases import Case
from web.trust.enforcement import SWEEP_S, enforce_waiting
from web.trust.reports import Reason, Report, ReportState
from web.trust.subjects import Subject
from web.trust.tables import DETAIL_CHARACTERS_MAX, REASON_CHARACTERS_MAX

REPORT = Pace("report", burst=10, per_s=1 / 30)
MUTE_MINUTES_MAX = 60 * 24 * 365

PLAIN = r"^[0-9A-Za-z_-]+$"
RoomId = Annotated[str, Meta(min_length=1, max_length=32, pattern=PLAIN)]
MessageId = Annotated[str, Meta(min_length=1, max_length=64, pattern=PLAIN)]
Handle = Annotated[str, Meta(min_length=1, max_length=64)]
ReportId = Annotated[str, Meta(min_length=1, max_length=64, pattern=PLAIN)]


class NewReport(Struct):
    """What is wrong, and where: a message, a person, a room, or a person in a room."""

    reason: Reason
    room_id: RoomId | None = None
    message_id: MessageId | None = None
    handle: Handle | None = None
    detail: Annotated[str, Meta(max_length=DETAIL_CHARACTERS_MAX)] = ""


class ReportFiled(Struct):
    """The report; quote its id to ask what became of it."""

    report_id: str


class ShownPerson(Struct):
    """A person as moderators see them."""

    handle: str
    display_name: str


class ReportedPerson(Struct):
    """Whom a report is about."""

    handle: str
    display_name: str
    suspended: bool
    closed: bool


class ReportedRoom(Struct):
    """Where it happened."""

    room_id: str
    title: str
    state: str
    creator: ShownPerson | None


class ChatLine(Struct, rename={"sender": "from"}):
    """A line of chat around what is reported."""

    message_id: str
    sender: ShownPerson | None
    text: str
    at: datetime
    deleted: bool
    reported: bool


class PastAction(Struct):
    """Something done about this person before; ``by`` is null for the operator."""

    action: str
    reason: str
    at: datetime
    by: ShownPerson | None


class QueuedReport(Struct):
    """A report with its context."""

    report_id: str
    state: str
    reason: str
    detail: str
    reported_at: datetime
    reporter: ShownPerson | None
    room: ReportedRoom | None
    account: ReportedPerson | None
    message_id: str | None
    chat: list[ChatLine]
    history: list[PastAction]
    open_count: int


class Queue(Struct):
    """A page of reports, the oldest first; ``cursor`` continues, null at the end."""

    reports: list[QueuedReport]
    cursor: str | None


class NewAction(Struct):
    """What to do, to whom or what, and why.

    With a ``report_id`` the rest may be left out: it is what the report is about.
    """

    action: Kind
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX, pattern=r"\S")]
    report_id: ReportId | None = None
    room_id: RoomId | None = None
    message_id: MessageId | None = None
    handle: Handle | None = None
    minutes: Annotated[int, Meta(ge=1, le=MUTE_MINUTES_MAX)] | None = None


class ActionTaken(Struct):
    """What was done, as it stands in the append-only list."""

    sequence: int
    action: str
    reason: str
    at: datetime
    until: datetime | None


@operation(
    "POST",
    "/api/reports",
    body=NewReport,
    answers={201: ReportFiled},
    person="optional",
    problems=(404,),
    pace=REPORT,
)
async def report(call: Call[NewReport]) -> Answer:
    """Report a room, a message or a person; no account is needed."""
    filed = await call.state["write"](
        store_report,
        call.body,
        report_id=uuid4().hex,
        reporter_id=call.signed_in.account_id if call.signed_in else None,
        now=call.now,
    )
    return Answer(201, ReportFiled(filed.report_id))


@operation(
    "GET",
    "/api/moderation/reports",
    answers={200: Queue},
    roles=("moderator", "admin"),
    query={"state": ReportState, "cursor": ReportId},
    problems=(403, 404),
)
async def list_reports(call: Call[None]) -> Answer:
    """List reports with what is needed to decide."""
    found, cursor = await call.state["read"](
        cases.queue, call.query.get("state", "open"), after=call.query.get("cursor")
    )
    return Answer(200, Queue([queued(case) for case in found], cursor))


@operation(
    "POST",
    "/api/moderation/actions",
    body=NewAction,
    answers={201: ActionTaken},
    roles=("moderator", "admin"),
    problems=(404, 409),
)
async def act(call: Call[NewAction]) -> Answer:
    """Do something about a message, a person or a room; in force when this is answered."""
    taken = await call.state["write"](
        store_action, call.body, actor_id=call.person.account_id, now=call.now
    )
    await enforce_waiting(call.state)
    return Answer(
        201,
        ActionTaken(taken.sequence, taken.kind, taken.reason, taken.taken_at, taken.until_at),
    )


def store_report(
    conn: Connection,
    wanted: NewReport,
    *,
    report_id: str,
    reporter_id: str | None,
    now: datetime,
) -> Report:
    """File what somebody reports."""
    subject = subjects.find(
        conn, room_id=wanted.room_id, message_id=wanted.message_id, handle=wanted.handle
    )
    return reports.file_report(
        conn,
        subject,
        report_id=report_id,
        reporter_id=reporter_id,
        reason=wanted.reason,
        detail=wanted.detail.replace("\x00", ""),
        now=now,
    )


def store_action(
    conn: Connection, wanted: NewAction, *, actor_id: str | None, now: datetime
) -> Action:
    """Carry out what a moderator decides and write it down."""
    named = (wanted.room_id, wanted.message_id, wanted.handle)
    subject = Subject()
    if wanted.report_id is None or any(name is not None for name in named):
        subject = subjects.find(
            conn, room_id=wanted.room_id, message_id=wanted.message_id, handle=wanted.handle
        )
    until_at = now + timedelta(minutes=wanted.minutes) if wanted.minutes else None
    order = Order(
        kind=wanted.action,
        reason=wanted.reason,
        subject=subject,
        report_id=wanted.report_id,
        until_at=until_at if wanted.action == "mute" else None,
    )
    return actions.take(conn, order, actor_id=actor_id, now=now)


def queued(case: Case) -> QueuedReport:
    """Return a case as moderators see it."""
    filed = case.report
    return QueuedReport(
        report_id=filed.report_id,
        state=filed.state,
        reason=filed.reason,
        detail=filed.detail,
        reported_at=filed.reported_at,
        reporter=shown(case.names, filed.reporter_id),
        room=reported_room(case),
        account=reported_person(case),
        message_id=filed.message_id,
        chat=[chat_line(line, case) for line in case.lines],
        history=[
            PastAction(one.kind, one.reason, one.taken_at, shown(case.names, one.actor_id))
            for one in case.history
        ],
        open_count=case.open_count,
    )


def reported_room(case: Case) -> ReportedRoom | None:
    """Return where it happened, if in a room."""
    room = case.room
    if room is None:
        return None
    return ReportedRoom(room.room_id, room.title, room.state, shown(case.names, room.creator_id))


def reported_person(case: Case) -> ReportedPerson | None:
    """Return whom the report is about."""
    account = case.account
    if account is None:
        return None
    return ReportedPerson(
        account.handle, account.display_name, account.is_suspended, account.is_closed
    )


def chat_line(line: Message, case: Case) -> ChatLine:
    """Return a line of chat as moderators see it."""
    return ChatLine(
        message_id=line.message_id,
        sender=shown(case.names, line.account_id),
        text=line.text,
        at=line.sent_at,
        deleted=line.deleted_at is not None,
        reported=line.message_id == case.report.message_id,
    )


def shown(names: dict[str, Name], account_id: str | None) -> ShownPerson | None:
    """Return how a person is shown; nobody stays nobody."""
    name = names.get(account_id) if account_id else None
    return ShownPerson(name.handle, name.display_name) if name else None


operations: list[Operation] = [report, list_reports, act]
jobs = (Job("enforce moderators' actions", SWEEP_S, enforce_waiting),)
