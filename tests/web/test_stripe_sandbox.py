"""The sandbox over HTTP: Stripe's manners, its memory, its reach and its webhooks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.conftest import Server
from tests.web.payments import SECRET, Till, open_till
from wallet.errors import StripeRefused
from wallet.stripe_gateway import StripeGateway
from wallet.tables import sandbox_deliveries, sandbox_objects
from web import stripe_sandbox
from web.errors import Problem
from web.settings import read_settings
from web.stripe_sandbox import PATH, check_reach, is_loopback, open_gateway, sandbox_key

INTENTS = "/v1/payment_intents"
ASKED = {"amount": "969", "currency": "eur", "metadata[purchase_id]": "p1"}


@pytest.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    """Payment routes on a database of the test's own."""
    async with open_till(database_url) as found:
        yield found


async def waiting(till: Till) -> int:
    """Return how many webhooks wait to be taken."""
    count = await till.state["read"](
        lambda conn: conn.scalar(select(func.count()).select_from(sandbox_deliveries))
    )
    return int(count or 0)


async def test_an_intent_is_made_listed_and_found_again(till: Till) -> None:
    made = (await till.stripe("POST", INTENTS, data=ASKED)).json()

    assert made["metadata"] == {"purchase_id": "p1"}
    assert (await till.stripe("GET", f"{INTENTS}/{made['id']}")).json() == made
    listed = (await till.stripe("GET", INTENTS, params={"limit": 1})).json()
    assert (listed["object"], listed["data"], listed["has_more"]) == ("list", [made], False)


async def test_the_real_client_talks_to_it_and_a_restart_forgets_nothing(
    database_url: str,
) -> None:
    async with open_till(database_url) as till:
        made = await asyncio.to_thread(till.state["stripe"].create_intent, "p1", 969, "EUR")
        again = await asyncio.to_thread(till.state["stripe"].create_intent, "p1", 969, "EUR")
    assert (made.status, again) == ("requires_payment_method", made)

    async with open_till(database_url) as till:
        gateway = till.state["stripe"]
        assert await asyncio.to_thread(gateway.intent, made.id) == made
        cancelled = await asyncio.to_thread(gateway.cancel_intent, made.id)
        with pytest.raises(StripeRefused):
            await asyncio.to_thread(gateway.charge, "ch_nothing")
    assert cancelled.status == "canceled"


async def test_the_same_key_and_parameters_give_the_same_answer(till: Till) -> None:
    headers = {"Idempotency-Key": "k"}

    first = await till.stripe("POST", INTENTS, data=ASKED, headers=headers)
    till.later(days=2)
    again = await till.stripe("POST", INTENTS, data=ASKED, headers=headers)

    assert again.content == first.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_the_same_key_for_something_else_is_refused(till: Till) -> None:
    headers = {"Idempotency-Key": "k"}
    await till.stripe("POST", INTENTS, data=ASKED, headers=headers)

    other = await till.stripe("POST", INTENTS, data=ASKED | {"amount": "970"}, headers=headers)

    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


async def test_a_refusal_of_something_begun_is_repeated_under_its_key(till: Till) -> None:
    made = (await till.stripe("POST", INTENTS, data=ASKED)).json()
    confirm = f"{INTENTS}/{made['id']}/confirm"
    declined = {"payment_method": "pm_card_chargeDeclined"}

    answers = [
        await till.stripe("POST", confirm, data=declined, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [402, 402]
    assert answers[0].content == answers[1].content
    events = (await till.stripe("GET", "/v1/events")).json()["data"]
    assert [event["type"] for event in events] == [
        "payment_intent.payment_failed",
        "payment_intent.created",
    ]


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"metadata[a][b]": "c"}, "parameter_unknown", "metadata[a][b]"),
        ({"amount[x]": "c"}, "parameter_unknown", "amount[x]"),
        ({"automatic_payment_methods": "x"}, "parameter_unknown", "automatic_payment_methods"),
        ({"amount": "9.69"}, "parameter_invalid_integer", "amount"),
        ({"amount": "٣"}, "parameter_invalid_integer", "amount"),
        ({"currency": "euro"}, None, "currency"),
        ({"description": "a\x00b"}, None, "description"),
        ({"confirm": "yes"}, None, "confirm"),
    ],
)
async def test_parameters_are_checked_and_the_key_stays_free(
    till: Till, changes: dict[str, str], code: str | None, param: str
) -> None:
    headers = {"Idempotency-Key": "k"}

    refused = await till.stripe("POST", INTENTS, data=ASKED | changes, headers=headers)

    error = refused.json()["error"]
    assert (refused.status_code, error.get("code"), error["param"]) == (400, code, param)
    assert (await till.stripe("POST", INTENTS, data=ASKED, headers=headers)).status_code == 200


