"""Starting and stopping the HTTP server around the application.

SIGINT stops at once. SIGTERM drains: nobody new is let in, viewers are told to move, and media
goes on until they left or ``DRAIN_S_MAX`` passed; a second SIGTERM stops at once.
"""

import contextlib
import gc
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click
import uvicorn
from sqlalchemy.exc import DBAPIError
from starlette.routing import BaseRoute

from wallet import purchases
from wallet.errors import WrongMode
from web import logs
from web.app import MEDIA_BIND_HOST, create_app, drain, media_hosts
from web.database import DatabaseInUse, claim, open_engine
from web.handover import HandoverProtocol
from web.http_bounds import BoundedHttpProtocol
from web.migrations import is_current, is_empty, upgrade
from web.settings import Settings, dangers

DRAIN_S_MAX = 30.0
BACKLOG_MAX = 2_048
GRACEFUL_S_MAX = 5


class DrainingServer(uvicorn.Server):
    """A uvicorn server that lets viewers go before it stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._signals: list[int] = []

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask the main loop to end; a signal that is not SIGTERM also skips the draining."""
        del frame
        self._signals.append(sig)
        self.should_exit = True
        if len(self._signals) > 2:
            self.force_exit = True

    async def main_loop(self) -> None:
        """Serve until asked to stop, then drain unless somebody is in a hurry."""
        await super().main_loop()
        if self._signals == [signal.SIGTERM]:
            await drain(self.config.app, DRAIN_S_MAX, hurry=lambda: len(self._signals) > 1)


def serve(settings: Settings) -> int:
    """Run the server until it is asked to stop; return the process's exit status."""
    try:
        with claimed(settings):
            prepare_database(settings)
            return run(settings)
    except (DatabaseInUse, DatabaseNotReady, WrongMode) as error:
        click.echo(str(error), err=True)
        return 1
    except OSError as error:
        click.echo(f"cannot start: {error}", err=True)
        return 1
    except DBAPIError as error:
        click.echo(f"cannot start: the database says: {str(error.orig).splitlines()[0]}", err=True)
        return 1


class DatabaseNotReady(Exception):
    """PostgreSQL has tables of an older shape; its owner decides when to migrate."""

    def __str__(self) -> str:
        return "the database has an older shape: run `ovation migrate` first"


@contextlib.contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """Hold the embedded database for this server alone."""
    if not settings.is_embedded:
        yield
        return
    path = Path(urlsplit(settings.database_url).path.removeprefix("/"))
    with claim(path):
        yield


def prepare_database(settings: Settings) -> None:
    """Migrate the embedded database, or an empty one; check that test and live do not mix.

    Raises:
        DatabaseNotReady: PostgreSQL must be migrated by hand.
        WrongMode: The Stripe key is of the other kind than the database's purchases.
    """
    if settings.is_embedded or is_empty(settings.database_url):
        upgrade(settings.database_url)
    elif not is_current(settings.database_url):
        raise DatabaseNotReady
    engine = open_engine(settings.database_url)
    with engine.connect() as conn:
        purchases.check_mode(conn, settings.livemode)
    engine.dispose()


def run(settings: Settings, *, extra: Sequence[BaseRoute] = ()) -> int:
    """Listen, serve (``extra`` routes too), and return the exit status."""
    logs.configure()
    check_media_port(settings.media_port)
    listener = listen(settings.host, settings.port)
    port = listener.getsockname()[1]
    app = create_app(settings, extra=extra)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws=HandoverProtocol,
        lifespan="on",
        proxy_headers=False,  # web.limits reads them, for the proxies the settings trust
        server_header=False,
        access_log=False,
        log_config=None,
        backlog=BACKLOG_MAX,
        timeout_graceful_shutdown=GRACEFUL_S_MAX,
    )
    server = DrainingServer(config)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = settings.public_url or f"http://{host}:{port}"
    for danger in dangers(settings, media_hosts(settings)):
        click.echo(f"Careful: {danger}", err=True)
    click.echo(
        f"Ovation is at {address} — open it, sign up, go to {address}/studio and go live;\n"
        "open a private window to be your own viewer. Stop with Ctrl-C."
    )
    gc.freeze()  # what was loaded to start stays; looking through it again and again is waste
    server.run(sockets=[listener])
    return 0 if server.started else 1


def check_media_port(port: int) -> None:
    """See that the media plane can have its port, while one clear line can still say so.

    Raises:
        OSError: Somebody else has it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((MEDIA_BIND_HOST, port))
        except OSError as error:
            raise OSError(f"UDP port {port} (OVATION_MEDIA_PORT): {error.strerror}") from None


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket.

    Raises:
        OSError: The address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(BACKLOG_MAX)
    listener.setblocking(False)
    return listener
