"""Webhooks: what Stripe tells us, kept as it came and applied once, in any order.

Coins plane. The caller has verified the signature. An event is kept under its id before anything
else; what it says is merged into what its purchase already knows (a refunded sum and a dispute's
stage only grow), and ``purchases.settle`` posts the difference in the same transaction.

In doubt  an event about a payment we cannot place, or about money leaving a purchase that is not
          paid yet, names what to retrieve from Stripe; the caller does that outside the
          transaction and comes back with ``settle_doubt``.

Units   ``*_minor``: the currency's smallest unit.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from sqlalchemy import Connection, select, update

from wallet import claims
from wallet.purchases import (
    Result,
    Row,
    change,
    find,
    insert_once,
    known_purchase,
    locked,
    observe,
    settle,
)
from wallet.stripe_gateway import Charge, Dispute, Event, Intent
from wallet.tables import disputes, events, purchases

KIND_CHARACTERS_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a webhook.

    Attributes:
        repeated: It had come before.
        doubt_id: The PaymentIntent or charge to retrieve before the event can be settled.
    """

    result: Result
    repeated: bool = False
    doubt_id: str | None = None


def receive(conn: Connection, event: Event, body: bytes, *, now: datetime) -> Received:
    """Keep a verified webhook and apply what it says, once per event id."""
    known = conn.scalar(select(events.c.outcome).where(events.c.event_id == event.event_id))
    if known is not None and known != Result.IN_DOUBT:
        return Received(Result(known), repeated=True)
    insert_once(
        conn,
        events,
        {
            "event_id": event.event_id,
            "kind": event.kind[:KIND_CHARACTERS_MAX],
            "livemode": event.livemode,
            "created_at": event.created_at,
            "received_at": now,
            "outcome": Result.IN_DOUBT,
            "body": body,
        },
    )
    purchase_id = purchase_id_of(conn, event.about)
    result = apply(conn, event, purchase_id, now=now)
    keep_outcome(conn, event.event_id, result, purchase_id)
    doubt_id = doubt_of(conn, event.about, purchase_id, result)
    return Received(result, repeated=known is not None, doubt_id=doubt_id)


def apply(conn: Connection, event: Event, purchase_id: str | None, *, now: datetime) -> Result:
    """Apply an event that names ``purchase_id``, or say why not."""
    about = event.about
    if about is None:
        return Result.NOT_FOLLOWED
    if purchase_id is None:
        names_another = not isinstance(about, Dispute) and about.purchase_id is not None
        is_clear = isinstance(about, Intent) or names_another or intent_id_of(about) is None
        return Result.UNKNOWN if is_clear else Result.IN_DOUBT
    match about:
        case Intent():
            return observe(conn, purchase_id, about, now=now)
        case Charge():
            return hear_refund(conn, purchase_id, about, now=now)
        case Dispute():
            return hear_dispute(conn, purchase_id, about, event.kind, now=now)
        case _:
            assert_never(about)


def settle_doubt(conn: Connection, event: Event, intent: Intent, *, now: datetime) -> Result:
    """Apply an event after its PaymentIntent was retrieved, which names the purchase for sure."""
    purchase_id = known_purchase(conn, intent.purchase_id)
    if purchase_id is None:
        result = Result.UNKNOWN
    else:
        result = observe(conn, purchase_id, intent, now=now)
        if result is Result.APPLIED and not isinstance(event.about, Intent):
            result = apply(conn, event, purchase_id, now=now)
    keep_outcome(conn, event.event_id, result, purchase_id)
    return result


def give_up_doubt(conn: Connection, event_id: str) -> Result:
    """Note that Stripe itself does not know what the event is about."""
    keep_outcome(conn, event_id, Result.UNKNOWN, None)
    return Result.UNKNOWN


def keep_outcome(conn: Connection, event_id: str, result: Result, purchase_id: str | None) -> None:
    """Keep what became of a webhook."""
    conn.execute(
        update(events)
        .where(events.c.event_id == event_id)
        .values(outcome=result, purchase_id=purchase_id)
    )


