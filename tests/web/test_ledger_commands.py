"""``ovation ledger`` as the operator meets it: exit statuses, verdicts, exports."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from tests.wallet.books import a_gift, a_lot, posted
from web.database import open_engine
from web.ledger_commands import ledger


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``ovation ledger …`` on books with a purchase and two gifts."""
    monkeypatch.setenv("OVATION_DATABASE_URL", database_url)
    change(database_url)
    return lambda *arguments: CliRunner().invoke(ledger, arguments)


def change(url: str, *statements: str) -> None:
    """Post some gifts, or change books behind the ledger's back."""
    engine = open_engine(url)
    with engine.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))
        if not statements:
            a_lot(conn)
            posted(conn, a_gift(100), a_gift(10**6))
    engine.dispose()


def test_honest_books_are_verified_with_status_0(run: Callable[..., Result]) -> None:
    result = run("verify")

    assert result.exit_code == 0
    assert result.stdout.startswith("the books hold: 4 postings (1 refused), 6 transfers")
    assert "postings/s" in result.stdout


def test_tampered_books_are_named_with_status_1(
    run: Callable[..., Result], database_url: str
) -> None:
    change(database_url, "UPDATE ledger_accounts SET balance = 0 WHERE name LIKE 'spent%'")

    result = run("verify")

    assert result.exit_code == 1
    assert "account spent/COIN//PAID.web: balance 0, transfers say 100" in result.stderr
    assert result.stdout.startswith("1 findings:")


def test_verifying_writes_nothing(run: Callable[..., Result]) -> None:
    before = run("export", "--format", "jsonl").stdout

    run("verify")

    assert run("export", "--format", "jsonl").stdout == before


def test_verifying_does_not_wait_for_a_writer(
    run: Callable[..., Result], database_url: str
) -> None:
    engine = open_engine(database_url)
    with engine.begin() as conn:
        posted(conn, a_gift(1))
        result = run("verify")
    engine.dispose()

    assert result.exit_code == 0
    assert "4 postings" in result.stdout


@pytest.mark.parametrize(
    ("form", "holds"),
    [
        ("beancount", "open Assets:Viewer:Coins"),
        ("hledger", "account Assets:Viewer:Coins"),
        ("jsonl", '"kind":"gift"'),
        ("csv", "chain,sequence,leg"),
    ],
)
def test_books_are_exported_to_standard_output(
    run: Callable[..., Result], form: str, holds: str
) -> None:
    result = run("export", "--format", form)

    assert result.exit_code == 0
    assert holds in result.stdout


def test_an_unknown_format_is_refused(run: Callable[..., Result]) -> None:
    assert run("export", "--format", "xls").exit_code == 2


def test_a_place_without_books_is_not_verified(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path_factory.mktemp("empty") / "ovation.db"
    monkeypatch.setenv("OVATION_DATABASE_URL", f"sqlite:///{empty}")

    result = CliRunner().invoke(ledger, ["verify"])

    assert result.exit_code == 1
    assert "there is no database at" in result.stderr
