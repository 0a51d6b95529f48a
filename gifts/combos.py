"""Combos: how often somebody has hit the same gift in a row. Presentation only.

Every hit is a gift of its own, paid at once; nothing is ever debited for a combo. A client
proposes a combo id for a streak and sends it with each hit; the count is made here, from
committed gifts in journal order, so that every viewer sees the same one. The count is
cumulative: a frame's ``quantity`` is what this hit added, and the counts of a streak's frames
end at the sum of its quantities.

A streak ends when nothing was added for ``IDLE_MAX``, by the moments of commit, or when another
sender, room or gift uses its id: those are streaks of their own.

Limit   ``COMBOS_MAX`` streaks are remembered; past it the one idle longest is forgotten, and its
        next hit counts from one again.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

IDLE_MAX = timedelta(seconds=3)
COMBOS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Hit:
    """One committed gift of a streak."""

    sender_id: str
    room_id: str
    gift_id: str
    combo_id: str
    quantity: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Streak:
    """How far a streak had come at its last hit."""

    count: int
    at: datetime


class Combos:
    """Counts hits; feed it every committed hit once, in journal order."""

    def __init__(self) -> None:
        self._streaks: OrderedDict[tuple[str, str, str, str], Streak] = OrderedDict()

    def count(self, hit: Hit) -> int:
        """Return how many gifts the streak of ``hit`` holds with it."""
        key = (hit.sender_id, hit.room_id, hit.gift_id, hit.combo_id)
        streak = self._streaks.pop(key, None)
        goes_on = streak is not None and hit.at - streak.at <= IDLE_MAX
        count = hit.quantity + (streak.count if streak is not None and goes_on else 0)
        self._streaks[key] = Streak(count, hit.at)
        if len(self._streaks) > COMBOS_MAX:
            self._streaks.popitem(last=False)
        return count
