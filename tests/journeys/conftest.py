"""One real server for all journeys that need none of their own."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.conftest import Server, free_port


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server on SQLite; its books are verified when the last journey is over."""
    running = Server(tmp_path_factory.mktemp("journeys"), free_port()).start()
    yield running
    running.stop()
    verified = running.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture
async def shared_http(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the shared server."""
    async with httpx.AsyncClient(base_url=shared_server.url, timeout=30) as found:
        yield found
