"""The server under test: ``ovation serve`` in a process of its own, on a new database.

It runs in a temporary folder on free ports with every setting at its default, whatever the
environment says. ``python -m web.bench.subject HTTP_PORT MEDIA_PORT`` is that process.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from prometheus_client.parser import text_string_to_metric_families

from live.client_api import http_client
from web.bench.measuring import free_ports
from web.settings import read_settings

START_TIMEOUT_S = 30.0
END_TIMEOUT_S = 1.0
LOG_CHARACTERS_SHOWN = 6_000


class SubjectFailed(Exception):
    """The server under test ended by itself."""

    def __init__(self, status: int, log: str) -> None:
        self.status = status
        self.log = log

    def __str__(self) -> str:
        return f"The server under test ended with status {self.status}:\n{self.log}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A running server.

    Attributes:
        pid: Its process, for measuring.
        url: Where its HTTP interface answers.
        folder: Where its database lies, in ``var/``.
        http: A client with ``url`` as its base.
    """

    pid: int
    url: str
    folder: str
    http: httpx.AsyncClient

    async def metrics(self) -> dict[str, float]:
        """Every unlabelled figure the server tells Prometheus."""
        answer = await self.http.get("/metrics")
        return {
            sample.name.removesuffix("_total"): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
            if not sample.labels
        }


@asynccontextmanager
async def running_server() -> AsyncIterator[Subject]:
    """Start a server, give it when it is ready, and end it.

    Raises:
        SubjectFailed: It was not ready in time, or ended before it was asked to.
    """
    http_port, media_port = free_ports(2)
    url = f"http://127.0.0.1:{http_port}"
    command = [sys.executable, "-m", "web.bench.subject", str(http_port), str(media_port)]
    with TemporaryDirectory(prefix="ovation-bench-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as written:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=folder, stdout=written, stderr=written
            )
        try:
            async with http_client(url) as http:
                await _wait_until_ready(process, http)
                yield Subject(process.pid, url, folder, http)
        except (httpx.TransportError, ExceptionGroup):
            await _let_end(process)  # it hung up: perhaps it has died, then that is the news
            raise
        finally:
            status = process.returncode
            await stop(process)
            if status is not None:
                raise SubjectFailed(status, log.read_text()[-LOG_CHARACTERS_SHOWN:])


async def _wait_until_ready(process: asyncio.subprocess.Process, http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        while process.returncode is None:
            with suppress(httpx.TransportError):  # not listening yet
                if (await http.get("/readyz")).is_success:
                    return
            await asyncio.sleep(0.05)


async def _let_end(process: asyncio.subprocess.Process) -> None:
    """Wait a moment for ``process`` to end by itself."""
    with suppress(TimeoutError):
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a child at once: no viewer needs to be moved anywhere."""
    if process.returncode is None:
        process.kill()
    await process.wait()


def serve_here(http_port: int, media_port: int) -> int:
    """Be the server under test."""
    from web.serving import serve  # not at the top: the load generator never needs it

    return serve(read_settings({}, port=http_port, media_port=media_port))


if __name__ == "__main__":
    sys.exit(serve_here(int(sys.argv[1]), int(sys.argv[2])))
