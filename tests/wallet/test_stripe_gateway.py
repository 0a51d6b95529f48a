"""Reading signed webhooks and asking Stripe, against the real client library."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet import stripe_gateway
from wallet.errors import BadEvent, BadSignature, StripeRefused, StripeUnavailable
from wallet.stripe_gateway import Charge, Dispute, Intent, StripeGateway

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SECRET = "whsec_test"
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 99,
    "amount_received": 99,
    "currency": "eur",
    "livemode": False,
    "status": "succeeded",
    "metadata": {"purchase_id": "p1"},
    "latest_charge": "ch_1",
    "client_secret": "pi_1_secret_x",
}


def an_event(kind: str, about: object, **changes: object) -> bytes:
    """Return an event's body as Stripe would send it."""
    envelope = {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "created": int(NOON.timestamp()),
        "livemode": False,
        "data": {"object": about},
    }
    return msgspec.json.encode(envelope | changes)


def signed(body: bytes, secret: str = SECRET, at: datetime = NOON) -> str:
    """Return the signature header Stripe would send with ``body``."""
    return stripe_gateway.sign(body, secret, now=at)


class Line:
    """A line to a Stripe that answers what it was told to, in order."""

    def __init__(self, *answers: tuple[int, object] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Mapping[str, str], bytes]] = []

    def carry(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[bytes, int, Mapping[str, str]]:
        self.asked.append((method, url, headers, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, content = answer
        return msgspec.json.encode(content), status, {}


def a_gateway(line: Line) -> StripeGateway:
    """Return a gateway that retries nothing, so that each test sees one request."""
    return StripeGateway("sk_test_1", carry=line.carry, network_retries_max=0)


def test_a_signed_event_is_read_as_what_it_is_about() -> None:
    body = an_event("payment_intent.succeeded", INTENT)

    event = stripe_gateway.read(body, signed(body), SECRET, now=NOON)

    assert (event.event_id, event.kind, event.created_at) == (
        "evt_1",
        "payment_intent.succeeded",
        NOON,
    )
    assert isinstance(event.about, Intent)
    assert event.about.purchase_id == "p1"


def test_kinds_we_do_not_follow_are_read_without_looking_inside() -> None:
    body = an_event("customer.created", {"whatever": 1})

    assert stripe_gateway.read(body, signed(body), SECRET, now=NOON).about is None


def test_a_dispute_says_what_was_taken_and_given_back_in_the_charges_own_currency() -> None:
    moves = [
        {"id": "txn_1", "amount": -1300, "fee": 1500, "currency": "eur"},
        {"id": "txn_2", "amount": 1300, "fee": -1500, "currency": "eur"},
        {"id": "txn_3", "amount": -1400, "fee": 0, "currency": "usd"},
    ]
    about = {
        "id": "dp_1",
        "amount": 1300,
        "charge": "ch_1",
        "currency": "eur",
        "livemode": False,
        "status": "won",
        "balance_transactions": moves,
    }
    body = an_event("charge.dispute.closed", about)

    dispute = stripe_gateway.read(body, signed(body), SECRET, now=NOON).about

    assert isinstance(dispute, Dispute)
    assert (dispute.withdrawn_minor, dispute.reinstated_minor) == (1300, 1300)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "v1=abc",
        "t=abc,v1=abc",
        "t=1767355200,v1=é",
        "t=1767355200",
        "nonsense",
        "t=1767355200,v0=" + "0" * 64,
    ],
)
def test_a_signature_that_is_not_ours_is_refused(signature: str) -> None:
    with pytest.raises(BadSignature):
        stripe_gateway.read(b"{}", signature, SECRET, now=NOON)


def test_another_secret_and_changed_bytes_are_refused() -> None:
    body = an_event("payment_intent.succeeded", INTENT)

    with pytest.raises(BadSignature):
        stripe_gateway.read(body, signed(body, "whsec_other"), SECRET, now=NOON)
    with pytest.raises(BadSignature):
        stripe_gateway.read(body + b" ", signed(body), SECRET, now=NOON)


@pytest.mark.parametrize(
    ("age_s", "is_taken"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_a_signature_is_good_for_300_seconds(age_s: int, is_taken: bool) -> None:
    body = an_event("payment_intent.succeeded", INTENT)
    signature = signed(body, at=NOON - timedelta(seconds=age_s))

    if is_taken:
        assert stripe_gateway.read(body, signature, SECRET, now=NOON).event_id == "evt_1"
    else:
        with pytest.raises(BadSignature):
            stripe_gateway.read(body, signature, SECRET, now=NOON)


def test_a_second_timestamp_does_not_freshen_an_old_signature() -> None:
    body = an_event("payment_intent.succeeded", INTENT)
    old = signed(body, at=NOON - timedelta(days=1))

    with pytest.raises(BadSignature):
        stripe_gateway.read(body, f"{old},t={int(NOON.timestamp())}", SECRET, now=NOON)


def test_a_body_that_is_not_text_is_refused_as_unsigned() -> None:
    with pytest.raises(BadSignature):
        stripe_gateway.read(b"\xff\xfe", "t=1767355200,v1=00", SECRET, now=NOON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"id": "evt_1"}',
        an_event("payment_intent.succeeded", {"id": "pi_1"}),
        an_event("payment_intent.succeeded", INTENT | {"amount": "99"}),
        an_event("payment_intent.succeeded", INTENT, created=10**18),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(BadEvent):
        stripe_gateway.read(body, signed(body), SECRET, now=NOON)


@given(st.text().map(str.encode))
def test_whatever_is_signed_is_read_or_refused(body: bytes) -> None:
    with pytest.raises(BadEvent):
        stripe_gateway.read(body, signed(body), SECRET, now=NOON)


@given(st.binary(), st.text())
def test_whatever_is_not_signed_is_refused(body: bytes, signature: str) -> None:
    with pytest.raises(BadSignature):
        stripe_gateway.read(body, signature, SECRET, now=NOON)


def test_an_intent_is_asked_for_with_our_own_idempotency_key() -> None:
    line = Line((200, INTENT))

    intent = a_gateway(line).create_intent("p1", 99, "EUR")

    method, url, headers, body = line.asked[0]
    assert intent.client_secret == "pi_1_secret_x"
    assert (method, url) == ("post", "https://api.stripe.com/v1/payment_intents")
    assert headers["Idempotency-Key"] == "purchase/p1"
    assert headers["Authorization"] == "Bearer sk_test_1"
    assert sorted(body.decode().split("&")) == [
        "amount=99",
        "automatic_payment_methods[enabled]=true",
        "currency=eur",
        "metadata[purchase_id]=p1",
    ]


def test_a_retry_after_a_lost_answer_carries_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(OSError("reset"), (200, INTENT))
    gateway = StripeGateway("sk_test_1", carry=line.carry, network_retries_max=1)
    monkeypatch.setattr("stripe._http_client.time.sleep", lambda _: None)

    gateway.create_intent("p1", 99, "EUR")

    assert [headers["Idempotency-Key"] for _, _, headers, _ in line.asked] == ["purchase/p1"] * 2


def test_intents_and_charges_are_retrieved_and_intents_cancelled() -> None:
    charge = {"id": "ch_1", "amount": 99, "currency": "eur", "livemode": False}
    line = Line((200, INTENT), (200, charge), (200, INTENT | {"status": "canceled"}))
    gateway = a_gateway(line)

    assert gateway.intent("pi_1").status == "succeeded"
    assert gateway.charge("ch_1") == Charge(id="ch_1", amount=99, currency="eur", livemode=False)
    assert gateway.cancel_intent("pi_1").status == "canceled"
    assert line.asked[2][1].endswith("/v1/payment_intents/pi_1/cancel")


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_an_answer_that_settles_nothing_means_unavailable(status: int) -> None:
    line = Line((status, {"error": {"message": "later", "type": "api_error"}}))

    with pytest.raises(StripeUnavailable):
        a_gateway(line).create_intent("p1", 99, "EUR")


@pytest.mark.parametrize("answer", [OSError("reset"), TimeoutError(), (200, {"id": 7}), (200, [])])
def test_no_usable_answer_means_unavailable(answer: tuple[int, object] | Exception) -> None:
    with pytest.raises(StripeUnavailable):
        a_gateway(Line(answer)).intent("pi_1")


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (404, {"type": "invalid_request_error", "code": "resource_missing"}, "resource_missing"),
        (401, {"type": "invalid_request_error"}, "AuthenticationError"),
        (402, {"type": "card_error", "code": "card_declined"}, "card_declined"),
        (400, {"type": "idempotency_error"}, "IdempotencyError"),
    ],
)
def test_a_refusal_keeps_its_status_and_code(status: int, error: dict[str, str], code: str) -> None:
    line = Line((status, {"error": error}))

    with pytest.raises(StripeRefused) as refused:
        a_gateway(line).intent("pi_1")

    assert (refused.value.status, refused.value.code) == (status, code)
    assert str(refused.value) == f"{status} {code}"


def test_the_decline_code_tells_more_than_the_code() -> None:
    declined = {"code": "card_declined", "decline_code": "insufficient_funds"}

    def failed(error: dict[str, Any] | None) -> str | None:
        return msgspec.convert(INTENT | {"last_payment_error": error}, Intent).failure_code

    assert failed(declined) == "insufficient_funds"
    assert failed({"code": "card_declined"}) == "card_declined"
    assert failed({}) is None
    assert failed(None) is None
