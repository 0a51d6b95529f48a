"""The chart of accounts: which accounts may exist, what they are called, what they hold.

Coin plane. An account is opened the first time a transfer needs it; a name outside the chart
is refused. Names carry random ids, providers and currencies, never a person's name.

Units   COIN, DIA: one. Money: 10⁻⁶ of the currency's major unit.
Sign    A balance is debits minus credits: what a viewer has is positive, what we owe negative.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from wallet import tables
from wallet.errors import BadEncoding, UnknownAccount
from wallet.tables import insert_rows, listed, rows_of, write_rows

COIN = "COIN"
DIA = "DIA"
PROMO = "PROMO"
PAID = "PAID."  # followed by the channel the coins were bought through
DEBT = "DEBT"
CHANNELS = ("web", "apple", "google")
SPENT_CHANNELS = ("web",)  # the app stores' buckets join when coins are sold there

CURRENCY = re.compile(r"[A-Z]{3}")
OWNER = re.compile(r"[A-Za-z0-9-]{1,64}")  # what beancount allows in a name
PROVIDERS = ("stripe", "apple", "google")


class AccountName(NamedTuple):
    """Which account: its kind in the chart, what it holds, whose, and which bucket of it."""

    kind: str
    asset: str
    owner: str = ""
    bucket: str = ""

    @property
    def text(self) -> str:
        """The name as ``ledger_accounts`` keeps it."""
        return "/".join(self)


Root = Literal["Assets", "Liabilities", "Income", "Expenses", "Equity"]
Owners = Literal["person", "provider", "channel", "nobody"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the chart.

    Attributes:
        holds: ``COIN``, ``DIA`` or ``money`` (any ISO 4217 code).
        owners: Whose accounts of this kind are.
        bound: 1: the balance never falls below zero; -1: never rises above it; 0: either.
        root: Where exports to plain-text accounting put it.
    """

    holds: Literal["COIN", "DIA", "money"]
    owners: Owners
    bound: Literal[1, -1, 0]
    root: Root


CHART: dict[str, Kind] = {
    # Money
    "psp:pending": Kind("money", "provider", 0, "Assets"),
    "psp:available": Kind("money", "provider", 0, "Assets"),
    "psp:fee": Kind("money", "provider", 0, "Expenses"),
    "recv:dispute": Kind("money", "provider", 0, "Assets"),
    "dispute:fee": Kind("money", "provider", 0, "Expenses"),
    "recv:creator": Kind("money", "person", 1, "Assets"),
    "coins:deferred": Kind("money", "channel", -1, "Liabilities"),
    "creator:held": Kind("money", "person", -1, "Liabilities"),
    "tax:vat": Kind("money", "nobody", 0, "Liabilities"),
    "gift:fee": Kind("money", "nobody", 0, "Income"),
    "gift:contra:chargeback": Kind("money", "nobody", 0, "Income"),
    "promo:creator": Kind("money", "nobody", 0, "Expenses"),
    "fx": Kind("money", "nobody", 0, "Equity"),
    # Coins, per bucket
    "mint": Kind("COIN", "nobody", -1, "Equity"),
    "viewer:coins": Kind("COIN", "person", 1, "Assets"),
    "viewer:frozen": Kind("COIN", "person", 1, "Assets"),
    "spent": Kind("COIN", "nobody", 1, "Expenses"),
    "refunded": Kind("COIN", "nobody", 1, "Expenses"),
    "clawed": Kind("COIN", "nobody", 1, "Expenses"),
    # Coins a refund or lost dispute could not find any more: a memorandum, bucket DEBT only
    "viewer:debt": Kind("COIN", "person", 1, "Assets"),
    "debts": Kind("COIN", "nobody", -1, "Equity"),
    # Diamonds
    "diamond:mint": Kind("DIA", "nobody", -1, "Equity"),
    "creator:pending": Kind("DIA", "person", 1, "Assets"),
    "creator:available": Kind("DIA", "person", 1, "Assets"),
    "creator:frozen": Kind("DIA", "person", 1, "Assets"),
}
MEMORANDA = ("viewer:debt", "debts")


