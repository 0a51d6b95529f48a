"""Builders for purchases in tests, and for what Stripe says about them."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from wallet import accounts, packs, purchases, stripe_events
from wallet.accounts import COIN, Holdings
from wallet.purchases import Purchase, Result
from wallet.stripe_gateway import BalanceMove, Charge, Dispute, Event, Intent
from wallet.tables import accounts as ledger_accounts

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
VIEWER = "a" * 32
PACK = packs.pack("coins-700")  # €9.69
PRICE = PACK.amount_minor


def asked(
    conn: Connection, purchase_id: str = "p1", *, key: str = "", now: datetime = NOON, **more: Any
) -> Purchase:
    """Let the viewer ask for a pack; the PaymentIntent is not made yet."""
    fields: dict[str, Any] = {"account_id": VIEWER, "terms": PACK.pack_id, "livemode": False}
    return purchases.request(
        conn, PACK, purchase_id=purchase_id, key=key or purchase_id, now=now, **fields | more
    )


def a_purchase(conn: Connection, purchase_id: str = "p1") -> Purchase:
    """Let the viewer ask for a pack whose PaymentIntent is made."""
    asked(conn, purchase_id)
    purchases.record_intent(conn, purchase_id, an_intent(purchase_id, "new"), b"{}")
    return purchases.find(conn, purchase_id)


def an_intent(purchase_id: str = "p1", status: str = "succeeded", **changes: Any) -> Intent:
    """Return the PaymentIntent of a purchase of ``PACK``."""
    fields: dict[str, Any] = {
        "id": f"pi_{purchase_id}",
        "amount": PRICE,
        "amount_received": PRICE if status == "succeeded" else 0,
        "currency": "eur",
        "livemode": False,
        "status": status,
        "metadata": {"purchase_id": purchase_id},
        "latest_charge": f"ch_{purchase_id}",
    }
    return Intent(**fields | changes)


def a_charge(purchase_id: str = "p1", refunded_minor: int = 0, **changes: Any) -> Charge:
    """Return the charge of a purchase, some of it refunded."""
    fields: dict[str, Any] = {
        "id": f"ch_{purchase_id}",
        "amount": PRICE,
        "amount_refunded": refunded_minor,
        "currency": "eur",
        "livemode": False,
        "payment_intent": f"pi_{purchase_id}",
        "metadata": {"purchase_id": purchase_id},
    }
    return Charge(**fields | changes)


def a_dispute(status: str, *moved_minor: int, purchase_id: str = "p1", **changes: Any) -> Dispute:
    """Return a dispute of a purchase, and the money it has moved so far."""
    moves = [
        BalanceMove(id=f"txn_{n}", amount=m, currency="eur") for n, m in enumerate(moved_minor)
    ]
    fields: dict[str, Any] = {
        "id": f"dp_{purchase_id}",
        "amount": PRICE,
        "charge": f"ch_{purchase_id}",
        "currency": "eur",
        "livemode": False,
        "status": status,
        "payment_intent": f"pi_{purchase_id}",
        "balance_transactions": moves,
    }
    return Dispute(**fields | changes)


def an_event(kind: str, about: Intent | Charge | Dispute | None, event_id: str = "") -> Event:
    """Return a verified webhook."""
    about_id = about.id if about else ""
    return Event(event_id or f"evt_{kind}_{about_id}", kind, NOON, False, about)


def hear(conn: Connection, *events: Event) -> list[Result]:
    """Receive webhooks in turn."""
    return [stripe_events.receive(conn, event, b"{}", now=NOON).result for event in events]


def paid(purchase_id: str = "p1") -> Event:
    """Return the webhook that a purchase was paid."""
    return an_event("payment_intent.succeeded", an_intent(purchase_id))


def refunded(minor: int, purchase_id: str = "p1") -> Event:
    """Return the webhook that so much of a purchase was given back altogether."""
    event_id = f"evt_refunded_{purchase_id}_{minor}"
    return an_event("charge.refunded", a_charge(purchase_id, minor), event_id)


DISPUTE_OPENED = (
    an_event("charge.dispute.created", a_dispute("needs_response")),
    an_event("charge.dispute.funds_withdrawn", a_dispute("needs_response", -PRICE)),
)
DISPUTE_LOST = (
    *DISPUTE_OPENED,
    an_event("charge.dispute.updated", a_dispute("under_review", -PRICE)),
    an_event("charge.dispute.closed", a_dispute("lost", -PRICE)),
)
DISPUTE_WON = (
    *DISPUTE_OPENED,
    an_event("charge.dispute.closed", a_dispute("won", -PRICE)),
    an_event("charge.dispute.funds_reinstated", a_dispute("won", -PRICE, PRICE)),
)


def holdings(conn: Connection) -> Holdings:
    """Return what the viewer has."""
    return accounts.holdings(conn, VIEWER)


def balances(conn: Connection) -> dict[str, int]:
    """Return every account that is not empty, by name without provider and bucket.

    Where taken coins went says only what happened first, so that is one sum.
    """
    found: dict[str, int] = {}
    rows = conn.execute(select(ledger_accounts.c.name, ledger_accounts.c.balance))
    for name, balance in rows:
        kind, asset, *_ = name.split("/")
        if asset == COIN and kind in ("refunded", "clawed"):
            kind = "taken"
        found[f"{kind} {asset}"] = found.get(f"{kind} {asset}", 0) + balance
    return {name: balance for name, balance in found.items() if balance}
