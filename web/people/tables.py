"""The tables of people: accounts, sessions, roles, follows, blocks, resets.

Neither plane: nothing here is money and nothing here is media. Other packages hold
``account_id`` only; names and addresses live in these tables alone, so that closing an
account can erase them while the books keep balancing.

Units   ``*_at`` are aware UTC datetimes, stored as microseconds (``Moment``).
"""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite

from wallet.tables import Moment

HANDLE_CHARACTERS_MAX = 24
EMAIL_CHARACTERS_MAX = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
DISPLAY_NAME_CHARACTERS_MAX = 120  # 40 graphemes, most of them one code point
DEVICE_CHARACTERS_MAX = 200
REASON_CHARACTERS_MAX = 500

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

accounts = Table(
    "people_accounts",
    metadata,
    Column("account_id", String(32), primary_key=True),
    # Lower case only, so that uniqueness is case-insensitive; null once the account is closed.
    Column("handle", String(HANDLE_CHARACTERS_MAX), unique=True),
    Column("password_hash", Text),
    Column("display_name", String(DISPLAY_NAME_CHARACTERS_MAX)),
    # Not unique and not proven: uniqueness would tell strangers who has an account here.
    Column("email", String(EMAIL_CHARACTERS_MAX), index=True),
    Column("birth_date", Date),
    Column("created_at", Moment, nullable=False),
    Column("suspended_at", Moment),
    Column("suspended_reason", String(REASON_CHARACTERS_MAX)),
    Column("closed_at", Moment),
    CheckConstraint("handle = lower(handle)", name="handle_lower_case"),
    CheckConstraint("(handle IS NULL) = (closed_at IS NOT NULL)", name="closed_has_no_handle"),
    CheckConstraint(
        "closed_at IS NULL OR (password_hash IS NULL AND display_name IS NULL"
        " AND email IS NULL AND birth_date IS NULL)",
        name="closed_is_erased",
    ),
    CheckConstraint(
        "(suspended_at IS NULL) = (suspended_reason IS NULL)", name="suspended_with_reason"
    ),
)

# A handle whose account was closed is never given out again: its followers would be deceived.
retired_handles = Table(
    "people_retired_handles",
    metadata,
    Column("handle_hash", LargeBinary(32), primary_key=True),
    Column("retired_at", Moment, nullable=False),
)

sessions = Table(
    "people_sessions",
    metadata,
    Column("session_id", String(32), primary_key=True),
    Column("account_id", ForeignKey(accounts.c.account_id), nullable=False, index=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("device", String(DEVICE_CHARACTERS_MAX), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

roles = Table(
    "people_roles",
    metadata,
    Column("account_id", ForeignKey(accounts.c.account_id), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("granted_at", Moment, nullable=False),
    CheckConstraint(
        "role IN ('moderator', 'finance-maker', 'finance-checker', 'admin')", name="role_known"
    ),
)

follows = Table(
    "people_follows",
    metadata,
    Column("follower_id", ForeignKey(accounts.c.account_id), primary_key=True),
    Column("followed_id", ForeignKey(accounts.c.account_id), primary_key=True, index=True),
    Column("since_at", Moment, nullable=False),
    CheckConstraint("follower_id <> followed_id", name="not_oneself"),
)

blocks = Table(
    "people_blocks",
    metadata,
    Column("blocker_id", ForeignKey(accounts.c.account_id), primary_key=True),
    Column("blocked_id", ForeignKey(accounts.c.account_id), primary_key=True, index=True),
    Column("since_at", Moment, nullable=False),
    CheckConstraint("blocker_id <> blocked_id", name="not_oneself"),
)

resets = Table(
    "people_resets",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("account_id", ForeignKey(accounts.c.account_id), nullable=False, index=True),
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)
Index("ix_people_sessions_expires_at", sessions.c.expires_at)
Index("ix_people_resets_expires_at", resets.c.expires_at)


def insert_if_new(conn: Connection, table: Table, **values: Any) -> bool:
    """Insert one row unless its key is there already; say whether it was new."""
    # The two dialects spell it alike and share no type.
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[conn.dialect.name]
    statement = insert(table).values(values).on_conflict_do_nothing()
    first_key = next(iter(table.primary_key))
    return conn.execute(statement.returning(first_key)).first() is not None
