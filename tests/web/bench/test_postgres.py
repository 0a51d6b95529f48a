"""The PostgreSQL that benchmarks and tests start is theirs alone and leaves nothing behind."""

from pathlib import Path

import psycopg

from web.bench import postgres


def test_it_answers_while_it_runs_and_its_folder_goes_with_it() -> None:
    with postgres.running(["fsync=off"]) as prefix, psycopg.connect(f"{prefix}/postgres") as conn:
        row = conn.execute("SHOW data_directory").fetchone()
        assert row is not None
        folder = Path(row[0])
        assert folder.exists()

    assert not folder.exists()


def test_a_program_nobody_has_is_not_found() -> None:
    assert postgres.find_program("no-such-program-of-postgresql") is None
