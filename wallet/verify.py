"""Proves the books: reads the journal, rebuilds every projection, compares every value.

Coin plane. Reads only, so it runs beside a live server; give it a connection whose transaction
is one snapshot. Every column of every ``ledger_*`` table is compared with something the hash
chains vouch for, so a single changed, added or missing value is a finding.

Order   Chains of several writers interleave, so nothing here depends on the order between
        chains: balances and lots are sums, and bounds are checked on the sums.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from wallet import journal
from wallet.accounts import (
    CHART,
    COIN,
    DEBT,
    PROMO,
    AccountName,
    decode_opened,
    name_of,
)
from wallet.book import Transfer
from wallet.errors import BadEncoding, NotACommand, UnknownAccount
from wallet.journal import CHAIN_KIND, NO_HASH, Head
from wallet.ledger import decode_refusal
from wallet.lots import COLUMNS as LOT_COLUMNS
from wallet.lots import LOT_KINDS, Lot, LotMoved, LotOpened, decode_changes
from wallet.tables import rows_of

FINDINGS_MAX = 100  # enough to see what happened; a broken chain would fill the screen
ROWS_PER_READ = 1_000

Found = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What a verification read and what it found wrong; no findings: the books hold."""

    chains: int = 0
    postings: int = 0
    refusals: int = 0
    transfers: int = 0
    accounts: int = 0
    lots: int = 0
    keys: int = 0
    findings: list[str] = field(default_factory=list)
    findings_count: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return self.findings_count == 0

    def found(self, what: str) -> None:
        """Note something wrong; the first hundred are kept."""
        self.findings_count += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(what)


@dataclass(slots=True)
class Rebuilt:
    """The projections as the journal says they must be."""

    heads: dict[int, Head] = field(default_factory=dict)
    named: list[Head] = field(default_factory=list)
    opened: dict[int, AccountName] = field(default_factory=dict)
    balances: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    lots_opened: dict[int, LotOpened] = field(default_factory=dict)
    lots_moved: defaultdict[int, list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0])
    )


def verify(conn: Connection, *, progress: Callable[[int], None] = lambda _postings: None) -> Report:
    """Return what is wrong with the books; ``progress`` hears of every batch of rows read."""
    report, rebuilt = Report(), Rebuilt()
    names = account_names(conn, report)
    for page in pages(conn):
        for row, legs, key_place in page:
            check_row(row, legs, key_place, names, rebuilt, report)
        progress(len(page))
    check_chains(conn, rebuilt, report)
    check_readers(conn, rebuilt, report)
    check_accounts(conn, rebuilt, report)
    check_lots(conn, rebuilt, names, report)
    check_counts(conn, report)
    return report


# Reading

JOURNAL = (
    "j.chain, j.sequence, j.recorded_at, j.effective_at, j.kind, j.account_id, j.route, j.key,"
    " j.terms_hash, j.refusal, j.note, j.answer, j.opened, j.lots, j.hash"
)
PAGE = {
    dialect: f"SELECT {JOURNAL}, k.chain, k.sequence FROM ledger_journal j"
    " LEFT JOIN ledger_keys k"
    " ON k.key = j.key AND k.account_id = j.account_id AND k.route = j.route"
    f" WHERE (j.chain, j.sequence) > ({mark}, {mark}) ORDER BY j.chain, j.sequence LIMIT {mark}"
    for dialect, mark in (("sqlite", "?"), ("postgresql", "%b"))
}
LEGS = {
    dialect: "SELECT chain, sequence, leg, asset, debit_id, credit_id, amount"
    f" FROM ledger_transfers WHERE (chain, sequence) > ({mark}, {mark})"
    f" AND (chain, sequence) <= ({mark}, {mark}) ORDER BY chain, sequence, leg"
    for dialect, mark in (("sqlite", "?"), ("postgresql", "%b"))
}

