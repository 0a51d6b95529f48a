"""The bus of one process: ticks, subscribers, enforcement, and nobody waiting for anybody."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from live import bus as bus_module
from live.bus import P0, P2, P3, Batch, Codec, Frame, InProcessBus, Position, Ticket, tick_s


@dataclass
class Clock:
    """Monotonic seconds of the test's own."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class Listener:
    """A subscriber that writes down what it is told."""

    codec: Codec = "json"
    account_id: str | None = None
    wires: list[bytes] = field(default_factory=list)
    directs: list[Frame] = field(default_factory=list)
    expelled: list[tuple[int, Frame | None]] = field(default_factory=list)
    on_deliver: Callable[[], None] = lambda: None

    def deliver(self, wire: bytes, ticket: Ticket) -> None:
        assert wire == ticket.full(self.codec)
        self.wires.append(wire)
        self.on_deliver()

    def direct(self, frame: Frame) -> None:
        self.directs.append(frame)

    def expel(self, code: int, last: Frame | None) -> None:
        self.expelled.append((code, last))


@dataclass
class Sealer:
    """Makes wire bytes one can read, and counts how often."""

    count: int = 0

    def __call__(self, codec: Codec, batch: Batch) -> bytes:
        self.count += 1
        numbered = b",".join(frame.json for frame in batch.numbered)
        unnumbered = b",".join(frame.json for frame in batch.unnumbered)
        return b"%s %d [%s] [%s]" % (codec.encode(), batch.first, numbered, unnumbered)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer()


@pytest.fixture
async def bus(clock: Clock, sealer: Sealer) -> InProcessBus:
    epochs: Iterator[int] = iter(range(1_000))
    return InProcessBus(
        seal=sealer,
        new_epoch=lambda: f"e{next(epochs)}",
        monotonic=clock,
        loop=asyncio.get_running_loop(),
    )


async def turn() -> None:
    """Let the loop run what is ready."""
    for _ in range(3):
        await asyncio.sleep(0)


def gift(text: str, key: str | None = None) -> Frame:
    return Frame(P0, key, text.encode(), text.encode())


# Telling


async def test_everybody_in_the_room_hears_and_nobody_else(bus: InProcessBus) -> None:
    ana, ben, cai = Listener(), Listener("msgpack"), Listener()
    bus.subscribe("room", ana)
    bus.subscribe("room", ben)
    bus.subscribe("other", cai)

    bus.publish("room", gift("rose"))
    await turn()

    assert ana.wires == [b"json 1 [rose] []"]
    assert ben.wires == [b"msgpack 1 [rose] []"]
    assert cai.wires == []


async def test_what_comes_in_one_turn_is_one_batch_sealed_once_per_codec(
    bus: InProcessBus, sealer: Sealer
) -> None:
    listeners = [Listener() for _ in range(100)]
    for listener in listeners:
        bus.subscribe("room", listener)

    for text in ("a", "b", "c"):
        bus.publish("room", gift(text))
    await turn()

    assert sealer.count == 1
    assert all(listener.wires == [b"json 1 [a,b,c] []"] for listener in listeners)


async def test_nobody_there_costs_no_sealing_and_is_remembered(
    bus: InProcessBus, sealer: Sealer
) -> None:
    bus.subscribe("room", ana := Listener())
    bus.unsubscribe("room", ana)

    bus.publish("room", gift("a"))
    await turn()
    joined = bus.subscribe("room", ana, Position("e0", 0))

    assert sealer.count == 0
    assert joined.missed is not None
    assert [frame.json for frame in joined.missed.numbered] == [b"a"]


async def test_who_joins_between_publish_and_tick_hears_it_once(bus: InProcessBus) -> None:
    bus.publish("room", gift("a"))

    joined = bus.subscribe("room", ana := Listener(), Position("e0", 0))
    await turn()

    assert joined.missed is not None
    assert joined.missed.numbered == ()
    assert ana.wires == [b"json 1 [a] []"]


async def test_a_repeat_is_told_once(bus: InProcessBus) -> None:
    bus.subscribe("room", ana := Listener())

    assert bus.publish("room", gift("a", key="posting"))
    await turn()
    assert not bus.publish("room", gift("a", key="posting"))
    await turn()

    assert len(ana.wires) == 1


async def test_a_large_room_is_told_in_slices_in_order(bus: InProcessBus) -> None:
    count = bus_module.SLICE_SUBSCRIBERS_MAX * 2 + 1
    listeners = [Listener() for _ in range(count)]
    for listener in listeners:
        bus.subscribe("room", listener)

    bus.publish("room", gift("a"))
    await asyncio.sleep(0)
    bus.publish("room", gift("b"))
    assert 0 < sum(bool(listener.wires) for listener in listeners) < count
    for _ in range(10):
        await asyncio.sleep(0)

    expected = [b"json 1 [a] []", b"json 2 [b] []"]
    assert all(listener.wires == expected for listener in listeners)


async def test_a_dear_tick_is_followed_by_a_pause(bus: InProcessBus, clock: Clock) -> None:
    def think() -> None:
        clock.now += 0.01

    bus.subscribe("room", ana := Listener(on_deliver=think))

    bus.publish("room", gift("a"))
    await turn()
    bus.publish("room", gift("b"))
    await turn()

    assert len(ana.wires) == 1
    assert bus.counters()["slowest_tick_s"] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("cost_s", "pause_s"), [(0.0, 0.0), (0.0009, 0.0), (0.001, 0.002), (0.1, 0.2), (0.2, 0.25)]
)
def test_a_room_is_quiet_twice_as_long_as_it_talked(cost_s: float, pause_s: float) -> None:
    assert tick_s(cost_s) == pytest.approx(pause_s)


