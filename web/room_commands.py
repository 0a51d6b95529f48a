"""What a client asks for over its socket, carried out and answered.

BUS plane, up to the gift, which is the coin plane's as soon as ``send_gift`` has it. Every refusal
is an error frame with the code the HTTP API gives the same refusal, and changes nothing.
"""

import hmac
import time
from datetime import datetime
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from live import chat, rooms
from live.chat import Message
from live.errors import Banned, Muted, RoomEnded, RoomNotFound, TooManyViews
from web import frames, gifts_api, room_view, views
from web.errors import Problem, problem_of
from web.frames import Hello, Sendable, SendChat, SendGift
from web.people import blocks, sessions
from web.people.errors import Blocked
from web.people.sessions import Person
from web.room_view import MODERATING, Arrival
from web.state import State
from web.viewer_socket import ViewerSocket
from web.views import BadViewToken

log = structlog.get_logger()

# What a refused hello closes with; anything else is a bug of ours.
CLOSE_CODES: dict[type[Exception], int] = {
    Banned: frames.BANNED,
    RoomNotFound: frames.ROOM_GONE,
    RoomEnded: frames.ROOM_GONE,
    BadViewToken: frames.NOT_AUTHORISED,
    Problem: frames.NOT_AUTHORISED,
    TooManyViews: frames.TOO_FAST,
}
INTERNAL_ERROR = 1011


async def carry_out(state: State, socket: ViewerSocket, command: Sendable) -> None:
    """Do what ``command`` asks and answer it; never raises."""
    try:
        match command:
            case Hello():
                await join(state, socket, command)
            case SendChat():
                await say(state, socket, command)
            case SendGift():
                await give(state, socket, command)
    except Exception as error:
        socket.send(refusal(error, getattr(command, "id", None)))
        if isinstance(command, Hello):
            socket.close(CLOSE_CODES.get(type(error), INTERNAL_ERROR))


def refusal(error: Exception, reply_id: int | None) -> frames.Error:
    """Return the error frame for an exception; one nobody foresaw is logged."""
    problem = problem_of(error)
    if problem is None:
        log.error("a socket command broke", exc_info=error)
        return frames.Error(code="internal_error", detail="This broke on our side.", id=reply_id)
    fields = problem.fields
    return frames.Error(
        code=problem.code,
        detail=problem.detail or problem.title,
        id=reply_id,
        retry_after_s=fields.get("retry_after_s"),
        short_by=fields.get("short_by"),
        coins=fields.get("coins"),
    )


# Coming in


async def join(state: State, socket: ViewerSocket, hello: Hello) -> None:
    """Let somebody into the room and tell them what they find.

    The room is heard first and read afterwards, so that nothing falls between; what is told twice
    has the same id.

    Raises:
        RoomNotFound, RoomEnded, Banned, BadViewToken, TooManyViews, Problem: They may not enter.
    """
    now = state["clock"]()
    socket.person = person = await prove(state, hello, socket.cookie, now)
    socket.cookie = None
    view_id, watcher_id = view_of(state, hello, person, now)
    socket.view_id = view_id
    joined = state["sockets"].subscribe(socket, hello)
    arrival = await state["read"](room_view.arrive, hello.room, watcher_id, now=now)
    is_limited = watcher_id is None and not socket.address.is_direct_loopback
    state["audience"].admit(
        hello.room,
        view_id,
        now=time.monotonic(),
        address=socket.address.text if is_limited else None,
        account_id=watcher_id,
    )
    state["audience"].seed_likes(hello.room, arrival.room.like_count)
    socket.creator_id = arrival.room.creator_id
    is_recovered = hello.resume is not None and joined.missed is not None
    welcome = frames.Welcome(
        id=hello.id,
        epoch=joined.position.epoch,
        offset=hello.resume.offset if is_recovered and hello.resume else joined.position.offset,
        recovered=is_recovered,
        room=room_seen(state, arrival),
        you=you_seen(state, socket, arrival, now),
    )
    socket.begin(welcome, joined)
    if person is not None and hello.resume is None and person.account_id != socket.creator_id:
        state["bus"].publish(hello.room, frames.joined(person.display_name))


async def prove(state: State, hello: Hello, cookie: str | None, now: datetime) -> Person | None:
    """Return who it is: by token, or by cookie with its CSRF token; ``None`` for a guest.

    Raises:
        Problem: The proof does not hold.
    """
    if hello.token is not None:
        person = await state["read"](sessions.person_by_token, hello.token, now=now)
    elif hello.csrf is not None and cookie:
        person = await state["read"](sessions.person_by_token, cookie, now=now)
        if person is not None:
            expected = sessions.csrf_token(person.session_id, state["secret"])
            if not hmac.compare_digest(expected.encode(), hello.csrf.encode()):
                raise Problem(403, "csrf", "The page is out of date: reload it")
    else:
        return None
    if person is None:
        raise Problem(401, "not_signed_in", "Log in first")
    if person.suspended:
        raise Problem(403, "suspended", "This account is suspended")
    return person


