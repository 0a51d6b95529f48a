"""The sandbox's objects do what Stripe's test mode does."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from web.stripe_objects import Body, SandboxRefusal, StripeObjects

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class DictShelf(dict[str, Body]):
    """A shelf in memory."""

    def put(self, body: Body) -> None:
        self[body["id"]] = {**body}

    def get(self, object_id: str, _default: Any = None) -> Body | None:  # type: ignore[override]
        body = super().get(object_id)
        return None if body is None else {**body}

    def listed(self, kind: str, limit: int, after: str | None) -> list[Body]:
        newest = [body for body in reversed(list(self.values())) if body["object"] == kind]
        ids = [body["id"] for body in newest]
        first = ids.index(after) + 1 if after else 0
        return newest[first : first + limit]


def some_objects() -> StripeObjects:
    """Return objects on an empty shelf."""
    numbers = itertools.count(1)
    return StripeObjects(DictShelf(), lambda prefix: f"{prefix}_{next(numbers)}", now=NOON)


def an_intent(made: StripeObjects, method: str | None = None, **more: Any) -> Body:
    """Return a new intent, confirmed with ``method`` if one is given."""
    params: Body = {"amount": 969, "currency": "EUR", "metadata": {"purchase_id": "p1"}, **more}
    intent = made.create_intent(params)
    if method is not None:
        intent = made.confirm_intent(intent["id"], {"payment_method": method})
    return intent


def kinds(made: StripeObjects) -> list[str]:
    """Return the kinds of all events, in order."""
    return [event["type"] for event in made.events]


def test_a_new_intent_waits_for_a_payment_method() -> None:
    made = some_objects()

    intent = an_intent(made)

    assert intent["status"] == "requires_payment_method"
    assert (intent["amount"], intent["currency"], intent["livemode"]) == (969, "eur", False)
    assert intent["client_secret"].startswith(f"{intent['id']}_secret_")
    assert kinds(made) == ["payment_intent.created"]


def test_a_good_card_pays_and_its_charge_keeps_the_metadata() -> None:
    made = some_objects()

    intent = an_intent(made, "pm_card_visa")

    charge = made.find("charge", intent["latest_charge"])
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 969)
    assert (charge["metadata"], charge["payment_intent"]) == (intent["metadata"], intent["id"])
    assert kinds(made)[1:] == ["charge.succeeded", "payment_intent.succeeded"]


def test_an_intent_can_be_confirmed_while_it_is_made() -> None:
    intent = an_intent(some_objects(), confirm=True, payment_method="pm_card_visa")

    assert intent["status"] == "succeeded"


def test_an_event_shows_its_object_as_it_was_then() -> None:
    made = some_objects()
    an_intent(made, "pm_card_visa")

    assert made.events[0]["data"]["object"]["status"] == "requires_payment_method"
    assert made.events[-1]["data"]["object"]["status"] == "succeeded"


def test_a_declined_card_leaves_the_intent_payable_and_says_why() -> None:
    made = some_objects()
    intent = an_intent(made)

    with pytest.raises(SandboxRefusal, match="declined") as refused:
        made.confirm_intent(
            intent["id"], {"payment_method": "pm_card_chargeDeclinedInsufficientFunds"}
        )

    assert refused.value.status == 402
    assert refused.value.error["decline_code"] == "insufficient_funds"
    assert made.find("payment_intent", intent["id"])["status"] == "requires_payment_method"
    assert kinds(made)[-1] == "payment_intent.payment_failed"
    paid = made.confirm_intent(intent["id"], {"payment_method": "pm_card_visa"})
    assert (paid["status"], paid["last_payment_error"]) == ("succeeded", None)


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("pm_card_authenticationRequired", "requires_action"),
        ("pm_usBankAccount_processing", "processing"),
    ],
)
def test_some_payments_need_another_step(method: str, status: str) -> None:
    made = some_objects()
    intent = an_intent(made, method)
    assert intent["status"] == status

    assert made.authenticate_intent(intent["id"])["status"] == "succeeded"

    with pytest.raises(SandboxRefusal):
        made.authenticate_intent(intent["id"])


def test_a_payment_method_is_needed_to_confirm() -> None:
    made = some_objects()

    with pytest.raises(SandboxRefusal, match="payment method"):
        made.confirm_intent(an_intent(made)["id"], {})


def test_a_cancelled_intent_cannot_be_paid_and_a_paid_one_not_cancelled() -> None:
    made = some_objects()
    cancelled, paid = an_intent(made), an_intent(made, "pm_card_visa")

    intent = made.cancel_intent(cancelled["id"], {"cancellation_reason": "abandoned"})

    assert (intent["status"], intent["canceled_at"]) == ("canceled", int(NOON.timestamp()))
    with pytest.raises(SandboxRefusal, match="status of canceled"):
        made.confirm_intent(cancelled["id"], {"payment_method": "pm_card_visa"})
    with pytest.raises(SandboxRefusal, match="status of succeeded"):
        made.cancel_intent(paid["id"], {})


@pytest.mark.parametrize("amount", [0, -1, 100_000_000])
def test_an_amount_has_one_to_eight_digits(amount: int) -> None:
    with pytest.raises(SandboxRefusal):
        an_intent(some_objects(), amount=amount)


def test_metadata_has_a_limit() -> None:
    with pytest.raises(SandboxRefusal):
        an_intent(some_objects(), metadata={str(n): "" for n in range(51)})


def test_refunds_add_up_to_the_charge_and_no_further() -> None:
    made = some_objects()
    intent = an_intent(made, "pm_card_visa")

    made.create_refund({"payment_intent": intent["id"], "amount": 69})
    made.create_refund({"charge": intent["latest_charge"]})

    charge = made.find("charge", intent["latest_charge"])
    assert (charge["amount_refunded"], charge["refunded"]) == (969, True)
    assert kinds(made)[-2:] == ["refund.created", "charge.refunded"]
    with pytest.raises(SandboxRefusal, match="already been refunded"):
        made.create_refund({"charge": charge["id"]})


def test_more_than_is_left_cannot_be_refunded() -> None:
    made = some_objects()
    intent = an_intent(made, "pm_card_visa")

    for amount in (970, 0):
        with pytest.raises(SandboxRefusal):
            made.create_refund({"charge": intent["latest_charge"], "amount": amount})


def test_a_refund_needs_something_that_was_paid() -> None:
    made = some_objects()

    with pytest.raises(SandboxRefusal):
        made.create_refund({})
    with pytest.raises(SandboxRefusal):
        made.create_refund({"payment_intent": an_intent(made)["id"]})


def test_a_dispute_takes_the_money_and_its_fee_at_once() -> None:
    made = some_objects()

    intent = an_intent(made, "pm_card_createDispute")

    dispute = made.dispute_of(intent["latest_charge"])
    assert dispute["status"] == "needs_response"
    (move,) = dispute["balance_transactions"]
    assert (move["amount"], move["fee"], move["net"]) == (-969, 1_500, -2_469)
    assert kinds(made)[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(SandboxRefusal, match="disputed already"):
        made.create_dispute(intent["latest_charge"])


def test_winning_evidence_brings_the_money_back() -> None:
    made = some_objects()
    dispute = made.dispute_of(an_intent(made, "pm_card_createDispute")["latest_charge"])

    won = made.update_dispute(
        dispute["id"], {"evidence": {"uncategorized_text": "winning_evidence"}}
    )

    assert (won["status"], len(won["balance_transactions"])) == ("won", 2)
    assert kinds(made)[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]


def test_losing_evidence_and_accepting_lose() -> None:
    made = some_objects()
    first, second = (
        made.dispute_of(an_intent(made, "pm_card_createDispute")["latest_charge"]) for _ in range(2)
    )
    evidence = {"evidence": {"uncategorized_text": "losing_evidence"}}

    assert made.update_dispute(first["id"], evidence)["status"] == "lost"
    assert made.close_dispute(second["id"])["status"] == "lost"
    with pytest.raises(SandboxRefusal, match="already closed"):
        made.close_dispute(second["id"])


def test_evidence_can_be_kept_without_handing_it_in() -> None:
    made = some_objects()
    dispute = made.dispute_of(an_intent(made, "pm_card_createDispute")["latest_charge"])

    kept = made.update_dispute(dispute["id"], {"submit": False})

    assert kept["status"] == "needs_response"
    assert made.update_dispute(dispute["id"], {})["status"] == "under_review"


def test_what_is_not_there_is_missing() -> None:
    made = some_objects()
    charge_id = an_intent(made, "pm_card_visa")["latest_charge"]

    with pytest.raises(SandboxRefusal) as refused:
        made.find("charge", "ch_nothing")
    assert (refused.value.status, refused.value.error["code"]) == (404, "resource_missing")
    with pytest.raises(SandboxRefusal):
        made.find("payment_intent", charge_id)
    with pytest.raises(SandboxRefusal):
        made.dispute_of(charge_id)


def test_lists_are_newest_first_and_say_whether_there_is_more() -> None:
    made = some_objects()
    ids = [an_intent(made)["id"] for _ in range(3)]

    first = made.listing("payment_intent", "/v1/payment_intents", 2, None)
    rest = made.listing("payment_intent", "/v1/payment_intents", 2, first["data"][-1]["id"])

    assert [body["id"] for body in [*first["data"], *rest["data"]]] == ids[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
