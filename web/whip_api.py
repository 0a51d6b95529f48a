"""WHIP and WHEP over HTTP: media sessions are made, trickled to and ended here.

    POST    /whip/{room_id}                 broadcast into a room, with its stream key
    POST    /whip                           the same with the creator's channel key
    POST    /whep/{room_id}                 watch a room, with a view token or as a guest
    PATCH DELETE GET OPTIONS  on the ``Location`` these answer with

MEDIA plane, shell. A session's URL holds a random name nobody guesses: whoever knows it may end it.

Source  RFC 9725 (WHIP), draft-ietf-wish-whep (WHEP), RFC 9110 section 13 (preconditions). ``Link``
        headers with STUN or TURN servers are not sent: an ICE-lite server needs none. Server-sent
        events of WHEP are not offered: the room's socket tells more.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from live import rooms
from live.errors import RoomNotFound
from live.media import Resource
from live.views import Admission
from web import keys, views
from web.errors import Problem, problem_of
from web.limits import Pace, client_address
from web.operations import read_at_most
from web.people import accounts, ages
from web.people.errors import Suspended, UnknownAccount
from web.state import State

SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
SDP_BYTES_MAX: Final = 64 * 1024
FRAGMENT_BYTES_MAX: Final = 16 * 1024
KEY_CHARACTERS_MAX: Final = 256
BROADCASTS = Pace("whip", burst=20, per_s=0.5)
WATCHES = Pace("whep", burst=60, per_s=2, loopback_burst=20_000, loopback_per_s=2_000)
CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch",
}
PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "POST, PATCH, DELETE, GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, If-None-Match",
    "Access-Control-Max-Age": "86400",
}

Endpoint = Callable[[Request[State]], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Channel:
    """Whose channel key it is."""

    creator_id: str
    title: str


def open_to_pages(endpoint: Endpoint) -> Endpoint:
    """Let pages of any origin call ``endpoint``, and answer refusals as problem documents."""

    async def run(request: Request[State]) -> Response:
        try:
            response = await endpoint(request)
        except ClientDisconnect:
            response = Response(status_code=400)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            response = problem.response()
        response.headers.update(CORS)
        return response

    return run


# Making sessions


async def broadcast(request: Request[State]) -> Response:
    """Let the holder of a room's stream key broadcast into it."""
    state, room_id = request.state, request.path_params["room_id"]
    spend(request, BROADCASTS)
    key_hash = keys.key_hash(bearer(request))
    offer = await read_body(request, SDP, SDP_BYTES_MAX)
    await state["read"](may_broadcast, room_id, key_hash)
    return await published(state, "/whip", room_id, offer)


async def broadcast_on_channel(request: Request[State]) -> Response:
    """Let the holder of a channel key broadcast into their open room, or a new one."""
    state = request.state
    spend(request, BROADCASTS)
    key_hash = keys.key_hash(bearer(request))
    offer = await read_body(request, SDP, SDP_BYTES_MAX)
    now = state["clock"]()
    channel = await state["read"](channel_of, key_hash, today=now.date())
    room = await state["write"](
        rooms.by_channel_key,
        key_hash,
        new_room_id=keys.new_room_id(),
        new_title=channel.title,
        now=now,
    )
    if room is None:
        raise wrong_key()
    return await published(state, "/whip", room.room_id, offer)


async def published(state: State, path: str, room_id: str, offer: str) -> Response:
    """Make a broadcaster's session and answer it."""
    media = state["media"]
    resource = media.publish(room_id, offer)
    try:  # the room may have ended while we looked
        await state["read"](rooms.unended, room_id)
    except Exception:
        media.drop(resource.resource_id, "room_ended")
        raise
    return created(resource, f"{path}/{room_id}")


