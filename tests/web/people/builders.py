"""People for tests: an account with one call, a session with another."""

from datetime import UTC, date, datetime
from itertools import count

from sqlalchemy import Connection

from web.people import accounts, sessions
from web.people.accounts import Account, Application
from web.people.sessions import Person

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
BORN = date(1990, 5, 17)

numbers = count(1)


def a_person(
    conn: Connection,
    handle: str,
    *,
    birth_date: date | None = BORN,
    email: str | None = None,
    display_name: str | None = None,
) -> Account:
    """Open an account whose password nobody knows."""
    application = Application(handle, birth_date, email, display_name)
    account_id = f"{next(numbers):032x}"
    return accounts.open_account(
        conn, application, account_id=account_id, password_hash="x", now=NOON
    )


def a_session(
    conn: Connection, account: Account, token: str, *, now: datetime = NOON
) -> sessions.Session:
    """Log somebody in with a token of the test's choice."""
    return sessions.open_session(
        conn,
        account.account_id,
        session_id=f"{next(numbers):032x}",
        token=token,
        device="a browser",
        now=now,
    )


def logged_in(conn: Connection, account: Account, token: str) -> Person:
    """Log somebody in and return who the server sees."""
    a_session(conn, account, token)
    person = sessions.person_by_token(conn, token, now=NOON)
    assert person is not None
    return person