def doubt_of(
    conn: Connection,
    about: Intent | Charge | Dispute | None,
    purchase_id: str | None,
    result: Result,
) -> str | None:
    """Return what has to be retrieved: an unknown object, or a payment that money left again."""
    if about is None or isinstance(about, Intent):
        return None
    if result is Result.IN_DOUBT:
        return intent_id_of(about)
    if result is Result.APPLIED and purchase_id is not None:
        purchase = find(conn, purchase_id)
        return purchase.intent_id if purchase.paid_at is None else None
    return None


def hear_refund(conn: Connection, purchase_id: str, charge: Charge, *, now: datetime) -> Result:
    """Take over how much of a purchase's charge was given back, which only ever grows."""
    row = locked(conn, purchase_id)
    if not is_same_money(row, charge):
        return Result.MISMATCH
    refunded_minor = min(charge.amount_refunded, row["amount_minor"])
    if refunded_minor > row["refunded_minor"]:
        change(conn, purchase_id, refunded_minor=refunded_minor)
    settle(conn, purchase_id, now=now)
    return Result.APPLIED


def hear_dispute(
    conn: Connection, purchase_id: str, dispute: Dispute, kind: str, *, now: datetime
) -> Result:
    """Take over how far a dispute has come and what money it moved."""
    row = locked(conn, purchase_id)
    if not is_same_money(row, dispute):
        return Result.MISMATCH
    insert_once(
        conn,
        disputes,
        {
            "dispute_id": dispute.id,
            "purchase_id": purchase_id,
            "stage": "open",
            "amount_minor": 0,
            "withdrawn_minor": 0,
            "reinstated_minor": 0,
            "heard_at": now,
        },
    )
    known = (
        conn.execute(select(disputes).where(disputes.c.dispute_id == dispute.id)).mappings().one()
    )
    withdrawn_minor, reinstated_minor = money_moved(dispute, kind)
    conn.execute(
        update(disputes)
        .where(disputes.c.dispute_id == dispute.id)
        .values(
            stage=claims.later(known["stage"], claims.stage_of(dispute.status)),
            amount_minor=max(known["amount_minor"], dispute.amount),
            withdrawn_minor=max(known["withdrawn_minor"], withdrawn_minor),
            reinstated_minor=max(known["reinstated_minor"], reinstated_minor),
            heard_at=now,
        )
    )
    settle(conn, purchase_id, now=now)
    return Result.APPLIED


def money_moved(dispute: Dispute, kind: str) -> tuple[int, int]:
    """Return what a dispute took from us and gave back so far, in the charge's currency.

    Where Stripe settles in another currency its lines do not say; the event's name does.
    """
    withdrawn_minor, reinstated_minor = dispute.withdrawn_minor, dispute.reinstated_minor
    if kind == "charge.dispute.funds_withdrawn":
        withdrawn_minor = withdrawn_minor or dispute.amount
    if kind == "charge.dispute.funds_reinstated":
        withdrawn_minor = withdrawn_minor or dispute.amount
        reinstated_minor = reinstated_minor or dispute.amount
    return withdrawn_minor, reinstated_minor


def is_same_money(row: Row, about: Charge | Dispute) -> bool:
    """Return whether a charge or dispute speaks of the purchase's kind of money."""
    return (about.currency.upper(), about.livemode) == (row["currency"], row["livemode"])


def purchase_id_of(conn: Connection, about: Intent | Charge | Dispute | None) -> str | None:
    """Return which of our purchases something of Stripe's belongs to, as far as we know."""
    if about is None:
        return None
    if not isinstance(about, Dispute) and about.purchase_id is not None:
        return known_purchase(conn, about.purchase_id)
    intent_id = intent_id_of(about)
    return conn.scalar(select(purchases.c.purchase_id).where(purchases.c.intent_id == intent_id))


def intent_id_of(about: Intent | Charge | Dispute) -> str | None:
    """Return the PaymentIntent behind something of Stripe's; of a bare dispute, its charge."""
    match about:
        case Intent():
            return about.id
        case Charge():
            return about.payment_intent
        case Dispute():
            return about.payment_intent or about.charge
        case _:
            assert_never(about)
