"""Accounts: joining, looking people up, changing, suspending and closing.

An account id is random and outlives the person's wish to be forgotten: closing erases who they
were and keeps the id, because the books refer to it.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from web.people import ages, handles, passwords, tables
from web.people.errors import BirthDateAlreadySet, HandleTaken, UnknownAccount
from web.people.tables import accounts, insert_if_new

NAMED_MAX = 500
LISTED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Application:
    """What somebody wants to join with, checked."""

    handle: str
    birth_date: date | None
    email: str | None
    display_name: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """One row of ``people_accounts``, less the password.

    Attributes:
        handle: "" once the account is closed.
        email: Not proven to be theirs.
    """

    account_id: str
    handle: str
    display_name: str
    email: str | None
    birth_date: date | None
    created_at: datetime
    suspended_reason: str | None
    is_closed: bool

    @property
    def is_suspended(self) -> bool:
        """Whether the account may do nothing for now."""
        return self.suspended_reason is not None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a log-in is checked against."""

    account_id: str
    handle: str
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Name:
    """How a person is shown to others."""

    account_id: str
    handle: str
    display_name: str


CLOSED_NAME = ("closed", "Closed account")  # the handle is reserved: nobody is called so


# Joining


def check_application(
    *,
    handle: str,
    password: str,
    birth_date: date | None,
    email: str | None,
    display_name: str | None,
    today: date,
) -> Application:
    """Return what was applied for in the form it is stored.

    Raises:
        HandleRefused, PasswordRefused, EmailRefused, NameRefused: Breaks the rule it names.
        BirthDateRefused, TooYoung: Nobody of that age can join.
    """
    checked = handles.check_handle(handle)
    passwords.check_password(password, checked)
    if birth_date is not None:
        ages.check_birth_date(birth_date, today)
    return Application(
        handle=checked,
        birth_date=birth_date,
        email=handles.check_email(email) if email else None,
        display_name=handles.check_display_name(display_name) if display_name else None,
    )


def is_free(conn: Connection, handle: str) -> bool:
    """Say whether nobody has, or had, this handle: a hint; only ``open_account`` decides."""
    taken = select(accounts.c.account_id).where(accounts.c.handle == handle)
    return conn.execute(taken).first() is None and not _is_retired(conn, handle)


def open_account(
    conn: Connection,
    application: Application,
    *,
    account_id: str,
    password_hash: str,
    now: datetime,
) -> Account:
    """Open an account; of two people who want one handle at once, one gets it.

    Raises:
        HandleTaken: Somebody has this handle, or had it.
    """
    if _is_retired(conn, application.handle):
        raise HandleTaken()
    is_new = insert_if_new(
        conn,
        accounts,
        account_id=account_id,
        handle=application.handle,
        password_hash=password_hash,
        display_name=application.display_name,
        email=application.email,
        birth_date=application.birth_date,
        created_at=now,
    )
    if not is_new:
        raise HandleTaken()
    return by_handle(conn, application.handle)


# Looking up


def by_handle(conn: Connection, handle: str) -> Account:
    """Return the account of this handle, whatever its case and with or without @.

    Raises:
        UnknownAccount: Nobody has it.
    """
    folded = handles.fold_handle(handle)
    row = conn.execute(select(accounts).where(accounts.c.handle == folded)).first()
    if row is None:
        raise UnknownAccount(folded)
    return _account(row)


def by_id(conn: Connection, account_id: str) -> Account:
    """Return an account, closed ones included.

    Raises:
        UnknownAccount: There never was one.
    """
    row = conn.execute(select(accounts).where(accounts.c.account_id == account_id)).first()
    if row is None:
        raise UnknownAccount()
    return _account(row)


def by_handle_or_email(conn: Connection, text: str, *, accounts_max: int) -> list[Account]:
    """Return whom a forgetful person may mean: one handle, or several with one address."""
    email = text.replace("\x00", "").strip().lower()  # PostgreSQL takes no NUL
    rows = conn.execute(
        select(accounts)
        .where(or_(accounts.c.handle == handles.fold_handle(text), accounts.c.email == email))
        .order_by(accounts.c.created_at)
        .limit(accounts_max)
    )
    return [_account(row) for row in rows]


def credentials(conn: Connection, handle: str) -> Credentials | None:
    """Return what a log-in with this handle is checked against."""
    columns = accounts.c["account_id", "handle", "password_hash"]
    row = conn.execute(
        select(*columns).where(accounts.c.handle == handles.fold_handle(handle))
    ).first()
    return None if row is None else Credentials(*row)


def names(conn: Connection, account_ids: Collection[str]) -> Mapping[str, Name]:
    """Return how these people are shown; closed accounts have one name for all.

    At most ``NAMED_MAX`` ids at once.
    """
    assert len(account_ids) <= NAMED_MAX
    rows = conn.execute(
        select(*accounts.c["account_id", "handle", "display_name"]).where(
            accounts.c.account_id.in_(account_ids)
        )
    )
    found: dict[str, Name] = {}
    for account_id, handle, display_name in rows:
        if handle is None:
            found[account_id] = Name(account_id, *CLOSED_NAME)
        else:
            found[account_id] = Name(account_id, handle, display_name or handle)
    return found


