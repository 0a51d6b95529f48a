"""Opening databases: what a reader may not do, and what only one server may hold."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from web.database import DatabaseInUse, DatabaseMissing, claim, open_engine


def test_reading_a_file_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing, match="there is no database at"):
        open_engine(f"sqlite:///{tmp_path}/var/ovation.db", read_only=True)

    assert not (tmp_path / "var").exists()


def test_a_reader_cannot_write(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url, read_only=True)

    with engine.connect() as conn, pytest.raises(OperationalError, match="readonly"):
        conn.execute(text("CREATE TABLE mine (id INTEGER)"))

    engine.dispose()


def test_a_commit_is_on_disk_before_it_returns(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)

    with engine.connect() as conn:
        synchronous = conn.execute(text("PRAGMA synchronous")).scalar_one()
        journal = conn.execute(text("PRAGMA journal_mode")).scalar_one()

    engine.dispose()
    assert (synchronous, journal) == (2, "wal")  # 2 is FULL


def test_a_database_is_claimed_by_one_server_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "ovation.db"

    with claim(path), pytest.raises(DatabaseInUse, match="another server"):
        claim(path)
    claim(path).close()
