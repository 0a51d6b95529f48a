"""The webhook endpoint: verified first, applied once, and what it asks Stripe when in doubt."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from tests.web.payments import PAID_COINS, SECRET, Till, open_till
from wallet import purchases, stripe_gateway
from wallet.purchases import Status
from wallet.tables import events, sandbox_objects
from web import stripe_requests
from web.settings import read_settings
from web.stripe_webhook import BODY_BYTES_MAX, PATH, webhook_secret


@pytest.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    """Payment routes on a database of the test's own."""
    async with open_till(database_url) as found:
        yield found


async def post(till: Till, body: bytes, secret: str | None = None) -> Any:
    """Post a webhook, signed with the endpoint's secret unless another is given."""
    secret = webhook_secret(till.settings, SECRET) if secret is None else secret
    signature = stripe_gateway.sign(body, secret, now=till.now)
    return await till.client.post(PATH, content=body, headers={"Stripe-Signature": signature})


async def bodies(till: Till) -> list[bytes]:
    """Return the events the sandbox has made, as it would send them."""
    return list(
        await till.state["read"](
            lambda conn: conn.scalars(
                select(sandbox_objects.c.body)
                .where(sandbox_objects.c.object == "event")
                .order_by(sandbox_objects.c.position)
            ).all()
        )
    )


async def body_of(till: Till, kind: str) -> bytes:
    """Return the newest event of one kind."""
    return [body for body in await bodies(till) if msgspec.json.decode(body)["type"] == kind][-1]


def changed(body: bytes, event_id: str, **changes: object) -> bytes:
    """Return an event with another id whose object is changed."""
    event = msgspec.json.decode(body)
    event["id"] = event_id
    event["data"]["object"] |= changes
    return msgspec.json.encode(event)


async def outcome_of(till: Till, event_id: str) -> str | None:
    """Return what became of a webhook; None if it was not kept."""
    return await till.state["read"](
        lambda conn: conn.scalar(select(events.c.outcome).where(events.c.event_id == event_id))
    )


async def played(till: Till, card: str) -> tuple[dict[str, str], str]:
    """Let a card do something and lose all webhooks: the buyer and the purchase."""
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]
    intent_id = (await till.state["read"](purchases.find, purchase_id)).intent_id
    method = {"payment_method": card}
    await till.stripe("POST", f"/v1/payment_intents/{intent_id}/confirm", data=method)
    return ana, purchase_id


async def test_a_signed_payment_gives_its_coins_and_repetitions_nothing(till: Till) -> None:
    ana, _ = await played(till, "pm_card_visa")
    body = await body_of(till, "payment_intent.succeeded")

    codes = [(await post(till, body)).status_code for _ in range(3)]

    assert codes == [200] * 3
    assert await till.coins(ana) == PAID_COINS


async def test_the_events_of_a_disputed_purchase_may_come_backwards(till: Till) -> None:
    ana, purchase_id = await played(till, "pm_card_createDispute")

    for body in reversed(await bodies(till)):
        assert (await post(till, body)).status_code == 200

    held = await till.get("/api/wallet", ana)
    assert (held["coins"], held["frozen_coins"]) == (0, PAID_COINS)
    shown = await till.get(f"/api/wallet/purchases/{purchase_id}", ana)
    assert shown["status"] == "disputed"


async def test_a_webhook_nobody_signed_is_refused_and_not_kept(till: Till) -> None:
    ana, _ = await played(till, "pm_card_visa")
    body = await body_of(till, "payment_intent.succeeded")

    forged = await post(till, body, "whsec_forged")
    unsigned = await till.client.post(PATH, content=body)

    for refused in (forged, unsigned):
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_signature")
        assert refused.headers["content-type"] == "application/problem+json"
    assert await outcome_of(till, msgspec.json.decode(body)["id"]) is None
    assert await till.coins(ana) == 0


async def test_a_signed_body_that_is_no_event_is_refused(till: Till) -> None:
    refused = await post(till, b'{"object": "event"}')

    assert (refused.status_code, refused.json()["code"]) == (400, "bad_event")


async def test_a_body_without_end_is_refused(till: Till) -> None:
    refused = await post(till, b" " * (BODY_BYTES_MAX + 1))

    assert refused.status_code == 413


async def test_a_payment_that_is_not_ours_is_taken_kept_and_changes_nothing(till: Till) -> None:
    await played(till, "pm_card_visa")
    body = changed(
        await body_of(till, "payment_intent.succeeded"),
        "evt_foreign",
        id="pi_foreign",
        metadata={"purchase_id": "of somebody else"},
    )

    assert (await post(till, body)).status_code == 200
    assert await outcome_of(till, "evt_foreign") == "unknown"