async def test_a_value_told_a_moment_ago_waits_and_a_gift_does_not(bus: InProcessBus) -> None:
    bus.subscribe("room", ana := Listener())
    bus.publish("room", Frame(P2, "likes", b"1", b"1"))
    await turn()

    bus.publish("room", Frame(P2, "likes", b"2", b"2"))
    bus.publish("room", Frame(P2, "likes", b"3", b"3"))
    await turn()
    assert ana.wires == [b"json 1 [] [1]"]
    bus.publish("room", gift("a"))
    await turn()

    assert ana.wires[1:] == [b"json 1 [a] []"]


async def test_a_value_is_told_when_its_time_has_come(bus: InProcessBus, clock: Clock) -> None:
    bus.subscribe("room", ana := Listener())
    bus.publish("room", Frame(P2, "likes", b"1", b"1"))
    await turn()

    clock.now += 0.2
    bus.publish("room", Frame(P2, "likes", b"2", b"2"))
    await turn()

    assert ana.wires == [b"json 1 [] [1]", b"json 1 [] [2]"]


async def test_a_lean_ticket_keeps_the_numbered_frames_only(sealer: Sealer) -> None:
    batch = Batch("e", 1, "", (gift("a"),), (Frame(P3, None, b"joined", b"joined"),))
    bare = Batch("e", 1, "", (), (Frame(P3, None, b"joined", b"joined"),))

    assert Ticket(batch, sealer).lean("json") == b"json 1 [a] []"
    assert Ticket(batch, sealer).full("json") == b"json 1 [a] [joined]"
    assert Ticket(bare, sealer).lean("json") == b""


# One person


async def test_a_person_is_told_on_all_their_connections_or_in_one_room(
    bus: InProcessBus,
) -> None:
    here, there = Listener(account_id="ana"), Listener(account_id="ana")
    bus.subscribe("room", here)
    bus.subscribe("other", there)
    bus.subscribe("room", guest := Listener())

    bus.direct("ana", gift("all"))
    bus.direct("ana", gift("one"), room_id="room")
    bus.direct("nobody", gift("none"))

    assert [frame.json for frame in here.directs] == [b"all", b"one"]
    assert [frame.json for frame in there.directs] == [b"all"]
    assert guest.directs == []


async def test_a_person_a_room_and_a_person_in_a_room_can_be_sent_away(
    bus: InProcessBus,
) -> None:
    here, there = Listener(account_id="ana"), Listener(account_id="ana")
    bus.subscribe("room", here)
    bus.subscribe("other", there)
    bus.subscribe("room", guest := Listener())
    why = gift("why")

    bus.expel(4403, why, account_id="ana", room_id="room")
    bus.expel(4001, None, room_id="room")
    bus.expel(4403, why, account_id="ana")
    bus.expel(4404, None, room_id="nowhere")

    assert here.expelled == [(4403, why), (4001, None), (4403, why)]
    assert there.expelled == [(4403, why)]
    assert guest.expelled == [(4001, None)]


async def test_who_left_is_told_nothing(bus: InProcessBus) -> None:
    ana = Listener(account_id="ana")
    bus.subscribe("room", ana)

    bus.unsubscribe("room", ana)
    bus.unsubscribe("room", ana)
    bus.unsubscribe("nowhere", Listener())
    bus.publish("room", gift("a"))
    bus.direct("ana", gift("b"))
    await turn()

    assert (ana.wires, ana.directs) == ([], [])


# Upkeep


async def test_a_room_nobody_could_resume_is_forgotten(bus: InProcessBus, clock: Clock) -> None:
    bus.subscribe("room", ana := Listener())
    bus.publish("room", gift("a"))
    await turn()
    bus.unsubscribe("room", ana)

    bus.sweep()
    assert bus.counters()["rooms"] == 1
    clock.now += 601.0
    bus.sweep()

    assert bus.counters()["rooms"] == 0
    assert bus.current("room") is None


async def test_a_room_with_people_is_kept_however_quiet(bus: InProcessBus, clock: Clock) -> None:
    bus.subscribe("room", Listener())

    clock.now += 10_000.0
    bus.sweep()

    assert bus.current("room") is not None


async def test_a_probe_goes_through_the_real_path(
    bus: InProcessBus, with_deadline: Callable[[Awaitable[None]], Awaitable[None]]
) -> None:
    await with_deadline(bus.probe())
    await with_deadline(bus.probe())

    assert bus.counters()["subscribers"] == 0
    assert bus.counters()["batches_total"] == 2


@pytest.fixture
def with_deadline() -> Callable[[Awaitable[None]], Awaitable[None]]:
    return lambda waiting: asyncio.wait_for(waiting, 10)


async def test_counters_say_what_was_told(bus: InProcessBus) -> None:
    for _ in range(3):
        bus.subscribe("room", Listener())

    bus.publish("room", gift("a"))
    bus.publish("room", Frame(P2, "likes", b"1", b"1"))
    await turn()

    counted = bus.counters()
    assert (counted["subscribers"], counted["deliveries_total"]) == (3, 3)
    assert (counted["published_p0_total"], counted["published_p2_total"]) == (1, 1)
