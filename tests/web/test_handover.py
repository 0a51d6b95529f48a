"""The contract with the pinned uvicorn: an accepted connection can be taken over for good."""

import asyncio
import importlib.metadata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.typing import Subprotocol

from web.handover import HandoverProtocol, protocol_in

PINGS_OFF = 3_600.0


class Echo(asyncio.Protocol):
    """A successor that says what it got, and closes when told to."""

    def __init__(self) -> None:
        self.connections: set[object] = set()
        self.lost = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.say(b"taken over")

    def data_received(self, data: bytes) -> None:
        self.say(b"%d bytes" % len(data))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.connections.discard(self)
        self.lost.set()

    def shutdown(self) -> None:
        self.say(b"shutting down")
        self.transport.close()

    def say(self, text: bytes) -> None:
        self.transport.write(WireFrame(Opcode.TEXT, text).serialize(mask=False))


class Place:
    """A tiny application whose websocket endpoint hands its connections over."""

    def __init__(self) -> None:
        self.successors: list[Echo] = []
        self.endpoint_count = 0
        self.server: uvicorn.Server
        self.url = ""

    async def endpoint(self, websocket: WebSocket) -> None:
        protocol = protocol_in(websocket.scope)
        assert protocol is not None
        successor = Echo()
        await websocket.accept("x")
        assert protocol.hand_over(successor)
        self.successors.append(successor)
        self.endpoint_count += 1


async def until(condition: Callable[[], bool]) -> None:
    """Return once ``condition`` holds; uvicorn has no events for what we wait for."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


def joining(place: "Place", compression: str | None = None) -> connect:
    """Connect; the successor answers no closing frame, so nobody waits for one."""
    return connect(
        place.url, subprotocols=[Subprotocol("x")], compression=compression, close_timeout=0
    )


@asynccontextmanager
async def a_place() -> AsyncIterator[Place]:
    place = Place()
    routes = [
        WebSocketRoute("/socket", place.endpoint),
        Route("/", lambda _request: PlainTextResponse("hello")),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes),
        port=0,
        ws=HandoverProtocol,
        http="httptools",
        loop="none",
        lifespan="off",
        log_config=None,
        ws_ping_interval=PINGS_OFF,
    )
    place.server = uvicorn.Server(config)
    config.load()
    serving = asyncio.create_task(place.server._serve())
    await until(lambda: place.server.started)
    port = place.server.servers[0].sockets[0].getsockname()[1]
    place.url = f"ws://127.0.0.1:{port}/socket"
    try:
        yield place
    finally:
        place.server.should_exit = True
        await asyncio.wait_for(serving, 20)


def test_the_version_this_was_written_for_is_the_one_installed() -> None:
    assert importlib.metadata.version("uvicorn").startswith("0.54.")


async def test_the_successor_speaks_after_the_endpoint_has_returned() -> None:
    async with a_place() as place, joining(place) as client:
        assert await client.recv() == "taken over"
        await until(lambda: not place.server.server_state.tasks)

        await client.send("abc")

        assert await client.recv() == f"{2 + 4 + 3} bytes"
        assert place.endpoint_count == 1


async def test_no_task_is_left_and_the_server_knows_the_successor() -> None:
    async with a_place() as place, joining(place) as client:
        await client.recv()
        await until(lambda: not place.server.server_state.tasks)

        known: set[object] = {*place.server.server_state.connections}
        assert known == set(place.successors)


async def test_a_lost_connection_reaches_the_successor_and_frees_the_server() -> None:
    async with a_place() as place:
        async with joining(place) as client:
            await client.recv()
            client.transport.abort()
            await asyncio.wait_for(place.successors[0].lost.wait(), 20)

        assert place.server.server_state.connections == set()


async def test_a_stopping_server_asks_the_successor_to_close() -> None:
    async with a_place() as place:
        client = await joining(place)
        await client.recv()

        place.server.should_exit = True

        assert await client.recv() == "shutting down"
        with pytest.raises(ConnectionClosed):
            await client.recv()


async def test_compression_is_never_agreed_on() -> None:
    async with (
        a_place() as place,
        joining(place, "deflate") as client,
    ):
        assert client.protocol.extensions == []


async def test_a_connection_that_broke_during_the_handshake_is_not_taken_over() -> None:
    refused = asyncio.Event()

    async def endpoint(websocket: WebSocket) -> None:
        protocol = protocol_in(websocket.scope)
        assert protocol is not None
        await websocket.accept("x")
        protocol.transport.abort()
        if not protocol.hand_over(Echo()):
            refused.set()

    async with a_place() as place:
        place.endpoint = endpoint  # type: ignore[method-assign]
        app = place.server.config.loaded_app
        while not isinstance(app, Starlette):
            app = app.app
        app.router.routes[0] = WebSocketRoute("/socket", endpoint)
        with pytest.raises((ConnectionClosed, InvalidStatus, EOFError)):
            async with joining(place) as client:
                await client.recv()
        await asyncio.wait_for(refused.wait(), 20)


def test_another_servers_scope_holds_nothing_to_hand_over() -> None:
    assert protocol_in({"type": "websocket"}) is None
    assert protocol_in({"extensions": {"ovation.handover": object()}}) is None
