"""What a person can see and change of themselves: profile, password, sessions, their data.

Neither plane, but for the coins in ``GET /api/me``, which are read from the books.
"""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import Connection

from wallet import accounts as purses
from web import rooms_live
from web.accounts_api import (
    DisplayName,
    Email,
    Password,
    check_credentials,
    no_cookie,
)
from web.operations import Answer, Call, Operation, operation
from web.people import accounts, blocks, closing, downloads, passwords, sessions
from web.people.downloads import Download
from web.people.errors import OldPasswordWrong, WrongPassword
from web.people.sessions import Person
from web.state import State
from web.trust import actions

NOTICES_MAX = 100


class Me(Struct):
    """Who is logged in."""

    account_id: str
    handle: str
    display_name: str
    roles: list[str]
    birth_date: date | None
    email: str | None
    csrf_token: str
    coins: int


class Changes(Struct):
    """What to change; null removes, a member left out stays."""

    display_name: DisplayName | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET


class BirthDate(Struct):
    """A birth date, which can be said once."""

    birth_date: date


class PasswordChange(Struct):
    """The password so far, and the one from now on."""

    old: Password
    new: Password


class Confirmation(Struct):
    """The password once more, for what cannot be undone."""

    password: Password


class OpenSession(Struct):
    """One place where somebody is logged in."""

    session_id: str
    device: str
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


class Sessions(Struct):
    """Everywhere a person is logged in, the most recently used first."""

    sessions: list[OpenSession]


class BlockedPerson(Struct):
    """Somebody a person has blocked."""

    handle: str
    since: datetime


class BlockedPeople(Struct):
    """Whom a person has blocked, the latest first."""

    blocked: list[BlockedPerson]


class PersonalNotice(Struct):
    """Something a moderator did about a person, and why."""

    kind: str
    reason: str
    at: datetime
    until: datetime | None
    room_id: str | None


class PersonalNotices(Struct):
    """What moderators did about a person, the latest first."""

    notices: list[PersonalNotice]


@operation("GET", "/api/me", answers={200: Me})
async def me(call: Call[None]) -> Answer:
    """Tell who is logged in."""
    return Answer(200, await call.state["read"](read_me, call.person, call.state["secret"]))


@operation("PATCH", "/api/me", body=Changes, answers={200: Me})
async def change_me(call: Call[Changes]) -> Answer:
    """Change the display name or the e-mail address."""
    changes: dict[str, str | None] = {}
    if call.body.display_name is not UNSET:
        changes["display_name"] = call.body.display_name
    if call.body.email is not UNSET:
        changes["email"] = call.body.email
    changed = await call.state["write"](store_changes, call.person, changes, call.state["secret"])
    return Answer(200, changed)


@operation("PUT", "/api/me/birth-date", body=BirthDate, answers={204: None}, problems=(403, 409))
async def set_birth_date(call: Call[BirthDate]) -> Answer:
    """Say the birth date, where it was never said."""
    await call.state["write"](
        accounts.set_birth_date,
        call.person.account_id,
        call.body.birth_date,
        today=call.now.date(),
    )
    return Answer(204)


@operation(
    "POST",
    "/api/me/password",
    body=PasswordChange,
    answers={204: None},
    problems=(403, 429),
)
async def change_password(call: Call[PasswordChange]) -> Answer:
    """Change the password; every other session ends."""
    person = call.person
    await confirm(call.state, person, call.body.old, call.address)
    passwords.check_password(call.body.new, person.handle)
    password_hash = await asyncio.to_thread(passwords.hash_password, call.body.new)
    await call.state["write"](store_password, person, password_hash)
    call.state["sockets"].end_sessions(person.account_id, but=person.session_id)
    return Answer(204)


@operation("GET", "/api/me/sessions", answers={200: Sessions})
async def list_sessions(call: Call[None]) -> Answer:
    """List where one is logged in."""
    found = await call.state["read"](sessions.listing, call.person.account_id, now=call.now)
    return Answer(
        200,
        Sessions(
            [
                OpenSession(
                    session_id=one.session_id,
                    device=one.device,
                    opened_at=one.opened_at,
                    seen_at=one.seen_at,
                    expires_at=one.expires_at,
                    current=one.session_id == call.person.session_id,
                )
                for one in found
            ]
        ),
    )


