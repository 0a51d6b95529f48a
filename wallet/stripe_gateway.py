"""Stripe's API and webhooks as values of ours: the only file that imports ``stripe``.

Coins plane. Nothing here touches the database, and no method may be called inside a
transaction: each can take seconds. Every method blocks; ``web`` calls them in a thread.

Units   amounts: the currency's smallest unit, as Stripe has them (``*_minor``).
        ``TOLERANCE_S``, ``TIMEOUT_S``: seconds.
Source  https://docs.stripe.com/api (PaymentIntents, Charges, Disputes, idempotent requests),
        https://docs.stripe.com/webhooks#verify-manually; stripe-python 16.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
import stripe

from wallet.errors import BadEvent, BadSignature, StripeRefused, StripeUnavailable

TOLERANCE_S: Final = 300  # Stripe's own default for the age of a signature
TIMEOUT_S: Final = 20.0
NETWORK_RETRIES_MAX: Final = 2  # 0.5 s and 1 s apart; StripeClient's own default is none at all
PURCHASE_FIELD: Final = "purchase_id"  # the metadata entry that names our purchase

T = TypeVar("T")
Carrier: TypeAlias = Callable[
    [str, str, Mapping[str, str], bytes], tuple[bytes, int, Mapping[str, str]]
]
"""Takes method, URL, headers and body somewhere; gives body, status and headers back."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A PaymentIntent, as far as it concerns us."""

    id: str
    amount: int
    currency: str
    livemode: bool
    status: str
    amount_received: int = 0
    client_secret: str | None = None
    metadata: dict[str, str] = {}
    latest_charge: str | None = None
    last_payment_error: dict[str, Any] | None = None

    @property
    def purchase_id(self) -> str | None:
        """The purchase this intent was made for, if it was made by us."""
        return self.metadata.get(PURCHASE_FIELD)

    @property
    def failure_code(self) -> str | None:
        """Why the last attempt to pay failed, in Stripe's words for machines."""
        error = self.last_payment_error or {}
        code = error.get("decline_code") or error.get("code")
        return str(code) if code else None


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """One successful or failed attempt to take money for an intent."""

    id: str
    amount: int
    currency: str
    livemode: bool
    amount_refunded: int = 0
    payment_intent: str | None = None
    metadata: dict[str, str] = {}

    @property
    def purchase_id(self) -> str | None:
        """The purchase named in the metadata a charge copies from its intent."""
        return self.metadata.get(PURCHASE_FIELD)


class BalanceMove(msgspec.Struct, frozen=True, kw_only=True):
    """One line of Stripe's balance that a dispute caused; negative: taken from us."""

    id: str
    amount: int
    currency: str


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A cardholder's complaint at the bank about one charge."""

    id: str
    amount: int
    charge: str
    currency: str
    livemode: bool
    status: str
    payment_intent: str | None = None
    balance_transactions: list[BalanceMove] = []

    @property
    def withdrawn_minor(self) -> int:
        """What Stripe has taken from us for it, before fees."""
        return -sum(move.amount for move in self._moves() if move.amount < 0)

    @property
    def reinstated_minor(self) -> int:
        """What Stripe has given back of it, before fees."""
        return sum(move.amount for move in self._moves() if move.amount > 0)

    def _moves(self) -> list[BalanceMove]:
        # Lines in another currency are Stripe's settlement, not the charge's money.
        return [move for move in self.balance_transactions if move.currency == self.currency]


@dataclass(frozen=True, slots=True)
class Event:
    """A verified webhook.

    Attributes:
        kind: Stripe's type, for example ``payment_intent.succeeded``.
        about: What it is about, as it was when the event was made; None for kinds we do
            not follow.
    """

    event_id: str
    kind: str
    created_at: datetime
    livemode: bool
    about: Intent | Charge | Dispute | None


class _Envelope(msgspec.Struct, frozen=True):
    id: str
    type: str
    created: int
    livemode: bool
    data: "_Content"


class _Content(msgspec.Struct, frozen=True):
    object: msgspec.Raw


FOLLOWED: Final[Mapping[str, type[Intent] | type[Charge] | type[Dispute]]] = {
    "payment_intent.succeeded": Intent,
    "payment_intent.processing": Intent,
    "payment_intent.payment_failed": Intent,
    "payment_intent.canceled": Intent,
    "charge.refunded": Charge,
    "charge.dispute.created": Dispute,
    "charge.dispute.updated": Dispute,
    "charge.dispute.funds_withdrawn": Dispute,
    "charge.dispute.funds_reinstated": Dispute,
    "charge.dispute.closed": Dispute,
}


def read(body: bytes, signature: str, secret: str, *, now: datetime) -> Event:
    """Return the event in ``body``, having checked first that Stripe signed these bytes.

    Raises:
        BadSignature: Another secret, other bytes, or signed over ``TOLERANCE_S`` from now.
        BadEvent: Signed, but not an event.
    """
    verify(body, signature, secret, now=now)
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        kind = FOLLOWED.get(envelope.type)
        about = msgspec.json.decode(envelope.data.object, type=kind) if kind else None
        created_at = datetime.fromtimestamp(envelope.created, UTC)
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError) as error:
        raise BadEvent(str(error)) from error
    return Event(envelope.id, envelope.type, created_at, envelope.livemode, about)


