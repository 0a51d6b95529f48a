"""The wallet's tables. Coin plane: exact, durable, append-only where it is truth.

``ledger_journal`` and ``ledger_transfers`` are the record; ``ledger_accounts``, ``ledger_lots``,
``ledger_keys`` and ``ledger_chains`` are projections of it that ``wallet.verify`` rebuilds and
compares. Nothing operational lives in a ``ledger_*`` table: cursors and purchases are apart.

Units   COIN, DIA: one. Money: 10⁻⁶ of the currency's major unit. ``*_at``: microseconds since
        1970-01-01 UTC in the database, aware UTC ``datetime`` in Python.
Sign    A balance is debits minus credits.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.exc import DBAPIError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

ACCOUNT_ID_CHARACTERS_MAX = 64
KEY_CHARACTERS_MAX = 255
ROUTE_CHARACTERS_MAX = 64
KIND_CHARACTERS_MAX = 32


def micros_of(moment: datetime) -> int:
    """Return ``moment`` as whole microseconds since the epoch."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(micros: int) -> datetime:
    """Return the aware UTC datetime ``micros`` after the epoch."""
    return EPOCH + micros * MICROSECOND


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since the epoch: exact in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Return what the database stores."""
        return None if value is None else micros_of(value)

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> datetime | None:
        """Return what Python sees."""
        return None if value is None else moment_of(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite makes a column the row id, and so free to look up, only if its type is INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")

chains = Table(
    "ledger_chains",
    metadata,
    Column("chain", RowId, primary_key=True, autoincrement=False),
    Column("head_sequence", BigInteger, nullable=False),
    Column("head_hash", LargeBinary, nullable=False),
    # The head that a later chain's first row has named; 0 while none has.
    Column("named_sequence", BigInteger, nullable=False),
    CheckConstraint("head_sequence >= 1", name="head_sequence"),
)

journal = Table(
    "ledger_journal",
    metadata,
    Column("chain", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded_at", Moment, nullable=False),
    Column("effective_at", Moment, nullable=False),
    Column("kind", String(KIND_CHARACTERS_MAX), nullable=False),
    Column("account_id", String(ACCOUNT_ID_CHARACTERS_MAX), nullable=False),
    Column("route", String(ROUTE_CHARACTERS_MAX), nullable=False),
    Column("key", String(KEY_CHARACTERS_MAX), nullable=False),
    Column("terms_hash", LargeBinary, nullable=False),
    Column("refusal", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("opened", LargeBinary, nullable=False),
    Column("lots", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "account_id", "recorded_at", "chain", "sequence"),
    CheckConstraint("sequence >= 1", name="sequence"),
)

# No foreign keys here: two look-ups per leg on the hottest insert, and verify proves the same.
transfers = Table(
    "ledger_transfers",
    metadata,
    Column("chain", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("leg", SmallInteger, primary_key=True, autoincrement=False),
    Column("asset", String(8), nullable=False),
    Column("debit_id", BigInteger, nullable=False),
    Column("credit_id", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("debit_id <> credit_id", name="two_accounts"),
    sqlite_with_rowid=False,
)

accounts = Table(
    "ledger_accounts",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("balance", BigInteger, nullable=False),
    # The floor that matters most, said a second time where no code of ours can forget it.
    CheckConstraint("balance >= 0 OR substr(name, 1, 7) <> 'viewer:'", name="floor"),
)

lots = Table(
    "ledger_lots",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("coins_id", BigInteger, nullable=False),
    Column("deferred_id", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("owed", BigInteger, nullable=False),
    Column("frozen", BigInteger, nullable=False),
    CheckConstraint("size > 0 AND cost >= 0", name="size"),
    CheckConstraint("spent >= 0 AND taken >= 0 AND owed >= 0 AND frozen >= 0", name="counts"),
    CheckConstraint("spent + taken + frozen <= size AND owed <= spent", name="within_size"),
)
Index(
    "ix_ledger_lots_open",
    lots.c.coins_id,
    lots.c.id,
    # Used-up lots leave this index, so a long history does not slow the next gift.
    sqlite_where=lots.c.size > lots.c.spent + lots.c.taken + lots.c.frozen,
    postgresql_where=lots.c.size > lots.c.spent + lots.c.taken + lots.c.frozen,
)

# Apart from the journal so that it can be partitioned; by key first, because our clients' keys
# are UUIDv7 and then every insert lands at the same end of the tree.
keys = Table(
    "ledger_keys",
    metadata,
    Column("key", String(KEY_CHARACTERS_MAX), primary_key=True),
    Column("account_id", String(ACCOUNT_ID_CHARACTERS_MAX), primary_key=True),
    Column("route", String(ROUTE_CHARACTERS_MAX), primary_key=True),
    Column("chain", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# How far somebody has read each chain (the announcer, for one). Not part of the books.
cursors = Table(
    "wallet_cursors",
    metadata,
    Column("reader", String(32), primary_key=True),
    Column("chain", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
)

# purchases

STRIPE_ID_CHARACTERS_MAX = 255

# One row per attempt to buy coins. What Stripe has told us only ever grows (see
# ``wallet.purchases``); what we have posted for it stands beside it and changes with it.
purchases = Table(
    "wallet_purchases",
    metadata,
    Column("purchase_id", String(ACCOUNT_ID_CHARACTERS_MAX), primary_key=True),
    Column("account_id", String(ACCOUNT_ID_CHARACTERS_MAX), nullable=False),
    Column("key", String(KEY_CHARACTERS_MAX), nullable=False),
    Column("terms", String(255), nullable=False),
    Column("pack_id", String(32), nullable=False),
    Column("coins", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("status", String(16), nullable=False),
    Column("answer", LargeBinary, nullable=True),
    Column("check_at", Moment, nullable=True),
    Column("checks_count", Integer, nullable=False),
    # told by Stripe
    Column("intent_id", String(STRIPE_ID_CHARACTERS_MAX), nullable=True, unique=True),
    Column("failure_code", String(64), nullable=True),
    Column("paid_at", Moment, nullable=True),
    Column("refunded_minor", BigInteger, nullable=False),
    # posted by us
    Column("lot_id", BigInteger, nullable=True),
    Column("postings_count", Integer, nullable=False),
    Column("clawed_coins", BigInteger, nullable=False),
    Column("is_frozen", Boolean, nullable=False),
    Column("refunded_posted_minor", BigInteger, nullable=False),
    Column("withdrawn_posted_minor", BigInteger, nullable=False),
    Column("lost_posted_minor", BigInteger, nullable=False),
    Column("tax_returned_minor", BigInteger, nullable=False),
    UniqueConstraint("account_id", "key"),
    Index(None, "account_id", "requested_at"),
    Index(None, "check_at"),
    CheckConstraint("amount_minor > 0 AND coins > 0", name="amount"),
    CheckConstraint("tax_minor >= 0 AND tax_minor < amount_minor", name="tax"),
    CheckConstraint("clawed_coins >= 0 AND clawed_coins <= coins", name="clawed"),
)

disputes = Table(
    "wallet_disputes",
    metadata,
    Column("dispute_id", String(STRIPE_ID_CHARACTERS_MAX), primary_key=True),
    Column("purchase_id", String(ACCOUNT_ID_CHARACTERS_MAX), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("withdrawn_minor", BigInteger, nullable=False),
    Column("reinstated_minor", BigInteger, nullable=False),
    Column("heard_at", Moment, nullable=False),
    Index(None, "purchase_id"),
)

# Every webhook whose signature was good, as it came.
events = Table(
    "wallet_events",
    metadata,
    Column("event_id", String(STRIPE_ID_CHARACTERS_MAX), primary_key=True),
    Column("kind", String(128), nullable=False),
    Column("purchase_id", String(ACCOUNT_ID_CHARACTERS_MAX), nullable=True),
    Column("livemode", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "outcome", "received_at"),
)

# Test or live: decided by the first purchase and never changed.
mode = Table(
    "wallet_mode",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("livemode", Boolean, nullable=False),
    Column("since_at", Moment, nullable=False),
    CheckConstraint('"only" = 1', name="one_row"),
)

# Sales and gifts per day (UTC), counted from the journal by ``wallet.days``.
days = Table(
    "wallet_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("sales_micros", BigInteger, nullable=False),
    Column("coins_sold", BigInteger, nullable=False),
    Column("gifts_count", BigInteger, nullable=False),
    Column("coins_gifted", BigInteger, nullable=False),
)

verifications = Table(
    "wallet_verifications",
    metadata,
    Column("at", Moment, primary_key=True),
    Column("is_ok", Boolean, nullable=False),
    Column("postings_count", BigInteger, nullable=False),
    Column("complaints", Text, nullable=False),
)

# The sandbox's own world: what Stripe would keep.
sandbox_objects = Table(
    "wallet_sandbox_objects",
    metadata,
    Column("position", RowId, primary_key=True, autoincrement=True),
    Column("object_id", String(STRIPE_ID_CHARACTERS_MAX), nullable=False, unique=True),
    Column("object", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "object", "position"),
)

sandbox_keys = Table(
    "wallet_sandbox_keys",
    metadata,
    Column("key", String(KEY_CHARACTERS_MAX), primary_key=True),
    Column("asked_hash", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

sandbox_deliveries = Table(
    "wallet_sandbox_deliveries",
    metadata,
    Column("event_id", String(STRIPE_ID_CHARACTERS_MAX), primary_key=True),
    Column("attempts_count", Integer, nullable=False),
    Column("next_at", Moment, nullable=True),
    Index(None, "next_at"),
)

APPEND_ONLY = ("ledger_journal", "ledger_transfers")

GUARDS: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
        *(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
            for table in APPEND_ONLY
        ),
    ),
}


def create_guards(conn: Connection) -> None:
    """Make the database itself refuse changes to what is append-only."""
    for statement in GUARDS[conn.dialect.name]:
        conn.exec_driver_sql(statement)


def rows_of(
    conn: Connection, statements: dict[str, str], parameters: Sequence[Any]
) -> Sequence[Sequence[Any]]:
    """Run one of a hot statement's two spellings by the driver and return all its rows."""
    statement = statements[conn.dialect.name]
    if conn.dialect.name == "sqlite":
        return run_sqlite(conn, statement, parameters)
    return conn.exec_driver_sql(statement, tuple(parameters)).all()


