"""What the sandbox's Stripe objects look like and how they change.

A stand-in for Stripe's test mode: PaymentIntents, Charges, Refunds, Disputes and the Events
they cause. Coins plane, but test money only. No HTTP and no database here: objects are kept
on a shelf that is passed in, and what a card does depends on the payment method, as in
Stripe's own test mode.

Units   amounts: the currency's smallest unit. Times in objects: Unix seconds, as Stripe's.
Source  https://docs.stripe.com/api/payment_intents, /charges, /refunds, /disputes, /events;
        https://docs.stripe.com/testing (payment methods and evidence that decide outcomes).
Not kept: customers, captures by hand, several currencies of settlement, fees on charges.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

Body: TypeAlias = dict[str, Any]

API_VERSION: Final = "2026-10-28.endive"
AMOUNT_MINOR_MAX: Final = 99_999_999  # Stripe: at most eight digits
DISPUTE_FEE_MINOR: Final = 1_500
METADATA_ENTRIES_MAX: Final = 50
PAYABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
DECLINES: Final[Mapping[str, str]] = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
}
OPEN_DISPUTES: Final = ("needs_response", "under_review")


class SandboxRefusal(Exception):
    """The sandbox says no, in the words and with the status Stripe would use."""

    def __init__(
        self, message: str, *, status: int = 400, code: str = "", param: str = "", **fields: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: Body = {"type": "invalid_request_error", "message": message}
        self.error |= {key: value for key, value in (("code", code), ("param", param)) if value}
        self.error |= fields


class Shelf(Protocol):
    """Where objects are kept between requests."""

    def get(self, object_id: str) -> Body | None:
        """Return the object, or None."""
        ...

    def put(self, body: Body) -> None:
        """Keep the object as it is now."""
        ...

    def listed(self, kind: str, limit: int, after: str | None) -> list[Body]:
        """Return the newest objects of one kind, those made before ``after`` if it is given."""
        ...


class StripeObjects:
    """The objects on one shelf, changed at one moment.

    Args:
        new_id: Makes an id from its prefix.
    """

    def __init__(self, shelf: Shelf, new_id: Callable[[str], str], *, now: datetime) -> None:
        self._shelf = shelf
        self._new_id = new_id
        self._now_s = int(now.timestamp())
        self.events: list[Body] = []

    def find(self, kind: str, object_id: str) -> Body:
        """Return an object.

        Raises:
            SandboxRefusal: 404, there is none.
        """
        found = self._shelf.get(object_id)
        if found is None or found["object"] != kind:
            raise SandboxRefusal(
                f"No such {kind}: '{object_id}'", status=404, code="resource_missing", param="id"
            )
        return found

    def listing(self, kind: str, path: str, limit: int, after: str | None) -> Body:
        """Return a page of the newest objects of one kind."""
        found = self._shelf.listed(kind, limit + 1, after)
        page = found[:limit]
        return {"object": "list", "url": path, "has_more": len(found) > limit, "data": page}

    # PaymentIntents

    def create_intent(self, params: Body) -> Body:
        """Make a PaymentIntent; with ``confirm`` it is paid at once."""
        amount = params["amount"]
        if not 1 <= amount <= AMOUNT_MINOR_MAX:
            raise SandboxRefusal(
                "Invalid integer", code="parameter_invalid_integer", param="amount"
            )
        intent_id = self._new_id("pi")
        intent: Body = {
            "id": intent_id,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": 0,
            "automatic_payment_methods": params.get("automatic_payment_methods"),
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic_async",
            "client_secret": self._new_id(f"{intent_id}_secret"),
            "confirmation_method": "automatic",
            "created": self._now_s,
            "currency": params["currency"].lower(),
            "description": params.get("description"),
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": metadata_of(params),
            "next_action": None,
            "payment_method": params.get("payment_method"),
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
        }
        self._keep(intent, "payment_intent.created")
        if params.get("confirm"):
            return self.confirm_intent(intent_id, params)
        return intent

    def confirm_intent(self, intent_id: str, params: Body) -> Body:
        """Try to pay with a payment method; what happens depends on which one."""
        intent = self.find("payment_intent", intent_id)
        method = params.get("payment_method") or intent["payment_method"]
        if intent["status"] not in PAYABLE:
            raise unexpected_state(intent, "confirm")
        if not method:
            raise SandboxRefusal("A payment method is needed", code="parameter_missing")
        intent |= {"payment_method": method, "next_action": None, "last_payment_error": None}
        if method in DECLINES:
            raise self._decline(intent, DECLINES[method])
        if method == "pm_card_authenticationRequired":
            intent |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk"}}
            self._keep(intent, "payment_intent.requires_action")
        elif method == "pm_usBankAccount_processing":
            intent["status"] = "processing"
            self._keep(intent, "payment_intent.processing")
        else:
            self._succeed(intent)
            if method == "pm_card_createDispute":
                self.create_dispute(intent["latest_charge"])
        return intent

    def authenticate_intent(self, intent_id: str) -> Body:
        """Play the cardholder passing 3-D Secure, or a bank debit arriving."""
        intent = self.find("payment_intent", intent_id)
        if intent["status"] not in ("requires_action", "processing"):
            raise unexpected_state(intent, "authenticate")
        intent["next_action"] = None
        self._succeed(intent)
        return intent

    def cancel_intent(self, intent_id: str, params: Body) -> Body:
        """Cancel an intent that was not paid."""
        intent = self.find("payment_intent", intent_id)
        if intent["status"] not in PAYABLE:
            raise unexpected_state(intent, "cancel")
        intent |= {
            "status": "canceled",
            "canceled_at": self._now_s,
            "cancellation_reason": params.get("cancellation_reason"),
            "next_action": None,
        }
        self._keep(intent, "payment_intent.canceled")
        return intent

    def _succeed(self, intent: Body) -> None:
        charge: Body = {
            "id": self._new_id("ch"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": intent["amount"],
            "amount_refunded": 0,
            "captured": True,
            "created": self._now_s,
            "currency": intent["currency"],
            "dispute": None,
            "disputed": False,
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "paid": True,
            "payment_intent": intent["id"],
            "payment_method": intent["payment_method"],
            "refunded": False,
            "status": "succeeded",
        }
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount"],
            "latest_charge": charge["id"],
        }
        self._keep(charge, "charge.succeeded")
        self._keep(intent, "payment_intent.succeeded")

    def _decline(self, intent: Body, decline_code: str) -> SandboxRefusal:
        error = {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": decline_code,
            "message": "Your card was declined.",
        }
        intent |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_payment_error": error,
        }
        self._keep(intent, "payment_intent.payment_failed")
        return SandboxRefusal(
            error["message"],
            status=402,
            code="card_declined",
            type="card_error",
            decline_code=decline_code,
            payment_intent=intent,
        )

    # Refunds

    def create_refund(self, params: Body) -> Body:
        """Give a charge's money back, all of what is left or a part."""
        charge = self._charge_of(params)
        left = charge["amount"] - charge["amount_refunded"]
        amount = params.get("amount", left)
        if left == 0:
            raise SandboxRefusal(
                f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
            )
        if not 1 <= amount <= left:
            raise SandboxRefusal("Refund amount is greater than what is left", param="amount")
        refund: Body = {
            "id": self._new_id("re"),
            "object": "refund",
            "amount": amount,
            "charge": charge["id"],
            "created": self._now_s,
            "currency": charge["currency"],
            "metadata": metadata_of(params),
            "payment_intent": charge["payment_intent"],
            "reason": params.get("reason"),
            "status": "succeeded",
        }
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._keep(refund, "refund.created")
        self._keep(charge, "charge.refunded")
        return refund

    def _charge_of(self, params: Body) -> Body:
        charge_id = params.get("charge")
        if charge_id is None:
            if "payment_intent" not in params:
                raise SandboxRefusal(
                    "Name a charge or a payment_intent", code="parameter_missing", param="charge"
                )
            intent = self.find("payment_intent", params["payment_intent"])
            charge_id = intent["latest_charge"]
            if charge_id is None:
                raise unexpected_state(intent, "refund")
        return self.find("charge", charge_id)

    # Disputes

    def create_dispute(self, charge_id: str) -> Body:
        """Play the cardholder complaining at the bank: the money goes at once."""
        charge = self.find("charge", charge_id)
        if charge["disputed"]:
            raise SandboxRefusal(f"Charge {charge_id} is disputed already", param="charge")
        dispute: Body = {
            "id": self._new_id("dp"),
            "object": "dispute",
            "amount": charge["amount"],
            "balance_transactions": [],
            "charge": charge_id,
            "created": self._now_s,
            "currency": charge["currency"],
            "evidence": {},
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": "fraudulent",
            "status": "needs_response",
        }
        charge |= {"disputed": True, "dispute": dispute["id"]}
        self._shelf.put(charge)
        self._keep(dispute, "charge.dispute.created")
        self._move_money(dispute, -dispute["amount"], DISPUTE_FEE_MINOR)
        self._keep(dispute, "charge.dispute.funds_withdrawn")
        return dispute

    def update_dispute(self, dispute_id: str, params: Body) -> Body:
        """Hand in evidence; ``winning_evidence`` and ``losing_evidence`` decide the outcome."""
        dispute = self._open_dispute(dispute_id)
        dispute["evidence"] |= params.get("evidence", {})
        if params.get("submit", True):
            dispute["status"] = "under_review"
        self._keep(dispute, "charge.dispute.updated")
        text = dispute["evidence"].get("uncategorized_text")
        if dispute["status"] == "under_review" and text == "winning_evidence":
            return self._end_dispute(dispute, "won")
        if dispute["status"] == "under_review" and text == "losing_evidence":
            return self._end_dispute(dispute, "lost")
        return dispute

    def close_dispute(self, dispute_id: str) -> Body:
        """Accept a dispute: it is lost."""
        return self._end_dispute(self._open_dispute(dispute_id), "lost")

    def dispute_of(self, charge_id: str) -> Body:
        """Return the dispute of a charge.

        Raises:
            SandboxRefusal: 404, there is none.
        """
        dispute_id = self.find("charge", charge_id)["dispute"]
        return self.find("dispute", dispute_id or "")

    def _open_dispute(self, dispute_id: str) -> Body:
        dispute = self.find("dispute", dispute_id)
        if dispute["status"] not in OPEN_DISPUTES:
            raise SandboxRefusal("This dispute is already closed")
        return dispute

    def _end_dispute(self, dispute: Body, status: str) -> Body:
        dispute["status"] = status
        self._keep(dispute, "charge.dispute.closed")
        if status == "won":
            self._move_money(dispute, dispute["amount"], -DISPUTE_FEE_MINOR)
            self._keep(dispute, "charge.dispute.funds_reinstated")
        return dispute

    def _move_money(self, dispute: Body, amount: int, fee: int) -> None:
        moves = dispute["balance_transactions"]
        move = {
            "id": self._new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "currency": dispute["currency"],
            "fee": fee,
            "net": amount - fee,
            "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
        }
        dispute["balance_transactions"] = [*moves, move]

    # Events

    def _keep(self, body: Body, kind: str) -> None:
        """Keep an object and say in an event what happened to it."""
        self._shelf.put(body)
        event: Body = {
            "id": self._new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self._now_s,
            "data": {"object": dict(body)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self._shelf.put(event)
        self.events.append(event)


def metadata_of(params: Body) -> dict[str, str]:
    """Return the metadata asked for.

    Raises:
        SandboxRefusal: There are too many entries.
    """
    metadata: dict[str, str] = params.get("metadata", {})
    if len(metadata) > METADATA_ENTRIES_MAX:
        raise SandboxRefusal("Too many metadata entries", param="metadata")
    return metadata


def unexpected_state(intent: Body, verb: str) -> SandboxRefusal:
    """Return the refusal to ``verb`` an intent in its present status."""
    return SandboxRefusal(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )
