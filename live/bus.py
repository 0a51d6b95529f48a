"""The bus of one process: rooms tick, and every subscriber gets the tick's ready-made bytes.

BUS plane: at most once to each subscriber, in order per room, never a part of a batch. Whoever
falls behind is told so by its socket and comes back with its position; see ``live.channel`` for
what can be told again. Nothing here is the truth about money.

A room ticks as soon as it has something to tell while telling is cheap, and less often as it gets
dearer: the pause after a tick is ``COST_SHARE`` times what the tick cost, at most ``TICK_S_MAX``.
The bytes are written in slices, so that media and HTTP are served between them.

``Bus`` is what the rest of the server knows; a bus that spans processes implements the same.

Units   seconds, monotonic.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from live.channel import P0, P1, P2, P3, Batch, Channel, Class, Frame, Position

__all__ = [
    "P0", "P1", "P2", "P3", "Batch", "Bus", "Class", "Codec", "Frame", "InProcessBus", "Joined",
    "Position", "Seal", "Subscriber", "Ticket",
]  # fmt: skip

Codec = Literal["json", "msgpack"]
Seal = Callable[[Codec, Batch], bytes]

TICK_S_MAX: Final = 0.25
TICK_S_MIN: Final = 0.002  # below it a pause would cost more than it saves
COST_SHARE: Final = 2.0
SLICE_SUBSCRIBERS_MAX: Final = 500
SHED_TICK_S: Final = 0.1  # a room that ticks slower than this tells no P3
PROBE_ROOM: Final = "~probe"


class Ticket:
    """One batch on its way: its wire bytes, made at most once per codec and fullness."""

    __slots__ = ("_full", "_lean", "_seal", "batch")

    def __init__(self, batch: Batch, seal: Seal) -> None:
        self.batch = batch
        self._seal = seal
        self._full: dict[Codec, bytes] = {}
        self._lean: dict[Codec, bytes] = {}

    def full(self, codec: Codec) -> bytes:
        """Return everything."""
        if codec not in self._full:
            self._full[codec] = self._seal(codec, self.batch)
        return self._full[codec]

    def lean(self, codec: Codec) -> bytes:
        """Return the numbered frames alone, for a connection that is behind; maybe nothing."""
        if codec not in self._lean:
            batch = self.batch
            kept = Batch(batch.epoch, batch.first, batch.cursor, batch.numbered, ())
            self._lean[codec] = self._seal(codec, kept) if kept.numbered else b""
        return self._lean[codec]


class Subscriber(Protocol):
    """Somebody who hears a room. Its methods return at once and never raise."""

    @property
    def codec(self) -> Codec:
        """Which encoding it wants."""
        ...

    @property
    def account_id(self) -> str | None:
        """Whose it is; ``None`` for a guest."""
        ...

    def deliver(self, wire: bytes, ticket: Ticket) -> None:
        """Take a batch: ``wire`` is ``ticket.full(self.codec)``."""
        ...

    def direct(self, frame: Frame) -> None:
        """Take a frame meant for this person alone."""
        ...

    def expel(self, code: int, last: Frame | None) -> None:
        """Tell ``last``, then close with ``code``."""
        ...


@dataclass(frozen=True, slots=True)
class Joined:
    """What a subscriber starts from.

    Attributes:
        position: The next batch begins right after it.
        missed: What it missed since the position it came with; ``None`` if that cannot be told
            whole (or if it came with none).
        values: The last value of every P2 key.
    """

    position: Position
    cursor: str
    missed: Batch | None
    values: tuple[Frame, ...]


class Bus(Protocol):
    """What the server needs of any bus. All of it is called on the event loop's thread."""

    def publish(self, room_id: str, frame: Frame) -> bool:
        """Tell everybody in a room; ``False`` if it was told before or had no place."""
        ...

    def subscribe(
        self, room_id: str, subscriber: Subscriber, since: Position | None = None
    ) -> Joined:
        """Hear a room from now on, and what was missed since ``since`` if all of it is known."""
        ...

    def unsubscribe(self, room_id: str, subscriber: Subscriber) -> None:
        """Stop hearing a room."""
        ...

    def direct(self, account_id: str, frame: Frame, *, room_id: str | None = None) -> None:
        """Tell one person, on all their connections or on those in one room."""
        ...

    def expel(
        self,
        code: int,
        last: Frame | None,
        *,
        account_id: str | None = None,
        room_id: str | None = None,
    ) -> None:
        """Close the connections of a person, of a room, or of a person in a room."""
        ...

    def current(self, room_id: str) -> Joined | None:
        """Return where a room stands, without hearing it; ``None`` if nobody ever did."""
        ...

    def sweep(self) -> None:
        """Forget rooms nobody is in and nobody could resume."""
        ...

    async def probe(self) -> None:
        """Return once a frame went through the real path to a subscriber."""
        ...

    def counters(self) -> dict[str, float]:
        """Return the figures of this bus since it began."""
        ...


