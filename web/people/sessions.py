"""Sessions: who is asking, proved by a random token of which only the hash is stored.

A token is 256 random bits, so a fast hash is enough: there is nothing to guess. A session
lives 30 days after it was last used; the first use in a day moves that end, so that reading
does not mean writing.

Units   times are aware UTC datetimes.
Source  OWASP Cross-Site Request Forgery Prevention, "HMAC Based Token Pattern".
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from web.people import ages
from web.people.errors import Suspended, UnknownSession
from web.people.tables import DEVICE_CHARACTERS_MAX, accounts, roles, sessions

COOKIE = "ovation_session"
LIFETIME = timedelta(days=30)
RENEW_AFTER = timedelta(days=1)
TOKEN_BYTES = 32
TOKEN_CHARACTERS_MAX = 64
SESSIONS_PER_PERSON_MAX = 50


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever a request comes from, as far as their session proves it.

    Attributes:
        birth_date: None until it was said; such a person counts as under age.
        session_id: Names the session in lists; says nothing about its token.
        suspended: True only between a suspension and the revoking of this session.
        renewal_due: The session was last used a day ago: call ``renew``.
    """

    account_id: str
    handle: str
    display_name: str
    roles: frozenset[str]
    birth_date: date | None
    session_id: str
    suspended: bool
    renewal_due: bool = False

    def is_adult(self, today: date) -> bool:
        """Say whether this person may go live, buy, send and receive gifts."""
        return ages.is_adult(self.birth_date, today)


@dataclass(frozen=True, slots=True)
class Session:
    """One place where a person is logged in."""

    session_id: str
    device: str
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime


def hash_token(token: str) -> bytes:
    """Return what is stored of ``token``."""
    return hashlib.sha256(token.encode()).digest()


def open_session(
    conn: Connection, account_id: str, *, session_id: str, token: str, device: str, now: datetime
) -> Session:
    """Open a session for somebody whose password was just verified.

    The oldest go when a person has more than ``SESSIONS_PER_PERSON_MAX``.

    Raises:
        Suspended: The account is suspended, perhaps since the password was verified.
    """
    # Locked, so that a suspension that ends all sessions right now cannot miss this one.
    reason = conn.scalar(
        select(accounts.c.suspended_reason)
        .where(accounts.c.account_id == account_id)
        .with_for_update(read=True)
    )
    if reason is not None:
        raise Suspended(reason)
    session = Session(session_id, device[:DEVICE_CHARACTERS_MAX], now, now, now + LIFETIME)
    conn.execute(
        insert(sessions).values(
            session_id=session_id,
            account_id=account_id,
            token_hash=hash_token(token),
            device=session.device,
            opened_at=now,
            seen_at=now,
            expires_at=session.expires_at,
        )
    )
    _close_oldest(conn, account_id)
    return session


def person_by_token(conn: Connection, token: str, *, now: datetime) -> Person | None:
    """Return whose token this is, or None when it is unknown, expired or revoked."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        return None
    row = conn.execute(
        select(
            *accounts.c["account_id", "handle", "display_name", "birth_date", "suspended_at"],
            *sessions.c["session_id", "seen_at"],
        )
        .join(sessions, sessions.c.account_id == accounts.c.account_id)
        .where(sessions.c.token_hash == hash_token(token))
        .where(sessions.c.expires_at > now)
        .where(accounts.c.closed_at.is_(None))
    ).first()
    if row is None:
        return None
    granted = select(roles.c.role).where(roles.c.account_id == row.account_id)
    return Person(
        account_id=row.account_id,
        handle=row.handle,
        display_name=row.display_name or row.handle,
        roles=frozenset(conn.scalars(granted)),
        birth_date=row.birth_date,
        session_id=row.session_id,
        suspended=row.suspended_at is not None,
        renewal_due=now - row.seen_at > RENEW_AFTER,
    )


def renew(conn: Connection, session_id: str, *, now: datetime) -> None:
    """Move the end of a session that is in use."""
    conn.execute(
        update(sessions)
        .where(sessions.c.session_id == session_id)
        .values(seen_at=now, expires_at=now + LIFETIME)
    )


def listing(conn: Connection, account_id: str, *, now: datetime) -> list[Session]:
    """Return the live sessions of one person, the most recently used first."""
    columns = sessions.c["session_id", "device", "opened_at", "seen_at", "expires_at"]
    rows = conn.execute(
        select(*columns)
        .where(sessions.c.account_id == account_id, sessions.c.expires_at > now)
        .order_by(sessions.c.seen_at.desc(), sessions.c.session_id)
    )
    return [Session(*row) for row in rows]


def revoke(conn: Connection, account_id: str, session_id: str) -> None:
    """End one session of this person.

    Raises:
        UnknownSession: No such session, or it is somebody else's.
    """
    if not session_id.isalnum():
        raise UnknownSession()  # before it reaches a database that takes no NUL
    gone = conn.execute(
        delete(sessions)
        .where(sessions.c.account_id == account_id, sessions.c.session_id == session_id)
        .returning(sessions.c.session_id)
    ).first()
    if gone is None:
        raise UnknownSession()


def revoke_all(conn: Connection, account_id: str, *, but: str | None = None) -> None:
    """End every session of this person, except the one named ``but``."""
    which = delete(sessions).where(sessions.c.account_id == account_id)
    conn.execute(which if but is None else which.where(sessions.c.session_id != but))


def forget_expired(conn: Connection, *, now: datetime) -> None:
    """Delete sessions that ended by themselves."""
    conn.execute(delete(sessions).where(sessions.c.expires_at <= now))


def csrf_token(session_id: str, secret: str) -> str:
    """Return what a page must send in ``X-CSRF-Token`` beside its cookie."""
    digest = hmac.digest(secret.encode(), b"ovation csrf " + session_id.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _close_oldest(conn: Connection, account_id: str) -> None:
    kept = (
        select(sessions.c.session_id)
        .where(sessions.c.account_id == account_id)
        .order_by(sessions.c.seen_at.desc(), sessions.c.session_id)
        .limit(SESSIONS_PER_PERSON_MAX)
    )
    conn.execute(
        delete(sessions)
        .where(sessions.c.account_id == account_id)
        .where(sessions.c.session_id.not_in(kept))
    )
