"""A viewer who stops reading costs the others nothing, and comes back without a gap."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from live.bus import P0, Frame
from tests.web.test_handover import until
from tests.web.test_sockets import Hall
from tests.web.test_viewer_socket import HOME
from web.handover import HandoverProtocol, protocol_in
from web.viewer_socket import HARD_BYTES, ViewerSocket

GIFT_BYTES = 1_000  # small, so that what waits is below the history's size
STEP_GIFTS = 60  # published between two looks at the loop: one batch
GIFTS_MAX = 60_000  # far more than the kernel's buffers hold


@dataclass
class Place:
    """A real server with a real bus, and no database."""

    hall: Hall
    url: str
    published: int = 0

    def join(self) -> connect:
        """Connect as a client that reads one message at a time."""
        return connect(
            self.url, subprotocols=[Subprotocol("ovation.v1.json")], max_queue=1, max_size=None
        )

    async def publish(self, count: int) -> None:
        """Tell gifts, and let the loop work."""
        for _ in range(count):
            self.published += 1
            body = b'{"t":"gift","id":"%d","art":"%s"}' % (self.published, b"x" * GIFT_BYTES)
            self.hall.bus.publish("room", Frame(P0, str(self.published), body, body))
        await asyncio.sleep(0)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    hall = Hall()

    async def endpoint(websocket: WebSocket) -> None:
        protocol = protocol_in(websocket.scope)
        assert protocol is not None
        await websocket.accept("ovation.v1.json")
        socket = ViewerSocket(owner=hall.sockets, codec="json", address=HOME, cookie=None)
        assert protocol.hand_over(socket)

    app = Starlette(routes=[WebSocketRoute("/socket", endpoint)])
    config = uvicorn.Config(
        app, port=0, ws=HandoverProtocol, loop="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    config.load()
    async with hall.sockets:
        serving = asyncio.create_task(server._serve())
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Place(hall, f"ws://127.0.0.1:{port}/socket")
        server.should_exit = True
        hall.sockets.drain()
        await asyncio.wait_for(serving, 20)


async def greet(client: ClientConnection, **resume: object) -> dict[str, object]:
    """Say hello and return the welcome."""
    hello = {"t": "hello", "id": 1, "room": "room", **resume}
    await client.send(msgspec.json.encode(hello).decode())
    return dict(msgspec.json.decode(await client.recv()))


async def ids(client: ClientConnection, heard: list[int]) -> None:
    """Keep the numbers of all gifts a client is told until the connection ends."""
    with contextlib.suppress(ConnectionClosed):
        async for message in client:
            bodies = msgspec.json.decode(message).get("numbered", ())
            heard.extend(int(body["id"]) for body in bodies)


async def test_a_reader_that_stops_is_closed_to_resume_and_nobody_else_notices(
    place: Place,
) -> None:
    heard: list[int] = []
    async with place.join() as healthy, place.join() as stopped:
        await greet(healthy)
        await greet(stopped)
        reading = asyncio.create_task(ids(healthy, heard))

        while "closed_4008_total" not in place.hall.sockets.counters():
            assert place.published < GIFTS_MAX, "a reader that does not read was never closed"
            await place.publish(STEP_GIFTS)
            last = place.published
            await until(lambda last=last: bool(heard) and heard[-1] == last)  # type: ignore[misc]

        assert heard == list(range(1, place.published + 1))
        waiting = [s.transport.get_write_buffer_size() for s in place.hall.sockets._closing]
        assert max(waiting, default=0) <= HARD_BYTES + 128 * 1024
        late: list[int] = []
        await ids(stopped, late)
        assert late == list(range(1, len(late) + 1))
        assert stopped.close_code == 4008
        await healthy.close()
        await reading
    async with place.join() as back:
        resume = {"epoch": "e", "offset": len(late)}
        welcome = await greet(back, resume=resume)
        gap = place.published - len(late)
        replay = msgspec.json.decode(await back.recv())

    assert replay["first"] == len(late) + 1
    assert [int(body["id"]) for body in replay["numbered"]] == list(
        range(len(late) + 1, place.published + 1)
    )
    assert gap == len(replay["numbered"])
    assert welcome["t"] == "welcome"
