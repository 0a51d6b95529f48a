"""Playing the buyer's bank: each card ends where it would with Stripe."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.web.payments import PAID_COINS, Till, open_till
from wallet import purchases


@pytest.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    """Payment routes on a database of the test's own."""
    async with open_till(database_url) as found:
        yield found


@pytest.mark.parametrize(
    ("card", "status", "coins", "frozen"),
    [
        ("ok", "paid", PAID_COINS, 0),
        ("succeeds", "paid", PAID_COINS, 0),
        ("requires_action", "requested", 0, 0),
        ("processing", "processing", 0, 0),
        ("refunded", "refunded", 0, 0),
        ("disputed", "disputed", 0, PAID_COINS),
        ("won", "won", PAID_COINS, 0),
        ("lost", "lost", 0, 0),
    ],
)
async def test_what_a_card_does(
    till: Till, card: str, status: str, coins: int, frozen: int
) -> None:
    ana = await till.person()

    purchase_id = await till.buy(ana, card)

    shown = await till.get(f"/api/wallet/purchases/{purchase_id}", ana)
    held = await till.get("/api/wallet", ana)
    assert (shown["status"], held["coins"], held["frozen_coins"]) == (status, coins, frozen)


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ("declined", "generic_decline"),
        ("insufficient_funds", "insufficient_funds"),
        ("expired", "expired_card"),
    ],
)
async def test_a_declined_card_says_so_and_another_one_pays(
    till: Till, card: str, why: str
) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]

    declined = await till.pay(ana, purchase_id, card)
    seen = await till.get(f"/api/wallet/purchases/{purchase_id}", ana)
    await till.pay(ana, purchase_id)

    assert (declined.status_code, declined.json()["code"]) == (402, "card_declined")
    assert (seen["status"], seen["failure_code"]) == ("requested", why)
    assert await till.coins(ana) == PAID_COINS


@pytest.mark.parametrize("first", ["requires_action", "processing"])
async def test_what_needs_another_step_is_paid_by_it(till: Till, first: str) -> None:
    ana = await till.person()
    purchase_id = await till.buy(ana, first)

    assert (await till.pay(ana, purchase_id)).json()["status"] == "paid"


async def test_a_part_can_be_refunded_and_then_the_rest(till: Till) -> None:
    ana = await till.person()
    purchase_id = await till.buy(ana)
    path = f"/api/sandbox/purchases/{purchase_id}/pay"

    part = await till.client.post(path, json={"card": "refunded", "amount_minor": 100}, headers=ana)
    rest = await till.pay(ana, purchase_id, "refunded")

    assert (part.json()["refunded_minor"], part.json()["clawed_coins"]) == (100, 72)
    assert (rest.json()["status"], rest.json()["clawed_coins"]) == ("refunded", 700)
    assert await till.coins(ana) == 0


async def test_a_dispute_goes_on_where_it_is(till: Till) -> None:
    ana = await till.person()
    purchase_id = await till.buy(ana, "disputed")

    assert (await till.pay(ana, purchase_id, "won")).json()["status"] == "won"
    again = await till.pay(ana, purchase_id, "lost")
    assert (again.status_code, again.json()["code"]) == (409, "refused")


async def test_an_empty_body_pays_and_nobody_has_to_be_logged_in(till: Till) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]

    paid = await till.client.post(f"/api/sandbox/purchases/{purchase_id}/pay")

    assert (paid.status_code, paid.json()["status"]) == (200, "paid")


async def test_paying_twice_is_refused_and_gives_nothing(till: Till) -> None:
    ana = await till.person()
    purchase_id = await till.buy(ana)

    again = await till.pay(ana, purchase_id)

    assert (again.status_code, again.json()["code"]) == (409, "payment_intent_unexpected_state")
    assert await till.coins(ana) == PAID_COINS


async def test_a_purchase_stripe_was_never_asked_about_cannot_be_paid(till: Till) -> None:
    ana = await till.person()
    till.line.faults = ["request"]
    await till.ask(ana)
    (pending,) = await till.state["read"](purchases.due, now=till.now + timedelta(days=1))

    refused = await till.pay(ana, pending.purchase_id)

    assert (refused.status_code, refused.json()["code"]) == (409, "refused")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"\xff", 400, "bad_json"),
        (b'{"card": "gold"}', 422, "bad_request"),
        (b'{"card": "refunded", "amount_minor": "1"}', 422, "bad_request"),
        (b'{"card": "refunded", "amount_minor": 0}', 409, "refused"),
        (b"[" * 5_000, 413, "too_large"),
    ],
)
async def test_what_cannot_be_played_is_refused(
    till: Till, body: bytes, status: int, code: str
) -> None:
    ana = await till.person()
    purchase_id = await till.buy(ana)

    refused = await till.client.post(
        f"/api/sandbox/purchases/{purchase_id}/pay", content=body, headers=ana
    )

    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_only_its_buyer_and_only_this_machine_plays(till: Till) -> None:
    ana, bob = await till.person("ana"), await till.person("bob")
    purchase_id = (await till.ask(ana)).json()["purchase_id"]

    assert (await till.pay(bob, purchase_id)).status_code == 404
    outside = await till.pay({**ana, "Host": "ovation.example"}, purchase_id)
    assert (outside.status_code, outside.json()["code"]) == (403, "sandbox_closed")
    assert (await till.pay(ana, "unknown")).status_code == 404
