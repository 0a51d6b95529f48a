"""The application: what is opened, in which order, and which routes there are.

``create_app(settings)`` is the one place where packages are put together.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from live import bus, media
from live.audience import Audience
from live.bus import Bus
from live.media import MediaPlane
from wallet.stripe_gateway import StripeGateway
from wallet.writer import Writer
from web import (
    accounts_api,
    asyncapi,
    finance_api,
    gift_announcer,
    gifts_api,
    health_api,
    me_api,
    moderation_api,
    openapi,
    pages,
    rooms_api,
    rooms_live,
    socket_api,
    stripe_sandbox,
    stripe_webhook,
    wallet_api,
    whip_api,
)
from web.database import PoolWriters, QueuedWrites, Readers, open_engine
from web.errors import bug, http_exception
from web.jobs import Job, run_jobs
from web.limits import Limits
from web.operations import Operation
from web.settings import Settings, load_secret
from web.state import State

log = structlog.get_logger()

OPERATIONS: tuple[Operation, ...] = (
    *accounts_api.operations,
    *me_api.operations,
    *rooms_api.operations,
    *gifts_api.operations,
    *wallet_api.operations,
    *moderation_api.operations,
    *finance_api.operations,
)
JOBS: tuple[Job, ...] = (
    *rooms_live.jobs,
    *gift_announcer.jobs,
    *wallet_api.jobs,
    *moderation_api.jobs,
)


def create_app(settings: Settings, *, port: int, extra: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application; nothing is opened before its lifespan begins.

    Args:
        port: Where HTTP listens, for the sandbox, which calls back.
        extra: Further routes, for the demo.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with opened(settings, port) as state:
            app.state.running = state
            yield state

    app = Starlette(
        routes=[
            *health_api.routes,
            *whip_api.routes,
            *socket_api.routes,
            *stripe_webhook.routes,
            *stripe_sandbox.routes,
            openapi.route(OPERATIONS),
            *asyncapi.routes,
            *(operation.route() for operation in OPERATIONS),
            *extra,
            *pages.routes,
        ],
        lifespan=lifespan,
        exception_handlers={
            HTTPException: pages.or_problem(http_exception),
            500: pages.or_problem(bug),
        },
    )
    return app
