"""All connections together: hello in time, silence, being stuck, the ceiling, commands in order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from websockets.frames import Opcode

from live.audience import ACTIVE_S, Audience
from live.bus import InProcessBus
from tests.web.test_viewer_socket import HOME, Wire
from web import frames, sockets, wire
from web.frames import Hello, Ping, Sendable, SendChat, SendLike
from web.sockets import Sockets
from web.viewer_socket import ViewerSocket


class Connection(Wire):
    """The far end of a connection, which can also be cut."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = False

    def abort(self) -> None:
        self.cut = True


@dataclass
class Hall:
    """The connections of a process and what its commands were."""

    now: float = 100.0
    sockets: Sockets = field(init=False)
    bus: InProcessBus = field(init=False)
    audience: Audience = field(default_factory=Audience)
    carried_out: list[Sendable] = field(default_factory=list)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.bus = InProcessBus(
            seal=wire.seal, new_epoch=lambda: "e", monotonic=self.clock, loop=loop
        )
        self.sockets = Sockets(self.bus, self.audience, self.clock)
        self.sockets.carry_out = self.carry_out
        self.may_go_on.set()

    def clock(self) -> float:
        return self.now

    async def carry_out(self, socket: ViewerSocket, command: Sendable) -> None:
        await self.may_go_on.wait()
        self.carried_out.append(command)
        if isinstance(command, Hello):
            socket.view_id = f"view {id(socket)}"
            self.audience.admit("room", socket.view_id, now=self.now)
            joined = self.sockets.subscribe(socket, command)
            sender = frames.Sender("cai", "Cai")
            room = frames.RoomView("room", "Songs", (), "open", sender, 0, 0, (), ())
            you = frames.You(False, False, socket.view_id, "token")
            welcome = frames.Welcome(command.id, "e", joined.position.offset, False, room, you)
            socket.begin(welcome, joined)

    def connect(self) -> tuple[ViewerSocket, Connection]:
        """Let somebody connect who has not said hello."""
        socket = ViewerSocket(owner=self.sockets, codec="json", address=HOME, cookie=None)
        wire = Connection()
        socket.connection_made(wire)
        return socket, wire

    async def enter(self) -> tuple[ViewerSocket, Connection]:
        """Let somebody come into the room."""
        socket, wire = self.connect()
        self.sockets.received(socket, Hello(1, "room"))
        await turn()
        assert wire.take()[0][1]["t"] == "welcome"
        return socket, wire

    def look(self, *, after_s: float) -> None:
        """Let time pass, then let the timer look."""
        self.now += after_s
        self.sockets.look(self.now)


