"""Buying coins: requested → processing → paid → refunded | disputed → won | lost.

Coins plane. A purchase is written down before Stripe is asked for money, and Stripe is asked
outside any transaction under a key made from the purchase's id; whatever dies in between is taken
up again by the next request under the same key, or by the sweep. ``credit`` is the only way to
coins: for a PaymentIntent that Stripe signed or that we retrieved ourselves, never on a browser's
word.

Twice      the same key gives the same answer, byte for byte; the same event changes nothing.
Out of order  what Stripe tells is gathered and only ever grows; ``wallet.claims`` computes from
           all of it what must be posted, and the difference is posted in the same transaction.
Late       a payment that nobody told us about is found by the sweep, at 60 s and then ever more
           rarely; after ``ABANDONED_AFTER`` the PaymentIntent is cancelled.
Not taken  a payment of another amount, currency, mode or intent: kept, reported, never credited.

Units      ``*_minor``: the currency's smallest unit. Coins: one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, RowMapping, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from wallet import claims, ledger
from wallet.claims import PROVIDER, Posted, Sold, Stage, Told
from wallet.coins import Sale, sold_lot
from wallet.errors import KeyReused, LedgerBroken, UnknownPurchase, WrongMode
from wallet.journal import write_note
from wallet.ledger import Outcome
from wallet.packs import Pack, micros, tax_in
from wallet.stripe_gateway import Intent
from wallet.tables import disputes, mode, purchases

ROUTE: Final = "purchases"
FIRST_CHECK_AFTER: Final = timedelta(seconds=60)
CHECKS_APART_MAX: Final = timedelta(hours=6)
ABANDONED_AFTER: Final = timedelta(hours=24)
CHECKED_AT_ONCE_MAX: Final = 50
FAILURE_CHARACTERS_MAX: Final = 64

Row: TypeAlias = RowMapping


class Status(StrEnum):
    """How far a purchase has come."""

    REQUESTED = "requested"
    PROCESSING = "processing"
    CANCELED = "canceled"
    PAID = "paid"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    WON = "won"
    LOST = "lost"


UNPAID: Final = (Status.REQUESTED, Status.PROCESSING, Status.CANCELED)


class Result(StrEnum):
    """What became of one thing Stripe told us."""

    APPLIED = "applied"
    NOT_FOLLOWED = "not_followed"  # a kind of event that changes nothing here
    UNKNOWN = "unknown"  # about a purchase that is not ours
    MISMATCH = "mismatch"  # another amount, currency, mode or intent than we asked for
    IN_DOUBT = "in_doubt"  # Stripe has to be asked before anything can be said


@dataclass(frozen=True, slots=True)
class Purchase:
    """One attempt to buy a pack.

    Attributes:
        answer: What the first request was answered; None until Stripe has been asked.
        failure_code: Why the last attempt to pay failed.
        clawed_coins: Taken back by refunds and lost disputes.
    """

    purchase_id: str
    account_id: str
    pack_id: str
    coins: int
    amount_minor: int
    currency: str
    livemode: bool
    requested_at: datetime
    status: Status
    answer: bytes | None
    intent_id: str | None
    failure_code: str | None
    paid_at: datetime | None
    refunded_minor: int
    clawed_coins: int

    @property
    def is_pending(self) -> bool:
        """Whether Stripe may still tell us that it is paid."""
        return self.status in (Status.REQUESTED, Status.PROCESSING)


# Test or live


def check_mode(conn: Connection, livemode: bool) -> None:
    """Return if purchases in this database may be paid with ``livemode`` money.

    Raises:
        WrongMode: Its first purchase was of the other kind.
    """
    decided = conn.scalar(select(mode.c.livemode))
    if decided is not None and decided != livemode:
        raise WrongMode(livemode=decided)


def decide_mode(conn: Connection, livemode: bool, *, now: datetime) -> None:
    """Make the database *test* or *live* for good.

    Raises:
        WrongMode: It is the other already.
    """
    insert_once(conn, mode, {"only": 1, "livemode": livemode, "since_at": now})
    check_mode(conn, livemode)


# Asking


def request(
    conn: Connection,
    pack: Pack,
    *,
    purchase_id: str,
    account_id: str,
    key: str,
    terms: str,
    livemode: bool,
    now: datetime,
) -> Purchase:
    """Write down that somebody wants to buy ``pack``; the same key finds the first request.

    Raises:
        KeyReused: The key was used for other terms.
        WrongMode: The database holds the other kind of money.
    """
    decide_mode(conn, livemode, now=now)
    insert_once(
        conn,
        purchases,
        {
            "purchase_id": purchase_id,
            "account_id": account_id,
            "key": key,
            "terms": terms,
            "pack_id": pack.pack_id,
            "coins": pack.coins,
            "amount_minor": pack.amount_minor,
            "tax_minor": tax_in(pack.amount_minor),
            "currency": pack.currency,
            "livemode": livemode,
            "requested_at": now,
            "status": Status.REQUESTED,
            "check_at": now + FIRST_CHECK_AFTER,
            "checks_count": 0,
            "refunded_minor": 0,
            "postings_count": 0,
            "clawed_coins": 0,
            "is_frozen": False,
            "refunded_posted_minor": 0,
            "withdrawn_posted_minor": 0,
            "lost_posted_minor": 0,
            "tax_returned_minor": 0,
        },
    )
    row = (
        conn.execute(
            select(purchases).where(purchases.c.account_id == account_id, purchases.c.key == key)
        )
        .mappings()
        .one()
    )
    if row["terms"] != terms:
        raise KeyReused(key)
    return purchase_of(row)


def record_intent(conn: Connection, purchase_id: str, intent: Intent, answer: bytes) -> bytes:
    """Keep the PaymentIntent made for a purchase and return the answer that is given for ever.

    Two requests with one key may come here at once: the first one's answer stands for both.

    Raises:
        UnknownPurchase: There is none.
    """
    row = locked(conn, purchase_id)
    if row["answer"] is not None:
        return bytes(row["answer"])
    change(conn, purchase_id, intent_id=intent.id, answer=answer)
    return answer


# Looking


def find(conn: Connection, purchase_id: str, *, account_id: str | None = None) -> Purchase:
    """Return a purchase, of ``account_id`` only if that is given.

    Raises:
        UnknownPurchase: There is none, or it is somebody else's.
    """
    if not purchase_id.isalnum():  # a URL can hold what PostgreSQL's texts cannot
        raise UnknownPurchase(purchase_id)
    query = select(purchases).where(purchases.c.purchase_id == purchase_id)
    if account_id is not None:
        query = query.where(purchases.c.account_id == account_id)
    row = conn.execute(query).mappings().first()
    if row is None:
        raise UnknownPurchase(purchase_id)
    return purchase_of(row)


def purchase_of(row: Row) -> Purchase:
    """Return the purchase a row holds."""
    fields = {name: row[name] for name in Purchase.__slots__}
    return Purchase(**fields | {"status": Status(row["status"])})


# Paying


def credit(conn: Connection, intent: Intent, *, now: datetime) -> Result:
    """Give the coins of the purchase that ``intent`` pays for, if it has succeeded; once.

    ``intent`` must come from Stripe: out of a verified webhook, or retrieved by us.
    """
    purchase_id = known_purchase(conn, intent.purchase_id)
    return Result.UNKNOWN if purchase_id is None else observe(conn, purchase_id, intent, now=now)


def observe(conn: Connection, purchase_id: str, intent: Intent, *, now: datetime) -> Result:
    """Take over what a PaymentIntent says about its purchase."""
    row = locked(conn, purchase_id)
    if not is_ours(row, intent):
        return Result.MISMATCH
    if intent.status == "succeeded":
        if intent.amount_received != row["amount_minor"]:
            return Result.MISMATCH
        if row["paid_at"] is None:
            change(conn, purchase_id, paid_at=now, check_at=None, failure_code=None)
    elif row["paid_at"] is None:
        change(conn, purchase_id, intent_id=intent.id, **unpaid_changes(row, intent))
    settle(conn, purchase_id, now=now)
    return Result.APPLIED


def is_ours(row: Row, intent: Intent) -> bool:
    """Return whether ``intent`` is what we asked for when the purchase was requested."""
    asked = (row["purchase_id"], row["amount_minor"], row["currency"], row["livemode"])
    told = (intent.purchase_id, intent.amount, intent.currency.upper(), intent.livemode)
    return asked == told and row["intent_id"] in (None, intent.id)


def unpaid_changes(row: Row, intent: Intent) -> Mapping[str, Any]:
    """Return what an intent that is not paid changes.

    A failure outlasts an older "processing", and a cancelled intent both, because their events
    may come in any order.
    """
    if intent.status == "canceled":
        return {"status": Status.CANCELED, "check_at": None}
    if row["status"] == Status.CANCELED:
        return {}
    if intent.failure_code is not None:
        failure_code = intent.failure_code[:FAILURE_CHARACTERS_MAX]
        return {"status": Status.REQUESTED, "failure_code": failure_code}
    if intent.status == "processing" and row["failure_code"] is None:
        return {"status": Status.PROCESSING}
    return {}


def known_purchase(conn: Connection, purchase_id: str | None) -> str | None:
    """Return ``purchase_id`` if it is one of ours."""
    if purchase_id is None:
        return None
    return conn.scalar(
        select(purchases.c.purchase_id).where(purchases.c.purchase_id == purchase_id)
    )


# Posting


def settle(conn: Connection, purchase_id: str, *, now: datetime) -> None:
    """Bring ledger and status to where all that Stripe has told us wants them."""
    row = locked(conn, purchase_id)
    if row["paid_at"] is None:
        return
    found = conn.execute(select(disputes).where(disputes.c.purchase_id == purchase_id)).mappings()
    claimed = found.all()
    told = told_of(row, claimed)
    lot_id = row["lot_id"]
    count = row["postings_count"]
    if lot_id is None:
        lot_id = sold_lot(post(conn, row, count, sale_of(row), now=now))
        count += 1
    sold = Sold(lot_id, row["coins"], row["amount_minor"], row["tax_minor"], row["currency"])
    posted = posted_of(row)
    for event, after in claims.steps(sold, told, posted, note_of(row)):
        post(conn, row, count, event, now=now)
        count += 1
        posted = after
    change(
        conn,
        purchase_id,
        lot_id=lot_id,
        status=status_of(row, told, [dispute["stage"] for dispute in claimed]),
        postings_count=count,
        clawed_coins=posted.clawed_coins,
        is_frozen=posted.is_frozen,
        refunded_posted_minor=posted.refunded_minor,
        withdrawn_posted_minor=posted.withdrawn_minor,
        lost_posted_minor=posted.lost_minor,
        tax_returned_minor=posted.tax_returned_minor,
    )


def told_of(row: Row, claimed: Sequence[Row]) -> Told:
    """Return what Stripe has told us about a purchase so far."""
    return Told(
        refunded_minor=row["refunded_minor"],
        withdrawn_minor=sum(d["withdrawn_minor"] - d["reinstated_minor"] for d in claimed),
        lost_minor=sum(d["amount_minor"] for d in claimed if d["stage"] == "lost"),
        is_disputed=any(d["stage"] == "open" for d in claimed),
    )


def posted_of(row: Row) -> Posted:
    """Return what the ledger has of a purchase."""
    return Posted(
        refunded_minor=row["refunded_posted_minor"],
        withdrawn_minor=row["withdrawn_posted_minor"],
        lost_minor=row["lost_posted_minor"],
        tax_returned_minor=row["tax_returned_minor"],
        clawed_coins=row["clawed_coins"],
        is_frozen=row["is_frozen"],
    )


def status_of(row: Row, told: Told, stages: Sequence[Stage]) -> Status:
    """Return the one word for a paid purchase: the worst of what happened to it."""
    if told.lost_minor:
        return Status.LOST
    if told.is_disputed:
        return Status.DISPUTED
    if told.refunded_minor >= row["amount_minor"]:
        return Status.REFUNDED
    return Status.WON if stages else Status.PAID


def sale_of(row: Row) -> Sale:
    """Return the sale to post, gross: fees come with Stripe's balance transactions."""
    return Sale(
        viewer_id=row["account_id"],
        coins=row["coins"],
        cost_micros=micros(row["amount_minor"] - row["tax_minor"], row["currency"]),
        currency=row["currency"],
        tax_micros=micros(row["tax_minor"], row["currency"]),
        provider=PROVIDER,
        note=note_of(row),
    )


