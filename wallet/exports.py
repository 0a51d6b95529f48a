"""The books in formats that other programs read and check: beancount, hledger, JSON lines, CSV.

Coin plane. Reads only, and streams: lines are made as they are asked for, so the size of the
books does not matter. Dates are those of recording, in UTC.

Sign    Debits are positive, as in ``LEDGER.md`` and in beancount.
Source  https://beancount.github.io/docs/beancount_language_syntax.html
        https://hledger.org/hledger.html#journal
"""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from wallet.accounts import CHART, COIN, DIA, AccountName, name_of
from wallet.book import Transfer
from wallet.errors import BadEncoding
from wallet.journal import CHAIN_KIND, decode_heads, read_note
from wallet.ledger import decode_refusal
from wallet.tables import moment_of
from wallet.verify import pages

OPENED_ON = "1970-01-01"  # before any posting, whatever clocks did since
MICROS_PER_UNIT = 1_000_000
CSV_COLUMNS = (
    "chain",
    "sequence",
    "leg",
    "recorded_at",
    "effective_at",
    "kind",
    "asset",
    "debit",
    "credit",
    "amount",
)


class Posting(NamedTuple):
    """One settled row of the journal with its transfers."""

    row: Sequence[Any]
    transfers: list[Transfer]

    @property
    def reference(self) -> str:
        """Its place in the journal."""
        return f"{self.row[0]}-{self.row[1]}"

    @property
    def recorded_on(self) -> date:
        """The day it was recorded, in UTC."""
        return moment_of(self.row[2]).date()


def export(conn: Connection, form: str) -> Iterator[str]:
    """Yield the books as text in one of ``FORMS``, whole lines at a time."""
    return FORMS[form](conn)


def postings(conn: Connection) -> Iterator[Posting]:
    """Yield every row of the journal, refusals included, in order."""
    for page in pages(conn):
        for row, legs, _ in page:
            yield Posting(row, [Transfer(*leg[1:]) for leg in legs])


def account_names(conn: Connection) -> dict[int, AccountName]:
    """Return every account's name by id."""
    rows = conn.exec_driver_sql("SELECT id, name FROM ledger_accounts ORDER BY id")
    return {number: name_of(text) for number, text in rows}


# Plain-text accounting


def beancount(conn: Connection) -> Iterator[str]:
    """Yield a beancount ledger that ends by asserting every balance."""
    names = account_names(conn)
    yield 'option "title" "Ovation"\n'
    for name in names.values():
        yield f"{OPENED_ON} open {plain_name(name)} {name.asset}\n"
    newest = date.fromisoformat(OPENED_ON)
    for posting in postings(conn):
        newest = max(newest, posting.recorded_on)
        if posting.transfers:
            kind = str(posting.row[4]).replace('"', "'")
            yield f'{posting.recorded_on} * "{kind}"\n  posting: "{posting.reference}"\n'
            yield from plain_legs(posting, names)
    assertions_on = newest + timedelta(days=1)  # beancount checks at the start of the day
    for number, balance in conn.exec_driver_sql("SELECT id, balance FROM ledger_accounts"):
        name = names[number]
        amount = plain_amount(name.asset, balance)
        yield f"{assertions_on} balance {plain_name(name)} {amount}\n"


def hledger(conn: Connection) -> Iterator[str]:
    """Yield an hledger journal with every commodity and account declared."""
    names = account_names(conn)
    for asset in sorted({name.asset for name in names.values()}):
        yield f"commodity {plain_amount(asset, 1000 * MICROS_PER_UNIT, point=True)}\n"
    for name in names.values():
        yield f"account {plain_name(name)}\n"
    for posting in postings(conn):
        if posting.transfers:
            yield f"{posting.recorded_on} * {posting.row[4]}  ; posting:{posting.reference}\n"
            yield from plain_legs(posting, names)
            yield "\n"


def plain_legs(posting: Posting, names: dict[int, AccountName]) -> Iterator[str]:
    """Yield one line per account that a posting changed."""
    net: defaultdict[int, int] = defaultdict(int)
    for transfer in posting.transfers:
        net[transfer.debit_id] += transfer.amount
        net[transfer.credit_id] -= transfer.amount
    for number, amount in net.items():
        name = names[number]
        yield f"  {plain_name(name)}  {plain_amount(name.asset, amount)}\n"


