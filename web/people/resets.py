"""Password resets: a link that works once, for an hour.

Only the token's hash is stored. Using one ends all sessions and voids every other link.

Units   times are aware UTC datetimes.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from web.people import accounts, sessions
from web.people.accounts import Account
from web.people.errors import ResetRefused
from web.people.tables import resets

LIFETIME = timedelta(hours=1)
OPEN_MAX = 3  # per account: nobody's mailbox is flooded through us


def open_reset(conn: Connection, account_id: str, token: str, *, now: datetime) -> bool:
    """Let ``token`` reset this person's password; False when enough links are open."""
    conn.execute(delete(resets).where(resets.c.expires_at <= now))
    open_count = conn.scalar(select(func.count()).where(resets.c.account_id == account_id))
    if (open_count or 0) >= OPEN_MAX:
        return False
    conn.execute(
        insert(resets).values(
            token_hash=sessions.hash_token(token),
            account_id=account_id,
            made_at=now,
            expires_at=now + LIFETIME,
        )
    )
    return True


def open_reset_by_operator(conn: Connection, account_id: str, token: str, *, now: datetime) -> None:
    """Let ``token`` reset this person's password, voiding links made before."""
    conn.execute(delete(resets).where(resets.c.account_id == account_id))
    open_reset(conn, account_id, token, now=now)


def owner(conn: Connection, token: str, *, now: datetime) -> Account:
    """Return whose password ``token`` can set.

    Raises:
        ResetRefused: It is unknown, used or too old.
    """
    if len(token) > sessions.TOKEN_CHARACTERS_MAX:
        raise ResetRefused()
    account_id = conn.scalar(
        select(resets.c.account_id).where(
            resets.c.token_hash == sessions.hash_token(token), resets.c.expires_at > now
        )
    )
    if account_id is None:
        raise ResetRefused()
    return accounts.by_id(conn, account_id)


def redeem(conn: Connection, token: str, password_hash: str, *, now: datetime) -> None:
    """Set the password and end every session; of two uses at once, one succeeds.

    Raises:
        ResetRefused: It is unknown, used or too old.
    """
    used = conn.execute(
        delete(resets)
        .where(resets.c.token_hash == sessions.hash_token(token), resets.c.expires_at > now)
        .returning(resets.c.account_id)
    ).first()
    if used is None:
        raise ResetRefused()
    accounts.set_password_hash(conn, used.account_id, password_hash)
    sessions.revoke_all(conn, used.account_id)
    conn.execute(delete(resets).where(resets.c.account_id == used.account_id))