@operation("DELETE", "/api/me/sessions/{session_id}", answers={204: None})
async def end_session(call: Call[None]) -> Answer:
    """Log out somewhere else."""
    account_id, session_id = call.person.account_id, call.path["session_id"]
    await call.state["write"](sessions.revoke, account_id, session_id)
    call.state["sockets"].end_sessions(account_id, session_id=session_id)
    return Answer(204)


@operation("GET", "/api/me/blocks", answers={200: BlockedPeople})
async def list_blocks(call: Call[None]) -> Answer:
    """List whom one has blocked."""
    found = await call.state["read"](blocks.handles_blocked, call.person.account_id)
    return Answer(200, BlockedPeople([BlockedPerson(*one) for one in found]))


@operation("GET", "/api/me/notices", answers={200: PersonalNotices})
async def list_notices(call: Call[None]) -> Answer:
    """List what moderators did about oneself, with their reasons."""
    found = await call.state["read"](actions.about, call.person.account_id, limit=NOTICES_MAX)
    return Answer(
        200,
        PersonalNotices(
            [
                PersonalNotice(one.kind, one.reason, one.taken_at, one.until_at, one.room_id)
                for one in found
            ]
        ),
    )


@operation("GET", "/api/me/download", answers={200: Download})
async def download(call: Call[None]) -> Answer:
    """Hand out everything that is kept about oneself."""
    collected = await call.state["read"](downloads.collect, call.person.account_id, now=call.now)
    name = f"ovation-{call.person.handle}-{call.now:%Y-%m-%d}.json"
    return Answer(200, collected, {"Content-Disposition": f'attachment; filename="{name}"'})


@operation(
    "POST",
    "/api/me/close",
    body=Confirmation,
    answers={204: None},
    problems=(403, 429),
)
async def close_account(call: Call[Confirmation]) -> Answer:
    """Close the account: who it was is erased, the books stay."""
    state, person = call.state, call.person
    await confirm(state, person, call.body.password, call.address)
    ended = await state["write"](closing.close, person.account_id, now=call.now)
    for room in ended:
        await rooms_live.end_room(state, room, closing.END_REASON)
    await rooms_live.remove_person(state, person.account_id, closing.END_REASON)
    return Answer(204, headers={"Set-Cookie": no_cookie(state["settings"])})


async def confirm(state: State, person: Person, password: str, address: str) -> None:
    """Let pass only who knows the password of the account that is logged in.

    Raises:
        OldPasswordWrong: It is another one.
        LogInTooFast: Too many were wrong lately.
    """
    try:
        await check_credentials(state, person.handle, password, address)
    except WrongPassword:
        raise OldPasswordWrong() from None


def read_me(conn: Connection, person: Person, secret: str) -> Me:
    """Return who ``person`` is, with their coins."""
    account = accounts.by_id(conn, person.account_id)
    return Me(
        account_id=account.account_id,
        handle=account.handle,
        display_name=account.display_name,
        roles=sorted(person.roles),
        birth_date=account.birth_date,
        email=account.email,
        csrf_token=sessions.csrf_token(person.session_id, secret),
        coins=purses.holdings(conn, person.account_id).coins,
    )


def store_changes(
    conn: Connection, person: Person, changes: Mapping[str, str | None], secret: str
) -> Me:
    """Change the profile and return it."""
    accounts.change(conn, person.account_id, changes)
    return read_me(conn, person, secret)


def store_password(conn: Connection, person: Person, password_hash: str) -> None:
    """Change the password and end every session but this one."""
    accounts.set_password_hash(conn, person.account_id, password_hash)
    sessions.revoke_all(conn, person.account_id, but=person.session_id)


operations: list[Operation] = [
    me,
    change_me,
    set_birth_date,
    change_password,
    list_sessions,
    end_session,
    list_blocks,
    list_notices,
    download,
    close_account,
]
