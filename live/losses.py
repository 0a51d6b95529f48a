"""What is missing from a broadcaster's stream, and when to ask for it (again).

Plane: media, pure.
Units   sequences are extended and never wrap; ``now`` is monotonic seconds.
Source  RFC 3550 appendix A.3 (loss), A.8 (jitter).
"""

from dataclasses import dataclass

REORDER_S = 0.008  # a packet this late is usually lost: paths rarely reorder by more
RETRY_S_MIN = 0.040
TRIES_MAX = 10
GIVE_UP_S = 1.5  # later it could not be shown any more
MISSING_MAX = 512  # more than this at once is an outage: only a keyframe helps
NACK_SEQUENCES_MAX = 100  # per report


@dataclass(slots=True)
class Missing:
    """One packet we wait for."""

    found_at: float
    asked_at: float = 0.0
    tries: int = 0


class Losses:
    """Bookkeeping of one incoming stream.

    Attributes:
        highest: Highest extended sequence received.
        received_count: Packets received, repaired ones included, repeated ones not.
        jitter: Interarrival jitter in RTP ticks.
        round_trip_s: Shortest time from asking to getting, None before the first repair.
        given_up: Set when packets were lost for good; whoever reads it clears it.
    """

    def __init__(self, clock_rate_hz: int) -> None:
        self._clock_rate_hz = clock_rate_hz
        self._missing: dict[int, Missing] = {}
        self._first = -1
        self._transit: float | None = None
        self._reported_expected = 0
        self._reported_received = 0
        self.highest = -1
        self.received_count = 0
        self.repaired_count = 0
        self.jitter = 0.0
        self.round_trip_s: float | None = None
        self.given_up = False

    def arrived(self, sequence: int, now: float) -> bool:
        """Note a packet; False if it was here before."""
        if self.highest < 0:
            self._first = self.highest = sequence
        elif sequence > self.highest:
            self._miss(range(self.highest + 1, sequence), now)
            self.highest = sequence
        elif not self._repaired(sequence, now):
            return False
        self.received_count += 1
        return True

    def transit(self, timestamp: int, now: float) -> None:
        """Update the jitter with a packet that came in order."""
        transit = now * self._clock_rate_hz - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < 10 * self._clock_rate_hz:  # a timestamp wrap is not jitter
                self.jitter += (difference - self.jitter) / 16
        self._transit = transit

    def due(self, now: float) -> list[int]:
        """Return the sequences to ask for now, ascending, and count them as asked."""
        retry_s = max(RETRY_S_MIN, 1.5 * (self.round_trip_s or 0.0))
        wanted: list[int] = []
        for sequence, missing in list(self._missing.items()):
            if missing.tries >= TRIES_MAX or now - missing.found_at > GIVE_UP_S:
                del self._missing[sequence]
                self.given_up = True
            elif len(wanted) < NACK_SEQUENCES_MAX and _is_due(missing, retry_s, now):
                missing.asked_at, missing.tries = now, missing.tries + 1
                wanted.append(sequence)
        return wanted

    def expected_count(self) -> int:
        """Return how many packets the sender has sent, as far as sequences tell."""
        return self.highest - self._first + 1 if self.highest >= 0 else 0

    def interval(self) -> tuple[int, int]:
        """Return (fraction lost in 1/256 since the last call, packets lost in all)."""
        expected = self.expected_count()
        expected_now = expected - self._reported_expected
        lost_now = expected_now - (self.received_count - self._reported_received)
        self._reported_expected, self._reported_received = expected, self.received_count
        fraction = 0
        if expected_now > 0 and lost_now > 0:
            fraction = min((lost_now << 8) // expected_now, 255)
        return fraction, max(expected - self.received_count, 0)

    def _miss(self, sequences: range, now: float) -> None:
        if len(sequences) + len(self._missing) > MISSING_MAX:
            self._missing.clear()
            self.given_up = True
            return
        for sequence in sequences:
            self._missing[sequence] = Missing(found_at=now)

    def _repaired(self, sequence: int, now: float) -> bool:
        missing = self._missing.pop(sequence, None)
        if missing is None:
            return False
        if missing.tries:
            self.repaired_count += 1
        if missing.tries == 1:  # with more tries nobody knows which one was answered
            took_s = now - missing.asked_at
            self.round_trip_s = min(self.round_trip_s or took_s, took_s)
        return True


def _is_due(missing: Missing, retry_s: float, now: float) -> bool:
    if not missing.tries:
        return now - missing.found_at >= REORDER_S
    return now - missing.asked_at >= retry_s
