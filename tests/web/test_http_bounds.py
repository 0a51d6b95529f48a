"""The contract with the pinned uvicorn: a connection that takes too much or too long is closed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from web import http_bounds
from web.http_bounds import BoundedHttpProtocol

HEAD = b"POST /there HTTP/1.1\r\nHost: here\r\nContent-Length: 100000\r\n"


class Clock:
    """Stands for the event loop: its time, its one timer, and the tasks it was given."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timer: Callable[[], None] | None = None
        self.asked: list[Any] = []

    def time(self) -> float:
        return self.now

    def call_later(self, _delay_s: float, call: Callable[[], None]) -> "Clock":
        self.timer = call
        return self

    def cancel(self) -> None:
        self.timer = None

    def create_task(self, request: Any) -> asyncio.Future[None]:
        request.close()  # nobody answers in these tests
        self.asked.append(request)
        return asyncio.Future()

    def look_at(self, now: float) -> None:
        """Let time pass until the protocol looks again."""
        self.now = now
        assert self.timer is not None
        self.timer()


class Line(asyncio.Transport):
    """The far end of a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reads = True
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Say nothing."""


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def line() -> Line:
    return Line()


@pytest.fixture
async def http(clock: Clock, line: Line) -> BoundedHttpProtocol:
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    found = BoundedHttpProtocol(config, ServerState(), {}, clock)
    found.connection_made(line)
    return found


async def test_a_head_without_end_is_refused(http: BoundedHttpProtocol, line: Line) -> None:
    http.data_received(HEAD + b"X-Long: ")
    while not line.closed:
        http.data_received(b"a" * 10_000)
        assert http._pending_bytes < http_bounds.HEAD_BYTES_MAX + 20_000

    assert line.written.startswith(b"HTTP/1.1 431 ")


async def test_headers_without_number_are_refused(http: BoundedHttpProtocol, line: Line) -> None:
    http.data_received(HEAD)
    for number in range(10_000):
        http.data_received(b"X-%d: a\r\n" % number)
        if line.closed:
            break

    assert line.closed


async def test_trailers_without_end_are_refused(http: BoundedHttpProtocol, line: Line) -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    http.data_received(chunked + b"X-Trailer: ")
    for _ in range(http_bounds.HEAD_BYTES_MAX // 10_000 + 1):
        http.data_received(b"a" * 10_000)

    assert line.closed


async def test_who_says_nothing_is_let_go(clock: Clock, http: BoundedHttpProtocol) -> None:
    clock.look_at(http_bounds.REQUEST_S_MAX)
    assert not http.transport.is_closing()

    clock.look_at(http_bounds.REQUEST_S_MAX + 1)
    assert http.transport.is_closing()


async def test_a_head_that_drips_is_let_go(clock: Clock, http: BoundedHttpProtocol) -> None:
    http.data_received(HEAD)
    for second in range(1, int(http_bounds.REQUEST_S_MAX) + 1):
        clock.now = float(second)
        http.data_received(b"X-%d: a\r\n" % second)

    clock.look_at(http_bounds.REQUEST_S_MAX + 1)

    assert http.transport.is_closing()


async def test_a_body_that_comes_has_more_time(clock: Clock, http: BoundedHttpProtocol) -> None:
    http.data_received(HEAD + b"\r\n" + b"a" * int(60 * http_bounds.BODY_BYTES_PER_S))

    clock.look_at(http_bounds.REQUEST_S_MAX + 60)
    assert not http.transport.is_closing()

    clock.look_at(http_bounds.REQUEST_S_MAX + 61)
    assert http.transport.is_closing()


async def test_nobody_is_blamed_for_what_we_have_not_read(
    clock: Clock, http: BoundedHttpProtocol, line: Line
) -> None:
    http.data_received(HEAD + b"\r\n" + b"a" * 70_000)
    assert not line.reads

    clock.look_at(3_600.0)

    assert not line.closed


async def test_a_complete_request_may_wait_for_its_answer(
    clock: Clock, http: BoundedHttpProtocol, line: Line
) -> None:
    http.data_received(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n")
    assert len(clock.asked) == 1

    clock.look_at(3_600.0)

    assert not line.closed


async def test_who_takes_nothing_of_the_answer_is_let_go(
    clock: Clock, http: BoundedHttpProtocol, line: Line
) -> None:
    http.data_received(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
    http.pause_writing()
    http.resume_writing()
    http.pause_writing()

    clock.look_at(http_bounds.ANSWER_S_MAX)
    assert not line.closed
    clock.look_at(http_bounds.ANSWER_S_MAX + 1)
    assert line.closed


async def test_nothing_is_looked_at_when_the_connection_is_over(
    clock: Clock, http: BoundedHttpProtocol
) -> None:
    http.connection_lost(None)

    assert clock.timer is None
