"""Exports: other programs can read and check them, and they say nothing about people."""

import csv
import json
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.wallet.books import (
    CREATOR,
    DISPUTED,
    DOLLAR,
    OTHER,
    PENDING,
    VIEWER,
    a_gift,
    a_lot,
    asked,
    posted,
    results,
)
from wallet import exports, journal
from wallet.accounts import AccountName
from wallet.book import Transfer
from wallet.coins import Entries, Grant, Sale, TakeBack
from wallet.journal import NO_HASH
from wallet.tables import micros_of

BEAN_CHECK = Path(sys.executable).with_name("bean-check")


@pytest.fixture
def books(conn: Connection) -> Connection:
    """Books with two currencies, every bucket, a refusal and a loss."""
    lot_id = a_lot(conn)
    posted(conn, Sale(OTHER, 7, 1_234_567, "EUR", 200_001), Grant(OTHER, 30))
    posted(conn, a_gift(100), a_gift(33, OTHER), a_gift(10**6))
    posted(conn, Entries("dispute_money", ((DISPUTED, PENDING, 13 * DOLLAR),)))
    posted(conn, TakeBack(lot_id, 1_000, 13 * DOLLAR, DISPUTED, reason="clawed"))
    return conn


def exported(conn: Connection, form: str) -> str:
    """Return the whole export."""
    return "".join(exports.export(conn, form))


def test_beancount_accepts_the_export_and_every_balance_it_asserts(
    books: Connection, tmp_path: Path
) -> None:
    ledger = tmp_path / "books.beancount"
    ledger.write_text(exported(books, "beancount"))

    checked = subprocess.run(
        [BEAN_CHECK, "--no-cache", ledger], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stderr) == (0, "")
    assert " balance Assets:Viewer:Debt:" in ledger.read_text()


def test_beancount_refuses_an_export_with_another_balance(
    books: Connection, tmp_path: Path
) -> None:
    ledger = tmp_path / "books.beancount"
    text = exported(books, "beancount")
    assert " 133 DIA" in text
    ledger.write_text(text.replace(" 133 DIA", " 134 DIA"))

    checked = subprocess.run(
        [BEAN_CHECK, "--no-cache", ledger], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 1


def test_people_are_in_their_account_names(books: Connection) -> None:
    for form in ("beancount", "hledger"):
        text = exported(books, form)
        assert f"Assets:Viewer:Coins:Id-{VIEWER}:PAID-web" in text
        assert f"Assets:Creator:Pending:Id-{CREATOR}" in text


def test_hledger_transactions_balance_per_commodity(books: Connection) -> None:
    text = exported(books, "hledger")
    transactions = [block for block in text.split("\n\n") if "\n  " in block]
    assert len(transactions) == 7

    for block in transactions:
        sums: dict[str, Decimal] = {}
        for line in block.splitlines():
            if line.startswith("  "):
                _account, amount = line.strip().split("  ")
                number, commodity = amount.split()
                sums[commodity] = sums.get(commodity, Decimal(0)) + Decimal(number)
        assert set(sums.values()) == {Decimal(0)}


def test_hledger_declares_every_account_and_commodity(books: Connection) -> None:
    lines = exported(books, "hledger").splitlines()

    accounts = {line.removeprefix("account ") for line in lines if line.startswith("account ")}
    used = {line.strip().split("  ")[0] for line in lines if line.startswith("  ")}
    commodities = {line.split()[-1] for line in lines if line.startswith("commodity ")}
    assert used <= accounts
    assert commodities == {"COIN", "DIA", "EUR", "USD"}


def test_json_lines_hold_everything_that_is_hashed(books: Connection) -> None:
    rows = [json.loads(line) for line in exported(books, "jsonl").splitlines()]

    previous = NO_HASH
    for row in rows:
        previous = recomputed(row, previous)
        assert row["hash"] == previous.hex()
    assert [row["kind"] for row in rows[:3]] == ["chain", "purchase", "purchase"]


def recomputed(row: dict[str, object], previous: bytes) -> bytes:
    """Return a row's hash, worked out from its JSON alone."""
    columns = (
        row["chain"],
        row["sequence"],
        *(micros_of(datetime.fromisoformat(str(row[at]))) for at in TIMES),
        *(row[name] for name in ("kind", "account_id", "route", "key")),
        bytes.fromhex(str(row["terms_hash"])),
        packed(row["refusal"]),
        packed_note(row["note"]),
        bytes.fromhex(str(row["answer"])),
        str(row["opened"]).encode(),
        bytes.fromhex(str(row["lots"])),
    )
    transfers = row["transfers"]
    assert isinstance(transfers, list)
    legs = [Transfer(t["asset"], t["debit_id"], t["credit_id"], t["amount"]) for t in transfers]
    return journal.row_hash(previous, columns, legs)


TIMES = ("recorded_at", "effective_at")


def packed(refusal: object) -> bytes:
    """Return a refusal as the journal keeps it."""
    if refusal is None:
        return b""
    assert isinstance(refusal, dict)
    numbers = {name: number for name, number in refusal.items() if name != "code"}
    return json.dumps([refusal["code"], numbers], separators=(",", ":")).encode()


def packed_note(note: object) -> bytes:
    """Return a note as the journal keeps it."""
    return json.dumps(note, separators=(",", ":")).encode() if note else b""


def test_csv_has_one_line_per_transfer(books: Connection) -> None:
    rows = list(csv.DictReader(exported(books, "csv").splitlines()))

    stored = books.exec_driver_sql("SELECT count(*) FROM ledger_transfers").scalar_one()
    assert len(rows) == stored
    assert rows[0]["credit"] == "coins:deferred/USD/web/"
    assert rows[0]["recorded_at"] == "2026-01-02T12:00:00+00:00"


def test_empty_books_are_exported_as_nothing_much(conn: Connection) -> None:
    assert exported(conn, "jsonl") == ""
    assert exported(conn, "hledger") == ""
    assert exported(conn, "csv").splitlines() == [",".join(exports.CSV_COLUMNS)]


def test_a_note_of_unknown_bytes_is_exported_in_hexadecimal() -> None:
    assert exports.note_object("gift", b"\xff") == {"hex": "ff"}


@pytest.mark.parametrize(
    ("asset", "amount", "text"),
    [
        ("COIN", -5, "-5 COIN"),
        ("USD", 13_000, "0.013000 USD"),
        ("USD", -13_000, "-0.013000 USD"),
        ("JPY", 10**6, "1.000000 JPY"),
    ],
)
def test_amounts_are_exact(asset: str, amount: int, text: str) -> None:
    assert exports.plain_amount(asset, amount) == text


def test_plain_names_part_currencies() -> None:
    name = AccountName("creator:held", "USD", CREATOR)

    assert exports.plain_name(name) == f"Liabilities:Creator:Held:Id-{CREATOR}:USD"


def test_only_json_lines_repeat_what_clients_chose_as_keys(conn: Connection) -> None:
    results(conn, asked(Grant(VIEWER, 1), "a key of Ada's"))

    for form in ("beancount", "hledger", "csv"):
        assert "Ada" not in exported(conn, form)
