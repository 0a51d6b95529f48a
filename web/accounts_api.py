"""Joining, logging in and out, profiles, follows, blocks and lost passwords, over HTTP.

Neither plane. A wrong handle costs as much time as a wrong password, and asking for a reset is
always answered alike, so that neither tells who has an account here.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import uuid4

from msgspec import Meta, Struct
from sqlalchemy import Connection

from live import rooms
from web import mail
from web.jobs import Job
from web.limits import Pace
from web.operations import Answer, Call, Operation, operation
from web.people import accounts, blocks, follows, passwords, resets, sessions
from web.people.accounts import Credentials
from web.people.errors import HandleTaken, WrongPassword
from web.people.sessions import COOKIE, Person, Session
from web.settings import Settings
from web.state import State

SIGN_UP = Pace("sign-up", burst=10, per_s=1 / 5)
LOG_IN = Pace("log-in", burst=30, per_s=1)
RESET = Pace("password reset", burst=5, per_s=1 / 60)
LOOK = Pace("profile", burst=60, per_s=10, loopback_burst=3_000, loopback_per_s=300)

RESETS_AT_ONCE_MAX = 5  # accounts that share one e-mail address
COOKIE_AGE_S = 400 * 86_400  # as long as browsers allow; when a session ends, the server says

# Longer texts are refused by the rules themselves, with words for people; these only bound work.
Handle = Annotated[str, Meta(min_length=1, max_length=64)]
Password = Annotated[str, Meta(min_length=1, max_length=1024)]
Email = Annotated[str, Meta(max_length=320)]
DisplayName = Annotated[str, Meta(max_length=400)]


class NewAccount(Struct):
    """Who wants to join."""

    handle: Handle
    password: Password
    birth_date: date
    email: Email | None = None
    display_name: DisplayName | None = None


class AccountOpened(Struct):
    """The new account; its id is random and says nothing."""

    account_id: str
    handle: str


class LogIn(Struct):
    """Who wants to log in."""

    handle: Handle
    password: Password


class LoggedIn(Struct):
    """A session; it ends 30 days after it was last used."""

    token: str
    expires_at: datetime
    csrf_token: str


class Profile(Struct, omit_defaults=True):
    """What everybody may know of a person."""

    handle: str
    display_name: str
    followers: int
    following: int
    live_room_id: str | None = None
    followed_by_you: bool | None = None


class Following(Struct):
    """Whether you follow them now, and how many do."""

    following: bool
    followers: int


class ResetAsked(Struct):
    """Whose password is lost."""

    handle_or_email: Annotated[str, Meta(min_length=1, max_length=320)]


class ResetAccepted(Struct):
    """The same whoever was meant; a letter is on its way if there is somebody with an address."""

    accepted: bool = True


class NewPassword(Struct):
    """The password from now on."""

    password: Password


@operation(
    "POST",
    "/api/accounts",
    body=NewAccount,
    answers={201: AccountOpened},
    person="none",
    problems=(403, 409),
    pace=SIGN_UP,
)
async def open_account(call: Call[NewAccount]) -> Answer:
    """Open an account."""
    wanted = call.body
    application = accounts.check_application(
        handle=wanted.handle,
        password=wanted.password,
        birth_date=wanted.birth_date,
        email=wanted.email,
        display_name=wanted.display_name,
        today=call.now.date(),
    )
    if not await call.state["read"](accounts.is_free, application.handle):
        raise HandleTaken()  # before the costly hash; the insert below decides
    password_hash = await asyncio.to_thread(passwords.hash_password, wanted.password)
    account = await call.state["write"](
        accounts.open_account,
        application,
        account_id=uuid4().hex,
        password_hash=password_hash,
        now=call.now,
    )
    return Answer(201, AccountOpened(account.account_id, account.handle))


@operation(
    "POST",
    "/api/sessions",
    body=LogIn,
    answers={201: LoggedIn},
    person="none",
    problems=(401, 403),
    pace=LOG_IN,
)
async def log_in(call: Call[LogIn]) -> Answer:
    """Log in."""
    found = await check_credentials(call.state, call.body.handle, call.body.password, call.address)
    token = secrets.token_urlsafe(sessions.TOKEN_BYTES)
    session = await call.state["write"](
        sessions.open_session,
        found.account_id,
        session_id=uuid4().hex,
        token=token,
        device=device_of(call),
        now=call.now,
    )
    return Answer(
        201,
        logged_in(call.state, session, token),
        {"Set-Cookie": cookie(token, call.state["settings"])},
    )


@operation("DELETE", "/api/sessions/current", answers={204: None})
async def log_out(call: Call[None]) -> Answer:
    """Log out here."""
    person = call.person
    await call.state["write"](sessions.revoke, person.account_id, person.session_id)
    call.state["sockets"].end_sessions(person.account_id, session_id=person.session_id)
    return Answer(204, headers={"Set-Cookie": no_cookie(call.state["settings"])})


@operation("GET", "/api/accounts/{handle}", answers={200: Profile}, person="optional", pace=LOOK)
async def profile(call: Call[None]) -> Answer:
    """Tell what everybody may know of a person."""
    found = await call.state["read"](read_profile, call.path["handle"], call.signed_in)
    return Answer(200, found)


@operation("PUT", "/api/accounts/{handle}/follow", answers={200: Following}, problems=(409,))
async def follow(call: Call[None]) -> Answer:
    """Follow a person."""
    return Answer(200, await change_follow(call, wanted=True))


@operation("DELETE", "/api/accounts/{handle}/follow", answers={200: Following})
async def unfollow(call: Call[None]) -> Answer:
    """Stop following a person."""
    return Answer(200, await change_follow(call, wanted=False))


@operation("PUT", "/api/accounts/{handle}/block", answers={204: None}, problems=(409,))
async def block(call: Call[None]) -> Answer:
    """Block a person: neither follows, writes to or gives gifts to the other's rooms."""
    other = await call.state["read"](accounts.by_handle, call.path["handle"])
    await call.state["write"](blocks.block, call.person.account_id, other.account_id, now=call.now)
    return Answer(204)


