"""The ledger's benchmark measures real, verified books and names its figures as promised."""

import time
import uuid
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.wallet.books import a_gift, a_lot, posted
from web.bench import ledger, postgres
from web.database import open_engine


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Measure a handful of gifts, in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "SENDERS_COUNT": 4,
        "CREATORS_COUNT": 3,
        "GIFTS_PER_ROUND": 8,
        "PACED_S": 0.05,
        "TIME_S_MAX": 0.0,
    }.items():
        monkeypatch.setattr(ledger, name, value)


def test_figures_have_the_promised_names_and_count_verified_gifts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "find_program", lambda _name: None)

    measured = ledger.measure()

    figures = measured["figures"]
    assert figures.keys() >= {
        "gifts_per_s",
        "gifts_per_s_spread",
        "gifts_per_s_at_1m_postings",
        "ack_p99_ms",
        "bytes_per_gift",
    }
    assert figures["gifts_per_s"] > 0
    assert figures["gifts_per_s_at_1m_postings"] is None
    assert measured["conditions"]["verified"] is True
    assert measured["conditions"]["gifts"] >= 4 + 4 * 8


def test_postgresql_is_measured_beside_it() -> None:
    measured = ledger.measure()

    assert measured["figures"]["postgresql_gifts_per_s"] > 0
    assert measured["conditions"]["postgresql_fsync"] is True


def test_figures_from_broken_books_are_not_printed(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with engine.begin() as conn:
        a_lot(conn)
        posted(conn, a_gift(1))
        conn.execute(text("UPDATE ledger_lots SET cost = cost + 1"))

    with pytest.raises(RuntimeError, match="the books do not hold"):
        ledger.verified(engine)

    engine.dispose()


def test_keys_are_uuids_of_version_7_in_the_order_of_time() -> None:
    before = time.time_ns() // 1_000_000

    keys = [uuid.UUID(ledger.uuid7()) for _ in range(50)]

    assert {key.version for key in keys} == {7}
    assert {key.variant for key in keys} == {uuid.RFC_4122}
    milliseconds = [key.int >> 80 for key in keys]
    assert milliseconds == sorted(milliseconds)
    assert milliseconds[0] >= before
