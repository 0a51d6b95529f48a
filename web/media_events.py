"""What the media plane notices, carried to the rooms in the order it happened.

The plane's callbacks must return at once, but a room's state is kept in the database: events wait
in a queue that one task empties.

Limit   ``WAITING_EVENTS_MAX`` events; past it the newest is dropped and counted, and the sweep of
        ``web.rooms_live`` puts the room's state right later.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from web import rooms_live
from web.state import State

WAITING_EVENTS_MAX = 10_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    """Media arrives for a room."""

    room_id: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Media no longer arrives for a room."""

    room_id: str
    reason: str


@dataclass(slots=True)
class MediaEvents:
    """The queue between the media plane and the rooms."""

    waiting: asyncio.Queue[Started | Stopped] = field(
        default_factory=lambda: asyncio.Queue(WAITING_EVENTS_MAX)
    )
    dropped_count: int = 0

    def started(self, room_id: str) -> None:
        """Note that a room's media arrives."""
        self._put(Started(room_id))

    def stopped(self, room_id: str, reason: str) -> None:
        """Note that a room's media has stopped."""
        self._put(Stopped(room_id, reason))

    def _put(self, event: Started | Stopped) -> None:
        try:
            self.waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.dropped_count += 1

    async def run(self, state: State) -> None:
        """Carry events to the rooms until cancelled."""
        while True:
            event = await self.waiting.get()
            try:
                await carry(state, event)
            except Exception:
                log.exception("a room's state was not updated", room_id=event.room_id)


async def carry(state: State, event: Started | Stopped) -> None:
    """Tell a room what its media does."""
    match event:
        case Started(room_id):
            await rooms_live.media_started(state, room_id)
        case Stopped(room_id, reason):
            log.info("broadcast stopped", room_id=room_id, reason=reason)
            await rooms_live.media_stopped(state, room_id)
