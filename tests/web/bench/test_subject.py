"""The server under test is a real one, on nobody's database, and leaves nothing behind."""

import os
import signal
from pathlib import Path

import pytest

from web.bench.subject import SubjectFailed, running_server


def is_there(path: str) -> bool:
    """Whether a file, folder or process is there."""
    return Path(path).exists()


async def test_it_is_a_server_of_its_own_and_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OVATION_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")

    async with running_server() as server:
        answer = await server.http.get("/readyz")
        metrics = await server.metrics()
        assert is_there(f"/proc/{server.pid}")

    assert answer.status_code == 200
    assert metrics["ovation_media_packets_sent"] == 0
    assert not is_there(server.folder)
    assert not is_there(f"/proc/{server.pid}")


async def measure_a_server_that_dies() -> None:
    async with running_server() as server:
        os.kill(server.pid, signal.SIGABRT)
        while True:
            await server.metrics()


async def test_a_server_that_ends_by_itself_is_a_failure_not_a_figure() -> None:
    with pytest.raises(SubjectFailed) as failed:
        await measure_a_server_that_dies()

    assert failed.value.status == -signal.SIGABRT
