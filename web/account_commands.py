"""``ovation accounts …`` and ``ovation rooms …``: what the operator may do, beside a live server.

Actions go through the same append-only list as the moderators'; a running server reads it several
times a second, so that they are in force within one.
"""

import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec

import click
from sqlalchemy import Connection

from live.errors import LiveError
from web.database import open_engine
from web.mail import reset_link
from web.migrations import is_current
from web.people import accounts as people
from web.people import resets, roles, sessions
from web.people.errors import PeopleError
from web.settings import BadSettings, Settings, read_settings
from web.trust import actions, subjects
from web.trust.actions import Kind, Order
from web.trust.errors import TrustError

BY_OPERATOR = "By the operator."

P = ParamSpec("P")


def in_database(
    command: Callable[Concatenate[Connection, Settings, P], None],
) -> Callable[P, None]:
    """Run ``command`` in one transaction on the configured database."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            settings = read_settings()
        except BadSettings as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        if not is_current(settings.database_url):
            raise click.ClickException("The database is not ready: run `ovation migrate`.")
        engine = open_engine(settings.database_url)
        try:
            with engine.begin() as conn:
                command(conn, settings, *args, **kwargs)
        except (PeopleError, TrustError, LiveError) as error:
            raise click.ClickException(str(error)) from None
        finally:
            engine.dispose()

    return run


@click.group()
def accounts() -> None:
    """People: roles, suspensions, lost passwords."""


@accounts.command("list")
@click.option("--role", type=click.Choice(roles.ROLES), help="Only who has this role.")
@in_database
def list_accounts(conn: Connection, _settings: Settings, role: str | None) -> None:
    """List accounts with their roles."""
    for account, held in people.listing(conn, role):
        marks = sorted(held) + (["suspended"] if account.is_suspended else [])
        click.echo(f"{account.handle}\t{account.account_id}\t{', '.join(marks)}")


@accounts.command()
@click.argument("handle")
@click.argument("role", type=click.Choice(roles.ROLES))
@in_database
def grant(conn: Connection, _settings: Settings, handle: str, role: str) -> None:
    """Give HANDLE a ROLE."""
    account = people.by_handle(conn, handle)
    is_new = roles.grant(conn, account.account_id, role, now=datetime.now(UTC))
    click.echo(f"@{account.handle} {'is now' if is_new else 'was already'} {role}.")


@accounts.command()
@click.argument("handle")
@click.argument("role", type=click.Choice(roles.ROLES))
@in_database
def revoke(conn: Connection, _settings: Settings, handle: str, role: str) -> None:
    """Take a ROLE from HANDLE."""
    account = people.by_handle(conn, handle)
    was_held = roles.revoke(conn, account.account_id, role)
    click.echo(f"@{account.handle} {'is no longer' if was_held else 'was not'} {role}.")


@accounts.command()
@click.argument("handle")
@click.option("--reason", default=BY_OPERATOR, show_default=True, help="Shown to the person.")
@in_database
def suspend(conn: Connection, _settings: Settings, handle: str, reason: str) -> None:
    """Suspend HANDLE: sessions end, broadcasts end, gifts and cash-outs stop."""
    act(conn, "suspend", reason, handle=handle)
    click.echo(f"@{people.by_handle(conn, handle).handle} is suspended.")


@accounts.command()
@click.argument("handle")
@click.option("--reason", default=BY_OPERATOR, show_default=True, help="Shown to the person.")
@in_database
def restore(conn: Connection, _settings: Settings, handle: str, reason: str) -> None:
    """Lift the suspension of HANDLE."""
    act(conn, "restore", reason, handle=handle)
    click.echo(f"@{people.by_handle(conn, handle).handle} is not suspended.")


@accounts.command()
@click.argument("handle")
@in_database
def reset(conn: Connection, settings: Settings, handle: str) -> None:
    """Print a link with which HANDLE sets a new password, once, within an hour."""
    account = people.by_handle(conn, handle)
    token = secrets.token_urlsafe(sessions.TOKEN_BYTES)
    resets.open_reset_by_operator(conn, account.account_id, token, now=datetime.now(UTC))
    click.echo(reset_link(settings, token))


@click.group()
def rooms() -> None:
    """Rooms: end one."""


@rooms.command()
@click.argument("room_id", metavar="ROOM")
@click.option("--reason", default=BY_OPERATOR, show_default=True, help="Shown to the creator.")
@in_database
def end(conn: Connection, _settings: Settings, room_id: str, reason: str) -> None:
    """End ROOM for good."""
    act(conn, "end_room", reason, room_id=room_id)
    click.echo(f"Room {room_id} has ended.")


def act(
    conn: Connection,
    kind: Kind,
    reason: str,
    *,
    handle: str | None = None,
    room_id: str | None = None,
) -> None:
    """Take an action as the operator, over whom nobody stands."""
    subject = subjects.find(conn, room_id=room_id, handle=handle)
    order = Order(kind, reason.strip() or BY_OPERATOR, subject)
    actions.take(conn, order, actor_id=None, now=datetime.now(UTC))
