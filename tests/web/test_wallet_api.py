"""Buying over HTTP: once per key, whatever gets lost on the way, by those who may."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from tests.web.payments import PAID_COINS, Till, open_till
from wallet import packs, purchases
from wallet.purchases import Status
from wallet.stripe_gateway import Intent
from wallet.tables import events, sandbox_objects
from wallet.tables import purchases as rows
from web import stripe_sandbox, wallet_api
from web.stripe_asking import ask_stripe
from web.wallet_api import sweep_pending


@pytest.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    """Payment routes on a database of the test's own."""
    async with open_till(database_url) as found:
        yield found


async def intents_made(till: Till) -> int:
    """Return how many PaymentIntents the sandbox has."""
    count = await till.state["read"](
        lambda conn: conn.scalar(
            select(func.count())
            .select_from(sandbox_objects)
            .where(sandbox_objects.c.object == "payment_intent")
        )
    )
    return int(count or 0)


async def status_of(till: Till, purchase_id: str) -> Status:
    """Return how far a purchase has come, without asking Stripe."""
    return (await till.state["read"](purchases.find, purchase_id)).status


async def the_only_purchase(till: Till) -> str:
    """Return the id of the one purchase there is."""
    found = await till.state["read"](lambda conn: conn.scalars(select(rows.c.purchase_id)).all())
    (purchase_id,) = found
    return str(purchase_id)


async def play(till: Till, purchase_id: str, method: str) -> None:
    """Let a card do something, and lose every webhook about it."""
    intent_id = (await till.state["read"](purchases.find, purchase_id)).intent_id
    await till.stripe(
        "POST", f"/v1/payment_intents/{intent_id}/confirm", data={"payment_method": method}
    )


# Looking


async def test_a_new_wallet_is_empty(till: Till) -> None:
    ana = await till.person()

    assert await till.get("/api/wallet", ana) == {
        "coins": 0,
        "diamonds": 0,
        "promo_coins": 0,
        "frozen_coins": 0,
        "debt_coins": 0,
    }
    assert await till.get("/api/wallet/history", ana) == {"entries": []}


async def test_packs_are_shown_to_everybody(till: Till) -> None:
    shown = (await till.get("/api/wallet/packs", {}))["packs"]

    assert shown[0] == {
        "pack_id": "coins-70",
        "coins": 70,
        "amount_minor": 99,
        "currency": "EUR",
        "tax_minor": 0,
    }
    assert len(shown) == len(packs.PACKS)


async def test_a_bad_cursor_is_refused(till: Till) -> None:
    ana = await till.person()

    refused = await till.client.get("/api/wallet/history", params={"cursor": "x"}, headers=ana)

    assert (refused.status_code, refused.json()["code"]) == (422, "bad_cursor")


# Asking


async def test_the_answer_is_what_a_browser_pays_with(till: Till) -> None:
    asked = await till.ask(await till.person())

    started = asked.json()
    assert asked.status_code == 201
    assert started["client_secret"].startswith("pi_")
    assert (started["livemode"], started["status"]) == (False, "requested")
    assert started["publishable_key"]
    assert len(started["purchase_id"]) == 32


async def test_the_same_key_gives_the_same_bytes_whatever_has_happened_since(till: Till) -> None:
    ana = await till.person()
    first = await till.ask(ana)
    await till.pay(ana, first.json()["purchase_id"])
    till.later(days=20)

    again = await till.ask(ana)

    assert (again.status_code, again.content) == (201, first.content)
    assert await intents_made(till) == 1


async def test_many_requests_at_once_under_one_key_make_one_purchase(till: Till) -> None:
    ana = await till.person()

    answers = await asyncio.gather(*(till.ask(ana) for _ in range(5)))

    assert len({answer.content for answer in answers}) == 1
    assert await intents_made(till) == 1


async def test_a_key_used_for_something_else_is_refused(till: Till) -> None:
    ana = await till.person()
    await till.ask(ana)

    refused = await till.ask(ana, pack="coins-70")

    assert (refused.status_code, refused.json()["code"]) == (409, "key_reused")


async def test_a_key_is_needed(till: Till) -> None:
    refused = await till.client.post(
        "/api/wallet/purchases", json={"pack_id": "coins-70"}, headers=await till.person()
    )

    assert (refused.status_code, refused.json()["code"]) == (400, "key_missing")


@pytest.mark.parametrize(
    ("birth_date", "code"),
    [(date(2008, 1, 3), "too_young"), (None, "birth_date_missing")],
)
async def test_only_adults_buy(till: Till, birth_date: date | None, code: str) -> None:
    young = await till.person(birth_date=birth_date)

    refused = await till.ask(young)

    assert (refused.status_code, refused.json()["code"]) == (403, code)
    assert await intents_made(till) == 0