class Account:
    """An open account as a batch sees it: ``balance`` moves in memory, then is stored once."""

    __slots__ = ("asset", "balance", "bound", "bucket", "has_lots", "id", "name", "stored")

    def __init__(
        self, account_number: int, name: AccountName, balance: int, stored: int | None
    ) -> None:
        self.id = account_number
        self.name = name
        self.asset = name.asset
        self.bucket = name.bucket
        self.bound = CHART[name.kind].bound
        self.has_lots = name.kind == "viewer:coins" and name.bucket.startswith(PAID)
        self.balance = balance
        self.stored = stored  # None while the account is not in the database


def check_name(name: AccountName) -> None:
    """Return if the chart has a place for ``name``.

    Raises:
        UnknownAccount: It has none.
    """
    kind = CHART.get(name.kind)
    if kind is None:
        raise UnknownAccount(f"no kind {name.kind!r} in the chart")
    if not holds(kind, name.asset):
        raise UnknownAccount(f"{name.kind} holds {kind.holds}, not {name.asset!r}")
    if not fits_owner(kind.owners, name.owner):
        raise UnknownAccount(f"{name.kind} belongs to a {kind.owners}, not {name.owner!r}")
    if not fits_bucket(name):
        raise UnknownAccount(f"{name.kind} has no bucket {name.bucket!r}")


def holds(kind: Kind, asset: str) -> bool:
    """Return whether accounts of ``kind`` may hold ``asset``."""
    if kind.holds == "money":
        return asset not in (COIN, DIA) and CURRENCY.fullmatch(asset) is not None
    return asset == kind.holds


def fits_owner(owners: Owners, owner: str) -> bool:
    """Return whether ``owner`` is one of ``owners``."""
    match owners:
        case "person":
            return OWNER.fullmatch(owner) is not None
        case "provider":
            return owner in PROVIDERS
        case "channel":
            return owner in CHANNELS
        case "nobody":
            return owner == ""


def fits_bucket(name: AccountName) -> bool:
    """Return whether ``name`` has the bucket that its kind wants."""
    if name.asset != COIN:
        return name.bucket == ""
    if name.kind in MEMORANDA:
        return name.bucket == DEBT
    return name.bucket == PROMO or (
        name.bucket.startswith(PAID) and name.bucket.removeprefix(PAID) in CHANNELS
    )


def name_of(text: str) -> AccountName:
    """Return the name that ``text`` spells.

    Raises:
        BadEncoding: It spells none.
        UnknownAccount: The chart has no place for it.
    """
    parts = text.split("/")
    if len(parts) != len(AccountName._fields):
        raise BadEncoding(f"{text!r} is no account name")
    name = AccountName(*parts)
    check_name(name)
    return name


# House accounts and busy creators come back in every batch; bounded like everything else.
known_name = lru_cache(maxsize=10_000)(name_of)


LOAD_BY_NAME = {
    "sqlite": "SELECT id, name, balance FROM ledger_accounts"
    " WHERE name IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT id, name, balance FROM ledger_accounts WHERE name = ANY(%b::text[])",
}
LOAD_BY_ID = {
    "sqlite": "SELECT id, name, balance FROM ledger_accounts"
    " WHERE id IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT id, name, balance FROM ledger_accounts WHERE id = ANY(%b::bigint[])",
}
STORE = {
    "sqlite": "UPDATE ledger_accounts SET balance = ? WHERE id = ?",
    "postgresql": "UPDATE ledger_accounts SET balance = v.balance"
    " FROM unnest(%b::bigint[], %b::bigint[]) AS v(balance, id) WHERE ledger_accounts.id = v.id",
}


def load(conn: Connection, names: Iterable[AccountName]) -> list[Account]:
    """Return those of ``names`` that are open."""
    texts = ["/".join(name) for name in names]
    return found(conn, LOAD_BY_NAME, texts)


def load_ids(conn: Connection, ids: Iterable[int]) -> list[Account]:
    """Return the accounts with these ids."""
    return found(conn, LOAD_BY_ID, list(ids))


def found(
    conn: Connection, statements: dict[str, str], wanted: Sequence[str] | Sequence[int]
) -> list[Account]:
    """Return the accounts one of the two look-ups finds."""
    if not wanted:
        return []
    parameter = listed(wanted) if conn.dialect.name == "sqlite" else wanted
    return [
        Account(number, known_name(text), balance, balance)
        for number, text, balance in rows_of(conn, statements, (parameter,))
    ]


