"""The sandbox: a stateful stand-in for Stripe that the real ``stripe.StripeClient`` talks to.

Coins plane, but test money only. It answers below ``/sandbox/stripe`` when no Stripe key is set,
only to a loopback Host header (or to everybody with ``OVATION_SANDBOX=1``), and only to its own
key. What it knows is kept in ``wallet_sandbox_*``, so a restart loses no pending purchase; its
webhooks are signed like Stripe's and posted to ``/api/stripe/webhook`` until they are taken.

The server's own requests and webhooks are carried inside the process rather than through a
socket: the client, its encoding and the signatures are the real ones, but no port has to be
known and no proxy can stand in the way.

Units   ``*_S`` seconds. Retries after 1, 2, 4, … s, at most ``RETRY_S_MAX`` apart.
Source  https://docs.stripe.com/api/authentication, https://docs.stripe.com/webhooks.
Jobs    ``jobs``: "sandbox webhooks" posts what is due, every second.
Limit   ``ATTEMPTS_MAX`` tries for a webhook; after that the pending sweep finds the payment.
"""

import asyncio
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httpx
import structlog
from sqlalchemy import Connection, delete, select, update
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
    sandbox_objects as objects,
)
from web import stripe_webhook
from web.errors import Problem
from web.jobs import Job
from web.operations import read_at_most
from web.settings import Settings
from web.state import State
from web.stripe_objects import SandboxRefusal
from web.stripe_requests import HANDLINGS, Asked, Handling, Told, answer, random_id, refuse
from web.stripe_webhook import derived, webhook_secret

PATH: Final = "/sandbox/stripe"
BODY_BYTES_MAX: Final = 64 * 1024
ATTEMPTS_MAX: Final = 20
RETRY_S_MAX: Final = 3_600
LEASE_S: Final = 30  # while somebody posts an event, nobody else does
DELIVERIES_AT_ONCE_MAX: Final = 50
INSIDE: Final = "http://127.0.0.1"

log = structlog.get_logger()

# HTTP


def check_reach(settings: Settings, *hosts: str) -> None:
    """Let in only who may play with test money.

    Args:
        hosts: Whom the request names (``hosts_of``); each must be this machine.

    Raises:
        Problem: 404 with a real Stripe key; 403 from outside.
    """
    if not settings.uses_sandbox:
        raise Problem(404, "no_sandbox", "There is no sandbox beside a real Stripe key")
    if not settings.sandbox and not all(map(is_loopback, hosts)):
        raise Problem(403, "sandbox_closed", "The sandbox answers only on this machine")


def hosts_of(request: Request[State]) -> list[str]:
    """Return the Host header, and the one a proxy was asked with.

    A proxy on this machine often asks for 127.0.0.1 in the name of the whole world.
    """
    proxied = request.headers.get("x-forwarded-host", "")
    told = [part.strip() for part in proxied.split(",") if part]
    return [request.headers.get("host", ""), *told]


def is_loopback(host: str) -> bool:
    """Return whether a Host header names this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
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
            check_reach(state["settings"], *hosts_of(request))
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
    """Answer; the webhooks this causes are kept with it and posted by ``deliver``."""
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
