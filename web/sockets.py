"""All websocket connections of this process: their clock, their limits and their commands' tasks.

BUS plane. One timer looks after everybody: who says no hello, who is silent, who is stuck, who does
not finish closing. A task runs only while a connection has a command that must wait for something.

Units   monotonic seconds, bytes.
Limit   ``SOCKETS_MAX`` connections; past it the handshake is refused with 503. If all that waits to
        be sent exceeds ``WAITING_BYTES_MAX``, the connections furthest behind are closed first.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Self

import structlog

from live.audience import Audience
from live.bus import Bus, Joined
from live.chat import Manners
from web import frames
from web.frames import Hello, Ping, Sendable, SendLike
from web.viewer_socket import ViewerSocket

log = structlog.get_logger()

SOCKETS_MAX: Final = 50_000
WAITING_BYTES_MAX: Final = 256 << 20
HELLO_S_MAX: Final = 5.0
PING_S: Final = 20.0  # below the 30 s a view counts, so that a silent viewer goes on counting
STUCK_S_MAX: Final = 10.0
CLOSING_S_MAX: Final = 5.0
LOOK_S: Final = 1.0

CarryOut = Callable[[ViewerSocket, Sendable], Awaitable[None]]


class Sockets:
    """The connections of a process; owner of every ``ViewerSocket``.

    Attributes:
        carry_out: Does what a client asks for and answers it; never raises. Set once the rest of
            the server is open.
    """

    carry_out: CarryOut

    def __init__(self, bus: Bus, audience: Audience, monotonic: Callable[[], float]) -> None:
        self.monotonic = monotonic
        self.manners = Manners()
        self._bus = bus
        self._audience = audience
        self._group = asyncio.TaskGroup()
        self._silent: OrderedDict[ViewerSocket, float] = OrderedDict()  # no hello yet
        self._joined: OrderedDict[ViewerSocket, float] = OrderedDict()  # → when last looked at
        self._behind: dict[ViewerSocket, None] = {}
        self._closing: OrderedDict[ViewerSocket, float] = OrderedDict()
        self._closed = Counter[int]()
        self._command_count = 0

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._watching = self._group.create_task(self._watch(), name="sockets")
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.drain()
        self._watching.cancel()
        for socket in list(self._closing):
            socket.transport.close()
        await self._group.__aexit__(None, None, None)

    @property
    def count(self) -> int:
        """How many connections there are."""
        return len(self._silent) + len(self._joined)

    @property
    def is_full(self) -> bool:
        """Whether the next handshake is refused."""
        return self.count >= SOCKETS_MAX

    def drain(self) -> None:
        """Tell everybody to come back elsewhere."""
        for socket in [*self._silent, *self._joined]:
            socket.close(frames.DRAIN)

    def end_sessions(
        self, account_id: str, *, session_id: str | None = None, but: str | None = None
    ) -> None:
        """Close the connections a person opened with a session that is over.

        Args:
            session_id: The session that is over; without one, all of them are.
            but: The session that is not.
        """
        for socket in list(self._joined):
            person = socket.person
            if person is None or person.account_id != account_id or person.session_id == but:
                continue
            if session_id in (None, person.session_id):
                socket.expel(frames.NOT_AUTHORISED, frames.notice("logged_out", "Logged out."))

    def counters(self) -> dict[str, float]:
        """Return the figures since the start."""
        return {
            "connections": self.count,
            "connections_behind": len(self._behind),
            "commands_total": self._command_count,
            **{f"closed_{code}_total": count for code, count in self._closed.items()},
        }

    # What connections call

    def opened(self, socket: ViewerSocket) -> None:
        """Expect a hello."""
        self._silent[socket] = self.monotonic()

    def received(self, socket: ViewerSocket, frame: Sendable) -> None:
        """Do at once what needs no waiting; have the rest done in order."""
        self._command_count += 1
        is_new = socket in self._silent
        match frame:
            case Ping(id=reply_id):
                socket.send(frames.Pong(id=reply_id))
            case Hello() if not is_new or socket.room_id:
                socket.send(error("already_joined", "One connection joins one room.", frame.id))
            case SendLike(count=count) if not is_new:
                self._like(socket, count)
            case Hello(room=room_id):
                socket.room_id = room_id
                self._enqueue(socket, frame)
            case _ if is_new and not socket.room_id:
                socket.send(error("hello_first", "Say hello first.", getattr(frame, "id", None)))
                socket.close(frames.NOT_AUTHORISED)
            case _:
                self._enqueue(socket, frame)

    def joined(self, socket: ViewerSocket) -> None:
        """A hello was answered: from now on it is asked whether it is still there."""
        if self._silent.pop(socket, None) is not None:
            self._joined[socket] = socket.heard_at
            log.info("socket joined", room_id=socket.room_id, codec=socket.codec)

    def fell_behind(self, socket: ViewerSocket) -> None:
        """A connection cannot be written to as fast as its room talks."""
        self._behind[socket] = None

    def caught_up(self, socket: ViewerSocket) -> None:
        """A connection can be written to again."""
        self._behind.pop(socket, None)

    def tell_values(self, socket: ViewerSocket) -> None:
        """Tell a connection that has missed values the latest ones."""
        current = self._bus.current(socket.room_id)
        for value in current.values if current is not None else ():
            socket.direct(value)

    def closing(self, socket: ViewerSocket, code: int) -> None:
        """Hear its room no more, and wait a little for the end."""
        self._silent.pop(socket, None)
        if self._joined.pop(socket, None) is not None:
            self._bus.unsubscribe(socket.room_id, socket)
            log.info("socket closed", room_id=socket.room_id, code=int(code))
        self._behind.pop(socket, None)
        self._closing[socket] = self.monotonic()
        self._closed[code] += 1

    def closed(self, socket: ViewerSocket) -> None:
        """Forget it."""
        self._closing.pop(socket, None)

    def subscribe(self, socket: ViewerSocket, hello: Hello) -> Joined:
        """Hear the room behind the curtain; the welcome follows."""
        self.joined(socket)
        since = hello.resume
        position = None if since is None else frames.position(since)
        return self._bus.subscribe(socket.room_id, socket, position)

    # Commands

    def _like(self, socket: ViewerSocket, count: int) -> None:
        room_id = socket.room_id
        if self._audience.like(room_id, socket.view_id, count, now=self.monotonic()):
            self._bus.publish(room_id, frames.likes(self._audience.likes_total(room_id)))

    def _enqueue(self, socket: ViewerSocket, frame: Sendable) -> None:
        socket.enqueue(frame)
        if not socket.is_working:
            socket.is_working = True
            self._group.create_task(self._work(socket), name="socket commands")

    async def _work(self, socket: ViewerSocket) -> None:
        while (command := socket.next_command()) is not None:
            await self.carry_out(socket, command)
        socket.is_working = False

    # The timer

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.look(self.monotonic())
            except Exception:
                log.exception("looking after the sockets failed")

    def look(self, now: float) -> None:
        """Deal with everybody whose time is up."""
        while self._silent and now - next(iter(self._silent.values())) > HELLO_S_MAX:
            next(iter(self._silent)).close(frames.NOT_AUTHORISED, "no hello")
        while self._joined and now - next(iter(self._joined.values())) >= PING_S:
            self._ask(next(iter(self._joined)), now)
        for socket in list(self._behind):
            if socket.behind_since is not None and now - socket.behind_since > STUCK_S_MAX:
                socket.close(frames.SLOW)
        self._shed()
        while self._closing and now - next(iter(self._closing.values())) > CLOSING_S_MAX:
            socket, _ = self._closing.popitem(last=False)
            socket.transport.abort()

    def _ask(self, socket: ViewerSocket, now: float) -> None:
        """Close it if nothing came since the last question; else count its viewer and ask again."""
        if socket.heard_at < self._joined[socket]:
            socket.close(frames.SILENT)
            return
        self._audience.active(socket.view_id, now=now)
        self._joined[socket] = now
        self._joined.move_to_end(socket)
        socket.ping()

    def _shed(self) -> None:
        """Keep what waits to be sent below the ceiling of the process."""
        waiting = {s: s.transport.get_write_buffer_size() for s in self._behind}
        excess = sum(waiting.values()) - WAITING_BYTES_MAX
        for socket in sorted(waiting, key=waiting.__getitem__, reverse=True):
            if excess <= 0:
                return
            excess -= waiting[socket]
            socket.transport.abort()


def error(code: str, detail: str, reply_id: int | None = None) -> frames.Error:
    """Return an error frame."""
    return frames.Error(code=code, detail=detail, id=reply_id)