# SQLite's driver asks every ``bytes`` how it wants to be stored, unless it is told: with seven of
# them in a journal row that is 1 to 2 µs per gift, all of it with the interpreter held.
sqlite3.register_adapter(bytes, bytes)


def run_sqlite(conn: Connection, statement: str, parameters: Sequence[Any]) -> list[Any]:
    """Run a hot statement on SQLite's own connection, in ``conn``'s transaction.

    A lone gift takes a dozen statements: 1 µs each here, 11 to 18 µs by ``exec_driver_sql``.
    """
    if not conn.in_transaction():
        conn.begin()
    raw = conn.connection.driver_connection
    assert raw is not None
    try:
        rows: list[Any] = raw.execute(statement, parameters).fetchall()
    except sqlite3.Error as error:  # callers tell errors apart by SQLAlchemy's names
        raise DBAPIError.instance(
            statement, None, error, sqlite3.Error, hide_parameters=True, dialect=conn.dialect
        ) from error
    return rows


def listed(values: Sequence[Any]) -> str:
    """Return ``values`` as SQLite's ``json_each`` reads them: one parameter for any number."""
    return msgspec.json.encode(values).decode()  # a fifth of the time of ``json.dumps``


def write_rows(
    conn: Connection, statements: dict[str, str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Write ``rows`` with one statement: SQLite takes them in turn, PostgreSQL as columns."""
    if not rows:
        return
    dialect = conn.dialect.name
    if dialect == "sqlite":
        conn.exec_driver_sql(statements[dialect], list(rows))
    else:
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        conn.exec_driver_sql(statements[dialect], columns)


VALUES_MAX = 999  # per statement; what every SQLite allows


@lru_cache
def insert_statement(table: Table, dialect: str, rows_count: int) -> str:
    """Return the statement that inserts ``rows_count`` whole rows into ``table``."""
    names = ", ".join(column.name for column in table.columns)
    if dialect == "sqlite":
        row = f"({', '.join('?' for _ in table.columns)})"
        values = f"VALUES {', '.join([row] * rows_count)}"
    else:
        arrays = ", ".join(f"%b::{array_type(column)}[]" for column in table.columns)
        values = f"SELECT * FROM unnest({arrays})"
    return f"INSERT INTO {table.name} ({names}) {values}"


def array_type(column: Column[Any]) -> str:
    """Return what PostgreSQL calls the type of a column's values."""
    if isinstance(column.type, String):
        return "text"
    if isinstance(column.type, LargeBinary):
        return "bytea"
    return "bigint"


def insert_rows(conn: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert whole rows, in the table's order of columns, with as few statements as can be.

    Many rows per statement also means that SQLite lets go of the interpreter once for all of
    them: with a row each, the writer would queue for it behind the event loop every time.
    """
    dialect = conn.dialect.name
    if dialect != "sqlite":
        if rows:
            columns = tuple(list(column) for column in zip(*rows, strict=True))
            conn.exec_driver_sql(insert_statement(table, dialect, 0), columns)
        return
    size = 1 << (VALUES_MAX // len(table.columns)).bit_length() - 1
    start = 0
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2  # powers of two: every count is a few statements that stay prepared
        values = tuple(chain.from_iterable(rows[start : start + size]))
        run_sqlite(conn, insert_statement(table, dialect, size), values)
        start += size
