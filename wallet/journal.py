"""The append-only record: one hash chain per writer, gap-free, and how it is read again.

Coin plane. The encoding that is hashed is specified in ``LEDGER.md``; a restart (strictly: a new
database connection) opens a new chain whose first row names the heads of the chains before it.

Units   ``recorded_at``, ``effective_at``: microseconds since the epoch in rows and hashes.
"""

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from wallet import tables
from wallet.accounts import AccountName, name_of
from wallet.book import Transfer
from wallet.errors import BadEncoding, LedgerBroken
from wallet.tables import insert_rows, listed, micros_of, moment_of, rows_of, write_rows

VERSION = 1
NO_HASH = bytes(32)
# version, chain, sequence, recorded_at, effective_at, ten lengths, number of legs
HEADER = struct.Struct(">Bqqqq10II")
LEG = struct.Struct(">8sqqq")
CHAIN_KIND = "chain"
NOTE_FIELDS_MAX = 32
NOTE_CHARACTERS_MAX = 64

Row = tuple[Any, ...]  # the columns of ledger_journal, in the table's order


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of one chain."""

    chain: int
    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal with its transfers, as everybody but the writer sees it.

    Attributes:
        account_id: Who asked; empty for the ledger's own rows.
        refusal: The encoded refusal; empty if the command was settled.
        note: Ids and numbers only (``read_note``).
    """

    chain: int
    sequence: int
    recorded_at: datetime
    effective_at: datetime
    kind: str
    account_id: str
    route: str
    key: str
    refusal: bytes
    note: bytes
    answer: bytes


# Notes


def write_note(**fields: int | str) -> bytes:
    """Return a note: a JSON object of ids and numbers.

    Raises:
        BadEncoding: A value is long or has characters that no id has; names and messages do.
    """
    for field, value in fields.items():
        if isinstance(value, str) and not is_id(value):
            raise BadEncoding(f"note field {field} is no id")
    return msgspec.json.encode(fields)


def is_id(text: str) -> bool:
    """Return whether ``text`` may stand in a note: letters, digits and ``_ - . : /``."""
    if len(text) > NOTE_CHARACTERS_MAX or not text.isascii():
        return False
    return text.isalnum() or text.translate(ID_PUNCTUATION).isalnum() or not text


ID_PUNCTUATION = {ord(character): None for character in "_-.:/"}


def read_note(note: bytes) -> dict[str, int | str]:
    """Return the fields of a note.

    Raises:
        BadEncoding: ``note`` is none of ours.
    """
    if not note:
        return {}
    try:
        return msgspec.json.decode(note, type=dict[str, int | str])
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadEncoding(f"note: {error}") from None


# Hashing


def row_hash(previous: bytes, columns: Sequence[Any], legs: Sequence[Transfer]) -> bytes:
    """Return the hash of a journal row: of all its columns but the last, and of its legs.

    Raises:
        BadEncoding: A column holds what the writer cannot have put there.
    """
    try:
        chain, sequence, recorded_at, effective_at, kind, account_id, route, key, *rest = columns
        parts = (kind.encode(), account_id.encode(), route.encode(), key.encode(), *rest)
        header = HEADER.pack(
            VERSION, chain, sequence, recorded_at, effective_at, *map(len, parts), len(legs)
        )
        packed = [LEG.pack(a.encode(), debit, credit, n) for a, debit, credit, n in legs]
        return hashlib.sha256(b"".join((previous, header, *parts, *packed))).digest()
    except (struct.error, AttributeError, TypeError, ValueError) as error:
        raise BadEncoding(f"journal row: {error}") from None


# Writing

# The head moves only from where we read it: two writers on one chain cannot both succeed.
MOVE_HEAD = {
    "sqlite": "UPDATE ledger_chains SET head_sequence = ?, head_hash = ?"
    " WHERE chain = ? AND head_sequence = ? RETURNING chain",
    "postgresql": "UPDATE ledger_chains SET head_sequence = %b, head_hash = %b"
    " WHERE chain = %b AND head_sequence = %b RETURNING chain",
}