async def watch(request: Request[State]) -> Response:
    """Let somebody watch a room: with a view token as that view, without one as a guest."""
    state, room_id = request.state, request.path_params["room_id"]
    spend(request, WATCHES)
    view = view_of(request, room_id)
    offer = await read_body(request, SDP, SDP_BYTES_MAX)
    await enter(state, room_id, view.account_id)
    resource = state["media"].watch(
        room_id, offer, Admission(view.view_id, view.account_id, expires_at=view.expires_at)
    )
    address = client_address(request, state["settings"].trusted_proxies)
    is_limited = view.account_id is None and not address.is_direct_loopback
    try:
        state["audience"].admit(
            room_id,
            view.view_id,
            now=time.monotonic(),
            address=address.text if is_limited else None,
            account_id=view.account_id,
        )
    except Exception:
        state["media"].drop(resource.resource_id, "not_admitted")
        raise
    return created(resource, f"/whep/{room_id}")


def created(resource: Resource, under: str) -> Response:
    """Answer 201 with the SDP and where the session lives."""
    headers = {
        "Location": f"{under}/{resource.resource_id}",
        "ETag": resource.etag,
        "Accept-Patch": FRAGMENT,
        "Cache-Control": "no-store",
    }
    return Response(resource.answer, 201, headers, SDP)


# Sessions


async def trickle(request: Request[State]) -> Response:
    """Take a trickle fragment; a new ICE session (restart) is answered with 501."""
    media, resource_id = request.state["media"], named(request)
    fragment = await read_body(request, FRAGMENT, FRAGMENT_BYTES_MAX)
    etag = media.etag(resource_id)
    condition = request.headers.get("if-match")
    if condition is None:
        raise Problem(428, "if_match_missing", "Send If-Match with the session's ETag")
    if condition.strip() != "*" and etag not in map(str.strip, condition.split(",")):
        raise Problem(412, "other_ice_session", "The ICE session is another one by now")
    media.trickle(resource_id, fragment)
    return Response(status_code=204, headers={"ETag": etag})


async def end(request: Request[State]) -> Response:
    """End a session at once."""
    resource_id = named(request)
    request.state["media"].drop(resource_id, "left")
    return Response(status_code=200)


async def look(request: Request[State]) -> Response:
    """Say whether a session goes on."""
    etag = request.state["media"].etag(named(request))
    return Response(status_code=204, headers={"ETag": etag, "Cache-Control": "no-store"})


async def options_of_endpoint(_request: Request[State]) -> Response:
    """Say what may be posted here; also answers a page's preflight."""
    return Response(status_code=204, headers=PREFLIGHT | {"Accept-Post": SDP})


async def options_of_session(_request: Request[State]) -> Response:
    """Say what a session understands; also answers a page's preflight."""
    return Response(status_code=204, headers=PREFLIGHT | {"Accept-Patch": FRAGMENT})


def named(request: Request[State]) -> str:
    """Return the session's name.

    Raises:
        UnknownResource: There is none of this name in this room.
    """
    resource_id = str(request.path_params["resource_id"])
    if request.state["media"].room_of(resource_id) != request.path_params["room_id"]:
        raise RoomNotFound(request.path_params["room_id"])
    return resource_id


# Who may