def plain_name(name: AccountName) -> str:
    """Return the account's name as plain-text accounting wants it: capitalised parts."""
    parts = [part.capitalize() for part in name.kind.split(":")]
    if name.owner:
        person = CHART[name.kind].owners == "person"
        parts.append(f"Id-{name.owner}" if person else name.owner.capitalize())
    if name.bucket:
        parts.append(name.bucket.replace(".", "-"))
    if name.asset not in (COIN, DIA):
        parts.append(name.asset)
    return ":".join([CHART[name.kind].root, *parts])


def plain_amount(asset: str, amount: int, *, point: bool = False) -> str:
    """Return an amount with its commodity; money in major units, exactly."""
    if asset in (COIN, DIA):
        return f"{amount}{'.' if point else ''} {asset}"
    sign = "-" if amount < 0 else ""
    units, micros = divmod(abs(amount), MICROS_PER_UNIT)
    return f"{sign}{units}.{micros:06d} {asset}"


# For programs


def jsonl(conn: Connection) -> Iterator[str]:
    """Yield one JSON object per journal row, refusals included, with all that is hashed."""
    names = account_names(conn)
    for posting in postings(conn):
        yield msgspec.json.encode(as_object(posting, names)).decode() + "\n"


def as_object(posting: Posting, names: dict[int, AccountName]) -> dict[str, Any]:
    """Return a posting as JSON's types; bytes that are not text as hexadecimal."""
    chain, sequence, recorded_at, effective_at, kind, account_id, route, key = posting.row[:8]
    terms_hash, refusal, note, answer, opened, lots, row_hash = posting.row[8:]
    refused = decode_refusal(refusal) if refusal else None
    return {
        "chain": chain,
        "sequence": sequence,
        "recorded_at": moment_of(recorded_at),
        "effective_at": moment_of(effective_at),
        "kind": kind,
        "account_id": account_id,
        "route": route,
        "key": key,
        "terms_hash": terms_hash.hex(),
        "refusal": None if refused is None else {"code": refused.code, **refused.numbers},
        "note": note_object(kind, note),
        "answer": answer.hex(),
        "opened": opened.decode(),
        "lots": lots.hex(),
        "transfers": [
            {
                "asset": transfer.asset,
                "debit": names[transfer.debit_id].text,
                "credit": names[transfer.credit_id].text,
                "debit_id": transfer.debit_id,
                "credit_id": transfer.credit_id,
                "amount": transfer.amount,
            }
            for transfer in posting.transfers
        ],
        "hash": row_hash.hex(),
    }


def note_object(kind: str, note: bytes) -> Any:
    """Return a note's fields, or its bytes in hexadecimal if it is no note of ours."""
    if kind == CHAIN_KIND:
        return {"heads": [[h.chain, h.sequence, h.hash.hex()] for h in decode_heads(note)]}
    try:
        return read_note(note)
    except BadEncoding:
        return {"hex": note.hex()}


def csv_lines(conn: Connection) -> Iterator[str]:
    """Yield one line per transfer, after a line of column names."""
    names = account_names(conn)
    line = io.StringIO()
    writer = csv.writer(line)
    yield ",".join(CSV_COLUMNS) + "\r\n"  # the line end that RFC 4180 and the writer use
    for posting in postings(conn):
        chain, sequence, recorded_at, effective_at, kind = posting.row[:5]
        times = [moment_of(at).isoformat() for at in (recorded_at, effective_at)]
        for leg, transfer in enumerate(posting.transfers):
            debit, credit = names[transfer.debit_id].text, names[transfer.credit_id].text
            writer.writerow(
                [chain, sequence, leg, *times, kind, transfer.asset, debit, credit, transfer.amount]
            )
        yield line.getvalue()
        line.seek(0)
        line.truncate()


FORMS: dict[str, Callable[[Connection], Iterator[str]]] = {
    "beancount": beancount,
    "hledger": hledger,
    "jsonl": jsonl,
    "csv": csv_lines,
}