Place = tuple[int, int]
Columns = Sequence[Any]
Read = tuple[Columns, list[Columns], tuple[Any, Any]]
BEFORE_ALL: Place = (-(2**62), 0)


def pages(conn: Connection) -> Iterator[list[Read]]:
    """Yield the journal in order, in pages of rows with their legs and their keys' places."""
    after = BEFORE_ALL
    while rows := rows_of(conn, PAGE, (*after, ROWS_PER_READ)):
        until = (rows[-1][0], rows[-1][1])
        legs: defaultdict[Place, list[Columns]] = defaultdict(list)
        for leg in rows_of(conn, LEGS, (*after, *until)):
            legs[leg[0], leg[1]].append(leg[2:])
        yield [(row[:15], legs.get((row[0], row[1]), []), (row[15], row[16])) for row in rows]
        after = until


def account_names(conn: Connection, report: Report) -> dict[int, AccountName]:
    """Return what ``ledger_accounts`` calls each account; the journal must agree later."""
    names = {}
    for number, text in conn.exec_driver_sql("SELECT id, name FROM ledger_accounts"):
        try:
            names[number] = name_of(text)
        except (BadEncoding, UnknownAccount, AttributeError, TypeError) as error:
            report.found(f"account {number}: {error}")
    return names


# One journal row


def check_row(
    row: Columns,
    legs: list[Columns],
    key_place: tuple[Any, Any],
    names: dict[int, AccountName],
    rebuilt: Rebuilt,
    report: Report,
) -> None:
    """Check one row by itself and add it to what is being rebuilt."""
    chain, sequence = row[0], row[1]

    def found(what: str) -> None:
        report.found(f"posting {chain}-{sequence}: {what}")

    report.postings += 1
    report.transfers += len(legs)
    check_link(row, legs, rebuilt, found)
    kind, key, refusal, opened, lot_changes = row[4], row[7], row[9], row[12], row[13]
    if key and key_place != (chain, sequence):
        found("its key is missing from ledger_keys or points elsewhere")
    report.keys += bool(key)
    try:
        if refusal:
            report.refusals += 1
            decode_refusal(refusal)
            if legs or opened or lot_changes:
                found("it was refused and moved something")
        if kind == CHAIN_KIND and sequence == 1:
            rebuilt.named += journal.decode_heads(row[10])
        add_openings(opened, rebuilt, found)
        add_lots(lot_changes, rebuilt, found)
    except (BadEncoding, UnknownAccount, TypeError, AttributeError) as error:
        found(str(error))
    for number, leg in enumerate(legs):
        if leg[0] != number:
            found(f"leg {number} is missing")
        add_transfer(Transfer(*leg[1:]), names, rebuilt, found)


def check_link(row: Columns, legs: list[Columns], rebuilt: Rebuilt, found: Found) -> None:
    """Check that the row continues its chain and that its hash is that of its columns."""
    chain, sequence, stored = row[0], row[1], row[14]
    head = rebuilt.heads.get(chain, Head(chain, 0, NO_HASH))
    if sequence != head.sequence + 1:
        found(f"it follows {chain}-{head.sequence}: a row is missing or was added")
    if (sequence == 1) != (row[4] == CHAIN_KIND):
        found("a chain begins with a row that names the heads before it, and only there")
    try:
        computed = journal.row_hash(head.hash, row[:14], [Transfer(*leg[1:]) for leg in legs])
    except BadEncoding as error:
        found(str(error))
    else:
        if computed != stored:
            found("its hash is not that of its columns and transfers")
    # From here on the stored hash counts: one changed row is one finding, not all after it.
    hashed = stored if isinstance(stored, bytes) else NO_HASH
    rebuilt.heads[chain] = Head(chain, sequence, hashed)


def add_openings(opened: bytes, rebuilt: Rebuilt, found: Found) -> None:
    """Add the accounts that a posting opened."""
    for number, name in decode_opened(opened):
        if number in rebuilt.opened:
            found(f"it opens account {number} a second time")
        rebuilt.opened[number] = name