async def test_a_missing_parameter_is_named(till: Till) -> None:
    refused = await till.stripe("POST", INTENTS, data={"amount": "969"})

    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (
        400,
        "parameter_missing",
        "currency",
    )


@pytest.mark.parametrize("limit", ["0", "101", "x"])
async def test_a_page_has_1_to_100_objects(till: Till, limit: str) -> None:
    refused = await till.stripe("GET", INTENTS, params={"limit": limit})

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "limit")


@pytest.mark.parametrize("object_id", ["pi_nothing", "%00", "é"])
async def test_what_is_not_there_is_missing(till: Till, object_id: str) -> None:
    missing = await till.stripe("GET", f"{INTENTS}/{object_id}")

    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "resource_missing")


async def test_refunds_and_disputes_are_asked_for_over_http(till: Till) -> None:
    pays = {"confirm": "true", "payment_method": "pm_card_createDispute"}
    charge_id = (await till.stripe("POST", INTENTS, data=ASKED | pays)).json()["latest_charge"]

    refund = await till.stripe("POST", "/v1/refunds", data={"charge": charge_id, "amount": "69"})
    (dispute,) = (await till.stripe("GET", "/v1/disputes")).json()["data"]
    evidence = {"evidence[uncategorized_text]": "winning_evidence"}
    won = await till.stripe("POST", f"/v1/disputes/{dispute['id']}", data=evidence)
    closed = await till.stripe("POST", f"/v1/disputes/{dispute['id']}/close")

    assert (refund.json()["status"], won.json()["status"]) == ("succeeded", "won")
    assert closed.status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk_test_other"}])
async def test_only_its_own_key_opens_it(till: Till, headers: dict[str, str]) -> None:
    refused = await till.client.get(f"{PATH}{INTENTS}", headers=headers)

    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "invalid_request_error")


@pytest.mark.parametrize(
    "host", ["ovation.example", "10.0.0.7:8000", "localhost.evil.example", "", "["]
)
async def test_it_does_not_answer_from_outside(till: Till, host: str) -> None:
    refused = await till.stripe("GET", INTENTS, headers={"Host": host})

    assert (refused.status_code, refused.json()["code"]) == (403, "sandbox_closed")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "ovation.example"},
        {"X-Forwarded-Host": "localhost, ovation.example"},
        {"Host": "ovation.example", "X-Forwarded-Host": "localhost"},
    ],
)
async def test_a_proxy_on_this_machine_does_not_let_the_world_in(
    till: Till, headers: dict[str, str]
) -> None:
    refused = await till.stripe("GET", INTENTS, headers={"Host": "127.0.0.1"} | headers)

    assert (refused.status_code, refused.json()["code"]) == (403, "sandbox_closed")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "a.localhost"]
)
def test_loopback_hosts_are_this_machine(host: str) -> None:
    assert is_loopback(host)


def test_it_answers_everybody_where_it_is_meant_to() -> None:
    check_reach(read_settings({"OVATION_SANDBOX": "1"}), "ovation.example")


def test_there_is_none_beside_a_real_key() -> None:
    settings = read_settings(
        {},
        stripe_secret_key="sk_test_1",
        stripe_webhook_secret="whsec_1",
        stripe_publishable_key="pk_test_1",
    )

    with pytest.raises(Problem) as refused:
        check_reach(settings, "localhost")
    assert refused.value.status == 404