def bearer(request: Request[State]) -> str:
    """Return the key of the Authorization header.

    Raises:
        Problem: There is none.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not 0 < len(key) <= KEY_CHARACTERS_MAX:
        raise Problem(
            401,
            "key_missing",
            "Send your stream key as a bearer token",
            headers={"WWW-Authenticate": 'Bearer realm="ovation"'},
        )
    return key


def may_broadcast(conn: Connection, room_id: str, key_hash: str) -> None:
    """Let pass who has a key of the room.

    Raises:
        RoomNotFound, RoomEnded: There is nothing to broadcast into.
        Suspended, Problem: Not with this key.
    """
    if rooms.room(conn, room_id) is None:
        raise RoomNotFound(room_id)
    room = rooms.room_by_stream_key(conn, room_id, key_hash)
    if room is None:
        raise wrong_key()
    require_active(conn, room.creator_id)
    rooms.unended(conn, room_id)


def channel_of(conn: Connection, key_hash: str, *, today: date) -> Channel:
    """Return whose channel key it is.

    Raises:
        Suspended, TooYoung, BirthDateMissing, Problem: Not with this key.
    """
    creator_id = rooms.channel_owner(conn, key_hash)
    if creator_id is None:
        raise wrong_key()
    account = require_active(conn, creator_id)
    ages.require_adult(account, today)
    return Channel(creator_id, account.display_name or account.handle)


async def enter(state: State, room_id: str, account_id: str | None) -> None:
    """Let pass who may be in the room.

    The database is not asked for a guest while the room has media and let somebody in just now: a
    room that ends here loses its media at once.

    Raises:
        RoomNotFound, RoomEnded, Banned, Suspended: They may not.
    """
    entrances = state["entrances"]
    if account_id is None and state["media"].has_room(room_id) and entrances.was_open(room_id):
        return
    await state["read"](may_watch, room_id, account_id)
    entrances.note_open(room_id)


def may_watch(conn: Connection, room_id: str, account_id: str | None) -> None:
    """Let pass who may be in the room.

    Raises:
        RoomNotFound, RoomEnded, Banned, Suspended: They may not.
    """
    rooms.entrance(conn, room_id, account_id)
    if account_id is not None:
        require_active(conn, account_id)


def require_active(conn: Connection, account_id: str) -> accounts.Account:
    """Return the account.

    Raises:
        Suspended: It may do nothing for now.
        UnknownAccount: It is closed.
    """
    account = accounts.by_id(conn, account_id)
    if account.is_closed:
        raise UnknownAccount()
    if account.suspended_reason is not None:
        raise Suspended(account.suspended_reason)
    return account


def view_of(request: Request[State], room_id: str) -> views.View:
    """Return the view a bearer token proves; a new guest's view without one.

    Raises:
        BadViewToken: The token proves nothing here.
    """
    state = request.state
    now = state["clock"]()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return views.read(token.strip(), room_id, state["secret"], now=now)
    return views.View(uuid4().hex, room_id, None, now + views.LIFETIME)


def wrong_key() -> Problem:
    """Return the refusal of a key that opens nothing here."""
    return Problem(403, "wrong_key", "This key does not open this room")


# Bodies


def spend(request: Request[State], pace: Pace) -> None:
    """Count a request against its sender's address."""
    state = request.state
    state["limits"].spend(pace, client_address(request, state["settings"].trusted_proxies))


async def read_body(request: Request[State], media_type: str, bytes_max: int) -> str:
    """Return the body as text.

    Raises:
        Problem: It is of another kind, too long, or not UTF-8.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != media_type:
        accept = "Accept-Post" if request.method == "POST" else "Accept-Patch"
        title = f"Send {media_type}"
        raise Problem(415, "wrong_content_type", title, headers={accept: media_type})
    body = await read_at_most(request, bytes_max)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Problem(400, "bad_sdp", "The body is not UTF-8", str(error)) from None


def endpoint_routes(path: str, post: Endpoint) -> list[BaseRoute]:
    """Return the routes of a place where sessions are made."""
    return [
        Route(path, open_to_pages(post), methods=["POST"]),
        Route(path, open_to_pages(options_of_endpoint), methods=["OPTIONS"]),
    ]


def session_routes(path: str) -> list[BaseRoute]:
    """Return the routes of the sessions themselves."""
    return [
        Route(path, open_to_pages(trickle), methods=["PATCH"]),
        Route(path, open_to_pages(end), methods=["DELETE"]),
        Route(path, open_to_pages(look), methods=["GET"]),
        Route(path, open_to_pages(options_of_session), methods=["OPTIONS"]),
    ]


routes: list[BaseRoute] = [
    *endpoint_routes("/whep/{room_id}", watch),  # first, since most requests are for it
    *endpoint_routes("/whip", broadcast_on_channel),
    *endpoint_routes("/whip/{room_id}", broadcast),
    *session_routes("/whip/{room_id}/{resource_id}"),
    *session_routes("/whep/{room_id}/{resource_id}"),
]
