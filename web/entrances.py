"""Rooms that were open to everybody a moment ago: what saves a crowd of guests the database.

MEDIA plane. A guest is let in wherever a room has not ended; people with an account may be banned
and are always looked up.

Units   monotonic seconds.
Limit   ``ROOMS_MAX`` rooms are remembered; past it all are forgotten, which costs one look each.
"""

from collections.abc import Callable
from typing import Final

OPEN_S: Final = 1.0  # as long as an action elsewhere may take until it is in force here
ROOMS_MAX: Final = 4_000


class Entrances:
    """When each room was last seen to be open."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen_at: dict[str, float] = {}

    def note_open(self, room_id: str) -> None:
        """Remember that the database just let somebody into the room."""
        if len(self._seen_at) >= ROOMS_MAX:
            self._seen_at.clear()
        self._seen_at[room_id] = self._monotonic()

    def was_open(self, room_id: str) -> bool:
        """Return whether that was less than ``OPEN_S`` ago."""
        seen_at = self._seen_at.get(room_id)
        return seen_at is not None and self._monotonic() - seen_at < OPEN_S
