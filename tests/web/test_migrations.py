"""The migrations make exactly the tables the code declares."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from web.database import open_engine
from web.migrations import METADATA, is_current, is_empty, upgrade


def test_an_upgraded_database_has_the_declared_tables_and_no_others(engine: Engine) -> None:
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"target_metadata": METADATA})
        differences = compare_metadata(context, METADATA)

    assert differences == []


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    upgrade(database_url)

    assert is_current(database_url)
    assert not is_empty(database_url)


@pytest.mark.parametrize("table", ["ledger_journal", "ledger_transfers", "trust_actions"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_the_record(
    database_url: str, table: str, statement: str
) -> None:
    engine = open_engine(database_url)
    with engine.connect() as conn:
        names = conn.execute(text(f"SELECT * FROM {table}")).keys()
        column = next(iter(names))
        # A row trigger needs a row: PostgreSQL's statement triggers refuse even without one.
        if conn.dialect.name == "sqlite":
            found = conn.execute(
                text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"),
                {"table": table},
            ).scalars()
            verb = statement.split()[0]
            assert any(f"BEFORE {verb}" in sql for sql in found)
        else:
            with pytest.raises(DatabaseError, match="append-only"):
                conn.execute(text(statement.format(table, column, column)))
    engine.dispose()
