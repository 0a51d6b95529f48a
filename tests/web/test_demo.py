"""``ovation demo`` as a newcomer meets it, and how it ends."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from live.client import room_socket
from tests.conftest import Server, free_port

PATIENCE_S = 90.0
DATABASE = {"OVATION_DATABASE_URL": "sqlite:///var/demo/ovation.db"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running demo; its books are verified when the tests are over."""
    running = Server(tmp_path_factory.mktemp("demo"), free_port(), command=("demo",)).start()
    yield running
    running.stop()
    running.environ = DATABASE
    verified = running.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture
async def http(demo: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=demo.url, timeout=30) as client:
        yield client


async def live_room(http: httpx.AsyncClient, viewers: int) -> dict[str, object]:
    """Return the demo's room once it is live and so many watch."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rooms = (await http.get("/api/rooms")).json()["rooms"]
            if rooms and rooms[0]["viewer_count"] >= viewers:
                return dict(rooms[0])
            await asyncio.sleep(0.1)


async def become(http: httpx.AsyncClient, who: str) -> httpx.Response:
    return await http.post(f"/demo/become/{who}", headers={"Sec-Fetch-Site": "same-origin"})


async def me(http: httpx.AsyncClient) -> dict[str, object]:
    return dict((await http.get("/api/me")).json())


def children(server: Server) -> list[int]:
    """Return the processes a server has started."""
    assert server.process is not None
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


async def until_gone(pids: list[int]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if not any(is_running(pid) for pid in pids):
                return
            await asyncio.sleep(0.05)


async def test_a_live_room_fills_with_people_who_chat_and_give(
    demo: Server, http: httpx.AsyncClient
) -> None:
    room = await live_room(http, viewers=6)
    seen: set[str] = set()

    url = f"ws://127.0.0.1:{demo.port}/socket"
    async with room_socket(url, str(room["room_id"])) as socket, asyncio.timeout(PATIENCE_S):
        while not {"chat", "gift", "likes"} <= seen:
            seen.add((await socket.next_body())["t"])

    assert room["state"] == "live"


async def test_the_viewer_has_bought_exactly_5000_coins(http: httpx.AsyncClient) -> None:
    await live_room(http, viewers=1)

    answer = await become(http, "viewer")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/rooms/")
    assert (await http.get("/api/wallet")).json()["coins"] == 5_000


@pytest.mark.parametrize(
    ("who", "page", "role"),
    [
        ("creator", "/studio", None),
        ("finance", "/finance", "finance-maker"),
        ("moderator", "/moderation", "moderator"),
    ],
)
async def test_the_bar_makes_one_somebody_else_and_leads_to_their_page(
    http: httpx.AsyncClient, who: str, page: str, role: str | None
) -> None:
    answer = await become(http, who)

    roles = (await me(http))["roles"]
    shown = await http.get(page)
    assert answer.headers["location"] == page
    assert roles == ([role] if role else [])
    assert shown.status_code == 200


async def test_there_is_nobody_else_to_become(http: httpx.AsyncClient) -> None:
    answer = await become(http, "operator")

    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers


async def test_another_site_makes_nobody_of_its_visitors(http: httpx.AsyncClient) -> None:
    answer = await http.post("/demo/become/viewer", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_an_ordinary_server_has_no_such_bar(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        answer = await become(http, "viewer")

    assert answer.status_code == 404


async def test_a_second_start_goes_on_and_however_it_ends_nobody_is_left(
    tmp_path: Path,
) -> None:
    rooms, cast = [], tmp_path / "var/demo/cast.json"

    for how in (signal.SIGINT, signal.SIGKILL):
        server = Server(tmp_path, free_port(), command=("demo",)).start()
        async with httpx.AsyncClient(base_url=server.url) as http:
            rooms.append((await live_room(http, viewers=1))["room_id"])
        started = children(server)
        assert server.process is not None
        server.process.send_signal(how)
        await until_gone([server.process.pid, *started])
        server.process.wait()
        assert started

    assert rooms[0] == rooms[1]
    assert json.loads(cast.read_bytes())["room_id"] == rooms[0]
