"""Builders for books in tests: people, what they ask for, and what they end up with."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from wallet import accounts, ledger
from wallet.accounts import COIN, DIA, AccountName
from wallet.coins import Gift, Sale, sold_lot
from wallet.errors import KeyReused
from wallet.ledger import Command, Event, Outcome

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
VIEWER = "a" * 32
OTHER = "b" * 32
CREATOR = "c" * 32
PENDING = AccountName("psp:pending", "USD", "stripe")
DISPUTED = AccountName("recv:dispute", "USD", "stripe")
DOLLAR = 1_000_000  # in 10⁻⁶ of a dollar

KEYS = itertools.count()


def a_sale(coins: int = 1_000, cost_micros: int = 13 * DOLLAR, viewer: str = VIEWER) -> Sale:
    """Return the purchase of a pack."""
    return Sale(viewer, coins, cost_micros, "USD")


def a_gift(coins: int = 100, viewer: str = VIEWER, creator: str = CREATOR) -> Gift:
    """Return a gift at one diamond and half a cent per coin."""
    return Gift(viewer, creator, coins, coins, coins * 5_000, "USD")


def asked(
    event: Event,
    key: str | None = None,
    *,
    terms: bytes = b"",
    account_id: str = VIEWER,
    route: str = "test",
    now: datetime = NOON,
) -> Command:
    """Return the command for ``event``, under a key of its own unless one is given."""
    key = f"key-{next(KEYS)}" if key is None else key
    return ledger.ask(event, account_id=account_id, route=route, key=key, terms=terms, asked_at=now)


def results(conn: Connection, *commands: Command) -> Sequence[Outcome | KeyReused]:
    """Post commands in one batch."""
    return ledger.post(conn, commands)


def posted(conn: Connection, *events: Event) -> list[Outcome]:
    """Post events in one batch, each under a key of its own; all of them must be answered."""
    outcomes = []
    for outcome in ledger.post(conn, [asked(event) for event in events]):
        assert isinstance(outcome, Outcome)
        outcomes.append(outcome)
    return outcomes


def a_lot(conn: Connection, coins: int = 1_000, cost_micros: int = 13 * DOLLAR) -> int:
    """Let the viewer buy a pack; return its lot."""
    (outcome,) = posted(conn, a_sale(coins, cost_micros))
    return sold_lot(outcome)


def coins_of(conn: Connection, person: str = VIEWER) -> int:
    """Return what a person can spend."""
    return accounts.holdings(conn, person).coins


def balance(conn: Connection, kind: str, asset: str = "USD", owner: str = "") -> int:
    """Return an account's balance; COIN accounts are those of the paid bucket."""
    bucket = "PAID.web" if asset == COIN else ""
    return accounts.balance(conn, AccountName(kind, asset, owner, bucket))


def diamonds_of(conn: Connection, person: str = CREATOR) -> int:
    """Return what a creator has earned and not yet released."""
    return balance(conn, "creator:pending", DIA, person)