def note_of(row: Row) -> bytes:
    """Return the note of everything posted for a purchase."""
    return write_note(
        purchase_id=row["purchase_id"],
        coins=row["coins"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
    )


def post(conn: Connection, row: Row, count: int, event: ledger.Event, *, now: datetime) -> Outcome:
    """Post a purchase's posting number ``count``; its row keeps it from being posted twice.

    Raises:
        LedgerBroken: The ledger refused or had it already, though our row says otherwise.
    """
    key = f"{row['purchase_id']}/{count}"
    command = ledger.ask(
        event, account_id=row["account_id"], route=ROUTE, key=key, terms=b"", asked_at=now
    )
    (outcome,) = ledger.post(conn, [command], now=now)
    if isinstance(outcome, KeyReused) or outcome.repeated or outcome.refusal is not None:
        raise LedgerBroken(f"posting {key} came to {outcome}")
    return outcome


# Sweeping


def due(conn: Connection, *, now: datetime) -> list[Purchase]:
    """Return purchases Stripe should be asked about, the longest waiting first."""
    rows = conn.execute(
        select(purchases)
        .where(purchases.c.check_at <= now)
        .order_by(purchases.c.check_at)
        .limit(CHECKED_AT_ONCE_MAX)
    )
    return [purchase_of(row) for row in rows.mappings()]


def put_off(conn: Connection, purchase_id: str, *, now: datetime) -> None:
    """Ask about a purchase again later, each time twice as late."""
    row = locked(conn, purchase_id)
    if row["check_at"] is None:
        return
    count = row["checks_count"] + 1
    wait = min(FIRST_CHECK_AFTER * 2 ** min(count, 16), CHECKS_APART_MAX)
    change(conn, purchase_id, checks_count=count, check_at=now + wait)


def give_up(conn: Connection, purchase_id: str) -> None:
    """Ask no more about a purchase nobody paid, or that cannot be asked about."""
    row = locked(conn, purchase_id)
    status = row["status"] if row["paid_at"] is not None else Status.CANCELED
    change(conn, purchase_id, check_at=None, status=status)


# Rows


def locked(conn: Connection, purchase_id: str) -> Row:
    """Return a purchase's row; nobody else changes it before this transaction ends.

    Raises:
        UnknownPurchase: There is none.
    """
    row = (
        conn.execute(
            select(purchases).where(purchases.c.purchase_id == purchase_id).with_for_update()
        )
        .mappings()
        .first()
    )
    if row is None:
        raise UnknownPurchase(purchase_id)
    return row


def change(conn: Connection, purchase_id: str, **values: object) -> None:
    """Change some of a purchase's columns."""
    if values:
        conn.execute(update(purchases).where(purchases.c.purchase_id == purchase_id).values(values))


def insert_once(conn: Connection, table: Table, values: Mapping[str, object]) -> None:
    """Insert a row unless one with the same unique columns stands there already."""
    if conn.dialect.name == "sqlite":
        conn.execute(sqlite.insert(table).values(values).on_conflict_do_nothing())
    else:
        conn.execute(postgresql.insert(table).values(values).on_conflict_do_nothing())
