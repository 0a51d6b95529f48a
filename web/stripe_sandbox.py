"""The sandbox: a stateful stand-in for Stripe that the real ``stripe.StripeClient`` talks to.

Coins plane, but test money only. It answers below ``/sandbox/stripe`` when no Stripe key is set,
only to a loopback Host header (or to everybody with ``OVATION_SANDBOX=1``), and only to its own
key. What it knows is kept in ``wallet_sandbox_*``, so a restart loses no pending purchase; its
webhooks are signed like Stripe's and posted to ``/api/stripe/webhook`` until they are taken.

The server's own requests and webhooks are carried inside the process rather than through a
socket: the client, its encoding and the signatures are the real ones, but no port has to be
known and no proxy can stand in the way.

Shape   ``Handling`` rows in ``HANDLINGS`` are the whole API; unknown parameters are refused.
Units   ``*_S`` seconds. Retries after 1, 2, 4, … s, at most ``RETRY_S_MAX`` apart.
Source  https://docs.stripe.com/api/idempotent_requests, /api/errors, /webhooks.
Limit   ``ATTEMPTS_MAX`` tries for a webhook; after that the pending sweep finds the payment.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final, TypeAlias, cast
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import structlog
from sqlalchemy import Connection, delete, insert, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from wallet import stripe_gateway
from wallet.stripe_gateway import Carrier, StripeGateway
from wallet.tables import (
    sandbox_deliveries as deliveries,
)
from wallet.tables import (
    sandbox_keys as keys,
)
from wallet.tables import (
    sandbox_objects as objects,
)
from web import stripe_webhook
from web.errors import Problem
from web.jobs import Job
from web.operations import read_at_most
from web.settings import Settings
from web.state import State
from web.stripe_objects import Body, SandboxRefusal, StripeObjects
from web.stripe_webhook import derived, webhook_secret

PATH: Final = "/sandbox/stripe"
BODY_BYTES_MAX: Final = 64 * 1024
LISTED_MAX: Final = 100
ATTEMPTS_MAX: Final = 20
RETRY_S_MAX: Final = 3_600
LEASE_S: Final = 30  # while somebody posts an event, nobody else does
DELIVERIES_AT_ONCE_MAX: Final = 50
INSIDE: Final = "http://127.0.0.1"

log = structlog.get_logger()

Kind: TypeAlias = "Callable[[str, str], Any] | dict[str, Kind]"
Params: TypeAlias = "dict[str, str | Params]"


# What parameters may be


def text(value: str, name: str) -> str:
    """Return any text that a database can hold.

    Raises:
        SandboxRefusal: It has a NUL character.
    """
    if "\x00" in value:
        raise SandboxRefusal("Invalid string", param=name)
    return value


def whole(value: str, name: str) -> int:
    """Return a whole number.

    Raises:
        SandboxRefusal: It is not one.
    """
    if not value.isascii() or not value.removeprefix("-").isdigit() or len(value) > 12:
        raise SandboxRefusal(
            f"Invalid integer: {value}", code="parameter_invalid_integer", param=name
        )
    return int(value)


def flag(value: str, name: str) -> bool:
    """Return true or false.

    Raises:
        SandboxRefusal: It is neither.
    """
    if value not in ("true", "false"):
        raise SandboxRefusal(f"Invalid boolean: {value}", param=name)
    return value == "true"


def currency(value: str, name: str) -> str:
    """Return a currency's code in lower case.

    Raises:
        SandboxRefusal: It has not three letters.
    """
    if len(value) != 3 or not value.isascii() or not value.isalpha():
        raise SandboxRefusal(f"Invalid currency: {value}", param=name)
    return value.lower()


METADATA: dict[str, Kind] = {"*": text}
PAYMENT: dict[str, Kind] = {"payment_method": text, "return_url": text}
CREATE_INTENT: dict[str, Kind] = PAYMENT | {
    "amount": whole,
    "currency": currency,
    "automatic_payment_methods": {"enabled": flag, "allow_redirects": text},
    "confirm": flag,
    "description": text,
    "metadata": METADATA,
}
CREATE_REFUND: dict[str, Kind] = {
    "charge": text,
    "payment_intent": text,
    "amount": whole,
    "reason": text,
    "metadata": METADATA,
}
UPDATE_DISPUTE: dict[str, Kind] = {"evidence": {"*": text}, "submit": flag}
LISTING: dict[str, Kind] = {"limit": whole, "starting_after": text}


@dataclass(frozen=True, slots=True)
class Handling:
    """One thing the sandbox can be asked.

    Attributes:
        run: Gets the objects, the id in the path ("" where there is none) and the parameters.
        accepts: Parameters it knows.
        needs: Those that may not be missing.
    """

    method: str
    path: str
    run: Callable[[StripeObjects, str, Body], Body]
    accepts: Mapping[str, Kind]
    needs: tuple[str, ...] = ()


def found(kind: str, path: str) -> Handling:
    """Return how one object of ``kind`` is looked up."""
    return Handling("GET", f"{path}/{{id}}", lambda made, one, _: made.find(kind, one), {})


def listed(kind: str, path: str) -> Handling:
    """Return how objects of ``kind`` are listed."""

    def run(made: StripeObjects, _one: str, params: Body) -> Body:
        limit = params.get("limit", 10)
        if not 1 <= limit <= LISTED_MAX:
            raise SandboxRefusal("Invalid limit", param="limit")
        return made.listing(kind, path, limit, params.get("starting_after"))

    return Handling("GET", path, run, LISTING)


INTENTS: Final = "/v1/payment_intents"
HANDLINGS: Final[Sequence[Handling]] = (
    Handling(
        "POST",
        INTENTS,
        lambda made, _, params: made.create_intent(params),
        CREATE_INTENT,
        ("amount", "currency"),
    ),
    Handling(
        "POST",
        f"{INTENTS}/{{id}}/confirm",
        lambda made, one, params: made.confirm_intent(one, params),
        PAYMENT,
    ),
    Handling(
        "POST",
        f"{INTENTS}/{{id}}/cancel",
        lambda made, one, params: made.cancel_intent(one, params),
        {"cancellation_reason": text},
    ),
    listed("payment_intent", INTENTS),
    found("payment_intent", INTENTS),
    listed("charge", "/v1/charges"),
    found("charge", "/v1/charges"),
    Handling(
        "POST", "/v1/refunds", lambda made, _, params: made.create_refund(params), CREATE_REFUND
    ),
    listed("refund", "/v1/refunds"),
    found("refund", "/v1/refunds"),
    Handling(
        "POST",
        "/v1/disputes/{id}/close",
        lambda made, one, _: made.close_dispute(one),
        {},
    ),
    Handling(
        "POST",
        "/v1/disputes/{id}",
        lambda made, one, params: made.update_dispute(one, params),
        UPDATE_DISPUTE,
    ),
    listed("dispute", "/v1/disputes"),
    found("dispute", "/v1/disputes"),
    listed("event", "/v1/events"),
    found("event", "/v1/events"),
)


def parse(pairs: Sequence[tuple[str, str]], accepts: Mapping[str, Kind]) -> Body:
    """Return form fields such as ``metadata[purchase_id]`` as nested, typed parameters.

    Raises:
        SandboxRefusal: A parameter is unknown or of another kind.
    """
    params: Body = {}
    for name, value in pairs:
        path = name.replace("]", "").split("[")
        kind: Kind | None = cast(Kind, accepts)
        target = params
        for step in path[:-1]:
            kind = step_into(kind, step)
            target = target.setdefault(step, {})
        kind = step_into(kind, path[-1])
        if not callable(kind):
            raise SandboxRefusal(
                f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )
        target[path[-1]] = kind(value, name)
    return params


def step_into(kind: "Kind | None", name: str) -> "Kind | None":
    """Return the kind of the member ``name``, or None if there is none."""
    return kind.get(name, kind.get("*")) if isinstance(kind, dict) else None


# Keeping objects


class DatabaseShelf:
    """Objects kept in ``wallet_sandbox_objects``; events also wait there to be delivered."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self._conn = conn
        self._now = now

    def get(self, object_id: str) -> Body | None:
        """Return the object, or None."""
        if "\x00" in object_id:
            return None
        body = self._conn.scalar(select(objects.c.body).where(objects.c.object_id == object_id))
        return None if body is None else cast(Body, msgspec.json.decode(body))

    def put(self, body: Body) -> None:
        """Keep the object as it is now."""
        encoded = msgspec.json.encode(body)
        changed = self._conn.scalar(
            update(objects)
            .where(objects.c.object_id == body["id"])
            .values(body=encoded)
            .returning(objects.c.position)
        )
        if changed is not None:
            return
        self._conn.execute(
            insert(objects).values(object_id=body["id"], object=body["object"], body=encoded)
        )
        if body["object"] == "event":
            self._conn.execute(
                insert(deliveries).values(event_id=body["id"], attempts_count=0, next_at=self._now)
            )

    def listed(self, kind: str, limit: int, after: str | None) -> list[Body]:
        """Return the newest objects of one kind, those made before ``after`` if it is given."""
        query = select(objects.c.body).where(objects.c.object == kind)
        if after is not None:
            position = select(objects.c.position).where(objects.c.object_id == after)
            query = query.where(objects.c.position < position.scalar_subquery())
        rows = self._conn.scalars(query.order_by(objects.c.position.desc()).limit(limit))
        return [msgspec.json.decode(body) for body in rows]


