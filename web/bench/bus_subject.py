"""A server that only tells a room: the bus and its sockets, or ``websockets.broadcast`` beside it.

``python -m web.bench.bus_subject ovation|websockets`` listens on a free port, prints it, and then
does what each line of its input asks: a number of frames, one tick each or at a rate. It answers
every line with what that cost. There is no database, so that nothing else is measured.

Units   CPU in seconds of this process, all threads; rates per second.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.server import ServerConnection, broadcast, serve

from live.audience import Audience
from live.bus import Frame, InProcessBus
from web import frames, wire
from web.frames import Hello, Sendable
from web.handover import HandoverProtocol, protocol_in
from web.limits import ClientAddress
from web.sockets import Sockets
from web.viewer_socket import ViewerSocket

ROOM = "bench"
HOME = ClientAddress("127.0.0.1", is_direct_loopback=True)
BACKLOG = 4_096
LOOK_S = 0.01
GIFT_EVERY = 20  # one frame in so many is a gift, the rest is chat
TEXT = "What a lovely evening, greetings to everybody here! " * 3  # 156 characters
SOMEBODY = frames.Sender("viewer_4711", "Viewer 4711")

Publish = Callable[[Frame], None]


class Order(msgspec.Struct):
    """What to tell: ``count`` frames, ``per_s`` of them a second; 0: each as a tick of its own."""

    count: int
    per_s: float = 0.0


class Cost(msgspec.Struct):
    """What telling it cost.

    Attributes:
        deliveries: Frames times connections.
        writes: Messages written to connections.
        gifts: Ids of the gifts told.
    """

    cpu_s: float
    elapsed_s: float
    deliveries: int
    writes: int
    gifts: list[str]


class OvationRoom:
    """The bus and its sockets behind uvicorn, as the product runs them."""

    def __init__(self) -> None:
        self.bus = InProcessBus(
            seal=wire.seal,
            new_epoch=lambda: "bench",
            monotonic=time.monotonic,
            loop=asyncio.get_running_loop(),
        )
        self.sockets = Sockets(self.bus, Audience(), time.monotonic)
        self.sockets.carry_out = self.welcome

    async def welcome(self, socket: ViewerSocket, command: Sendable) -> None:
        """Let everybody in who says hello."""
        assert isinstance(command, Hello)
        joined = self.sockets.subscribe(socket, command)
        room = frames.RoomView(ROOM, "Bench", (), "live", SOMEBODY, 0, 0, (), ())
        you = frames.You(False, False, "view", "token")
        position = joined.position
        welcome = frames.Welcome(command.id, position.epoch, position.offset, False, room, you)
        socket.begin(welcome, joined)

    async def endpoint(self, websocket: WebSocket) -> None:
        """Accept and hand over, as ``web.socket_api`` does."""
        protocol = protocol_in(websocket.scope)
        assert protocol is not None
        socket = ViewerSocket(owner=self.sockets, codec="json", address=HOME, cookie=None)
        await websocket.accept(frames.JSON_PROTOCOL)
        protocol.hand_over(socket)

    def publish(self, frame: Frame) -> None:
        """Tell the room."""
        self.bus.publish(ROOM, frame)

    def writes(self) -> int:
        """Messages written so far."""
        return int(self.bus.counters()["deliveries_total"])

    def connections(self) -> int:
        """Who is in the room."""
        return int(self.bus.counters()["subscribers"])

    async def run(self, work: Callable[["OvationRoom"], Awaitable[None]]) -> None:
        """Serve while ``work`` goes on."""
        app = Starlette(routes=[WebSocketRoute("/socket", self.endpoint)])
        config = uvicorn.Config(
            app, port=0, ws=HandoverProtocol, lifespan="off", log_config=None, backlog=BACKLOG
        )
        server = uvicorn.Server(config)
        async with self.sockets, asyncio.TaskGroup() as group:
            group.create_task(server.serve())
            while not server.started:  # noqa: ASYNC110 - uvicorn tells no other way
                await asyncio.sleep(0.01)
            print(server.servers[0].sockets[0].getsockname()[1], flush=True)
            await work(self)
            server.should_exit = True


class PeerRoom:
    """``websockets`` with its own ``broadcast``: what one reaches without a bus."""

    def __init__(self) -> None:
        self._connections: set[ServerConnection] = set()
        self._writes = 0

    async def endpoint(self, connection: ServerConnection) -> None:
        """Keep a connection until it closes."""
        await connection.recv()  # the hello
        await connection.send('{"t":"welcome"}')
        self._connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            self._connections.discard(connection)

    def publish(self, frame: Frame) -> None:
        """Tell the room."""
        batch = b'{"t":"batch","numbered":[%s]}' % frame.json
        broadcast(self._connections, batch.decode())
        self._writes += len(self._connections)

    def writes(self) -> int:
        """Messages written so far."""
        return self._writes

    def connections(self) -> int:
        """Who is in the room."""
        return len(self._connections)

    async def run(self, work: Callable[["PeerRoom"], Awaitable[None]]) -> None:
        """Serve while ``work`` goes on."""
        async with serve(
            self.endpoint,
            "127.0.0.1",
            0,
            compression=None,
            ping_interval=None,
            backlog=BACKLOG,
            subprotocols=[frames.JSON_PROTOCOL],  # type: ignore[list-item]
        ) as server:
            print(next(iter(server.sockets)).getsockname()[1], flush=True)
            await work(self)


def a_frame(number: int) -> Frame:
    """Return a chat message or, now and then, a gift."""
    now = datetime.now(UTC)
    if number % GIFT_EVERY:
        return frames.chat(frames.Chat(f"chat{number:08}", SOMEBODY, TEXT, now))
    body = frames.Gift(f"gift{number:08}", SOMEBODY, "rose", 1, 1, 1, None, now)
    return frames.gift(body, cursor=str(number))


async def obey(room: OvationRoom | PeerRoom) -> None:
    """Do what the input asks until it ends."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    told = 0
    async for line in lines:
        order = msgspec.json.decode(line, type=Order)
        cost = await tell(room, order, told)
        told += order.count
        print(msgspec.json.encode(cost).decode(), flush=True)


async def tell(room: OvationRoom | PeerRoom, order: Order, first: int) -> Cost:
    """Tell a room and return what that cost."""
    writes, count = room.writes(), room.connections()
    began, cpu_began = time.monotonic(), time.process_time()
    gifts: list[str] = []
    for number in range(first, first + order.count):
        frame = a_frame(number)
        if frame.cursor:
            gifts.append(frame.key or "")
        if order.per_s:
            await asyncio.sleep(began + (number - first) / order.per_s - time.monotonic())
            room.publish(frame)
        else:
            before = room.writes()
            room.publish(frame)
            while room.writes() < before + count:  # noqa: ASYNC110 - a tick has no event
                await asyncio.sleep(LOOK_S)
    if order.per_s:
        await asyncio.sleep(0.5)  # the last tick
    return Cost(
        cpu_s=time.process_time() - cpu_began,
        elapsed_s=time.monotonic() - began,
        deliveries=order.count * count,
        writes=room.writes() - writes,
        gifts=gifts,
    )


async def main(kind: str) -> None:
    """Run the room named on the command line."""
    if kind == "ovation":
        await OvationRoom().run(obey)
    else:
        await PeerRoom().run(obey)


if __name__ == "__main__":
    # Standard output belongs to the answers.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    uvloop.run(main(sys.argv[1]))