def add_lots(encoded: bytes, rebuilt: Rebuilt, found: Found) -> None:
    """Add what a posting did to lots."""
    for change in decode_changes(encoded):
        if isinstance(change, LotOpened):
            if change.id in rebuilt.lots_opened:
                found(f"it opens lot {change.id} a second time")
            rebuilt.lots_opened[change.id] = change
        else:
            counts = rebuilt.lots_moved[change.id]
            for place, moved in enumerate(change[1:]):
                counts[place] += moved


def add_transfer(
    transfer: Transfer, names: dict[int, AccountName], rebuilt: Rebuilt, found: Found
) -> None:
    """Add a transfer to the balances, if it is one the chart allows."""
    asset, debit_id, credit_id, amount = transfer
    debit, credit = names.get(debit_id), names.get(credit_id)
    if debit is None or credit is None:
        found(f"a transfer between accounts {debit_id} and {credit_id}, of which one is unknown")
        return
    if not isinstance(amount, int) or amount <= 0:
        found(f"a transfer of {amount!r}")
        return
    if not (asset == debit.asset == credit.asset and debit.bucket == credit.bucket):
        found(f"a transfer of {asset} between {debit.text} and {credit.text}")
    rebuilt.balances[debit_id] += amount
    rebuilt.balances[credit_id] -= amount


# The projections

HASH_AT = {
    "sqlite": "SELECT hash FROM ledger_journal WHERE chain = ? AND sequence = ?",
    "postgresql": "SELECT hash FROM ledger_journal WHERE chain = %b AND sequence = %b",
}


def check_chains(conn: Connection, rebuilt: Rebuilt, report: Report) -> None:
    """Compare ``ledger_chains`` with the newest rows and with what later chains named."""
    named_sequence: defaultdict[int, int] = defaultdict(int)
    for head in rebuilt.named:
        named_sequence[head.chain] = max(named_sequence[head.chain], head.sequence)
        rows = rows_of(conn, HASH_AT, (head.chain, head.sequence))
        if not rows or rows[0][0] != head.hash:
            report.found(f"posting {head.chain}-{head.sequence}: a later chain saw another row")
    heads = dict(rebuilt.heads)
    for chain, sequence, stored, named in conn.exec_driver_sql(
        "SELECT chain, head_sequence, head_hash, named_sequence FROM ledger_chains"
    ):
        report.chains += 1
        if heads.pop(chain, None) != Head(chain, sequence, stored):
            report.found(f"chain {chain}: its head is not its newest row")
        if named != named_sequence[chain]:
            report.found(f"chain {chain}: its named head is not the one that chains named")
    for chain in heads:
        report.found(f"chain {chain}: it has no head")


def check_readers(conn: Connection, rebuilt: Rebuilt, report: Report) -> None:
    """Check that nobody has read rows which are gone.

    The newest chain is named by no other yet: cut short in every ledger table alike, it would
    look whole. Who reads it with a cursor (the announcer, for one) has been further.
    """
    for reader, chain, sequence in conn.exec_driver_sql(
        "SELECT reader, chain, sequence FROM wallet_cursors"
    ):
        newest = rebuilt.heads.get(chain, Head(chain, 0, NO_HASH)).sequence
        if sequence > newest:
            report.found(f"chain {chain}: it ends at {newest}, {reader} has read {sequence}")