def view_of(
    state: State, hello: Hello, person: Person | None, now: datetime
) -> tuple[str, str | None]:
    """Return the view that goes on, or a new one, and who watches.

    Raises:
        BadViewToken: The token proves no view of this room.
    """
    account_id = None if person is None else person.account_id
    if hello.view_token is None:
        return uuid4().hex, account_id
    view = views.read(hello.view_token, hello.room, state["secret"], now=now)
    return view.view_id, account_id or view.account_id


def room_seen(state: State, arrival: Arrival) -> frames.RoomView:
    """Return the room for a welcome."""
    room = arrival.room
    audience = state["audience"]
    return frames.RoomView(
        room_id=room.room_id,
        title=room.title,
        tags=room.tags,
        state=room.state,
        creator=arrival.creator,
        viewers=audience.viewer_count(room.room_id, now=time.monotonic()),
        likes=audience.likes_total(room.room_id),
        supporters=arrival.supporters,
        chat=arrival.chat,
    )


def you_seen(state: State, socket: ViewerSocket, arrival: Arrival, now: datetime) -> frames.You:
    """Return what somebody may do here; their view goes on for another while."""
    person, mute = socket.person, arrival.mute
    room = arrival.room
    is_creator = person is not None and person.account_id == room.creator_id
    token = views.sign(socket.view_id, room.room_id, socket.account_id, state["secret"], now=now)
    return frames.You(
        can_chat=person is not None and mute is None,
        can_gift=person is not None and not is_creator and person.is_adult(now.date()),
        view_id=socket.view_id,
        view_token=token,
        handle=None if person is None else person.handle,
        display_name=None if person is None else person.display_name,
        muted=None if mute is None else frames.MutedYou(mute.until, mute.reason),
        creator=is_creator,
        moderator=is_moderator(person),
    )


# Chat


async def say(state: State, socket: ViewerSocket, command: SendChat) -> None:
    """Log a message, show it to the room if there is place, and to its writer always.

    Raises:
        BadChatText, ChatTooFast, Muted, Blocked, RoomEnded, Banned, Problem: It is refused.
    """
    person = signed_in(socket)
    text = chat.text_of(command.text)
    manners, monotonic = state["sockets"].manners, time.monotonic()
    is_creator = person.account_id == socket.creator_id
    is_exempt = is_creator or is_moderator(person)
    pace = chat.MODERATOR_PACE if is_exempt else chat.VIEWER_PACE
    manners.admit(person.account_id, pace, monotonic)
    now = state["clock"]()
    written = Message(
        message_id=uuid4().hex,
        room_id=socket.room_id,
        account_id=person.account_id,
        key=command.key,
        text=text,
        sent_at=now,
        shown=is_exempt or manners.shows(socket.room_id, monotonic),
    )
    logged = await state["write"](log_message, written, now=now)
    body = frames.Chat(
        id=logged.message_id,
        sender=frames.Sender(
            person.handle,
            person.display_name,
            creator=is_creator,
            moderator=is_moderator(person),
        ),
        text=logged.text,
        at=logged.sent_at,
    )
    if logged.shown and logged.deleted_at is None:
        state["bus"].publish(socket.room_id, frames.chat(body))
    socket.send(frames.Ok(id=command.id, message=body, shown=logged.shown))


def log_message(conn: Connection, written: Message, *, now: datetime) -> Message:
    """Log a message if its writer may write here; a repeat gives the first one again.

    Raises:
        RoomNotFound, RoomEnded, Banned, Muted, Blocked: They may not.
    """
    first = chat.by_key(conn, written.room_id, written.account_id, written.key)
    if first is not None:
        return first
    room = rooms.entrance(conn, written.room_id, written.account_id)
    mute = rooms.mute_of(conn, room.creator_id, written.account_id, now=now)
    if mute is not None:
        raise Muted(mute.until, mute.reason)
    if blocks.has_blocked(conn, room.creator_id, written.account_id):
        raise Blocked
    return chat.append(conn, written)


# Gifts


async def give(state: State, socket: ViewerSocket, command: SendGift) -> None:
    """Send a gift by the same way as over HTTP.

    Raises:
        Exception: Whatever ``send_gift`` refuses with.
    """
    order = gifts_api.GiftOrder(
        gift_id=command.gift_id,
        quantity=command.quantity,
        coins=command.coins,
        combo_id=command.combo_id,
    )
    answer = await gifts_api.send_gift(
        state, signed_in(socket), socket.room_id, order, key=command.key, now=state["clock"]()
    )
    socket.send(frames.Ok(id=command.id, answer=answer))


def signed_in(socket: ViewerSocket) -> Person:
    """Return who it is.

    Raises:
        Problem: A guest may only watch.
    """
    if socket.person is None:
        raise Problem(401, "not_signed_in", "Log in first")
    return socket.person


def is_moderator(person: Person | None) -> bool:
    """Say whether somebody moderates the whole place."""
    return person is not None and not MODERATING.isdisjoint(person.roles)