async def turn() -> None:
    """Let the loop run what is ready."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    found = Hall()
    async with found.sockets:
        yield found


def code_of(wire: Wire) -> object:
    opcode, content = wire.take()[-1]
    assert opcode is Opcode.CLOSE
    return content


# Time


async def test_who_says_no_hello_in_five_seconds_is_closed(hall: Hall) -> None:
    socket, wire = hall.connect()

    hall.look(after_s=sockets.HELLO_S_MAX)
    assert not socket.is_closing
    hall.look(after_s=0.1)

    assert code_of(wire) == 4401
    assert hall.sockets.count == 0


async def test_who_answers_pings_stays_and_counts_as_a_viewer(hall: Hall) -> None:
    socket, wire = await hall.enter()

    for _ in range(5):
        hall.look(after_s=sockets.PING_S)
        assert wire.take() == [(Opcode.PING, b"")]
        socket.data_received(b"\x8a\x80\x00\x00\x00\x00")  # pong

    assert not socket.is_closing
    assert hall.audience.viewer_count("room", now=hall.now) == 1


async def test_who_is_silent_for_two_pings_is_closed_and_counts_no_more(hall: Hall) -> None:
    _, wire = await hall.enter()

    hall.look(after_s=sockets.PING_S)
    assert wire.take() == [(Opcode.PING, b"")]
    hall.look(after_s=sockets.PING_S)

    assert code_of(wire) == 4009
    hall.now += ACTIVE_S
    assert hall.audience.viewer_count("room", now=hall.now) == 0


async def test_who_is_stuck_for_ten_seconds_is_closed_to_resume(hall: Hall) -> None:
    socket, wire = await hall.enter()
    socket.pause_writing()

    hall.look(after_s=sockets.STUCK_S_MAX)
    assert not socket.is_closing
    hall.look(after_s=0.1)

    assert code_of(wire) == 4008


async def test_who_does_not_finish_closing_is_cut(hall: Hall) -> None:
    socket, wire = await hall.enter()
    socket.close(frames.DRAIN)

    hall.look(after_s=sockets.CLOSING_S_MAX)
    assert not wire.cut
    hall.look(after_s=0.1)

    assert wire.cut


async def test_those_furthest_behind_are_cut_when_too_much_waits_in_all(hall: Hall) -> None:
    wires = []
    for share in (0.5, 0.2, 0.4):
        socket, wire = await hall.enter()
        wire.waiting_bytes = int(sockets.WAITING_BYTES_MAX * share)
        socket.pause_writing()
        wires.append(wire)

    hall.look(after_s=0.0)

    assert [wire.cut for wire in wires] == [True, False, False]


# Commands


async def test_commands_are_carried_out_in_order_one_at_a_time(hall: Hall) -> None:
    socket, _ = await hall.enter()
    hall.may_go_on.clear()
    said = [SendChat(number, f"k{number}", "Hi") for number in range(4)]
    for command in said:
        hall.sockets.received(socket, command)
    await turn()
    assert hall.carried_out[1:] == []

    hall.may_go_on.set()
    await turn()

    assert hall.carried_out[1:] == said
    assert not socket.is_working


async def test_a_ping_is_answered_while_a_command_waits(hall: Hall) -> None:
    socket, wire = await hall.enter()
    hall.may_go_on.clear()
    hall.sockets.received(socket, SendChat(1, "k", "Hi"))

    hall.sockets.received(socket, Ping(7))

    assert wire.take() == [(Opcode.TEXT, {"t": "pong", "id": 7})]
    hall.may_go_on.set()


async def test_likes_are_counted_and_told_as_one_value(hall: Hall) -> None:
    socket, wire = await hall.enter()

    for _ in range(3):
        hall.sockets.received(socket, SendLike(4))
    await turn()

    assert wire.take()[-1][1]["unnumbered"] == [{"t": "likes", "total": 12}]


async def test_a_like_before_hello_ends_the_connection(hall: Hall) -> None:
    socket, wire = hall.connect()

    hall.sockets.received(socket, SendLike(4))

    assert code_of(wire) == 4401


async def test_commands_of_a_closed_connection_are_dropped(hall: Hall) -> None:
    socket, _ = await hall.enter()
    hall.may_go_on.clear()
    for number in range(3):
        hall.sockets.received(socket, SendChat(number, f"k{number}", "Hi"))
    await turn()

    socket.connection_lost(None)
    hall.may_go_on.set()
    await turn()

    assert len(hall.carried_out) == 2  # the hello, and the one that had begun


# Everybody


async def test_who_was_behind_is_told_the_latest_values_alone(hall: Hall) -> None:
    socket, wire = await hall.enter()
    socket.pause_writing()
    hall.bus.publish("room", frames.viewers(3))
    await turn()
    assert wire.take() == []

    socket.resume_writing()

    assert wire.take() == [(Opcode.TEXT, {"t": "viewers", "count": 3})]


async def test_a_closed_connection_hears_nothing_more(hall: Hall) -> None:
    socket, wire = await hall.enter()
    socket.close(frames.BANNED)
    wire.take()

    hall.bus.publish("room", frames.likes(1))
    await turn()

    assert wire.take() == []
    assert hall.bus.counters()["subscribers"] == 0


async def test_a_drain_tells_everybody_to_come_back(hall: Hall) -> None:
    wires = [(await hall.enter())[1], hall.connect()[1]]

    hall.sockets.drain()

    assert [code_of(wire) for wire in wires] == [4001, 4001]
    assert hall.sockets.count == 0


async def test_a_full_house_says_so(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SOCKETS_MAX", 1)
    assert not hall.sockets.is_full

    hall.connect()

    assert hall.sockets.is_full


async def test_counters_say_why_connections_closed(hall: Hall) -> None:
    first, _ = await hall.enter()
    await hall.enter()
    first.close(frames.SLOW)

    counted = hall.sockets.counters()

    assert (counted["connections"], counted["closed_4008_total"]) == (1, 1)
    assert counted["commands_total"] == 2