def store(conn: Connection, accounts: Iterable[Account]) -> None:
    """Write the accounts that are new and the balances that changed."""
    opened, changed = [], []
    for account in accounts:
        if account.stored is None:
            opened.append((account.id, account.name.text, account.balance))
        elif account.stored != account.balance:
            changed.append((account.balance, account.id))
    insert_rows(conn, tables.accounts, opened)
    write_rows(conn, STORE, sorted(changed, key=lambda row: row[1]))


def encode_opened(accounts: Sequence[Account]) -> bytes:
    """Return the journal's record of the accounts one posting opened; none: no bytes."""
    if not accounts:
        return b""
    return json.dumps([[a.id, a.name.text] for a in accounts], separators=(",", ":")).encode()


def decode_opened(encoded: bytes) -> list[tuple[int, AccountName]]:
    """Return the ids and names of the accounts one posting opened.

    Raises:
        BadEncoding: ``encoded`` is no such record.
        UnknownAccount: A name is outside the chart.
    """
    if not encoded:
        return []
    try:
        pairs = [(int(number), str(text)) for number, text in json.loads(encoded)]
    except (ValueError, TypeError, RecursionError) as error:
        raise BadEncoding(f"opened accounts: {error}") from None
    return [(number, name_of(text)) for number, text in pairs]


def balance(conn: Connection, name: AccountName) -> int:
    """Return what is in ``name``, 0 if it was never opened."""
    return sum(account.balance for account in load(conn, [name]))


def balances(conn: Connection, names: Sequence[AccountName]) -> dict[AccountName, int]:
    """Return what is in each of ``names``, 0 where it was never opened."""
    held = {account.name: account.balance for account in load(conn, names)}
    return {name: held.get(name, 0) for name in names}


@lru_cache(maxsize=10_000)
def purse(owner: str) -> tuple[AccountName, ...]:
    """Return the accounts a viewer spends from, in the order they are spent."""
    return (
        AccountName("viewer:coins", COIN, owner, PROMO),
        *(AccountName("viewer:coins", COIN, owner, PAID + channel) for channel in SPENT_CHANNELS),
    )


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one person has, in coins and diamonds.

    Attributes:
        coins: What can be spent, promotional coins included.
        frozen_coins: Kept from spending while a dispute is open.
        debt_coins: Spent before their purchase was refunded or lost in a dispute.
        diamonds: Earned and not cashed out.
    """

    coins: int
    promo_coins: int
    frozen_coins: int
    debt_coins: int
    diamonds: int


def holdings(conn: Connection, owner: str) -> Holdings:
    """Return what ``owner`` has."""
    coins = purse(owner)
    frozen = tuple(AccountName("viewer:frozen", COIN, owner, PAID + c) for c in SPENT_CHANNELS)
    debt = AccountName("viewer:debt", COIN, owner, DEBT)
    diamonds = tuple(
        AccountName(kind, DIA, owner)
        for kind in ("creator:pending", "creator:available", "creator:frozen")
    )
    held = balances(conn, [*coins, *frozen, debt, *diamonds])
    return Holdings(
        coins=sum(held[name] for name in coins),
        promo_coins=held[coins[0]],
        frozen_coins=sum(held[name] for name in frozen),
        debt_coins=held[debt],
        diamonds=sum(held[name] for name in diamonds),
    )


SUM_BY_KIND = {
    "sqlite": "SELECT coalesce(sum(balance), 0) FROM ledger_accounts WHERE name >= ? AND name < ?",
    "postgresql": "SELECT coalesce(sum(balance), 0)::bigint FROM ledger_accounts"
    ' WHERE name COLLATE "C" >= %b AND name COLLATE "C" < %b',
}


def total(conn: Connection, kind: str, asset: str) -> int:
    """Return the sum of all accounts of one kind and asset, for the finance pages."""
    prefix = f"{kind}/{asset}/"
    rows = rows_of(conn, SUM_BY_KIND, (prefix, prefix[:-1] + chr(ord("/") + 1)))
    return int(rows[0][0])
