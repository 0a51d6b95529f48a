"""The application: what is opened, in which order, and which routes there are.

``create_app(settings)`` is the one place where packages are put together.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import Any

import ifaddr
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from live.audience import Audience
from live.bus import InProcessBus
from live.media import MediaPlane
from wallet.writer import Writer
from web import (
    accounts_api,
    asyncapi,
    finance_api,
    gift_announcer,
    gifts_api,
    health_api,
    mail,
    manners_api,
    me_api,
    moderation_api,
    openapi,
    pages,
    room_commands,
    rooms_api,
    rooms_live,
    sandbox_api,
    socket_api,
    stripe_sandbox,
    stripe_webhook,
    wallet_api,
    whip_api,
    wire,
)
from web.database import PoolWriters, QueuedWrites, Readers, open_engine
from web.entrances import Entrances
from web.errors import bug, database_away, http_exception
from web.jobs import Job, run_jobs
from web.limits import Limits
from web.mail import Outbox
from web.media_events import MediaEvents
from web.operations import Operation
from web.people.pacing import LogInPacing
from web.settings import Settings, load_secret
from web.sockets import Sockets
from web.state import State
from web.trust.enforcement import Enforcement

DRAIN_LOOK_S = 0.2
MEDIA_BIND_HOST = "0.0.0.0"  # SDP says which of the machine's addresses to use

OPERATIONS: tuple[Operation, ...] = (
    *accounts_api.operations,
    *me_api.operations,
    *rooms_api.operations,
    *manners_api.operations,
    *gifts_api.operations,
    *wallet_api.operations,
    *moderation_api.operations,
    *finance_api.operations,
    *stripe_webhook.operations,
    *sandbox_api.operations,
)
JOBS: tuple[Job, ...] = (
    *rooms_live.jobs,
    *gift_announcer.jobs,
    *wallet_api.jobs,
    *accounts_api.jobs,
    *moderation_api.jobs,
    *mail.jobs,
    *stripe_sandbox.jobs,
    *finance_api.jobs,
)


REFUSALS: dict[Any, Any] = {
    HTTPException: pages.or_problem(http_exception),
    OperationalError: pages.or_problem(database_away),
    500: pages.or_problem(bug),
}


def create_app(settings: Settings, *, extra: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application; nothing is opened before its lifespan begins.

    Args:
        extra: Further routes, for the demo.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with opened(settings) as state:
            app.state.running = state
            yield state

    return Starlette(
        routes=[
            *health_api.routes,
            *whip_api.routes,
            *socket_api.routes,
            *stripe_sandbox.routes,
            openapi.route(OPERATIONS),
            *asyncapi.routes,
            *(operation.route() for operation in OPERATIONS),
            *extra,
            *pages.routes,
        ],
        lifespan=lifespan,
        exception_handlers=REFUSALS,
    )


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[State]:
    """Open everything a running server holds; close it in the opposite order."""
    secret = load_secret(settings)
    async with contextlib.AsyncExitStack() as stack:
        engine = open_engine(settings.database_url)
        stack.callback(engine.dispose)
        read_engine = open_engine(settings.database_url, read_only=True)
        stack.callback(read_engine.dispose)
        writer = await stack.enter_async_context(Writer(engine))
        rooms_bus = InProcessBus(
            seal=wire.seal,
            new_epoch=lambda: secrets.token_hex(8),
            monotonic=time.monotonic,
            loop=asyncio.get_running_loop(),
        )
        audience = Audience()
        sockets = await stack.enter_async_context(Sockets(rooms_bus, audience, time.monotonic))
        events = MediaEvents()
        plane = MediaPlane.open(
            MEDIA_BIND_HOST,
            settings.media_port,
            media_hosts(settings),
            on_media_started=events.started,
            on_media_stopped=events.stopped,
            on_view_active=lambda view_id: audience.active(view_id, now=time.monotonic()),
        )
        stack.callback(plane.close)
        state = State(
            settings=settings,
            clock=lambda: datetime.now(UTC),
            secret=secret,
            engine=engine,
            read=Readers(read_engine),
            write=QueuedWrites(writer.run) if settings.is_embedded else PoolWriters(engine),
            writer=writer,
            bus=rooms_bus,
            media=plane,
            audience=audience,
            sockets=sockets,
            limits=Limits(time.monotonic),
            entrances=Entrances(time.monotonic),
            log_ins=LogInPacing(),
            outbox=Outbox(),
            enforcement=Enforcement(),
            stripe=stripe_sandbox.open_gateway(settings, secret, lambda: state),
            metrics=CollectorRegistry(),
            draining=asyncio.Event(),
        )
        state["metrics"] = health_api.open_metrics(state)
        sockets.carry_out = partial(room_commands.carry_out, state)
        await rooms_live.forget_media(state)
        for work in (run_jobs(JOBS, state), events.run(state)):
            stack.push_async_callback(ended, asyncio.create_task(work))
        yield state


def media_hosts(settings: Settings) -> tuple[str, ...]:
    """Return the addresses viewers are told to send media to."""
    if settings.media_host:
        return settings.media_host
    own = [
        str(found.ip)
        for adapter in ifaddr.get_adapters()
        for found in adapter.ips
        if found.is_IPv4 and not ip_address(str(found.ip)).is_loopback
    ]
    at_home = ["127.0.0.1"] if is_loopback(settings.host) or not own else []
    return tuple(dict.fromkeys([*at_home, *own]))


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel ``task`` and wait until it is over."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def drain(app: Any, seconds_max: float, hurry: Callable[[], bool]) -> None:
    """Let nobody new in, tell viewers to move, and return when the last has left.

    Args:
        seconds_max: Media is kept no longer than this.
        hurry: Asked again and again whether to stop waiting.
    """
    state: State = app.state.running
    state["draining"].set()
    state["media"].drain()
    rooms_live.send_away(state)
    deadline = time.monotonic() + seconds_max
    # Looked at again and again, because neither viewers nor signals come as asyncio events.
    while state["media"].counters()["views"] and time.monotonic() < deadline and not hurry():  # noqa: ASYNC110
        await asyncio.sleep(DRAIN_LOOK_S)
