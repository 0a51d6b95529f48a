"""How fast gifts are acknowledged, each one on disk first, through the socket and through HTTP.

A server of its own with default settings (SQLite, fsync on every commit) and one creator, whose
coin accounts every gift touches. Senders wait for one answer before they send the next gift, so
the number of connections is the number of gifts in flight. The load comes from this process, on
the same machine: what it costs is taken from the server's share.

Units   gifts per second, milliseconds from sending to the answer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from live.client_api import Account, sign_up
from live.client_keys import new_key
from live.client_socket import room_socket
from web.bench.measuring import percentile
from web.bench.subject import Subject, running_server

PASSWORD = "bench bench bench"
PACK_ID = "coins-3500"
VIEWERS = 12
ROOMS = 16
SOCKETS = 192  # in so many rooms, so that few hear each gift; each may send 30 in a burst
GIFTS_PER_SOCKET = 25
HTTP_CONNECTIONS = 48
GIFTS_PER_CONNECTION = 100
GIFTS_ALONE = 200

Send = Callable[[], Awaitable[None]]


class BenchFailed(Exception):
    """A gift was refused or counted wrongly: the figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run of gifts was acknowledged."""

    gifts_per_s: float
    ack_p50_ms: float
    ack_p99_ms: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One creator with rooms, and viewers with coins."""

    creator: Account
    room_ids: Sequence[str]
    viewers: Sequence[Account]


def measure() -> dict[str, Any]:
    """Measure; see the module for what."""
    return asyncio.run(measured())


async def measured() -> dict[str, Any]:
    """Return the report that ``ovation bench gifts`` prints."""
    async with running_server() as subject:
        stage = await set_stage(subject.http)
        async with connections(subject, stage, 1) as senders:
            alone = await run(senders, GIFTS_ALONE)
        async with connections(subject, stage, HTTP_CONNECTIONS) as senders:
            by_http = await run(senders, GIFTS_PER_CONNECTION)
        async with sockets(subject, stage) as senders:
            by_socket = await run(senders, GIFTS_PER_SOCKET)
        gifts = GIFTS_ALONE + HTTP_CONNECTIONS * GIFTS_PER_CONNECTION + SOCKETS * GIFTS_PER_SOCKET
        await check(stage, gifts)
    return {
        "figures": {
            "gifts_per_s": by_socket.gifts_per_s,
            "ack_p50_ms": by_socket.ack_p50_ms,
            "ack_p99_ms": by_socket.ack_p99_ms,
            "http_gifts_per_s": by_http.gifts_per_s,
            "http_ack_p50_ms": by_http.ack_p50_ms,
            "http_ack_p99_ms": by_http.ack_p99_ms,
            "http_alone_ack_p50_ms": alone.ack_p50_ms,
            "http_alone_ack_p99_ms": alone.ack_p99_ms,
        },
        "conditions": {
            "gifts": gifts,
            "creators": 1,
            "viewers": VIEWERS,
            "rooms": ROOMS,
            "sockets": SOCKETS,
            "http_connections": HTTP_CONNECTIONS,
            "database": "sqlite",
            "fsync": True,
        },
    }


async def set_stage(http: httpx.AsyncClient) -> Stage:
    """Sign everybody up, open the rooms, buy the coins."""
    creator = await sign_up(http, "bench_creator", PASSWORD)
    rooms = [await creator.open_room(f"Room {number}") for number in range(ROOMS)]
    viewers = [await sign_up(http, f"bench_{number}", PASSWORD) for number in range(VIEWERS)]
    for viewer in viewers:
        await viewer.buy(PACK_ID)
    return Stage(creator, [room.room_id for room in rooms], viewers)


async def run(senders: Sequence[Send], gifts_each: int) -> Pace:
    """Let every sender send its gifts, one after another, all senders at once."""
    waited_s: list[float] = []

    async def send_all(send: Send) -> None:
        for _ in range(gifts_each):
            began = time.perf_counter()
            await send()
            waited_s.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for send in senders:
            group.create_task(send_all(send))
    took_s = time.perf_counter() - began
    return Pace(
        len(waited_s) / took_s,
        percentile(waited_s, 0.5) * 1_000,
        percentile(waited_s, 0.99) * 1_000,
    )


@asynccontextmanager
async def sockets(subject: Subject, stage: Stage) -> AsyncIterator[list[Send]]:
    """Give a sender per socket; viewers and rooms take turns."""
    url = subject.url.replace("http", "ws", 1) + "/socket"
    async with AsyncExitStack() as stack:
        senders: list[Send] = []
        for number in range(SOCKETS):
            viewer = stage.viewers[number % VIEWERS]
            room_id = stage.room_ids[number % ROOMS]
            joining = room_socket(url, room_id, codec="msgpack", token=viewer.token)
            room = await stack.enter_async_context(joining)

            async def send(room: Any = room) -> None:
                await room.gift("rose")

            senders.append(send)
        yield senders


@asynccontextmanager
async def connections(subject: Subject, stage: Stage, count: int) -> AsyncIterator[list[Send]]:
    """Give a sender per HTTP connection, kept open; viewers and rooms take turns."""
    async with AsyncExitStack() as stack:
        senders: list[Send] = []
        for number in range(count):
            viewer = stage.viewers[number % VIEWERS]
            room_id = stage.room_ids[number % ROOMS]
            sender = await HttpSender.open(subject.url, room_id, viewer.token)
            stack.callback(sender.close)
            senders.append(sender.send)
        yield senders


class HttpSender:
    """Posts roses over one kept-open connection, at a fraction of what a whole client costs."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, body: bytes
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head
        self._body = body

    @classmethod
    async def open(cls, url: str, room_id: str, token: str) -> "HttpSender":
        """Connect to the server at ``url``."""
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        body = msgspec.json.encode({"gift_id": "rose", "quantity": 1})
        head = (
            f"POST /api/rooms/{room_id}/gifts HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nIdempotency-Key: "
        )
        return cls(reader, writer, head.encode(), b"\r\n\r\n" + body)

    async def send(self) -> None:
        """Send one rose.

        Raises:
            BenchFailed: It was refused.
        """
        self._writer.write(self._head + new_key().encode() + self._body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 201"):
            raise BenchFailed(body.decode())

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def check(stage: Stage, gifts: int) -> None:
    """Compare what the creator earned with what was acknowledged.

    Raises:
        BenchFailed: They differ.
    """
    earned = (await stage.creator.ask("GET", "/api/wallet"))["diamonds"]
    if earned != gifts:
        raise BenchFailed(f"{gifts} gifts were acknowledged, {earned} diamonds earned")
