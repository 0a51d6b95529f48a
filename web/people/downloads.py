"""Everything that is kept about one person, for that person.

Source  Regulation (EU) 2016/679 (GDPR), articles 15 and 20.
"""

from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import Connection

from live import chat, rooms
from web import wallet_history
from web.people import accounts, blocks, follows, roles, sessions
from web.trust import actions, reports

HISTORY_MAX = 10_000
WALLET_PAGE_LENGTH = 400


class AccountRecord(Struct):
    """The account itself."""

    account_id: str
    handle: str
    display_name: str
    email: str | None
    birth_date: date | None
    created_at: datetime
    roles: list[str]


class SessionRecord(Struct):
    """A place where the person is logged in."""

    device: str
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime


class MessageRecord(Struct):
    """A chat message the person wrote."""

    room_id: str
    text: str
    sent_at: datetime
    deleted_at: datetime | None


class RoomRecord(Struct):
    """A room the person opened."""

    room_id: str
    title: str
    tags: list[str]
    opened_at: datetime
    ended_at: datetime | None
    live_ms: int


class ReportRecord(Struct):
    """Something the person reported."""

    reason: str
    detail: str
    room_id: str | None
    message_id: str | None
    reported_at: datetime
    state: str


class ActionRecord(Struct):
    """Something moderators did about the person."""

    kind: str
    reason: str
    room_id: str | None
    taken_at: datetime


class Download(Struct):
    """All of it."""

    made_at: datetime
    account: AccountRecord
    sessions: list[SessionRecord]
    follows: list[str]
    blocked: list[str]
    rooms: list[RoomRecord]
    messages: list[MessageRecord]
    reports: list[ReportRecord]
    moderation: list[ActionRecord]
    wallet: list[wallet_history.Line]


def collect(conn: Connection, account_id: str, *, now: datetime) -> Download:
    """Return what every package keeps about this person."""
    return Download(
        made_at=now,
        account=_account(conn, account_id),
        sessions=[
            SessionRecord(one.device, one.opened_at, one.seen_at, one.expires_at)
            for one in sessions.listing(conn, account_id, now=now)
        ],
        follows=follows.handles_followed(conn, account_id),
        blocked=[handle for handle, _ in blocks.handles_blocked(conn, account_id)],
        rooms=_rooms(conn, account_id),
        messages=[
            MessageRecord(one.room_id, one.text, one.sent_at, one.deleted_at)
            for one in chat.written_by(conn, account_id)
        ],
        reports=[
            ReportRecord(
                one.reason, one.detail, one.room_id, one.message_id, one.reported_at, one.state
            )
            for one in reports.filed_by(conn, account_id)
        ],
        moderation=[
            ActionRecord(one.kind, one.reason, one.room_id, one.taken_at)
            for one in actions.about(conn, account_id, limit=HISTORY_MAX)
        ],
        wallet=_wallet(conn, account_id),
    )


def _account(conn: Connection, account_id: str) -> AccountRecord:
    account = accounts.by_id(conn, account_id)
    return AccountRecord(
        account_id=account.account_id,
        handle=account.handle,
        display_name=account.display_name,
        email=account.email,
        birth_date=account.birth_date,
        created_at=account.created_at,
        roles=sorted(roles.held_by(conn, account_id)),
    )


def _rooms(conn: Connection, account_id: str) -> list[RoomRecord]:
    return [
        RoomRecord(
            room_id=one.room_id,
            title=one.title,
            tags=list(one.tags),
            opened_at=one.opened_at,
            ended_at=one.ended_at,
            live_ms=one.live_ms,
        )
        for one in rooms.rooms_of(conn, account_id)
    ]


def _wallet(conn: Connection, account_id: str) -> list[wallet_history.Line]:
    lines: list[wallet_history.Line] = []
    cursor: str | None = ""
    while cursor is not None:
        page = wallet_history.page(conn, account_id, cursor, length=WALLET_PAGE_LENGTH)
        lines += page.lines
        cursor = page.cursor
    return lines