async def test_what_was_given_up_is_not_taken_up_again_under_its_key(till: Till) -> None:
    till.line.faults = ["request"]
    ana = await till.person()
    await till.ask(ana)
    till.later(hours=24)
    await sweep_pending(till.state)

    late = await till.ask(ana)

    assert (late.status_code, late.json()["code"]) == (409, "purchase_given_up")
    assert await intents_made(till) == 0


async def test_on_the_eighteenth_birthday_one_may_buy(till: Till) -> None:
    assert (await till.ask(await till.person(birth_date=date(2008, 1, 2)))).status_code == 201


async def test_strangers_do_not_buy_and_unknown_packs_are_not_sold(till: Till) -> None:
    assert (await till.ask({})).status_code == 401

    refused = await till.ask(await till.person(), pack="coins-71")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_pack")


async def test_test_money_is_not_sold_to_the_outside(till: Till) -> None:
    ana = await till.person()

    refused = await till.ask({**ana, "Host": "ovation.example"})

    assert (refused.status_code, refused.json()["code"]) == (403, "sandbox_closed")


# Losing things on the way


@pytest.mark.parametrize("fault", ["request", "answer"])
async def test_what_gets_lost_between_stripe_and_us_is_taken_up_under_the_same_key(
    till: Till, fault: str
) -> None:
    ana = await till.person()
    till.line.faults = [fault]

    lost = await till.ask(ana)
    found = await till.ask(ana)

    assert (lost.status_code, lost.json()["code"]) == (503, "payments_unavailable")
    assert found.status_code == 201
    assert await intents_made(till) == 1
    assert {key for _, _, key in till.line.asked} == {f"purchase/{found.json()['purchase_id']}"}


@pytest.mark.parametrize("fault", ["request", "answer"])
async def test_what_gets_lost_is_taken_up_by_the_sweep_and_then_answered(
    till: Till, fault: str
) -> None:
    ana = await till.person()
    till.line.faults = [fault]
    await till.ask(ana)

    till.later(seconds=61)
    await sweep_pending(till.state)
    stored = (await till.state["read"](purchases.find, await the_only_purchase(till))).answer

    assert stored == (await till.ask(ana)).content
    assert await intents_made(till) == 1


async def test_what_stripe_refuses_says_so_and_can_be_asked_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await till.person()
    monkeypatch.setattr(stripe_sandbox, "sandbox_key", lambda _secret: "sk_test_rolled")

    refused = await till.ask(ana)
    assert (refused.status_code, refused.json()["code"]) == (502, "payment_refused")

    monkeypatch.undo()
    assert (await till.ask(ana)).status_code == 201


async def test_a_payment_whose_webhook_is_lost_is_found_when_the_browser_returns(
    till: Till,
) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]
    await play(till, purchase_id, "pm_card_visa")
    assert await till.coins(ana) == 0

    returned = await till.client.post(f"/api/wallet/purchases/{purchase_id}/return", headers=ana)

    assert (returned.status_code, returned.json()["status"]) == (200, "paid")
    assert await till.coins(ana) == PAID_COINS


async def test_looking_at_a_pending_purchase_finds_its_payment(till: Till) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]
    await play(till, purchase_id, "pm_card_visa")

    shown = await till.get(f"/api/wallet/purchases/{purchase_id}", ana)

    assert (shown["status"], shown["coins"], shown["amount_minor"]) == ("paid", 700, 969)


async def test_the_sweep_finds_a_payment_nobody_told_us_about(till: Till) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]
    await play(till, purchase_id, "pm_card_visa")

    await sweep_pending(till.state)
    assert await till.coins(ana) == 0

    till.later(seconds=60)
    await sweep_pending(till.state)
    assert await till.coins(ana) == PAID_COINS


async def test_webhook_return_and_sweep_together_give_the_coins_once(till: Till) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]
    await play(till, purchase_id, "pm_card_visa")
    till.later(seconds=60)

    await asyncio.gather(
        stripe_sandbox.deliver(till.state),
        sweep_pending(till.state),
        till.client.post(f"/api/wallet/purchases/{purchase_id}/return", headers=ana),
        till.get(f"/api/wallet/purchases/{purchase_id}", ana),
    )

    assert await till.coins(ana) == PAID_COINS


async def test_when_stripe_does_not_answer_the_purchase_is_shown_as_it_was(till: Till) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]
    till.line.faults = ["request"]

    shown = await till.get(f"/api/wallet/purchases/{purchase_id}", ana)

    assert shown["status"] == "requested"


async def test_when_nothing_can_be_written_the_purchase_is_shown_as_it_was(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]
    found = await till.state["read"](purchases.find, purchase_id)
    intent = await ask_stripe(till.state["stripe"].intent, found.intent_id or "")
    monkeypatch.setattr(till.state["stripe"], "intent", lambda _intent_id: intent)
    await till.break_books()

    shown = await till.get(f"/api/wallet/purchases/{purchase_id}", ana)

    assert shown["status"] == "requested"


