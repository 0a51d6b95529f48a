"""Playing the buyer's bank in the sandbox: ``POST /api/sandbox/purchases/{purchase_id}/pay``.

Coins plane, but test money only. What a browser does with Stripe's script, and a bank afterwards,
one call does here; the sandbox then sends the same webhooks Stripe would. Only on this machine,
or with ``OVATION_SANDBOX=1``.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from wallet import purchases
from wallet.errors import UnknownPurchase
from wallet.purchases import Purchase
from web.errors import Problem
from web.operations import Answer, Call, Operation, operation, read_at_most
from web.stripe_objects import Body, SandboxRefusal, StripeObjects
from web.stripe_requests import open_objects
from web.stripe_sandbox import check_reach, deliver, hosts_of
from web.wallet_api import PurchaseShown, shown_purchase

BODY_BYTES_MAX: Final = 4 * 1024

Card = Literal[
    "ok",
    "succeeds",
    "declined",
    "insufficient_funds",
    "expired",
    "requires_action",
    "processing",
    "refunded",
    "disputed",
    "won",
    "lost",
]
METHODS: Final[Mapping[str, str]] = {
    "declined": "pm_card_chargeDeclined",
    "insufficient_funds": "pm_card_chargeDeclinedInsufficientFunds",
    "expired": "pm_card_chargeDeclinedExpiredCard",
    "requires_action": "pm_card_authenticationRequired",
    "processing": "pm_usBankAccount_processing",
}
GOOD_METHOD: Final = "pm_card_visa"


class Play(Struct):
    """What happens at the bank.

    ``refunded`` gives ``amount_minor`` back, or everything; it, ``disputed``, ``won`` and
    ``lost`` pay first where nobody has.
    """

    card: Card = "ok"
    amount_minor: int | None = None


@operation(
    "POST",
    "/api/sandbox/purchases/{purchase_id}/pay",
    answers={200: PurchaseShown},
    problems=(400, 402, 409, 413, 422),
    person="optional",
)
async def sandbox_pay(call: Call[None]) -> Answer:
    """Play what the buyer's card does; an empty body means that it pays."""
    state = call.state
    check_reach(state["settings"], *hosts_of(call.request))
    play = read_play(await read_at_most(call.request, BODY_BYTES_MAX))
    found = await state["read"](purchases.find, call.path["purchase_id"])
    if call.signed_in is not None and call.signed_in.account_id != found.account_id:
        raise UnknownPurchase(found.purchase_id)
    refusal = await state["writer"].run(lambda conn: acted(conn, found, play, now=call.now))
    await deliver(state)
    if refusal is not None:
        raise problem_of(refusal)
    return Answer(200, shown_purchase(await state["read"](purchases.find, found.purchase_id)))


def read_play(body: bytes) -> Play:
    """Return what is to be played.

    Raises:
        Problem: 400 not JSON, 422 no such card.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=Play)
    except msgspec.ValidationError as error:
        raise Problem(422, "bad_request", "The request is not valid", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "bad_json", "The body is not JSON", str(error)) from None


def acted(conn: Connection, found: Purchase, play: Play, *, now: datetime) -> SandboxRefusal | None:
    """Play, and return the refusal if there is one: what it changed before is kept."""
    if found.intent_id is None:
        return SandboxRefusal("This purchase was never prepared", status=409)
    try:
        act(open_objects(conn, now), found.intent_id, play)
    except SandboxRefusal as refusal:
        return refusal
    return None


def act(made: StripeObjects, intent_id: str, play: Play) -> None:
    """Make the card do what ``play`` says.

    Raises:
        SandboxRefusal: As Stripe would refuse it.
    """
    if play.card in METHODS:
        made.confirm_intent(intent_id, {"payment_method": METHODS[play.card]})
        return
    only_pays = play.card in ("ok", "succeeds")
    charge_id = paid_charge(made, intent_id, must_pay=only_pays)
    if play.card == "refunded":
        part = {} if play.amount_minor is None else {"amount": play.amount_minor}
        made.create_refund({"charge": charge_id, **part})
    elif not only_pays:
        judge(made, disputed(made, charge_id), play.card)


def paid_charge(made: StripeObjects, intent_id: str, *, must_pay: bool) -> str:
    """Return the charge of the intent, paying it first if nobody has.

    Raises:
        SandboxRefusal: It is paid already and ``must_pay``, or it can no longer be paid.
    """
    intent = made.find("payment_intent", intent_id)
    if intent["status"] == "processing":
        intent = made.authenticate_intent(intent_id)
    elif must_pay or intent["latest_charge"] is None:
        intent = made.confirm_intent(intent_id, {"payment_method": GOOD_METHOD})
    return str(intent["latest_charge"])


def disputed(made: StripeObjects, charge_id: str) -> Body:
    """Return the dispute of a charge, opened now if there is none."""
    if made.find("charge", charge_id)["disputed"]:
        return made.dispute_of(charge_id)
    return made.create_dispute(charge_id)


def judge(made: StripeObjects, dispute: Body, card: Card) -> None:
    """Let the bank decide a dispute, unless it was only to be opened."""
    if card == "won":
        made.update_dispute(dispute["id"], {"evidence": {"uncategorized_text": "winning_evidence"}})
    elif card == "lost":
        made.close_dispute(dispute["id"])


def problem_of(refusal: SandboxRefusal) -> Problem:
    """Return a refusal of Stripe's as one of ours."""
    if refusal.status == 402:
        return Problem(
            402,
            str(refusal.error["code"]),
            "Your card was declined",
            str(refusal.error.get("decline_code", "")),
        )
    code = str(refusal.error.get("code", "refused"))
    return Problem(409, code, "The sandbox refuses", str(refusal))


operations: list[Operation] = [sandbox_pay]
