"""Cost lots: what each paid coin cost, so that spending it releases exactly that much revenue.

Coin plane. Every purchase opens one lot; coins leave the oldest lot first. A lot of ``size``
coins that cost ``cost`` releases floor(cost·used_after/size) - floor(cost·used_before/size), so
a used-up lot has released exactly its cost, whatever the steps were.

Units   coins; cost and released in 10⁻⁶ of the currency's major unit.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from wallet import tables
from wallet.errors import BadEncoding, NotACommand
from wallet.tables import insert_rows, listed, rows_of, write_rows

RECORD = struct.Struct(">cqqqqq")  # tag, then five signed 64-bit integers
# Accounts whose balance is what the lots add up to (promotional coins apart, which have none).
LOT_KINDS = ("viewer:coins", "viewer:frozen", "viewer:debt", "coins:deferred")
OPENED = b"O"
MOVED = b"M"


class LotOpened(NamedTuple):
    """A lot that begins: ``size`` coins in ``coins_id`` that cost ``cost`` in ``deferred_id``."""

    id: int
    coins_id: int
    deferred_id: int
    size: int
    cost: int


class LotMoved(NamedTuple):
    """How much each of a lot's counts changes."""

    id: int
    spent: int = 0
    taken: int = 0
    owed: int = 0
    frozen: int = 0


LotChange = LotOpened | LotMoved


class Lot:
    """The coins of one purchase.

    Attributes:
        coins_id: The viewer's account its coins are in.
        deferred_id: The liability its cost is in until the coins are used.
        size: Coins bought.
        cost: What they cost, without tax.
        spent: Coins given away.
        taken: Unspent coins that a refund or lost dispute took back.
        owed: Spent coins that a refund or lost dispute turned into a debt; part of ``spent``.
        frozen: Coins that an open dispute keeps from being spent.
    """

    __slots__ = (
        "coins_id",
        "cost",
        "deferred_id",
        "frozen",
        "id",
        "owed",
        "size",
        "spent",
        "stored",
        "taken",
    )

    def __init__(
        self,
        lot_id: int,
        coins_id: int,
        deferred_id: int,
        size: int,
        cost: int,
        spent: int = 0,
        taken: int = 0,
        owed: int = 0,
        frozen: int = 0,
        *,
        stored: bool = True,
    ) -> None:
        self.id = lot_id
        self.coins_id = coins_id
        self.deferred_id = deferred_id
        self.size = size
        self.cost = cost
        self.spent = spent
        self.taken = taken
        self.owed = owed
        self.frozen = frozen
        self.stored = stored  # False while the lot is not in the database

    @property
    def row(self) -> tuple[int, ...]:
        """The lot as ``ledger_lots`` keeps it."""
        return (
            self.id,
            self.coins_id,
            self.deferred_id,
            self.size,
            self.cost,
            self.spent,
            self.taken,
            self.owed,
            self.frozen,
        )

    @property
    def available(self) -> int:
        """Coins that can be spent."""
        return self.size - self.spent - self.taken - self.frozen

    @property
    def untouched_by_refund(self) -> int:
        """Coins that no refund or lost dispute has taken back or turned into a debt yet."""
        return self.size - self.taken - self.owed

    @property
    def deferred(self) -> int:
        """What of its cost is not released yet."""
        return self.cost - self.cost * (self.spent + self.taken) // self.size

    def released_by(self, coins: int) -> int:
        """Return what using ``coins`` more releases; negative coins give back."""
        used = self.spent + self.taken
        return self.cost * (used + coins) // self.size - self.cost * used // self.size

    def moved(self, move: LotMoved) -> None:
        """Change the counts.

        Raises:
            NotACommand: A count would leave its range.
        """
        spent, taken = self.spent + move.spent, self.taken + move.taken
        owed, frozen = self.owed + move.owed, self.frozen + move.frozen
        if not 0 <= owed <= spent or taken < 0 or frozen < 0 or spent + taken + frozen > self.size:
            raise NotACommand(f"lot {self.id} cannot move by {move}")
        self.spent, self.taken, self.owed, self.frozen = spent, taken, owed, frozen


def encode_changes(changes: Sequence[LotChange]) -> bytes:
    """Return the journal's record of what one posting did to lots; nothing: no bytes."""
    return b"".join(
        [
            RECORD.pack(OPENED if isinstance(change, LotOpened) else MOVED, *change)
            for change in changes
        ]
    )


def decode_changes(encoded: bytes) -> list[LotChange]:
    """Return what one posting did to lots.

    Raises:
        BadEncoding: ``encoded`` is no such record.
    """
    if len(encoded) % RECORD.size:
        raise BadEncoding(f"{len(encoded)} bytes are no whole number of lot changes")
    changes: list[LotChange] = []
    for tag, *fields in RECORD.iter_unpack(encoded):
        if tag not in (OPENED, MOVED):
            raise BadEncoding(f"lot change with tag {tag!r}")
        changes.append(LotOpened(*fields) if tag == OPENED else LotMoved(*fields))
    return changes


COLUMNS = "id, coins_id, deferred_id, size, cost, spent, taken, owed, frozen"
LOAD_OPEN = {
    "sqlite": f"SELECT {COLUMNS} FROM ledger_lots"
    " WHERE coins_id IN (SELECT value FROM json_each(?)) AND size > spent + taken + frozen"
    " ORDER BY id",
    "postgresql": f"SELECT {COLUMNS} FROM ledger_lots"
    " WHERE coins_id = ANY(%b::bigint[]) AND size > spent + taken + frozen ORDER BY id",
}
LOAD_BY_ID = {
    "sqlite": f"SELECT {COLUMNS} FROM ledger_lots"
    " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
    "postgresql": f"SELECT {COLUMNS} FROM ledger_lots WHERE id = ANY(%b::bigint[]) ORDER BY id",
}
STORE = {
    "sqlite": "UPDATE ledger_lots SET spent = ?, taken = ?, owed = ?, frozen = ? WHERE id = ?",
    "postgresql": "UPDATE ledger_lots SET spent = v.spent, taken = v.taken, owed = v.owed,"
    " frozen = v.frozen FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[],"
    " %b::bigint[]) AS v(spent, taken, owed, frozen, id) WHERE ledger_lots.id = v.id",
}


def load_open(conn: Connection, coins_ids: Iterable[int]) -> list[Lot]:
    """Return the lots with coins left to spend in these accounts, oldest first."""
    return found(conn, LOAD_OPEN, list(coins_ids))


def load_ids(conn: Connection, ids: Iterable[int]) -> list[Lot]:
    """Return the lots with these ids, oldest first."""
    return found(conn, LOAD_BY_ID, list(ids))


def found(conn: Connection, statements: dict[str, str], wanted: Sequence[int]) -> list[Lot]:
    """Return the lots one of the two look-ups finds."""
    if not wanted:
        return []
    parameter = listed(wanted) if conn.dialect.name == "sqlite" else wanted
    return [Lot(*row) for row in rows_of(conn, statements, (parameter,))]


def store(conn: Connection, changed: Iterable[Lot]) -> None:
    """Write the lots that are new and the counts that changed."""
    opened, moved = [], []
    for lot in changed:
        if lot.stored:
            moved.append((lot.spent, lot.taken, lot.owed, lot.frozen, lot.id))
        else:
            opened.append(lot.row)
    insert_rows(conn, tables.lots, opened)
    write_rows(conn, STORE, moved)