@operation("DELETE", "/api/accounts/{handle}/block", answers={204: None})
async def unblock(call: Call[None]) -> Answer:
    """Take a block back."""
    other = await call.state["read"](accounts.by_handle, call.path["handle"])
    await call.state["write"](blocks.unblock, call.person.account_id, other.account_id)
    return Answer(204)


@operation(
    "POST",
    "/api/password-resets",
    body=ResetAsked,
    answers={202: ResetAccepted},
    person="none",
    pace=RESET,
)
async def ask_for_reset(call: Call[ResetAsked]) -> Answer:
    """Mail a link that sets a new password, if there is somebody to mail it to."""
    state = call.state
    if state["settings"].smtp_url:
        letters = await state["write"](
            open_resets,
            call.body.handle_or_email,
            tokens=[secrets.token_urlsafe(sessions.TOKEN_BYTES) for _ in range(RESETS_AT_ONCE_MAX)],
            settings=state["settings"],
            now=call.now,
        )
        for letter in letters:
            state["outbox"].put(letter)
    return Answer(202, ResetAccepted())


@operation(
    "POST",
    "/api/password-resets/{token}",
    body=NewPassword,
    answers={204: None},
    person="none",
    pace=RESET,
)
async def reset_password(call: Call[NewPassword]) -> Answer:
    """Set a new password with a link's token; every session of the account ends."""
    token, password = call.path["token"], call.body.password
    account = await call.state["read"](resets.owner, token, now=call.now)
    passwords.check_password(password, account.handle)
    password_hash = await asyncio.to_thread(passwords.hash_password, password)
    await call.state["write"](resets.redeem, token, password_hash, now=call.now)
    call.state["sockets"].end_sessions(account.account_id)
    return Answer(204)


async def forget_ended_sessions(state: State) -> None:
    """Delete sessions that nobody used for too long."""
    await state["write"](sessions.forget_expired, now=state["clock"]())


