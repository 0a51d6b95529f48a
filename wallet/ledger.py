"""The only code that moves coins: commands in, journaled outcomes out.

Coin plane. A command says who asks, under which idempotency key, and how to settle it against the
accounts it touches. ``post`` answers every key exactly once: the first time it settles the command
and journals what happened, refusals included; ever after it repeats that answer and moves nothing.

What happens twice      the second gets the first's outcome, byte for byte, for ever.
What dies halfway       was never committed: nothing happened, and asking again is safe.

Units   COIN, DIA: one. Money: 10⁻⁶ of the currency's major unit.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from sqlalchemy import Connection

from wallet import journal
from wallet.accounts import AccountName, encode_opened
from wallet.book import Book, Short, Transfer
from wallet.errors import BadEncoding, KeyReused, NotACommand
from wallet.journal import Entry
from wallet.lots import LotChange, encode_changes
from wallet.tables import (
    ACCOUNT_ID_CHARACTERS_MAX,
    KEY_CHARACTERS_MAX,
    KIND_CHARACTERS_MAX,
    ROUTE_CHARACTERS_MAX,
    micros_of,
    rows_of,
)

__all__ = [
    "AccountName",
    "Book",
    "Command",
    "Outcome",
    "Refusal",
    "Settled",
    "Transfer",
    "ask",
    "post",
]

POSTGRES_LOCK = 7236583  # one writer at a time across nodes; an arbitrary number of ours


class Refusal(msgspec.Struct, frozen=True):
    """Why nothing moved: a stable code and numbers that say by how much.

    ``refusal["short_by"]`` reads a number.
    """

    code: str
    numbers: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]


class Settled(msgspec.Struct, frozen=True):
    """What a command does: transfers that happen together or not at all.

    Attributes:
        note: Ids and numbers only, made by ``journal.write_note``.
        answer: What the asker must be told again under the same key and the note does not hold.
        lots: What happens to cost lots.
    """

    transfers: tuple[Transfer, ...]
    note: bytes = b""
    answer: bytes = b""
    lots: tuple[LotChange, ...] = ()


class Command(msgspec.Struct, frozen=True):
    """One intent that may move coins.

    Attributes:
        account_id: Who asks; part of the key's scope, and whose history it appears in.
        route: What kind of asking it is; part of the key's scope.
        key: Chosen by whoever starts it and reused on every retry, 1 to 255 characters.
        terms: What was asked. The same key with other terms is ``KeyReused``.
        kind: "gift", "purchase", "refund", …
        touches: Accounts to load in bulk; one left out costs a look-up of its own.
        settle: Called inside the transaction, in order; reads the book, changes nothing.
        asked_at: Now, for whoever made the command.
        effective_at: When it happened in the world, if that was earlier.
        lot_ids: Lots to load beside those the touched accounts spend from.
    """

    account_id: str
    route: str
    key: str
    terms: bytes
    kind: str
    touches: Collection[AccountName]
    settle: Callable[[Book], Settled | Refusal]
    asked_at: datetime
    effective_at: datetime | None = None
    lot_ids: Collection[int] = ()

    def __post_init__(self) -> None:
        if (
            not 0 < len(self.key) <= KEY_CHARACTERS_MAX
            or not 0 < len(self.account_id) <= ACCOUNT_ID_CHARACTERS_MAX
            or not 0 < len(self.route) <= ROUTE_CHARACTERS_MAX
            or not 0 < len(self.kind) <= KIND_CHARACTERS_MAX
            or "\x00" in self.key  # PostgreSQL's text cannot hold it
        ):
            raise NotACommand(f"key {self.key!r} of {self.account_id} on {self.route}, {self.kind}")

    @property
    def scope(self) -> tuple[str, str, str]:
        """What its first answer is kept under."""
        return (self.key, self.account_id, self.route)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a command, the first time and every time.

    Attributes:
        repeated: The key was known: this is the first answer again.
        refusal: Why nothing moved, or None.
    """

    chain: int
    sequence: int
    recorded_at: datetime
    kind: str
    note: bytes
    answer: bytes
    refusal: Refusal | None
    repeated: bool


class Event(Protocol):
    """Something that happens to coins (``wallet.coins``): what it touches and what it does."""

    @property
    def kind(self) -> str:
        """What the journal calls it."""

    @property
    def touches(self) -> Collection[AccountName]:
        """The accounts it needs."""

    @property
    def lot_ids(self) -> Collection[int]:
        """The lots it names."""

    def settle(self, book: Book) -> Settled | Refusal:
        """Return what it does to ``book``."""


def ask(
    event: Event,
    *,
    account_id: str,
    route: str,
    key: str,
    terms: bytes,
    asked_at: datetime,
    effective_at: datetime | None = None,
) -> Command:
    """Return the command that makes ``event`` happen, once, under ``key``.

    Raises:
        NotACommand: A field is outside its limits.
    """
    return Command(
        account_id=account_id,
        route=route,
        key=key,
        terms=terms,
        kind=event.kind,
        touches=event.touches,
        settle=event.settle,
        asked_at=asked_at,
        effective_at=effective_at,
        lot_ids=event.lot_ids,
    )


