"""Log-in pacing: wrong passwords make the next try slower, and nobody is ever locked out.

Two counts, for two kinds of attack. One handle tried from one address waits longer and longer,
up to ``PAIR_PAUSE_S_MAX``. One handle tried from many addresses waits ``CROWD_PAUSE_S`` at most,
because a longer pause would let strangers keep its owner out. Short pauses are waited out inside
the request; longer ones are refused with the seconds to wait. Addresses that try many handles meet
the address's own limit (``web.limits``).

Kept in memory, per process: a restart forgives, which costs an attacker more than it gives.

Units   monotonic seconds.
Limit   ``KEYS_MAX`` keys; the ones that failed longest ago are forgotten first.
"""

from collections import OrderedDict
from dataclasses import dataclass

from web.people.errors import LogInTooFast

FREE_FAILURES = 4  # people mistype
PAIR_PAUSE_S_MAX = 10.0
CROWD_FAILURES = 20
CROWD_PAUSE_S = 1.0
WAIT_S_MAX = 2.0  # a request is held open no longer than this
FORGET_AFTER_S = 15 * 60.0
KEYS_MAX = 50_000


@dataclass(slots=True)
class Trail:
    """What one key did lately."""

    failures: int = 0
    failed_at: float = 0.0
    free_at: float = 0.0


class LogInPacing:
    """Remembers failed log-ins and says how long the next one waits."""

    def __init__(self) -> None:
        self._trails: OrderedDict[tuple[str, str], Trail] = OrderedDict()

    def wait_s(self, handle: str, address: str, *, now: float) -> float:
        """Reserve a try and return how long to hold it before looking at the password.

        Raises:
            LogInTooFast: The wait is too long to be held; nothing was reserved.
        """
        pair = self._trail(handle, address, now)
        crowd = self._trail(handle, "", now)
        free_at = max(pair.free_at, now)
        if free_at - now > WAIT_S_MAX:
            raise LogInTooFast(int(free_at - now) + 1)
        # Reserved before the outcome is known: tries sent at once queue up, not slip through.
        pair.free_at = free_at + pair_pause_s(pair.failures)
        crowded = CROWD_PAUSE_S if crowd.failures >= CROWD_FAILURES else 0.0
        return max(free_at - now, crowded)

    def failed(self, handle: str, address: str, *, now: float) -> None:
        """Count a wrong password."""
        for key in ((handle, address), (handle, "")):
            trail = self._trail(*key, now)
            trail.failures += 1
            trail.failed_at = now
            self._trails[key] = trail
            self._trails.move_to_end(key)
        pair = self._trails[handle, address]
        pair.free_at = max(pair.free_at, now + pair_pause_s(pair.failures))
        while len(self._trails) > KEYS_MAX:
            self._trails.popitem(last=False)

    def succeeded(self, handle: str, address: str) -> None:
        """Forgive this address: it knows the password. The crowd's count stands."""
        self._trails.pop((handle, address), None)

    def _trail(self, handle: str, address: str, now: float) -> Trail:
        trail = self._trails.get((handle, address))
        if trail is None or now - trail.failed_at > FORGET_AFTER_S:
            return Trail()
        return trail


def pair_pause_s(failures: int) -> float:
    """Return the pause after that many wrong passwords: half a second, doubled each time."""
    if failures <= FREE_FAILURES:
        return 0.0
    return min(PAIR_PAUSE_S_MAX, 0.5 * 2.0 ** min(failures - FREE_FAILURES - 1, 10))
