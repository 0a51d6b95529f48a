"""Verification finds every single change in every ledger table, and nothing in honest books."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal,
    text,
)

from tests.wallet.books import (
    CREATOR,
    DISPUTED,
    DOLLAR,
    OTHER,
    PENDING,
    a_gift,
    a_lot,
    a_sale,
    posted,
)
from wallet import journal, tables
from wallet.coins import Entries, Freeze, GiveBack, Grant, TakeBack
from wallet.journal import CONNECTION_CHAIN
from wallet.lots import LotOpened, encode_changes
from wallet.verify import FINDINGS_MAX, verify

LEDGER = [table for table in tables.metadata.sorted_tables if table.name.startswith("ledger_")]


@pytest.fixture
def books(conn: Connection) -> Iterator[Connection]:
    """Books with one of everything, whose guards are gone: whoever tampers would drop them."""
    lot_id = a_lot(conn)
    posted(conn, Grant(OTHER, 30), a_sale(7, 1 * DOLLAR, OTHER), a_gift(100))
    posted(conn, a_gift(33, OTHER), a_gift(100_000))
    conn.info.pop(CONNECTION_CHAIN)  # as after a restart
    posted(conn, Freeze(lot_id), Entries("dispute_money", ((DISPUTED, PENDING, 13 * DOLLAR),)))
    posted(conn, TakeBack(lot_id, 1_000, 13 * DOLLAR, DISPUTED, reason="clawed"))
    posted(conn, GiveBack(lot_id, 150, 2 * DOLLAR, DISPUTED, reason="clawed"), a_gift(1))
    drop_guards(conn)
    yield conn
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")


def drop_guards(conn: Connection) -> None:
    """Take away what the database itself would refuse."""
    if conn.dialect.name == "sqlite":
        for name in conn.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")):
            conn.exec_driver_sql(f"DROP TRIGGER {name}")
        conn.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        return
    for table in tables.APPEND_ONLY:
        conn.exec_driver_sql(f"DROP TRIGGER {table}_append_only ON {table}")
    checks = conn.execute(
        text(
            "SELECT conrelid::regclass, conname FROM pg_constraint"
            " WHERE contype = 'c' AND conrelid::regclass::text LIKE 'ledger%'"
        )
    ).all()
    for table, check in checks:
        conn.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {check}")


def rows_of(conn: Connection, table: Table) -> list[Any]:
    """Return all rows, as the database keeps them."""
    columns = ", ".join(column.name for column in table.columns)
    return list(conn.exec_driver_sql(f"SELECT {columns} FROM {table.name}"))


def tampered(column: Column[Any], value: Any) -> Any:
    """Return another value that the column can hold."""
    if isinstance(column.type, LargeBinary):
        return bytes(value) + b"x"
    if isinstance(column.type, String | Text):
        return value + "x"
    return value + (1_000 if column.primary_key else 1)


def where(table: Table, row: Any) -> Any:
    """Return the condition that finds one row."""
    keys = table.primary_key.columns
    found = [column == literal(row[place_of(table, column)], column.type) for column in keys]
    condition = found[0]
    for one in found[1:]:
        condition = condition & one
    return condition


def place_of(table: Table, column: Column[Any]) -> int:
    """Return which of a row's values is the column's."""
    return list(table.columns).index(column)


def as_stored(table: Table) -> Table:
    """Return the table without column types of ours, so that values pass as they are."""
    plain = table.to_metadata(MetaData())
    for column in plain.columns:
        if isinstance(column.type, tables.Moment):
            column.type = BigInteger()
    return plain


def test_honest_books_hold_and_everything_in_them_is_counted(books: Connection) -> None:
    report = verify(books)

    assert report.findings == []
    assert report.ok
    assert (report.chains, report.lots, report.refusals) == (2, 2, 1)
    assert report.postings == len(rows_of(books, tables.journal))
    assert report.transfers == len(rows_of(books, tables.transfers))
    assert report.accounts == len(rows_of(books, tables.accounts))
    assert report.keys == report.postings - report.chains


@pytest.mark.parametrize("ledger_table", LEDGER, ids=lambda table: table.name)
def test_a_changed_value_in_any_row_and_column_is_found(
    books: Connection, ledger_table: Table
) -> None:
    table = as_stored(ledger_table)
    rows = rows_of(books, table)
    assert rows

    missed = []
    for row in rows:
        for column in table.columns:
            savepoint = books.begin_nested()
            change = tampered(column, row[place_of(table, column)])
            changed = books.execute(
                table.update().where(where(table, row)).values({column.name: change})
            )
            assert changed.rowcount == 1
            if verify(books).ok:
                missed.append((column.name, row))
            savepoint.rollback()

    assert missed == []


@pytest.mark.parametrize("ledger_table", LEDGER, ids=lambda table: table.name)
def test_any_missing_row_is_found(books: Connection, ledger_table: Table) -> None:
    table = as_stored(ledger_table)

    for row in rows_of(books, table):
        savepoint = books.begin_nested()
        books.execute(table.delete().where(where(table, row)))
        assert not verify(books).ok, row
        savepoint.rollback()


@pytest.mark.parametrize("ledger_table", LEDGER, ids=lambda table: table.name)
def test_any_added_row_is_found(books: Connection, ledger_table: Table) -> None:
    table = as_stored(ledger_table)
    unique = {"name"} | {column.name for column in table.primary_key.columns}

    for row in rows_of(books, table):
        savepoint = books.begin_nested()
        values = dict(zip(table.columns.keys(), row, strict=True))
        for column in table.columns:
            if column.name in unique:
                values[column.name] = tampered(column, values[column.name])
        books.execute(table.insert().values(values))
        assert not verify(books).ok, row
        savepoint.rollback()


def test_a_newest_row_taken_away_with_its_head_is_missed_by_the_next_chain(
    books: Connection,
) -> None:
    books.execute(text("DELETE FROM ledger_journal WHERE chain = 1 AND sequence > 1"))
    books.execute(text("UPDATE ledger_chains SET head_sequence = 1 WHERE chain = 1"))

    report = verify(books)

    assert any("a later chain saw another row" in finding for finding in report.findings)


def test_newest_rows_taken_out_of_every_table_are_missed_by_who_has_read_them(
    conn: Connection,
) -> None:
    a_lot(conn)
    before = {table.name: rows_of(conn, as_stored(table)) for table in LEDGER}
    posted(conn, a_gift(100))
    journal.mark_read(conn, "announcer", journal.unread(conn, "announcer", limit=10))
    drop_guards(conn)
    for table in LEDGER:
        conn.execute(table.delete())
        names = table.columns.keys()
        rows = [dict(zip(names, row, strict=True)) for row in before[table.name]]
        conn.execute(as_stored(table).insert(), rows)

    report = verify(conn)

    assert report.findings == ["chain 1: it ends at 2, announcer has read 3"]


def test_names_swapped_between_accounts_are_found(books: Connection) -> None:
    swap = text("UPDATE ledger_accounts SET name = :name WHERE id = :id")
    rows = rows_of(books, tables.accounts)

    for (one_id, one_name, _), (other_id, other_name, _) in combinations(rows, 2):
        savepoint = books.begin_nested()
        books.execute(swap, {"id": one_id, "name": "swapped"})
        books.execute(swap, {"id": other_id, "name": one_name})
        books.execute(swap, {"id": one_id, "name": other_name})
        assert not verify(books).ok, (one_name, other_name)
        savepoint.rollback()


def test_a_lot_of_nothing_is_found(books: Connection) -> None:
    coins_id, deferred_id = books.execute(
        text("SELECT coins_id, deferred_id FROM ledger_lots")
    ).first() or (0, 0)
    empty = encode_changes([LotOpened(9, coins_id, deferred_id, 0, 0)])
    books.execute(
        text("UPDATE ledger_journal SET lots = :lots WHERE kind = 'grant'"), {"lots": empty}
    )

    report = verify(books)

    assert "lot 9: 0 coins that cost 0" in report.findings


def test_findings_name_what_is_wrong(books: Connection) -> None:
    books.execute(text("UPDATE ledger_accounts SET balance = balance + 5 WHERE name LIKE 'spent%'"))

    report = verify(books)

    assert report.findings[0].startswith("account spent/COIN//")
    assert "transfers say" in report.findings[0]


def test_findings_beyond_the_limit_are_counted_only(books: Connection) -> None:
    posted(books, *[a_gift(1, OTHER, CREATOR) for _ in range(FINDINGS_MAX + 1)])
    books.execute(text("UPDATE ledger_journal SET answer = hash"))

    report = verify(books)

    assert len(report.findings) == FINDINGS_MAX
    assert report.findings_count > FINDINGS_MAX


def test_books_longer_than_one_page_are_read_to_the_end(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.verify.ROWS_PER_READ", 2)
    a_lot(conn)
    posted(conn, *[a_gift(1) for _ in range(5)])
    read: list[int] = []

    report = verify(conn, progress=read.append)

    assert report.ok
    assert report.postings == sum(read) == 7
    assert max(read) == 2