class Chain:
    """Rows being appended to one chain; ``write`` stores them and moves the head."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self._sequence = head.sequence
        self._hash = head.hash
        self._rows: list[Row] = []
        self._legs: list[Row] = []
        self._keys: list[Row] = []

    def append(self, columns: Row, legs: Sequence[Transfer]) -> int:
        """Add a row; ``columns`` are all between ``sequence`` and ``hash``. Return its sequence."""
        chain = self.head.chain
        self._sequence = sequence = self._sequence + 1
        row = (chain, sequence, *columns)
        self._hash = row_hash(self._hash, row, legs)
        self._rows.append((*row, self._hash))
        self._legs += [(chain, sequence, leg, *moved) for leg, moved in enumerate(legs)]
        account_id, route, key = columns[3:6]
        if key:  # the ledger's own rows have none and are looked up by nobody
            self._keys.append((key, account_id, route, chain, sequence))
        return sequence

    def write(self, conn: Connection) -> None:
        """Store the rows and move the head.

        Raises:
            LedgerBroken: The head is not where it was read: somebody else wrote to this chain.
        """
        if not self._rows:
            return
        insert_rows(conn, tables.journal, self._rows)
        insert_rows(conn, tables.transfers, self._legs)
        insert_rows(conn, tables.keys, self._keys)
        moved = (self._sequence, self._hash, self.head.chain, self.head.sequence)
        if not rows_of(conn, MOVE_HEAD, moved):
            raise LedgerBroken(f"the head of chain {self.head.chain} moved under its writer")


# Chains

HEAD = {
    "sqlite": "SELECT head_sequence, head_hash FROM ledger_chains WHERE chain = ?",
    "postgresql": "SELECT head_sequence, head_hash FROM ledger_chains WHERE chain = %b",
}
UNNAMED_HEADS = (
    "SELECT chain, head_sequence, head_hash FROM ledger_chains"
    " WHERE named_sequence < head_sequence ORDER BY chain"
)
OPEN_CHAIN = {
    "sqlite": "INSERT INTO ledger_chains (chain, head_sequence, head_hash, named_sequence)"
    " SELECT coalesce(max(chain), 0) + 1, 1, ?, 0 FROM ledger_chains RETURNING chain",
    "postgresql": "INSERT INTO ledger_chains (chain, head_sequence, head_hash, named_sequence)"
    " SELECT coalesce(max(chain), 0) + 1, 1, %b, 0 FROM ledger_chains RETURNING chain",
}
SET_FIRST_HASH = {
    "sqlite": "UPDATE ledger_chains SET head_hash = ? WHERE chain = ? RETURNING chain",
    "postgresql": "UPDATE ledger_chains SET head_hash = %b WHERE chain = %b RETURNING chain",
}
NAME_HEADS = (
    "UPDATE ledger_chains SET named_sequence = head_sequence WHERE named_sequence < head_sequence"
)
CONNECTION_CHAIN = "ledger_chain"


def chain_of(conn: Connection, now: datetime) -> Chain:
    """Return the chain this connection writes to, opened by its first posting."""
    number = conn.info.get(CONNECTION_CHAIN)
    if number is not None:
        found = rows_of(conn, HEAD, (number,))
        if found:
            return Chain(Head(number, *found[0]))
        # The transaction that opened it was rolled back.
    head = open_chain(conn, now)
    conn.info[CONNECTION_CHAIN] = head.chain
    return Chain(head)


def open_chain(conn: Connection, now: datetime) -> Head:
    """Begin a chain with a row that names the heads which no chain has named yet."""
    heads = [tuple(row) for row in conn.exec_driver_sql(UNNAMED_HEADS)]
    conn.exec_driver_sql(NAME_HEADS)
    chain = int(rows_of(conn, OPEN_CHAIN, (NO_HASH,))[0][0])
    at = micros_of(now)
    note = encode_heads([Head(*head) for head in heads])
    row = (chain, 1, at, at, CHAIN_KIND, "", "", "", b"", b"", note, b"", b"", b"")
    first_hash = row_hash(NO_HASH, row, ())
    insert_rows(conn, tables.journal, [(*row, first_hash)])
    rows_of(conn, SET_FIRST_HASH, (first_hash, chain))
    return Head(chain, 1, first_hash)


def encode_heads(heads: Sequence[Head]) -> bytes:
    """Return the note of a chain's first row."""
    named = [[head.chain, head.sequence, head.hash.hex()] for head in heads]
    return json.dumps({"heads": named}, separators=(",", ":")).encode()


def decode_heads(note: bytes) -> list[Head]:
    """Return the heads that a chain's first row names.

    Raises:
        BadEncoding: ``note`` names none.
    """
    try:
        named = msgspec.json.decode(note, type=dict[str, list[tuple[int, int, str]]])["heads"]
        return [Head(chain, sequence, bytes.fromhex(digest)) for chain, sequence, digest in named]
    except (msgspec.DecodeError, KeyError, ValueError, RecursionError) as error:
        raise BadEncoding(f"named heads: {error}") from None


# Reading

ENTRY = (
    "j.chain, j.sequence, j.recorded_at, j.effective_at, j.kind, j.account_id, j.route, j.key,"
    " j.refusal, j.note, j.answer"
)
KNOWN = {
    "sqlite": f"SELECT {ENTRY}, j.terms_hash FROM json_each(?) AS e"
    " JOIN ledger_keys k ON k.key = e.value ->> 0 AND k.account_id = e.value ->> 1"
    " AND k.route = e.value ->> 2"
    " JOIN ledger_journal j ON j.chain = k.chain AND j.sequence = k.sequence",
    "postgresql": f"SELECT {ENTRY}, j.terms_hash"
    " FROM unnest(%b::text[], %b::text[], %b::text[]) AS e(key, account_id, route)"
    " JOIN ledger_keys k USING (key, account_id, route)"
    " JOIN ledger_journal j ON j.chain = k.chain AND j.sequence = k.sequence",
}
Scope = tuple[str, str, str]  # key, account, route