async def test_a_real_key_goes_to_stripe_and_none_to_the_sandbox(till: Till) -> None:
    inside = open_gateway(till.settings, SECRET, lambda: till.state)
    outside = open_gateway(
        read_settings(
            {},
            stripe_secret_key="sk_test_1",
            stripe_webhook_secret="whsec_1",
            stripe_publishable_key="pk_test_1",
            stripe_api_base="http://127.0.0.1:9",
        ),
        SECRET,
        lambda: till.state,
    )

    assert (await asyncio.to_thread(inside.create_intent, "p1", 969, "EUR")).amount == 969
    assert isinstance(outside, StripeGateway)


async def test_webhooks_wait_until_they_are_taken_and_then_no_longer(till: Till) -> None:
    await till.stripe("POST", INTENTS, data=ASKED)
    assert await waiting(till) == 1

    await stripe_sandbox.deliver(till.state)

    assert await waiting(till) == 0


async def test_a_webhook_that_is_not_taken_comes_again_ever_more_rarely(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_sandbox, "webhook_secret", lambda *_: "whsec_wrong")
    await till.stripe("POST", INTENTS, data=ASKED)

    waits: list[float] = []
    for _ in range(6):
        await stripe_sandbox.deliver(till.state)
        next_at = await till.state["read"](
            lambda conn: conn.scalar(select(sandbox_deliveries.c.next_at))
        )
        assert next_at is not None
        waits.append((next_at - till.now).total_seconds())
        till.now = next_at
    assert waits == [1, 2, 4, 8, 16, 32]

    monkeypatch.undo()
    await stripe_sandbox.deliver(till.state)
    assert await waiting(till) == 0


async def test_a_webhook_nobody_ever_takes_is_given_up(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_sandbox, "webhook_secret", lambda *_: "whsec_wrong")
    monkeypatch.setattr(stripe_sandbox, "ATTEMPTS_MAX", 2)
    await till.stripe("POST", INTENTS, data=ASKED)

    for _ in range(2):
        await stripe_sandbox.deliver(till.state)
        till.later(hours=2)

    due = await till.state["writer"].run(lambda conn: stripe_sandbox.take_due(conn, now=till.now))
    assert due == []


async def test_what_somebody_is_posting_nobody_else_posts(till: Till) -> None:
    await till.stripe("POST", INTENTS, data=ASKED)

    def take(conn: Any) -> list[tuple[str, bytes]]:
        return stripe_sandbox.take_due(conn, now=till.now)

    assert len(await till.state["writer"].run(take)) == 1
    assert await till.state["writer"].run(take) == []
    till.later(seconds=30)
    assert len(await till.state["writer"].run(take)) == 1


async def test_settling_a_webhook_twice_is_harmless(till: Till) -> None:
    await stripe_sandbox.settle(till.state, "evt_gone", taken=False)

    assert await waiting(till) == 0


async def test_every_object_is_kept_once(till: Till) -> None:
    made = (await till.stripe("POST", INTENTS, data=ASKED)).json()
    await till.stripe(
        "POST", f"{INTENTS}/{made['id']}/confirm", data={"payment_method": "pm_card_visa"}
    )

    kept = await till.state["read"](
        lambda conn: conn.scalars(
            select(sandbox_objects.c.object).where(sandbox_objects.c.object != "event")
        ).all()
    )
    assert sorted(kept) == ["charge", "payment_intent"]


def test_the_real_client_reaches_it_over_a_socket(
    module_server: Server,
) -> None:
    secret = (module_server.folder / "var" / "secret-key").read_text()
    gateway = StripeGateway(sandbox_key(secret), api_base=f"{module_server.url}{PATH}")

    intent = gateway.create_intent("p1", 969, "EUR")

    assert gateway.intent(intent.id) == intent
    assert gateway.cancel_intent(intent.id).status == "canceled"