@dataclass(slots=True)
class Room:
    """A channel, who hears it, and when it ticks next."""

    channel: Channel
    members: dict[Codec, dict[Subscriber, None]] = field(
        default_factory=lambda: {"json": {}, "msgpack": {}}
    )
    timer: asyncio.Handle | None = None
    ticks_at: float = 0.0
    is_telling: bool = False
    tick_s: float = 0.0
    quiet_until: float = 0.0

    def subscribers(self) -> Iterator[Subscriber]:
        """Yield everybody who hears the room."""
        for members in self.members.values():
            yield from members


@dataclass(slots=True)
class Telling:
    """A batch on its way to a room's subscribers."""

    room: Room
    ticket: Ticket
    waiting: list[tuple[Codec, list[Subscriber]]]
    cost_s: float = 0.0


class InProcessBus:
    """The bus of a server that is one process."""

    def __init__(
        self,
        *,
        seal: Seal,
        new_epoch: Callable[[], str],
        monotonic: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._seal = seal
        self._new_epoch = new_epoch
        self._monotonic = monotonic
        self._loop = loop
        self._rooms: dict[str, Room] = {}
        self._people: dict[str, dict[Subscriber, str]] = {}
        self._published = dict.fromkeys(Class, 0)
        self._delivery_count = 0
        self._batch_count = 0
        self._dropped_count = 0

    def publish(self, room_id: str, frame: Frame) -> bool:
        """See ``Bus``."""
        room = self._room(room_id)
        if not room.channel.add(frame):
            return False
        self._published[frame.cls] += 1
        self._schedule(room)
        return True

    def subscribe(
        self, room_id: str, subscriber: Subscriber, since: Position | None = None
    ) -> Joined:
        """See ``Bus``."""
        room = self._room(room_id)
        room.members[subscriber.codec][subscriber] = None
        if subscriber.account_id is not None:
            self._people.setdefault(subscriber.account_id, {})[subscriber] = room_id
        return self._joined(room.channel, since)

    def unsubscribe(self, room_id: str, subscriber: Subscriber) -> None:
        """See ``Bus``."""
        room = self._rooms.get(room_id)
        if room is not None:
            room.members[subscriber.codec].pop(subscriber, None)
        if subscriber.account_id is not None:
            theirs = self._people.get(subscriber.account_id, {})
            theirs.pop(subscriber, None)
            if not theirs:
                self._people.pop(subscriber.account_id, None)

    def direct(self, account_id: str, frame: Frame, *, room_id: str | None = None) -> None:
        """See ``Bus``."""
        for subscriber in self._connections(account_id, room_id):
            subscriber.direct(frame)

    def expel(
        self,
        code: int,
        last: Frame | None,
        *,
        account_id: str | None = None,
        room_id: str | None = None,
    ) -> None:
        """See ``Bus``."""
        for subscriber in self._connections(account_id, room_id):
            subscriber.expel(code, last)

    def current(self, room_id: str) -> Joined | None:
        """See ``Bus``."""
        room = self._rooms.get(room_id)
        return None if room is None else self._joined(room.channel, None)

    def sweep(self) -> None:
        """See ``Bus``."""
        now = self._monotonic()
        for room_id, room in list(self._rooms.items()):
            room.channel.forget_old(now)
            deserted = not any(room.members.values())
            if deserted and room.channel.is_quiet and not room.is_telling:
                self._dropped_count += room.channel.dropped_count
                del self._rooms[room_id]

    async def probe(self) -> None:
        """See ``Bus``."""
        heard = Probe(self._loop.create_future())
        self.subscribe(PROBE_ROOM, heard)
        try:
            self.publish(PROBE_ROOM, Frame(P3, None, b"{}", b"\x80"))
            await heard.future
        finally:
            self.unsubscribe(PROBE_ROOM, heard)

    def counters(self) -> dict[str, float]:
        """See ``Bus``."""
        rooms = self._rooms.values()
        return {
            "rooms": len(rooms),
            "subscribers": sum(len(m) for room in rooms for m in room.members.values()),
            "deliveries_total": self._delivery_count,
            "batches_total": self._batch_count,
            "frames_dropped_total": self._dropped_count
            + sum(room.channel.dropped_count for room in rooms),
            "slowest_tick_s": max((room.tick_s for room in rooms), default=0.0),
            **{f"published_{cls.name.lower()}_total": n for cls, n in self._published.items()},
        }

    def _room(self, room_id: str) -> Room:
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = Room(Channel(self._new_epoch))
        return room

    def _joined(self, channel: Channel, since: Position | None) -> Joined:
        return Joined(
            position=channel.position,
            cursor=channel.cursor,
            missed=None if since is None else channel.since(since, self._monotonic()),
            values=channel.values(),
        )

    def _connections(self, account_id: str | None, room_id: str | None) -> Iterable[Subscriber]:
        """Return a list of its own: telling somebody to go changes the sets."""
        if account_id is not None:
            theirs = self._people.get(account_id, {})
            return [who for who, where in theirs.items() if room_id in (None, where)]
        room = None if room_id is None else self._rooms.get(room_id)
        return [] if room is None else list(room.subscribers())

    # Ticks

    def _schedule(self, room: Room) -> None:
        """See to it that the room ticks when it has something to tell and may tell it."""
        if room.is_telling:
            return
        now = self._monotonic()
        due_s = room.channel.due_s(now)
        if due_s is None:
            return
        wait_s = max(0.0, due_s, room.quiet_until - now)
        if room.timer is not None:
            if room.ticks_at <= now + wait_s:
                return
            room.timer.cancel()  # a value had time, but a gift came
        room.ticks_at = now + wait_s
        if wait_s == 0.0:
            room.timer = self._loop.call_soon(self._tick, room)
        else:
            room.timer = self._loop.call_later(wait_s, self._tick, room)

    def _tick(self, room: Room) -> None:
        room.timer = None
        batch = room.channel.close_batch(self._monotonic(), shed=room.tick_s > SHED_TICK_S)
        if batch is None:
            self._schedule(room)
            return
        room.is_telling = True
        self._batch_count += 1
        waiting = [(codec, list(members)) for codec, members in room.members.items() if members]
        self._tell(Telling(room, Ticket(batch, self._seal), waiting))

    def _tell(self, telling: Telling) -> None:
        """Write to the next slice of subscribers, and come back for the rest."""
        began = self._monotonic()
        if telling.waiting:
            codec, subscribers = telling.waiting[-1]
            wire = telling.ticket.full(codec)
            ticket = telling.ticket
            for subscriber in subscribers[-SLICE_SUBSCRIBERS_MAX:]:
                subscriber.deliver(wire, ticket)
            self._delivery_count += min(len(subscribers), SLICE_SUBSCRIBERS_MAX)
            del subscribers[-SLICE_SUBSCRIBERS_MAX:]
            if not subscribers:
                telling.waiting.pop()
        now = self._monotonic()
        telling.cost_s += now - began
        if telling.waiting:
            self._loop.call_soon(self._tell, telling)
            return
        room = telling.room
        room.is_telling = False
        room.tick_s = tick_s(telling.cost_s)
        room.quiet_until = now + room.tick_s
        self._schedule(room)


def tick_s(cost_s: float) -> float:
    """Return how long a room is quiet after a tick that cost ``cost_s``."""
    pause_s = min(TICK_S_MAX, cost_s * COST_SHARE)
    return pause_s if pause_s >= TICK_S_MIN else 0.0


class Probe:
    """A subscriber that only notes that it heard something."""

    codec: Codec = "json"
    account_id = None

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future

    def deliver(self, wire: bytes, ticket: Ticket) -> None:  # noqa: ARG002
        """Note it."""
        if not self.future.done():
            self.future.set_result(None)

    def direct(self, frame: Frame) -> None:
        """Nobody writes to a probe."""

    def expel(self, code: int, last: Frame | None) -> None:
        """A probe goes by itself."""