def random_id(prefix: str) -> str:
    """Return an id in Stripe's manner."""
    return f"{prefix}_{secrets.token_hex(12)}"


def open_objects(conn: Connection, now: datetime) -> StripeObjects:
    """Return the sandbox's objects as they are in the database."""
    return StripeObjects(DatabaseShelf(conn, now), random_id, now=now)


@dataclass(frozen=True, slots=True)
class Asked:
    """One authorised request to the sandbox."""

    handling: Handling
    object_id: str
    pairs: tuple[tuple[str, str], ...]
    key: str

    @property
    def hash(self) -> bytes:
        """A digest of what was asked, whatever the order of its parameters."""
        asked = [self.handling.method, self.handling.path, self.object_id, *sorted(self.pairs)]
        return hashlib.sha256(msgspec.json.encode(asked)).digest()


@dataclass(frozen=True, slots=True)
class Told:
    """What the sandbox answers."""

    status: int
    body: bytes
    is_replayed: bool = False


def answer(conn: Connection, asked: Asked, *, now: datetime) -> Told:
    """Do what is asked, once per Idempotency-Key."""
    known = conn.execute(select(keys).where(keys.c.key == asked.key)).first() if asked.key else None
    if known is not None:
        if known.asked_hash != asked.hash:
            return refuse(
                SandboxRefusal(
                    "Keys for idempotent requests can only be used with the same parameters "
                    "they were first used with.",
                    type="idempotency_error",
                )
            )
        return Told(known.status, known.body, is_replayed=True)
    try:
        params = parse(asked.pairs, asked.handling.accepts)
        for name in asked.handling.needs:
            if name not in params:
                raise SandboxRefusal(
                    f"Missing required param: {name}.", code="parameter_missing", param=name
                )
    except SandboxRefusal as refusal:  # nothing was begun, so the key stays free, as Stripe's
        return refuse(refusal)
    told = run(conn, asked, params, now=now)
    if asked.key:
        conn.execute(
            insert(keys).values(
                key=asked.key, asked_hash=asked.hash, status=told.status, body=told.body
            )
        )
    return told