def post(
    conn: Connection, commands: Sequence[Command], *, now: datetime | None = None
) -> list[Outcome | KeyReused]:
    """Settle ``commands`` in order and journal them; one result each, refusals included.

    ``now`` defaults to the latest ``asked_at``, so that ``writer.batch(post, command)`` works.
    A reused key is its command's result alone, not raised: the rest of the batch goes on.

    Raises:
        NotACommand: A command asks for what the chart or its lots do not allow.
        LedgerBroken: The books contradict themselves; nothing more may be written.
    """
    if not commands:
        return []
    recorded_at = now or max(command.asked_at for command in commands)
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SELECT pg_advisory_xact_lock(%b)", (POSTGRES_LOCK,))
    answered = first_answers(conn, commands)
    fresh = [command for command in commands if command.scope not in answered]
    batch = Batch(conn, fresh, recorded_at) if fresh else None
    results: list[Outcome | KeyReused] = []
    for command in commands:
        scope = command.scope
        first = answered.get(scope)
        if first is not None:
            results.append(repeated(command, first))
        elif batch is not None:
            answered[scope] = answer = batch.record(command)
            results.append(answer[0])
    if batch is not None:
        batch.write()
    return results


Answer = tuple["Outcome", bytes]  # with the hash of the terms
Scope = tuple[str, str, str]


def first_answers(conn: Connection, commands: Sequence[Command]) -> dict[Scope, Answer]:
    """Return what the commands' keys were answered before."""
    scopes = [command.scope for command in commands]
    return {
        (entry.key, entry.account_id, entry.route): (outcome_of(entry), terms_hash)
        for entry, terms_hash in journal.known(conn, scopes)
    }


def repeated(command: Command, first: Answer) -> Outcome | KeyReused:
    """Return the first outcome again, if ``command``'s terms are those of the first time."""
    outcome, terms_hash = first
    if hashlib.sha256(command.terms).digest() != terms_hash:
        return KeyReused(command.key)
    return msgspec.structs.replace(outcome, repeated=True)


class Batch:
    """Commands with new keys: settled in order in memory, then written together."""

    def __init__(self, conn: Connection, fresh: Sequence[Command], recorded_at: datetime) -> None:
        self._conn = conn
        self._recorded_at = recorded_at
        self._recorded = micros_of(recorded_at)
        self._chain = journal.chain_of(conn, recorded_at)
        self._book = Book(
            conn,
            set().union(*[command.touches for command in fresh]),
            set().union(*[command.lot_ids for command in fresh]),
            last_ids(conn),
        )

    def record(self, command: Command) -> Answer:
        """Settle one command and append what came of it, a refusal too."""
        result = settle(command, self._book)
        terms_hash = hashlib.sha256(command.terms).digest()
        refusal = None
        if isinstance(result, Refusal):
            refusal, settled, opened = result, NOTHING, b""
        else:
            settled, opened = result, encode_opened(self._book.keep_opened())
        effective_at = command.effective_at
        sequence = self._chain.append(
            (
                self._recorded,
                self._recorded if effective_at is None else micros_of(effective_at),
                command.kind,
                command.account_id,
                command.route,
                command.key,
                terms_hash,
                b"" if refusal is None else encode_refusal(refusal),
                settled.note,
                settled.answer,
                opened,
                encode_changes(settled.lots),
            ),
            settled.transfers,
        )
        outcome = Outcome(
            self._chain.head.chain,
            sequence,
            self._recorded_at,
            command.kind,
            settled.note,
            settled.answer,
            refusal,
            repeated=False,
        )
        return outcome, terms_hash

    def write(self) -> None:
        """Store journal, transfers, keys and the net change of every balance and lot."""
        self._chain.write(self._conn)
        self._book.store()


NOTHING = Settled(())


def settle(command: Command, book: Book) -> Settled | Refusal:
    """Return what came of one command; the book has moved only if it was settled."""
    try:
        result = command.settle(book)
        if isinstance(result, Settled):
            short = book.apply(result.transfers, result.lots)
            if short is None:
                return result
            result = refusal_of(short)
    except Exception:
        book.drop_opened()
        raise
    book.drop_opened()
    return result


def refusal_of(short: Short) -> Refusal:
    """Return the refusal for an account that would have passed its bound."""
    if short.name.kind == "viewer:coins":
        return Refusal("insufficient_coins", {"short_by": short.short_by})
    return Refusal("account_bound", {"short_by": short.short_by})


def outcome_of(entry: Entry) -> Outcome:
    """Return the outcome that a journal entry recorded, as a repetition."""
    refusal = decode_refusal(entry.refusal) if entry.refusal else None
    return Outcome(
        entry.chain,
        entry.sequence,
        entry.recorded_at,
        entry.kind,
        entry.note,
        entry.answer,
        refusal,
        repeated=True,
    )


LAST_IDS = (
    "SELECT (SELECT coalesce(max(id), 0) FROM ledger_accounts),"
    " (SELECT coalesce(max(id), 0) FROM ledger_lots)"
)


def last_ids(conn: Connection) -> tuple[int, int]:
    """Return the newest account's and the newest lot's id."""
    account_id, lot_id = rows_of(conn, {conn.dialect.name: LAST_IDS}, ())[0]
    return int(account_id), int(lot_id)


def encode_refusal(refusal: Refusal) -> bytes:
    """Return the refusal as the journal keeps it."""
    return json.dumps([refusal.code, dict(refusal.numbers)], separators=(",", ":")).encode()


def decode_refusal(encoded: bytes) -> Refusal:
    """Return the refusal that the journal kept.

    Raises:
        BadEncoding: ``encoded`` is none of ours.
    """
    try:
        code, numbers = json.loads(encoded)
        return Refusal(str(code), {str(name): int(number) for name, number in numbers.items()})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadEncoding(f"refusal: {error}") from None