def verify(body: bytes, signature: str, secret: str, *, now: datetime) -> None:
    """Check that ``signature`` is ours for ``body`` and fresh.

    The age is checked here because the library would read the clock for it.

    Raises:
        BadSignature: It is not.
    """
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret)
        # The first "t" is the signed one; a later one could be anybody's.
        signed_at = next(part for part in signature.split(",") if part.startswith("t="))
        age_s = now.timestamp() - int(signed_at.removeprefix("t="))
    except (stripe.SignatureVerificationError, ValueError, TypeError, StopIteration) as error:
        raise BadSignature("not signed with this endpoint's secret") from error
    if abs(age_s) > TOLERANCE_S:
        raise BadSignature(f"signed more than {TOLERANCE_S} s from now")


def sign(body: bytes, secret: str, *, now: datetime) -> str:
    """Return the Stripe-Signature header for ``body``; the sandbox signs with it."""
    header = stripe.WebhookSignature.generate_signature_header(
        body.decode(), secret, int(now.timestamp())
    )
    return str(header)


class StripeGateway:
    """Our few requests to Stripe, or to the sandbox that speaks its language.

    Args:
        secret_key: Decides whether real money moves.
        api_base: Where the API is, if not at Stripe's own address.
        carry: Takes requests to a stand-in in this process instead of the network.
    """

    def __init__(
        self,
        secret_key: str,
        *,
        api_base: str = "",
        carry: Carrier | None = None,
        network_retries_max: int = NETWORK_RETRIES_MAX,
    ) -> None:
        transport = _Carried(carry) if carry else stripe.RequestsClient(timeout=TIMEOUT_S)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=network_retries_max,
            http_client=transport,
        )

    def create_intent(self, purchase_id: str, amount_minor: int, currency: str) -> Intent:
        """Ask for money for a purchase; asking again for the same purchase asks only once.

        Raises:
            StripeRefused: Stripe will not.
            StripeUnavailable: It may have been made; ask again.
        """
        return self._ask(
            Intent,
            lambda: self._client.v1.payment_intents.create(
                {
                    "amount": amount_minor,
                    "currency": currency.lower(),
                    "automatic_payment_methods": {"enabled": True},
                    "metadata": {PURCHASE_FIELD: purchase_id},
                },
                {"idempotency_key": f"purchase/{purchase_id}"},
            ),
        )

    def intent(self, intent_id: str) -> Intent:
        """Return the intent as it is now.

        Raises:
            StripeRefused: There is no such intent.
            StripeUnavailable: No usable answer.
        """
        return self._ask(Intent, lambda: self._client.v1.payment_intents.retrieve(intent_id))

    def cancel_intent(self, intent_id: str) -> Intent:
        """Make sure that nobody can pay the intent any more.

        Raises:
            StripeRefused: Too late, for example because it was paid.
            StripeUnavailable: It may have been cancelled; ask again.
        """
        return self._ask(
            Intent,
            lambda: self._client.v1.payment_intents.cancel(
                intent_id,
                {"cancellation_reason": "abandoned"},
                {"idempotency_key": f"cancel/{intent_id}"},
            ),
        )

    def charge(self, charge_id: str) -> Charge:
        """Return the charge as it is now.

        Raises:
            StripeRefused: There is no such charge.
            StripeUnavailable: No usable answer.
        """
        return self._ask(Charge, lambda: self._client.v1.charges.retrieve(charge_id))

    def _ask(self, kind: type[T], call: Callable[[], stripe.StripeObject]) -> T:
        try:
            answer = call()
            plain = answer.to_dict() if isinstance(answer, stripe.StripeObject) else answer
            return msgspec.convert(plain, kind)
        except (stripe.APIConnectionError, stripe.RateLimitError) as error:
            raise StripeUnavailable(type(error).__name__) from error
        except stripe.StripeError as error:
            # Its text may quote what a person typed; code and status are enough for us.
            status = error.http_status or 500
            if status == 409 or status >= 500:
                raise StripeUnavailable(f"{status} {type(error).__name__}") from error
            raise StripeRefused(status, error.code or type(error).__name__) from error
        except msgspec.ValidationError as error:
            raise StripeUnavailable(f"an answer we cannot read: {error}") from error


class _Carried(stripe.HTTPClient):
    """Lets a function carry the client's requests instead of a socket."""

    name = "carried"

    def __init__(self, carry: Carrier) -> None:
        super().__init__()
        self._carry = carry

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Carry one request.

        Raises:
            stripe.APIConnectionError: It did not arrive, or no answer came back.
        """
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        try:
            return self._carry(method, url, headers or {}, body)
        except (OSError, TimeoutError) as error:
            lost = stripe.APIConnectionError(str(error), should_retry=True)  # type: ignore[no-untyped-call]
            raise lost from error

    def close(self) -> None:
        """Nothing is held open."""
