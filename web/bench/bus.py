"""How cheaply a room is told: one frame to many, many frames to many, and who only listens.

The viewers are plain sockets in this process that count bytes and throw them away; a few of them
(``LOOKING``) read what they get, for latency and for gifts lost. The server is a process of its
own; its CPU is what is measured. ``websockets.broadcast`` does the first measurement beside it.

Units   in the names. A logical delivery is one frame that reached one viewer, in a batch or alone.
"""

import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from web import frames
from web.bench.bus_subject import Cost, Order
from web.bench.measuring import percentile, resident_bytes

SINGLE_VIEWERS: Final = 1_000
SINGLE_FRAMES: Final = 100
CROWD_VIEWERS: Final = 4_000
CROWD_PER_S: Final = 100.0
CROWD_S: Final = 8.0
LOOKING: Final = 8
JOINING: Final = 100  # handshakes under way at once
READ_BYTES: Final = 1 << 20
PATIENCE_S: Final = 60.0

HELLO: Final = WireFrame(Opcode.TEXT, b'{"t":"hello","id":1,"room":"bench"}').serialize(mask=True)
HANDSHAKE: Final = (
    b"GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: " + frames.JSON_PROTOCOL.encode() + b"\r\n\r\n"
)


class BusBenchFailed(Exception):
    """The measurement could not be made."""


@dataclass(slots=True)
class Viewer:
    """One connection; ``unread`` is kept by those who look."""

    connection: socket.socket
    is_looking: bool
    is_welcome: bool = False
    has_asked: bool = False
    unread: bytearray = field(default_factory=bytearray)
    gifts: set[str] = field(default_factory=set)
    latencies_ms: list[float] = field(default_factory=list)
    heard: int = 0


