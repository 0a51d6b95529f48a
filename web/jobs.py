"""Work the server does by itself, again and again, beside answering people.

A job that fails is logged and tried again at its next turn; a job never runs beside itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from web.state import State

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """One thing done every ``every_s`` seconds, counted from the end of the last turn."""

    name: str
    every_s: float
    run: Callable[[State], Awaitable[None]]


async def run_jobs(jobs: Sequence[Job], state: State) -> None:
    """Run ``jobs`` until cancelled."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(repeat(job, state), name=f"job {job.name}")


async def repeat(job: Job, state: State) -> None:
    """Run one job for ever."""
    while True:
        await asyncio.sleep(job.every_s)
        try:
            await job.run(state)
        except Exception:
            log.exception("job failed", job=job.name)
