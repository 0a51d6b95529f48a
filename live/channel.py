"""One room's stream: what is numbered, what is remembered, what the next batch holds.

BUS plane, pure: frames and ``now`` in, batches out; no socket, clock or loop.

A stream is named by an *epoch*; within one, numbered frames have offsets 1, 2, 3 … without gaps.
Numbers are given when a batch is closed, so that somebody who joins between two batches gets each
frame exactly once: from the history, or from the next batch.

Classes
    P0  gifts, moderation, room state: never dropped, in order, resumable.
    P1  chat: numbered like P0; a room's share was shaped before it came here.
    P2  likes, counts, boards: the last value per key, at most 5 times a second.
    P3  join notices: first to go.

Units   ``now`` is monotonic seconds; sizes are bytes of the larger encoding.
Limit   see the constants. If numbered frames pile up past ``PENDING_MAX``, the stream begins a new
        epoch: every client learns from it that it missed something, instead of being told nothing.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

HISTORY_FRAMES_MAX: Final = 2_000
HISTORY_S: Final = 600.0
HISTORY_BYTES_MAX: Final = 1 << 20
BATCH_BYTES_MAX: Final = 64 << 10
PENDING_MAX: Final = 20_000
CHAT_PENDING_MAX: Final = 1_000
VALUE_KEYS_MAX: Final = 64
VALUE_S: Final = 0.2
PASSING_MAX: Final = 20
SEEN_KEYS_MAX: Final = 4_096


class Class(IntEnum):
    """How dear a frame is; see the module."""

    P0 = 0
    P1 = 1
    P2 = 2
    P3 = 3


P0, P1, P2, P3 = Class


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing to tell, encoded once per codec.

    Attributes:
        key: Names the thing (P0, P1: a repeat is dropped) or the value (P2); P3 has none.
        cursor: Where the journal stands after this frame; empty if it is not from the journal.
    """

    cls: Class
    key: str | None
    json: bytes
    msgpack: bytes
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """How far somebody has heard: every numbered frame of ``epoch`` up to ``offset``."""

    epoch: str
    offset: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one tick tells; ``numbered[i]`` has offset ``first + i``."""

    epoch: str
    first: int
    cursor: str
    numbered: tuple[Frame, ...]
    unnumbered: tuple[Frame, ...]


class Channel:
    """The stream of one room."""

    def __init__(self, new_epoch: Callable[[], str]) -> None:
        self._new_epoch = new_epoch
        self._epoch = new_epoch()
        self._offset = 0
        self._cursor = ""
        self._pending: deque[Frame] = deque()
        self._pending_chat_count = 0
        self._values: OrderedDict[str, Frame] = OrderedDict()  # latest, told or not
        self._told_at: dict[str, float] = {}
        self._untold: dict[str, None] = {}
        self._passing: list[Frame] = []
        self._history: deque[tuple[float, Frame]] = deque()
        self._history_bytes = 0
        self._seen: OrderedDict[str, None] = OrderedDict()
        self.dropped_count = 0

    @property
    def position(self) -> Position:
        """The last number given."""
        return Position(self._epoch, self._offset)

    @property
    def cursor(self) -> str:
        """Where the journal stood at the last number given."""
        return self._cursor

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell and nothing remembered that a resume could need."""
        return not (self._pending or self._untold or self._passing or self._history)

    def add(self, frame: Frame) -> bool:
        """Take ``frame`` for a coming batch; ``False`` if it is a repeat or had no place."""
        if frame.cls <= P1:
            return self._add_numbered(frame)
        if frame.cls is P2:
            self._set_value(frame)
            return True
        if len(self._passing) >= PASSING_MAX:
            self.dropped_count += 1
            return False
        self._passing.append(frame)
        return True

    def values(self) -> tuple[Frame, ...]:
        """Return the last value of every key, told or not."""
        return tuple(self._values.values())

    def due_s(self, now: float) -> float | None:
        """Return in how many seconds there is something to tell; ``None`` for nothing."""
        if self._pending or self._passing:
            return 0.0
        if not self._untold:
            return None
        return max(
            0.0, min(self._told_at.get(key, -VALUE_S) for key in self._untold) + VALUE_S - now
        )

    def close_batch(self, now: float, *, shed: bool = False) -> Batch | None:
        """Number what waits and return it with the values that are due.

        Args:
            shed: Leave out P3, because telling costs too much already.
        """
        first = self._offset + 1
        numbered = self._take_numbered(now)
        unnumbered = self._take_values(now)
        if shed:
            self.dropped_count += len(self._passing)
        else:
            unnumbered += self._passing
        self._passing = []
        if not numbered and not unnumbered:
            return None
        return Batch(self._epoch, first, self._cursor, tuple(numbered), tuple(unnumbered))

    def since(self, position: Position, now: float) -> Batch | None:
        """Return everything numbered after ``position``, or ``None`` if any of it is gone.

        Never a part: who gets a batch here has missed nothing.
        """
        self.forget_old(now)
        missed_count = self._offset - position.offset
        if position.epoch != self._epoch or not 0 <= missed_count <= len(self._history):
            return None
        start = len(self._history) - missed_count
        missed = tuple(self._history[i][1] for i in range(start, len(self._history)))
        return Batch(self._epoch, position.offset + 1, self._cursor, missed, ())

    def forget_old(self, now: float) -> None:
        """Drop history that is older, more or larger than allowed."""
        while self._history and (
            now - self._history[0][0] > HISTORY_S
            or len(self._history) > HISTORY_FRAMES_MAX
            or self._history_bytes > HISTORY_BYTES_MAX
        ):
            self._history_bytes -= _size(self._history.popleft()[1])

    def _add_numbered(self, frame: Frame) -> bool:
        if frame.key is not None:
            if frame.key in self._seen:
                return False
            if frame.cls is P1 and self._pending_chat_count >= CHAT_PENDING_MAX:
                self.dropped_count += 1
                return False
            self._seen[frame.key] = None
            if len(self._seen) > SEEN_KEYS_MAX:
                self._seen.popitem(last=False)
        if len(self._pending) >= PENDING_MAX:
            self._begin_epoch()
        self._pending.append(frame)
        self._pending_chat_count += frame.cls is P1
        return True

    def _begin_epoch(self) -> None:
        self.dropped_count += len(self._pending)
        self._epoch = self._new_epoch()
        self._offset = 0
        self._pending.clear()
        self._pending_chat_count = 0
        self._history.clear()
        self._history_bytes = 0
        self._seen.clear()  # what was dropped may be told again; clients drop repeats

    def _set_value(self, frame: Frame) -> None:
        assert frame.key is not None, "a value needs a key"
        self._values[frame.key] = frame
        self._values.move_to_end(frame.key)
        self._untold[frame.key] = None
        if len(self._values) > VALUE_KEYS_MAX:
            oldest, _ = self._values.popitem(last=False)
            self._untold.pop(oldest, None)
            self._told_at.pop(oldest, None)

    def _take_numbered(self, now: float) -> list[Frame]:
        taken: list[Frame] = []
        taken_bytes = 0
        while self._pending and (not taken or taken_bytes < BATCH_BYTES_MAX):
            frame = self._pending.popleft()
            self._pending_chat_count -= frame.cls is P1
            self._history.append((now, frame))
            self._history_bytes += _size(frame)
            self._cursor = frame.cursor or self._cursor
            taken.append(frame)
            taken_bytes += _size(frame)
        self._offset += len(taken)
        self.forget_old(now)
        return taken

    def _take_values(self, now: float) -> list[Frame]:
        due = [key for key in self._untold if now - self._told_at.get(key, -VALUE_S) >= VALUE_S]
        for key in due:
            del self._untold[key]
            self._told_at[key] = now
        return [self._values[key] for key in due]


def _size(frame: Frame) -> int:
    return max(len(frame.json), len(frame.msgpack))
