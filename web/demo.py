"""``ovation demo``: the server with somebody to watch, and a way to be everybody.

The server runs here as ``ovation serve`` does, on its own database in ``var/demo/``. A child
process is the cast: it broadcasts a test pattern through WHIP, and its viewers chat and send
gifts. The child lives on our end of its standard input, so that it ends when we do, however we
do. Everything is kept: a second start goes on with the same people, room and books.

``POST /demo/become/{who}`` logs whoever asks in as one of the four people of the demo. The route
exists only here, answers nobody but this site's own pages, and the demo listens on loopback
unless told otherwise.
"""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import click
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from live import rooms
from live.client_api import BOT_BIRTH_DATE
from wallet.errors import WrongMode
from web import serving
from web.accounts_api import cookie
from web.bench.measuring import free_ports
from web.database import DatabaseInUse, open_engine
from web.demo_people import CAST, Cast, Part, read_cast, write_cast
from web.page_shell import DEMO_PATH
from web.people import accounts, passwords, roles, sessions
from web.people.errors import UnknownAccount
from web.serving import DatabaseNotReady
from web.settings import BadSettings, Settings, read_settings
from web.state import State

FOLDER = Path("var/demo")
DATABASE_URL = f"sqlite:///{FOLDER}/ovation.db"
CAST_STOP_TIMEOUT_S = 5.0
OWN_SITE = ("same-origin", "none", "")


def run_demo() -> int:
    """Run the demo until it is asked to stop; return the exit status."""
    try:
        settings = demo_settings()
        with serving.claimed(settings):
            serving.prepare_database(settings)
            set_the_stage(settings)
            with playing_cast(settings):
                return serving.run(settings, extra=[demo_route()])
    except KeyboardInterrupt:
        return 0
    except (BadSettings, DatabaseInUse, DatabaseNotReady, WrongMode, OSError) as error:
        click.echo(f"cannot start the demo: {error}", err=True)
        return 1


def demo_settings() -> Settings:
    """Return the environment's settings with the demo's own database and a port we know.

    Raises:
        BadSettings: The environment holds values the server cannot start with.
    """
    settings = read_settings(database_url=DATABASE_URL)
    port = settings.port or free_ports(1)[0]
    return read_settings(database_url=DATABASE_URL, port=port)


def set_the_stage(settings: Settings) -> None:
    """Make sure that everybody has an account, the roles of their part, and the right password."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    cast = read_cast(FOLDER) or Cast(password=secrets.token_urlsafe(16))
    write_cast(FOLDER, cast)
    password_hash = passwords.hash_password(cast.password)
    engine = open_engine(settings.database_url)
    try:
        with engine.begin() as conn:
            for part in CAST:
                _cast_part(conn, part, cast.password, password_hash, datetime.now(UTC))
    finally:
        engine.dispose()


def _cast_part(
    conn: Connection, part: Part, password: str, password_hash: str, now: datetime
) -> None:
    try:
        account_id = accounts.by_handle(conn, part.handle).account_id
        accounts.set_password_hash(conn, account_id, password_hash)  # it may have been forgotten
    except UnknownAccount:
        account_id = _open_account(conn, part, password, password_hash, now)
    for role in part.roles:
        roles.grant(conn, account_id, role, now=now)


def _open_account(
    conn: Connection, part: Part, password: str, password_hash: str, now: datetime
) -> str:
    application = accounts.check_application(
        handle=part.handle,
        password=password,
        birth_date=BOT_BIRTH_DATE,
        email=None,
        display_name=part.display_name,
        today=date(now.year, now.month, now.day),
    )
    opened = accounts.open_account(
        conn, application, account_id=uuid4().hex, password_hash=password_hash, now=now
    )
    return opened.account_id


@contextmanager
def playing_cast(settings: Settings) -> Iterator[None]:
    """Have the cast play in a child process as long as the block lasts."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "") else settings.host
    url = f"http://{host}:{settings.port}"
    cast = subprocess.Popen(
        [sys.executable, "-m", "web.demo_cast", url, str(FOLDER)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us; the end of its standard input is for it
    )
    try:
        yield
    finally:
        assert cast.stdin is not None
        cast.stdin.close()
        try:
            cast.wait(timeout=CAST_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            cast.kill()
            cast.wait()


def demo_route() -> Route:
    """The route that lets whoever sits at this machine be somebody else."""
    return Route(DEMO_PATH, become, methods=["POST"])


async def become(request: Request[State]) -> Response:
    """Log the caller in as one of the demo's people and lead them to that person's page."""
    if request.headers.get("sec-fetch-site", "") not in OWN_SITE:
        raise HTTPException(403)
    who = request.path_params["who"]
    part = next((part for part in CAST if part.who == who), None)
    if part is None:
        raise HTTPException(404)
    state, token = request.state, secrets.token_urlsafe(sessions.TOKEN_BYTES)
    page = await state["write"](open_as, part, token, now=state["clock"]())
    headers = {"Set-Cookie": cookie(token, state["settings"])}
    return RedirectResponse(page, status_code=303, headers=headers)


def open_as(conn: Connection, part: Part, token: str, *, now: datetime) -> str:
    """Open a session for ``part`` and return the page they would look at."""
    account = accounts.by_handle(conn, part.handle)
    sessions.open_session(
        conn, account.account_id, session_id=uuid4().hex, token=token, device="Demo", now=now
    )
    if part.page is not None:
        return part.page
    creator = accounts.by_handle(conn, next(p.handle for p in CAST if p.who == "creator"))
    found = rooms.unended_rooms_of(conn, creator.account_id)
    return f"/rooms/{found[0].room_id}" if found else "/"
