"""What the database itself refuses, and moments that survive it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from tests.wallet.books import NOON, a_gift, a_lot, posted
from wallet import tables
from wallet.tables import micros_of, moment_of


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_a_moment_is_exact_to_the_microsecond(moment: datetime) -> None:
    assert moment_of(micros_of(moment)) == moment


def test_a_moment_of_another_zone_comes_back_as_utc() -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    assert moment_of(micros_of(tokyo)) == NOON
    assert moment_of(micros_of(tokyo)).tzinfo is UTC


def test_a_moment_column_gives_back_aware_utc(conn: Connection) -> None:
    a_lot(conn)

    assert set(conn.scalars(select(tables.journal.c.recorded_at))) == {NOON}


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET chain = chain", "DELETE FROM {}"])
def test_the_database_refuses_to_change_the_record(
    conn: Connection, table: str, statement: str
) -> None:
    a_lot(conn)

    with pytest.raises(DBAPIError, match="append-only"):
        conn.execute(text(statement.format(table)))


def test_the_database_refuses_a_viewer_below_zero(conn: Connection) -> None:
    a_lot(conn, coins=5)

    with pytest.raises(DBAPIError):
        conn.execute(text("UPDATE ledger_accounts SET balance = -1 WHERE name LIKE 'viewer:%'"))


def test_the_database_refuses_to_spend_more_than_a_lot_has(conn: Connection) -> None:
    a_lot(conn, coins=5)
    posted(conn, a_gift(5))

    with pytest.raises(DBAPIError):
        conn.execute(text("UPDATE ledger_lots SET spent = 6"))


@pytest.mark.parametrize("amount_and_sides", ["0, 1, 2", "-5, 1, 2", "5, 1, 1"])
def test_the_database_refuses_a_transfer_of_nothing_or_to_itself(
    conn: Connection, amount_and_sides: str
) -> None:
    with pytest.raises(DBAPIError):
        conn.execute(
            text(
                "INSERT INTO ledger_transfers"
                " (chain, sequence, leg, asset, amount, debit_id, credit_id)"
                f" VALUES (9, 9, 0, 'COIN', {amount_and_sides})"
            )
        )