@pytest.mark.parametrize(
    "changes",
    [{"amount": 1, "amount_received": 1}, {"currency": "usd"}, {"livemode": True}],
)
async def test_a_payment_of_something_else_is_taken_and_set_aside(
    till: Till, changes: dict[str, object]
) -> None:
    ana, _ = await played(till, "pm_card_visa")
    body = changed(await body_of(till, "payment_intent.succeeded"), "evt_other", **changes)

    assert (await post(till, body)).status_code == 200
    assert await outcome_of(till, "evt_other") == "mismatch"
    assert await till.coins(ana) == 0


async def test_an_unknown_kind_is_taken(till: Till) -> None:
    await played(till, "pm_card_visa")
    event = msgspec.json.decode(await body_of(till, "payment_intent.succeeded"))
    body = msgspec.json.encode(event | {"id": "evt_new", "type": "hologram.created"})

    assert (await post(till, body)).status_code == 200
    assert await outcome_of(till, "evt_new") == "not_followed"


async def test_a_refund_heard_of_before_its_payment_makes_the_server_ask(till: Till) -> None:
    ana, purchase_id = await played(till, "pm_card_visa")
    intent_id = (await till.state["read"](purchases.find, purchase_id)).intent_id
    await till.stripe("POST", "/v1/refunds", data={"payment_intent": intent_id})

    assert (await post(till, await body_of(till, "charge.refunded"))).status_code == 200

    assert (await till.state["read"](purchases.find, purchase_id)).status is Status.REFUNDED
    assert await till.coins(ana) == 0


async def test_a_dispute_that_names_only_its_charge_makes_the_server_ask_for_both(
    till: Till,
) -> None:
    ana, purchase_id = await played(till, "pm_card_createDispute")
    body = changed(await body_of(till, "charge.dispute.created"), "evt_bare", payment_intent=None)

    assert (await post(till, body)).status_code == 200

    charge_path, intent_path = (path for _, path, _ in till.line.asked[-2:])
    assert charge_path.startswith("/v1/charges/ch_")
    assert intent_path.startswith("/v1/payment_intents/pi_")
    assert (await till.state["read"](purchases.find, purchase_id)).status is Status.DISPUTED
    assert await outcome_of(till, "evt_bare") == "applied"
    assert (await till.get("/api/wallet", ana))["frozen_coins"] == PAID_COINS


async def test_what_cannot_be_cleared_now_is_asked_for_again(till: Till) -> None:
    _, purchase_id = await played(till, "pm_card_createDispute")
    body = changed(await body_of(till, "charge.dispute.created"), "evt_bare", payment_intent=None)
    till.line.faults = ["request"]

    assert (await post(till, body)).status_code == 503
    assert await outcome_of(till, "evt_bare") == "in_doubt"
    assert (await post(till, body)).status_code == 200

    assert (await till.state["read"](purchases.find, purchase_id)).status is Status.DISPUTED


async def test_what_stripe_does_not_know_either_is_set_aside(till: Till) -> None:
    await played(till, "pm_card_createDispute")
    body = changed(
        await body_of(till, "charge.dispute.created"),
        "evt_bare",
        payment_intent=None,
        charge="ch_gone",
    )

    assert (await post(till, body)).status_code == 200
    assert await outcome_of(till, "evt_bare") == "unknown"


async def test_a_charge_without_an_intent_is_nobody_we_know(till: Till) -> None:
    await played(till, "pm_card_createDispute")
    body = await body_of(till, "charge.dispute.created")
    charge_id = msgspec.json.decode(body)["data"]["object"]["charge"]

    def unlink(conn: Any) -> None:
        shelf = stripe_requests.DatabaseShelf(conn, till.now)
        charge = shelf.get(charge_id)
        assert charge is not None
        shelf.put(charge | {"payment_intent": None})

    await till.state["writer"].run(unlink)
    bare = changed(body, "evt_bare", payment_intent=None)

    assert (await post(till, bare)).status_code == 200
    assert await outcome_of(till, "evt_bare") == "unknown"


def test_the_configured_secret_wins_over_the_sandboxes_own() -> None:
    configured = read_settings({}, stripe_webhook_secret="whsec_1")

    assert webhook_secret(configured, SECRET) == "whsec_1"
    own = webhook_secret(read_settings({}), SECRET)
    assert own.startswith("whsec_")
    assert own != webhook_secret(read_settings({}), "another secret")