def known(conn: Connection, scopes: Sequence[Scope]) -> Iterator[tuple[Entry, bytes]]:
    """Yield what was recorded under these keys before, each with the hash of its terms."""
    if conn.dialect.name == "sqlite":
        parameters: tuple[Any, ...] = (listed(scopes),)
    else:
        parameters = tuple(list(column) for column in zip(*scopes, strict=True))
    for *columns, terms_hash in rows_of(conn, KNOWN, parameters):
        yield entry(columns), terms_hash


def entry(columns: Sequence[Any]) -> Entry:
    """Return the entry whose ``ENTRY`` columns these are."""
    chain, sequence, recorded_at, effective_at, *rest = columns
    return Entry(chain, sequence, moment_of(recorded_at), moment_of(effective_at), *rest)


LEGS = {
    dialect: "SELECT d.name, c.name, t.amount FROM ledger_transfers t"
    " JOIN ledger_accounts d ON d.id = t.debit_id JOIN ledger_accounts c ON c.id = t.credit_id"
    f" WHERE t.chain = {mark} AND t.sequence = {mark} ORDER BY t.leg"
    for dialect, mark in (("sqlite", "?"), ("postgresql", "%b"))
}


def entry_legs(
    conn: Connection, chain: int, sequence: int
) -> list[tuple[AccountName, AccountName, int]]:
    """Return the transfers of one posting as (debit, credit, amount)."""
    rows = rows_of(conn, LEGS, (chain, sequence))
    return [(name_of(debit), name_of(credit), amount) for debit, credit, amount in rows]


Place = tuple[datetime, int, int]  # recorded_at, chain, sequence: where a page of history ended

HISTORY = {
    "sqlite": f"SELECT {ENTRY} FROM ledger_journal j WHERE j.account_id = ?"
    " AND (j.recorded_at, j.chain, j.sequence) < (?, ?, ?)"
    " ORDER BY j.recorded_at DESC, j.chain DESC, j.sequence DESC LIMIT ?",
    "postgresql": f"SELECT {ENTRY} FROM ledger_journal j WHERE j.account_id = %b"
    " AND (j.recorded_at, j.chain, j.sequence) < (%b, %b, %b)"
    " ORDER BY j.recorded_at DESC, j.chain DESC, j.sequence DESC LIMIT %b",
}
NEWEST = (2**62, 0, 0)


def history(
    conn: Connection, account_id: str, *, before: Place | None = None, limit: int
) -> list[Entry]:
    """Return what ``account_id`` asked for, refusals included, newest first."""
    place = NEWEST if before is None else (micros_of(before[0]), *before[1:])
    return [entry(row) for row in rows_of(conn, HISTORY, (account_id, *place, limit))]


# Readers with a cursor: what was committed but not announced before a crash is announced after it

# By place, not by moment: a chain's moments may step back, and a page must leave no gap behind it.
UNREAD = {
    "sqlite": f"SELECT {ENTRY} FROM ledger_chains c"
    " LEFT JOIN wallet_cursors w ON w.chain = c.chain AND w.reader = ?"
    " JOIN ledger_journal j ON j.chain = c.chain AND j.sequence > coalesce(w.sequence, 0)"
    " WHERE c.head_sequence > coalesce(w.sequence, 0)"
    " ORDER BY j.chain, j.sequence LIMIT ?",
    "postgresql": f"SELECT {ENTRY} FROM ledger_chains c"
    " LEFT JOIN wallet_cursors w ON w.chain = c.chain AND w.reader = %b"
    " JOIN ledger_journal j ON j.chain = c.chain AND j.sequence > coalesce(w.sequence, 0)"
    " WHERE c.head_sequence > coalesce(w.sequence, 0)"
    " ORDER BY j.chain, j.sequence LIMIT %b",
}
MOVE_CURSOR = {
    "sqlite": "INSERT INTO wallet_cursors (reader, chain, sequence) VALUES (?, ?, ?)"
    " ON CONFLICT (reader, chain) DO UPDATE SET sequence = excluded.sequence"
    " WHERE excluded.sequence > wallet_cursors.sequence",
    "postgresql": "INSERT INTO wallet_cursors (reader, chain, sequence)"
    " SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bigint[])"
    " ON CONFLICT (reader, chain) DO UPDATE SET sequence = excluded.sequence"
    " WHERE excluded.sequence > wallet_cursors.sequence",
}


def unread(conn: Connection, reader: str, *, limit: int) -> list[Entry]:
    """Return the oldest entries, of every kind, that ``reader`` has not marked as read."""
    return [entry(row) for row in rows_of(conn, UNREAD, (reader, limit))]


def mark_read(conn: Connection, reader: str, entries: Sequence[Entry]) -> None:
    """Remember that ``reader`` has read ``entries`` and all before them in their chains."""
    newest: dict[int, int] = {}
    for one in entries:
        newest[one.chain] = max(one.sequence, newest.get(one.chain, 0))
    moved = [(reader, chain, sequence) for chain, sequence in newest.items()]
    write_rows(conn, MOVE_CURSOR, moved)
