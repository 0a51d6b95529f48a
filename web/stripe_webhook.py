"""Where Stripe tells us what happened: ``POST /api/stripe/webhook``.

Coins plane. The bytes are verified before anything is parsed. Whatever goes wrong past the
signature is a 5xx, and Stripe asks again, which is safe: events are applied once.
"""

import hmac
from typing import Final

import structlog
from starlette.routing import BaseRoute

from wallet import stripe_events, stripe_gateway
from wallet.errors import StripeRefused
from wallet.purchases import Result
from wallet.stripe_events import Received
from wallet.stripe_gateway import Event, Intent, StripeGateway
from web.operations import Answer, Call, Operation, operation, read_at_most
from web.settings import Settings
from web.state import State
from web.stripe_asking import ask_stripe

PATH: Final = "/api/stripe/webhook"
BODY_BYTES_MAX: Final = 256 * 1024

log = structlog.get_logger()


def webhook_secret(settings: Settings, secret: str) -> str:
    """Return what webhooks are signed with: Stripe's secret, or the sandbox's own."""
    return settings.stripe_webhook_secret or f"whsec_sandbox_{derived(secret, 'webhook')}"


def derived(secret: str, purpose: str) -> str:
    """Return a secret of the sandbox's own for one purpose, the same after every restart."""
    return hmac.new(secret.encode(), f"sandbox {purpose}".encode(), "sha256").hexdigest()


@operation("POST", PATH, answers={200: None}, problems=(400, 413), person="none")
async def stripe_webhook(call: Call[None]) -> Answer:
    """Take one signed event from Stripe."""
    state = call.state
    body = await read_at_most(call.request, BODY_BYTES_MAX)
    secret = webhook_secret(state["settings"], state["secret"])
    signature = call.request.headers.get("stripe-signature", "")
    event = stripe_gateway.read(body, signature, secret, now=call.now)
    received = await state["writer"].run(
        lambda conn: stripe_events.receive(conn, event, body, now=call.now)
    )
    result = received.result
    if received.doubt_id is not None:
        result = await clear_doubt(state, event, received)
    if result in (Result.UNKNOWN, Result.MISMATCH):
        log.warning("stripe event set aside", event_id=event.event_id, kind=event.kind, why=result)
    return Answer(200)


async def clear_doubt(state: State, event: Event, received: Received) -> Result:
    """Ask Stripe about the payment behind ``event``, then settle the event.

    Raises:
        StripeUnavailable: Nothing was settled; Stripe sends the event again.
    """
    assert received.doubt_id is not None
    try:
        intent = await ask_stripe(retrieve, state["stripe"], received.doubt_id)
    except StripeRefused:
        return await state["writer"].run(
            lambda conn: stripe_events.give_up_doubt(conn, event.event_id)
        )
    now = state["clock"]()
    return await state["writer"].run(
        lambda conn: stripe_events.settle_doubt(conn, event, intent, now=now)
    )


def retrieve(stripe: StripeGateway, stripe_id: str) -> Intent:
    """Return the PaymentIntent with this id, or the one behind the charge with this id.

    Raises:
        StripeRefused: There is none.
        StripeUnavailable: No usable answer.
    """
    if stripe_id.startswith("pi_"):
        return stripe.intent(stripe_id)
    intent_id = stripe.charge(stripe_id).payment_intent
    if intent_id is None:
        raise StripeRefused(404, "no_payment_intent")
    return stripe.intent(intent_id)


operations: list[Operation] = [stripe_webhook]
routes: list[BaseRoute] = [one.route() for one in operations]
