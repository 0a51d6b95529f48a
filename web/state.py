"""What a running server holds; endpoints read it as ``request.state["…"]``."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

if TYPE_CHECKING:
    from live.audience import Audience
    from live.bus import Bus
    from live.media import MediaPlane
    from wallet.stripe_gateway import StripeGateway
    from wallet.writer import Writer
    from web.database import PoolWriters, QueuedWrites, Readers
    from web.entrances import Entrances
    from web.limits import Limits
    from web.mail import Outbox
    from web.people.pacing import LogInPacing
    from web.settings import Settings
    from web.sockets import Sockets
    from web.trust.enforcement import Enforcement


class State(TypedDict):
    """Everything opened in ``web.app``'s lifespan.

    Attributes:
        clock: Aware UTC now; the only place domain code's ``now`` comes from.
        secret: Signs view tokens, CSRF tokens and links.
        read: Runs a function on a read-only connection.
        write: Runs a function that changes rows.
        writer: Runs units of work that move coins.
        entrances: Remembers which rooms guests were let into a moment ago.
        log_ins: Slows down who guesses passwords.
        outbox: Letters waiting to be mailed.
        enforcement: Carries moderators' actions out on what is live.
        draining: Set once the server has been asked to stop: nobody new is let in.
    """

    settings: "Settings"
    clock: Callable[[], datetime]
    secret: str
    engine: Engine
    read: "Readers"
    write: "QueuedWrites | PoolWriters"
    writer: "Writer"
    bus: "Bus"
    media: "MediaPlane"
    audience: "Audience"
    sockets: "Sockets"
    limits: "Limits"
    entrances: "Entrances"
    log_ins: "LogInPacing"
    outbox: "Outbox"
    enforcement: "Enforcement"
    stripe: "StripeGateway"
    metrics: CollectorRegistry
    draining: asyncio.Event