async def check_credentials(state: State, handle: str, password: str, address: str) -> Credentials:
    """Return whose handle and password these are, slowly after failures.

    Raises:
        WrongPassword: They do not belong together.
        LogInTooFast: Too many failures; says when to try again.
    """
    pacing, folded = state["log_ins"], handle.lower()
    wait_s = pacing.wait_s(folded, address, now=time.monotonic())
    if wait_s > 0:
        await asyncio.sleep(wait_s)
    found = await state["read"](accounts.credentials, handle)
    stored = found.password_hash if found else None
    right = await asyncio.to_thread(passwords.verify, stored, password)
    if found is None or not right:
        pacing.failed(folded, address, now=time.monotonic())
        raise WrongPassword()
    pacing.succeeded(folded, address)
    if stored is not None and passwords.is_outdated(stored):
        newer = await asyncio.to_thread(passwords.hash_password, password)
        await state["write"](accounts.set_password_hash, found.account_id, newer)
    return found


async def change_follow(call: Call[None], *, wanted: bool) -> Following:
    """Follow or unfollow whom the path names."""
    return await call.state["write"](
        store_follow,
        call.person.account_id,
        call.path["handle"],
        wanted=wanted,
        now=call.now,
    )


def store_follow(
    conn: Connection, follower_id: str, handle: str, *, wanted: bool, now: datetime
) -> Following:
    """Follow or unfollow, and count."""
    other = accounts.by_handle(conn, handle)
    if wanted:
        follows.follow(conn, follower_id, other.account_id, now=now)
    else:
        follows.unfollow(conn, follower_id, other.account_id)
    followers, _ = follows.counts(conn, other.account_id)
    return Following(wanted, followers)


def read_profile(conn: Connection, handle: str, viewer: Person | None) -> Profile:
    """Return a person's public profile as ``viewer`` sees it."""
    account = accounts.by_handle(conn, handle)
    followers, following = follows.counts(conn, account.account_id)
    open_rooms = rooms.unended_rooms_of(conn, account.account_id)
    live = [room.room_id for room in open_rooms if room.state == "live"]
    is_stranger = viewer is None or viewer.account_id == account.account_id
    return Profile(
        handle=account.handle,
        display_name=account.display_name,
        followers=followers,
        following=following,
        live_room_id=live[0] if live else None,
        followed_by_you=None
        if viewer is None or is_stranger
        else follows.is_following(conn, viewer.account_id, account.account_id),
    )


def open_resets(
    conn: Connection,
    handle_or_email: str,
    *,
    tokens: Sequence[str],
    settings: Settings,
    now: datetime,
) -> list[mail.Letter]:
    """Open a reset for everybody who may be meant and has an address; return the letters."""
    letters: list[mail.Letter] = []
    meant = accounts.by_handle_or_email(conn, handle_or_email, accounts_max=len(tokens))
    for account, token in zip(meant, tokens, strict=False):
        if account.email and resets.open_reset(conn, account.account_id, token, now=now):
            link = mail.reset_link(settings, token)
            letters.append(mail.reset_letter(account.email, account.handle, link))
    return letters


def logged_in(state: State, session: Session, token: str) -> LoggedIn:
    """Return what somebody who just logged in is told."""
    csrf = sessions.csrf_token(session.session_id, state["secret"])
    return LoggedIn(token, session.expires_at, csrf)


def cookie(token: str, settings: Settings) -> str:
    """Return the Set-Cookie header that carries ``token``."""
    return f"{COOKIE}={token}; Path=/; Max-Age={COOKIE_AGE_S}; {_cookie_rules(settings)}"


def no_cookie(settings: Settings) -> str:
    """Return the Set-Cookie header that takes the token back."""
    return f"{COOKIE}=; Path=/; Max-Age=0; {_cookie_rules(settings)}"


def _cookie_rules(settings: Settings) -> str:
    return "HttpOnly; SameSite=Lax" + ("; Secure" if settings.secure else "")


def device_of(call: Call[LogIn]) -> str:
    """Return what the client calls itself, for the list of sessions."""
    agent = call.request.headers.get("user-agent", "")
    return "".join(sign for sign in agent if sign.isprintable()) or "unknown"


operations: list[Operation] = [
    open_account,
    log_in,
    log_out,
    profile,
    follow,
    unfollow,
    block,
    unblock,
    ask_for_reset,
    reset_password,
]
jobs = (Job("ended sessions", 3_600.0, forget_ended_sessions),)