def run(conn: Connection, asked: Asked, params: Body, *, now: datetime) -> Told:
    """Do what is asked; a refusal is an answer, so that what it changed is kept."""
    try:
        body = asked.handling.run(open_objects(conn, now), asked.object_id, params)
    except SandboxRefusal as refusal:
        return refuse(refusal)
    return Told(200, msgspec.json.encode(body))


def refuse(refusal: SandboxRefusal) -> Told:
    """Return a refusal in Stripe's shape."""
    return Told(refusal.status, msgspec.json.encode({"error": refusal.error}))


# HTTP


def check_reach(settings: Settings, host: str) -> None:
    """Let in only who may play with test money.

    Raises:
        Problem: 404 with a real Stripe key; 403 from outside.
    """
    if not settings.uses_sandbox:
        raise Problem(404, "no_sandbox", "There is no sandbox beside a real Stripe key")
    if not settings.sandbox and not is_loopback(host):
        raise Problem(403, "sandbox_closed", "The sandbox answers only on this machine")


def is_loopback(host: str) -> bool:
    """Return whether a Host header names this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def sandbox_key(secret: str) -> str:
    """Return the key the sandbox asks for; it looks like a test key of Stripe's."""
    return f"sk_test_sandbox_{derived(secret, 'key')}"


def endpoint(handling: Handling) -> Route:
    """Return the route that answers one kind of request."""

    async def answer_request(request: Request[State]) -> Response:
        state = request.state
        try:
            check_reach(state["settings"], request.headers.get("host", ""))
            body = await read_at_most(request, BODY_BYTES_MAX)
        except Problem as problem:
            return problem.response()
        if not is_authorised(request, sandbox_key(state["secret"])):
            told = refuse(SandboxRefusal("Invalid API Key provided", status=401))
        else:
            told = await tell(state, asked_in(request, handling, body))
        headers = {"Request-Id": random_id("req")}
        if told.is_replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(told.body, told.status, headers, "application/json")

    return Route(handling.path, answer_request, methods=[handling.method])


def asked_in(request: Request[State], handling: Handling, body: bytes) -> Asked:
    """Return what ``request`` asks."""
    sent = body.decode(errors="replace") if handling.method == "POST" else request.url.query
    return Asked(
        handling,
        request.path_params.get("id", ""),
        tuple(parse_qsl(sent, keep_blank_values=True)),
        request.headers.get("idempotency-key", "") if handling.method == "POST" else "",
    )