class Crowd:
    """Every viewer of a server, read by one loop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._buffer = bytearray(READ_BYTES)
        self.viewers: list[Viewer] = []
        self.received_bytes = 0

    def join(self, count: int) -> None:
        """Let ``count`` viewers in and wait until everybody is welcome."""
        while len(self.viewers) < count:
            for _ in range(min(JOINING, count - len(self.viewers))):
                self._connect()
            self.read_until(lambda: all(viewer.is_welcome for viewer in self.viewers[-JOINING:]))

    def read_until(self, done: Callable[[], bool]) -> None:
        """Read whatever comes until ``done``.

        Raises:
            BusBenchFailed: That took too long.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            for key, _ in self._selector.select(0.05):
                self._read(key.data)
            if time.monotonic() > deadline:
                raise BusBenchFailed("the viewers did not get what they wait for")

    def close(self) -> None:
        """Leave."""
        for viewer in self.viewers:
            viewer.connection.close()
        self._selector.close()

    def _connect(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.sendall(HANDSHAKE)
        connection.setblocking(False)
        viewer = Viewer(connection, is_looking=len(self.viewers) < LOOKING)
        self.viewers.append(viewer)
        self._selector.register(connection, selectors.EVENT_READ, viewer)

    def _read(self, viewer: Viewer) -> None:
        try:
            length = viewer.connection.recv_into(self._buffer)
        except BlockingIOError:
            return
        if length == 0:
            raise BusBenchFailed("the server closed a connection")
        self.received_bytes += length
        if not viewer.is_welcome:
            self._greet(viewer, bytes(self._buffer[:length]))
        elif viewer.is_looking:
            viewer.unread += self._buffer[:length]
            look(viewer)

    def _greet(self, viewer: Viewer, received: bytes) -> None:
        viewer.unread += received
        if not viewer.has_asked and b"\r\n\r\n" in viewer.unread:
            viewer.has_asked = True
            viewer.connection.sendall(HELLO)
            viewer.unread.clear()
        elif b'"welcome"' in viewer.unread:
            viewer.is_welcome = True
            viewer.unread.clear()


def look(viewer: Viewer) -> None:
    """Read every complete message: when was it said, and which gifts does it hold?"""
    now = datetime.now(UTC)
    for message in messages(viewer.unread):
        batch = msgspec.json.decode(message)
        for body in batch.get("numbered", ()):
            said_at = datetime.fromisoformat(body["at"])
            viewer.latencies_ms.append((now - said_at).total_seconds() * 1_000)
            viewer.heard += 1
            if body["t"] == "gift":
                viewer.gifts.add(body["id"])


def messages(unread: bytearray) -> Iterator[bytes]:
    """Take complete messages out of ``unread``; servers send them unmasked and in one frame."""
    while len(unread) >= 2:
        length, start = unread[1], 2
        if length == 126:
            length, start = int.from_bytes(unread[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(unread[2:10], "big"), 10
        if len(unread) < start + length:
            return
        if unread[0] & 0x0F == Opcode.TEXT:
            yield bytes(unread[start : start + length])
        del unread[: start + length]


@dataclass(slots=True)
class Subject:
    """The server under test and its viewers."""

    process: subprocess.Popen[bytes]
    crowd: Crowd

    def tell(self, order: Order) -> Cost:
        """Have frames told, read them as viewers do, and return what telling cost."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        looking = self.crowd.viewers[:LOOKING]
        heard = [viewer.heard + order.count for viewer in looking]
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.flush()
        self.crowd.read_until(
            lambda: all(v.heard >= count for v, count in zip(looking, heard, strict=True))
        )
        return msgspec.json.decode(self.process.stdout.readline(), type=Cost)


@contextmanager
def serving(kind: str) -> Iterator[Subject]:
    """Start a server and end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "web.bench.bus_subject", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    crowd = Crowd(int(process.stdout.readline()))
    try:
        yield Subject(process, crowd)
    finally:
        crowd.close()
        process.kill()
        process.communicate()


def single(kind: str) -> float:
    """Return the CPU of one frame to one viewer in µs, every frame a tick of its own."""
    with serving(kind) as subject:
        subject.crowd.join(SINGLE_VIEWERS)
        subject.tell(Order(SINGLE_FRAMES // 10))  # warm
        cost = subject.tell(Order(SINGLE_FRAMES))
    return cost.cpu_s / cost.deliveries * 1e6


def measure() -> dict[str, Any]:
    """Measure the bus."""
    us_per_frame = single("ovation")
    us_per_frame_of_peer = single("websockets")
    with serving("ovation") as subject:
        empty_bytes = resident_bytes(subject.process.pid)
        subject.crowd.join(CROWD_VIEWERS)
        full_bytes = resident_bytes(subject.process.pid)
        cost = subject.tell(Order(int(CROWD_PER_S * CROWD_S), CROWD_PER_S))
        looking = subject.crowd.viewers[:LOOKING]
    latencies_ms = [late for viewer in looking for late in viewer.latencies_ms]
    lost = sum(len(set(cost.gifts) - viewer.gifts) for viewer in looking)
    return {
        "figures": {
            "us_per_frame": us_per_frame,
            "logical_deliveries_per_s": cost.deliveries / cost.cpu_s,
            "publish_receive_p99_ms": percentile(latencies_ms, 0.99),
            "kb_per_idle_connection": (full_bytes - empty_bytes) / CROWD_VIEWERS / 1_024,
            "p0_lost": lost,
        },
        "conditions": {
            "single_viewers": SINGLE_VIEWERS,
            "crowd_viewers": CROWD_VIEWERS,
            "crowd_frames_per_s": CROWD_PER_S,
            "crowd_s": CROWD_S,
            "writes_per_s": cost.writes / cost.elapsed_s,
            "server_cpu_share": cost.cpu_s / cost.elapsed_s,
            "viewers_who_look": LOOKING,
            "deliveries_per_s_is": "per second of the server's CPU",
        },
        "peer": {
            "name": "websockets.broadcast",
            "us_per_frame": us_per_frame_of_peer,
            "ratio": us_per_frame / us_per_frame_of_peer,
        },
    }
