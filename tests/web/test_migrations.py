"""The migrations make exactly the tables the code declares."""

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, text

from web.migrations import METADATA, is_current, is_empty, upgrade


def test_an_upgraded_database_has_the_declared_tables_and_no_others(engine: Engine) -> None:
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"target_metadata": METADATA})
        differences = compare_metadata(context, METADATA)  # type: ignore[arg-type]  # takes many, says one

    assert differences == []


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    upgrade(database_url)

    assert is_current(database_url)
    assert not is_empty(database_url)


@pytest.mark.parametrize("table", ["ledger_journal", "ledger_transfers", "trust_actions"])
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_the_database_itself_refuses_to_change_the_record(
    conn: Connection, table: str, verb: str
) -> None:
    if conn.dialect.name == "sqlite":
        guards = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"
    else:
        guards = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = :table ::regclass"

    found = conn.execute(text(guards), {"table": table}).scalars().all()

    assert any(re.search(rf"BEFORE (\w+ OR )*{verb}", guard, re.IGNORECASE) for guard in found), (
        found
    )