def listing(conn: Connection, role: str | None = None) -> list[tuple[Account, frozenset[str]]]:
    """Return accounts with their roles, the oldest first, at most ``LISTED_MAX``."""
    wanted = select(accounts).where(accounts.c.closed_at.is_(None))
    if role is not None:
        holders = select(tables.roles.c.account_id).where(tables.roles.c.role == role)
        wanted = wanted.where(accounts.c.account_id.in_(holders))
    rows = conn.execute(
        wanted.order_by(accounts.c.created_at, accounts.c.handle).limit(LISTED_MAX)
    ).all()
    held: dict[str, set[str]] = {}
    for account_id, name in conn.execute(select(*tables.roles.c["account_id", "role"])):
        held.setdefault(account_id, set()).add(name)
    return [(_account(row), frozenset(held.get(row.account_id, ()))) for row in rows]


# Changing


def change(conn: Connection, account_id: str, changes: Mapping[str, str | None]) -> Account:
    """Store another ``display_name`` or ``email``; None removes it.

    Raises:
        NameRefused, EmailRefused: The new one breaks a rule.
    """
    checked: dict[str, str | None] = {}
    if "display_name" in changes:
        name = changes["display_name"]
        checked["display_name"] = handles.check_display_name(name) if name else None
    if "email" in changes:
        email = changes["email"]
        checked["email"] = handles.check_email(email) if email else None
    if checked:
        conn.execute(update(accounts).where(accounts.c.account_id == account_id).values(checked))
    return by_id(conn, account_id)


def set_birth_date(conn: Connection, account_id: str, birth_date: date, *, today: date) -> None:
    """Store a birth date where there is none yet.

    Raises:
        BirthDateRefused, TooYoung: Nobody of that age can be here.
        BirthDateAlreadySet: It was said before.
    """
    ages.check_birth_date(birth_date, today)
    changed = conn.execute(
        update(accounts)
        .where(accounts.c.account_id == account_id, accounts.c.birth_date.is_(None))
        .values(birth_date=birth_date)
        .returning(accounts.c.account_id)
    ).first()
    if changed is None:
        raise BirthDateAlreadySet()


def set_password_hash(conn: Connection, account_id: str, password_hash: str) -> None:
    """Store what is kept of a new password."""
    conn.execute(
        update(accounts)
        .where(accounts.c.account_id == account_id, accounts.c.closed_at.is_(None))
        .values(password_hash=password_hash)
    )


# Suspending and closing


def suspend(conn: Connection, account_id: str, reason: str, *, now: datetime) -> None:
    """Suspend an account and end all its sessions; suspending again changes the reason."""
    conn.execute(
        update(accounts)
        .where(accounts.c.account_id == account_id, accounts.c.closed_at.is_(None))
        .values(
            suspended_at=now,
            suspended_reason=reason[: tables.REASON_CHARACTERS_MAX],
        )
    )
    conn.execute(delete(tables.sessions).where(tables.sessions.c.account_id == account_id))


def restore(conn: Connection, account_id: str) -> None:
    """Lift a suspension; nothing happens to who is not suspended."""
    conn.execute(
        update(accounts)
        .where(accounts.c.account_id == account_id)
        .values(suspended_at=None, suspended_reason=None)
    )


def close(conn: Connection, account_id: str, *, now: datetime) -> None:
    """Erase who this person was and keep the account id, to which the books refer.

    The handle is retired: of it only a hash is kept, with which nobody can take it again.
    A suspension stays on the account, so that closing it does not end an inquiry.

    Raises:
        UnknownAccount: It is closed already.
    """
    account = by_id(conn, account_id)
    if account.is_closed:
        raise UnknownAccount()
    conn.execute(
        insert(tables.retired_handles).values(
            handle_hash=_handle_hash(account.handle), retired_at=now
        )
    )
    conn.execute(
        update(accounts)
        .where(accounts.c.account_id == account_id)
        .values(
            handle=None,
            password_hash=None,
            display_name=None,
            email=None,
            birth_date=None,
            closed_at=now,
        )
    )
    for held in (tables.sessions, tables.roles, tables.resets):
        conn.execute(delete(held).where(held.c.account_id == account_id))
    conn.execute(
        delete(tables.follows).where(
            or_(
                tables.follows.c.follower_id == account_id,
                tables.follows.c.followed_id == account_id,
            )
        )
    )
    conn.execute(
        delete(tables.blocks).where(
            or_(
                tables.blocks.c.blocker_id == account_id,
                tables.blocks.c.blocked_id == account_id,
            )
        )
    )


def _account(row: object) -> Account:
    columns = row._mapping  # type: ignore[attr-defined]
    handle = columns["handle"]
    shown = columns["display_name"] or handle or CLOSED_NAME[1]
    return Account(
        account_id=columns["account_id"],
        handle=handle or "",
        display_name=shown,
        email=columns["email"],
        birth_date=columns["birth_date"],
        created_at=columns["created_at"],
        suspended_reason=columns["suspended_reason"],
        is_closed=columns["closed_at"] is not None,
    )


def _is_retired(conn: Connection, handle: str) -> bool:
    retired = tables.retired_handles
    found = select(retired.c.retired_at).where(retired.c.handle_hash == _handle_hash(handle))
    return conn.execute(found).first() is not None


def _handle_hash(handle: str) -> bytes:
    return hashlib.sha256(b"ovation handle " + handle.encode()).digest()