def is_authorised(request: Request[State], key: str) -> bool:
    """Return whether the request carries the sandbox's key."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), key.encode())


async def tell(state: State, asked: Asked) -> Told:
    """Answer and, when something changed, send the webhooks it caused."""
    now = state["clock"]()
    told: Told = await state["writer"].run(lambda conn: answer(conn, asked, now=now))
    return told


routes: list[BaseRoute] = [Mount(PATH, routes=[endpoint(handling) for handling in HANDLINGS])]


# Inside the process


def in_process(inner: Sequence[BaseRoute], state_of: Callable[[], State]) -> httpx.AsyncClient:
    """Return a client of our own routes that needs no socket."""
    router: ASGIApp = Router(routes=list(inner))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = state_of()
        await router(scope, receive, send)

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=INSIDE, trust_env=False)


def carrier(loop: asyncio.AbstractEventLoop, state_of: Callable[[], State]) -> Carrier:
    """Return what carries the Stripe client's requests, made in threads, to our own loop."""

    async def send(
        method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> httpx.Response:
        async with in_process(routes, state_of) as client:
            return await client.request(method, url, headers=dict(headers), content=body)

    def carry(
        method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[bytes, int, Mapping[str, str]]:
        coming = asyncio.run_coroutine_threadsafe(send(method, url, headers, body), loop)
        response = coming.result(stripe_gateway.TIMEOUT_S)
        return response.content, response.status_code, response.headers

    return carry


def open_gateway(settings: Settings, secret: str, state_of: Callable[[], State]) -> StripeGateway:
    """Return the gateway to Stripe, or to the sandbox where no key is set.

    Must be called on the loop that will serve the sandbox.
    """
    if not settings.uses_sandbox:
        return StripeGateway(settings.stripe_secret_key, api_base=settings.stripe_api_base)
    loop = asyncio.get_running_loop()
    return StripeGateway(
        sandbox_key(secret), api_base=f"{INSIDE}{PATH}", carry=carrier(loop, state_of)
    )


# Webhooks


def is_due(conn: Connection, *, now: datetime) -> bool:
    """Return whether an event waits to be posted."""
    waiting = select(deliveries.c.event_id).where(deliveries.c.next_at <= now).limit(1)
    return conn.execute(waiting).first() is not None


def take_due(conn: Connection, *, now: datetime) -> list[tuple[str, bytes]]:
    """Return events to be posted now, and keep others from posting them for a while."""
    due = conn.execute(
        select(*deliveries.c["event_id", "attempts_count"])
        .where(deliveries.c.next_at <= now)
        .order_by(deliveries.c.next_at, deliveries.c.event_id)
        .limit(DELIVERIES_AT_ONCE_MAX)
    ).all()
    for event_id, attempts_count in due:
        wait_s = max(LEASE_S, min(2**attempts_count, RETRY_S_MAX))
        conn.execute(
            update(deliveries)
            .where(deliveries.c.event_id == event_id)
            .values(attempts_count=attempts_count + 1, next_at=now + timedelta(seconds=wait_s))
        )
    ids = [event_id for event_id, _ in due]
    rows = conn.execute(
        select(*objects.c["object_id", "body"])
        .where(objects.c.object_id.in_(ids))
        .order_by(objects.c.position)
    )
    return [(event_id, body) for event_id, body in rows]


def settle_delivery(conn: Connection, event_id: str, taken: bool, *, now: datetime) -> None:
    """Note that an event was taken, or when to try again."""
    if taken:
        conn.execute(delete(deliveries).where(deliveries.c.event_id == event_id))
        return
    attempts = conn.scalar(
        select(deliveries.c.attempts_count).where(deliveries.c.event_id == event_id)
    )
    if attempts is None:
        return
    next_at = now + timedelta(seconds=min(2 ** (attempts - 1), RETRY_S_MAX))
    conn.execute(
        update(deliveries)
        .where(deliveries.c.event_id == event_id)
        .values(next_at=next_at if attempts < ATTEMPTS_MAX else None)
    )


async def deliver(state: State) -> None:
    """Post every webhook that is due."""
    settings = state["settings"]
    if not settings.uses_sandbox:
        return
    now = state["clock"]()
    if not await state["read"](is_due, now=now):  # so that an idle server writes nothing
        return
    secret = webhook_secret(settings, state["secret"])
    due = await state["writer"].run(lambda conn: take_due(conn, now=now))
    async with in_process(stripe_webhook.routes, lambda: state) as client:
        for event_id, body in due:
            now = state["clock"]()
            signature = stripe_gateway.sign(body, secret, now=now)
            response = await client.post(
                stripe_webhook.PATH, content=body, headers={"Stripe-Signature": signature}
            )
            await settle(state, event_id, response.is_success)


async def settle(state: State, event_id: str, taken: bool) -> None:
    """Keep what became of one webhook."""
    now = state["clock"]()
    if not taken:
        log.warning("sandbox webhook not taken", event_id=event_id)
    await state["writer"].run(lambda conn: settle_delivery(conn, event_id, taken, now=now))


jobs: tuple[Job, ...] = (Job("sandbox webhooks", 1.0, deliver),)