def check_accounts(conn: Connection, rebuilt: Rebuilt, report: Report) -> None:
    """Compare ``ledger_accounts`` with the sums of transfers; check bounds and zero sums."""
    opened = dict(rebuilt.opened)
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for number, text, balance in conn.exec_driver_sql(
        "SELECT id, name, balance FROM ledger_accounts"
    ):
        report.accounts += 1
        name = opened.pop(number, None)
        if name is None or name.text != text:
            report.found(f"account {number} {text!r}: no posting opened it")
            continue
        if balance != rebuilt.balances[number]:
            report.found(
                f"account {text}: balance {balance!r}, transfers say {rebuilt.balances[number]}"
            )
        if rebuilt.balances[number] * CHART[name.kind].bound < 0:
            report.found(f"account {text}: {rebuilt.balances[number]} is past its bound")
        sums[name.asset, name.bucket] += rebuilt.balances[number]
    for number, name in opened.items():
        report.found(f"account {number} {name.text}: it was opened and is missing")
    for (asset, bucket), total in sums.items():
        if total:
            report.found(f"{asset} {bucket}: balances add up to {total}, not to zero")


def check_lots(
    conn: Connection, rebuilt: Rebuilt, names: dict[int, AccountName], report: Report
) -> None:
    """Compare ``ledger_lots`` with the journal, and lots with the accounts they explain."""
    lots = rebuilt_lots(rebuilt, report)
    missing = dict(lots)
    for row in conn.exec_driver_sql(f"SELECT {LOT_COLUMNS} FROM ledger_lots"):
        report.lots += 1
        lot = missing.pop(row[0], None)
        if lot is None:
            report.found(f"lot {row[0]}: no posting opened it")
        elif lot.row != tuple(row):
            report.found(f"lot {row[0]}: {tuple(row[1:])}, the journal says {lot.row[1:]}")
    for number in missing:
        report.found(f"lot {number}: it was opened and is missing")
    expected = explained_by(lots.values(), names, report)
    for number, name in names.items():
        if name.kind in LOT_KINDS and name.bucket != PROMO:
            balance = rebuilt.balances[number]
            if balance != expected.pop(name, 0):
                report.found(f"account {name.text}: {balance} is not what its lots add up to")
    for name, total in expected.items():
        if total:
            report.found(f"account {name.text}: lots say {total}, it is missing")


def rebuilt_lots(rebuilt: Rebuilt, report: Report) -> dict[int, Lot]:
    """Return the lots as the journal says they are."""
    lots = {}
    for number, opened in rebuilt.lots_opened.items():
        moved = rebuilt.lots_moved.pop(number, (0, 0, 0, 0))
        if opened.size <= 0 or opened.cost < 0:
            report.found(f"lot {number}: {opened.size} coins that cost {opened.cost}")
            continue
        lot = lots[number] = Lot(*opened)
        try:
            lot.moved(LotMoved(number, *moved))
        except NotACommand as error:
            report.found(str(error))
    for number in rebuilt.lots_moved:
        report.found(f"lot {number}: it moved and was never opened")
    return lots


def explained_by(
    lots: Sequence[Lot] | Any, names: dict[int, AccountName], report: Report
) -> defaultdict[AccountName, int]:
    """Return the balances that the lots explain: coins, frozen coins, debts, deferred cost."""
    expected: defaultdict[AccountName, int] = defaultdict(int)
    for lot in lots:
        coins, deferred = names.get(lot.coins_id), names.get(lot.deferred_id)
        if coins is None or deferred is None:
            report.found(f"lot {lot.id}: its accounts are unknown")
            continue
        if (coins.kind, deferred.kind) != ("viewer:coins", "coins:deferred"):
            report.found(f"lot {lot.id}: it stands on {coins.text} and {deferred.text}")
            continue
        expected[coins] += lot.available
        expected[coins._replace(kind="viewer:frozen")] += lot.frozen
        expected[AccountName("viewer:debt", COIN, coins.owner, DEBT)] += lot.owed
        expected[deferred] -= lot.deferred
    return expected


def check_counts(conn: Connection, report: Report) -> None:
    """Check that no transfer and no key is left over that no journal row has."""
    for table, counted in (("ledger_transfers", report.transfers), ("ledger_keys", report.keys)):
        stored = conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
        if stored != counted:
            report.found(f"{table} has {stored} rows, the journal accounts for {counted}")