async def test_a_purchase_that_is_paid_is_not_asked_about(till: Till) -> None:
    ana = await till.person()
    purchase_id = await till.buy(ana)
    asked_before = len(till.line.asked)

    await till.get(f"/api/wallet/purchases/{purchase_id}", ana)
    till.later(days=2)
    await sweep_pending(till.state)

    assert len(till.line.asked) == asked_before


async def test_somebody_elses_purchase_is_not_there(till: Till) -> None:
    purchase_id = (await till.ask(await till.person("ana"))).json()["purchase_id"]
    bob = await till.person("bob")

    for response in (
        await till.client.get(f"/api/wallet/purchases/{purchase_id}", headers=bob),
        await till.client.post(f"/api/wallet/purchases/{purchase_id}/return", headers=bob),
        await till.client.get(f"/api/wallet/purchases/{uuid4().hex}", headers=bob),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "unknown_purchase")


# Ending


async def test_what_nobody_pays_for_a_day_is_cancelled_at_stripe(till: Till) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]

    till.later(hours=24)
    await sweep_pending(till.state)

    assert await status_of(till, purchase_id) is Status.CANCELED
    played = await till.pay(ana, purchase_id)
    assert (played.status_code, played.json()["code"]) == (409, "payment_intent_unexpected_state")
    assert await till.coins(ana) == 0


async def test_a_payment_in_the_last_moment_wins_over_the_cancelling(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await till.person()
    purchase_id = (await till.ask(ana)).json()["purchase_id"]
    look_again = wallet_api.look_again

    async def looked_then_paid(*arguments: object) -> object:
        result = await look_again(*arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        await play(till, purchase_id, "pm_card_visa")
        return result

    monkeypatch.setattr(wallet_api, "look_again", looked_then_paid)
    till.later(hours=24)
    await sweep_pending(till.state)

    assert await status_of(till, purchase_id) is Status.PAID
    assert await till.coins(ana) == PAID_COINS


async def test_money_still_on_its_way_after_a_day_is_waited_for(till: Till) -> None:
    ana = await till.person()
    purchase_id = await till.buy(ana, "processing")

    till.later(hours=24)
    await sweep_pending(till.state)
    assert await status_of(till, purchase_id) is Status.PROCESSING

    await till.pay(ana, purchase_id)
    assert await till.coins(ana) == PAID_COINS


async def test_what_stripe_was_never_asked_for_is_given_up_after_a_day(till: Till) -> None:
    till.line.faults = ["request"]
    await till.ask(await till.person())

    till.later(hours=24)
    await sweep_pending(till.state)

    assert await status_of(till, await the_only_purchase(till)) is Status.CANCELED
    assert await intents_made(till) == 0


async def test_an_intent_of_another_key_is_asked_about_for_a_day_and_then_given_up(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    await till.ask(await till.person())
    purchase_id = await the_only_purchase(till)
    monkeypatch.setattr(stripe_sandbox, "sandbox_key", lambda _secret: "sk_test_other")

    till.later(seconds=60)
    await sweep_pending(till.state)
    assert await status_of(till, purchase_id) is Status.REQUESTED

    till.later(hours=24)
    await sweep_pending(till.state)
    assert await status_of(till, purchase_id) is Status.CANCELED


async def test_a_sweep_that_gets_no_answer_tries_later(till: Till) -> None:
    await till.ask(await till.person())
    till.later(seconds=60)
    till.line.faults = ["request"]

    await sweep_pending(till.state)

    due_at = till.now + timedelta(seconds=120)
    assert await till.state["read"](purchases.due, now=till.now) == []
    assert len(await till.state["read"](purchases.due, now=due_at)) == 1


async def test_a_paid_purchase_stands_in_the_history(till: Till) -> None:
    ana = await till.person()
    purchase_id = await till.buy(ana)

    (line,) = (await till.get("/api/wallet/history", ana))["entries"]

    assert (line["kind"], line["coins"], line["purchase_id"]) == ("purchase", 700, purchase_id)
    assert line["words"] == "Bought 700 coins"


async def test_buying_is_limited_per_address(till: Till) -> None:
    ana = await till.person()
    outside = {**ana, "X-Forwarded-For": "203.0.113.7"}

    codes = [(await till.ask(outside, key=str(n))).status_code for n in range(21)]

    assert codes == [201] * 20 + [429]


async def test_an_intent_without_its_secret_starts_nothing(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await till.person()
    bare = Intent(id="pi_1", amount=969, currency="eur", livemode=False, status="new")
    monkeypatch.setattr(till.state["stripe"], "create_intent", lambda *_: bare)

    refused = await till.ask(ana)

    assert (refused.status_code, refused.json()["code"]) == (503, "payments_unavailable")


async def test_every_webhook_is_kept(till: Till) -> None:
    await till.buy(await till.person())

    kinds = await till.state["read"](
        lambda conn: conn.scalars(select(events.c.kind).order_by(events.c.kind)).all()
    )
    assert kinds == ["charge.succeeded", "payment_intent.created", "payment_intent.succeeded"]
