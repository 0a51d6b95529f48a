"""One connection: reading frames, falling behind, catching up, closing."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Opcode
from websockets.frames import Frame as WireFrame
from websockets.streams import StreamReader

from live.bus import P0, P2, P3, Batch, Frame, Joined, Position, Ticket
from web import frames, viewer_socket, wire
from web.frames import Ping, Sendable
from web.limits import ClientAddress
from web.viewer_socket import HARD_BYTES, Mode, ViewerSocket

HOME = ClientAddress("127.0.0.1", is_direct_loopback=True)


class Wire(asyncio.Transport):
    """The far end of a connection: what was written, and how much of it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.waiting_bytes = 0
        self.reads = True
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert (high, low) == (viewer_socket.SOFT_BYTES, None)

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def take(self) -> list[tuple[Opcode, Any]]:
        """Return what was written since the last call, as a client reads it."""
        reader = StreamReader()
        reader.feed_data(bytes(self.written))
        self.written.clear()
        taken: list[tuple[Opcode, Any]] = []
        while reader.buffer:
            with pytest.raises(StopIteration) as done:
                next(WireFrame.parse(reader.read_exact, mask=False))
            frame: WireFrame = done.value.value
            content: Any = bytes(frame.data)
            if frame.opcode is Opcode.TEXT:
                content = msgspec.json.decode(frame.data)
            elif frame.opcode is Opcode.CLOSE:
                content = Close.parse(bytes(frame.data)).code
            taken.append((frame.opcode, content))
        return taken


@dataclass
class Keeper:
    """An owner that writes down what it is told."""

    now: float = 0.0
    events: list[str] = field(default_factory=list)
    received_frames: list[Sendable] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def received(self, socket: ViewerSocket, frame: Sendable) -> None:  # noqa: ARG002
        self.received_frames.append(frame)

    def opened(self, socket: ViewerSocket) -> None:  # noqa: ARG002
        self.events.append("opened")

    def closing(self, socket: ViewerSocket, code: int) -> None:  # noqa: ARG002
        self.events.append(f"closing {int(code)}")

    def closed(self, socket: ViewerSocket) -> None:  # noqa: ARG002
        self.events.append("closed")

    def fell_behind(self, socket: ViewerSocket) -> None:  # noqa: ARG002
        self.events.append("behind")

    def caught_up(self, socket: ViewerSocket) -> None:  # noqa: ARG002
        self.events.append("caught up")

    def tell_values(self, socket: ViewerSocket) -> None:  # noqa: ARG002
        self.events.append("values")


@dataclass
class Line:
    """A connection with both its ends."""

    keeper: Keeper
    wire: Wire
    socket: ViewerSocket

    def receive(self, opcode: Opcode, content: bytes, *, fin: bool = True) -> None:
        """Let a client's frame arrive."""
        self.socket.data_received(WireFrame(opcode, content, fin=fin).serialize(mask=True))

    def say(self, message: object) -> None:
        """Let a client's message arrive."""
        self.receive(Opcode.TEXT, msgspec.json.encode(message))

    def deliver(self, *numbered: str, values: int = 0) -> None:
        """Let a batch of the room arrive."""
        told = tuple(Frame(P0, None, b'"%s"' % text.encode(), b"") for text in numbered)
        latest = tuple(Frame(P2, "v", b"%d" % value, b"") for value in range(values))
        ticket = Ticket(Batch("e", 1, "", told, latest), wire.seal)
        self.socket.deliver(ticket.full("json"), ticket)

    def begin(self, joined: Joined | None = None) -> None:
        """Answer the hello."""
        sender = frames.Sender("cai", "Cai")
        room = frames.RoomView("room", "Songs", (), "open", sender, 0, 0, (), ())
        you = frames.You(False, False, "view", "token")
        found = joined or Joined(Position("e", 0), "", None, ())
        self.socket.begin(frames.Welcome(1, "e", 0, False, room, you), found)


def a_line() -> Line:
    keeper = Keeper()
    socket = ViewerSocket(owner=keeper, codec="json", address=HOME, cookie=None)
    wire = Wire()
    wire.reads = False  # as uvicorn leaves it
    socket.connection_made(wire)
    return Line(keeper, wire, socket)


@pytest.fixture
def line() -> Line:
    found = a_line()
    found.begin()
    found.wire.take()
    return found


# Reading


def test_reading_begins_with_the_connection() -> None:
    line = a_line()

    assert line.wire.reads
    assert line.keeper.events == ["opened"]


def test_a_message_in_pieces_of_any_size_is_one_message(line: Line) -> None:
    raw = WireFrame(Opcode.TEXT, b'{"t":"ping","id":7}').serialize(mask=True)

    for byte in raw:
        line.socket.data_received(bytes([byte]))

    assert line.keeper.received_frames == [Ping(7)]


def test_several_messages_in_one_piece_are_several(line: Line) -> None:
    raw = WireFrame(Opcode.TEXT, b'{"t":"ping","id":7}').serialize(mask=True)

    line.socket.data_received(raw * 3)

    assert line.keeper.received_frames == [Ping(7)] * 3


def test_fragments_are_put_together_around_a_ping(line: Line) -> None:
    line.receive(Opcode.TEXT, b'{"t":"pi', fin=False)
    line.receive(Opcode.PING, b"there?")
    line.receive(Opcode.CONT, b'ng","id":7}')

    assert line.keeper.received_frames == [Ping(7)]
    assert line.wire.take() == [(Opcode.PONG, b"there?")]


@pytest.mark.parametrize(
    ("opcode", "content", "code"),
    [
        (Opcode.CONT, b"x", 1002),
        (Opcode.TEXT, b"\xff", 1007),
        (Opcode.TEXT, b"x" * (frames.MESSAGE_BYTES_MAX + 1), 1009),
        (Opcode.BINARY, b"{}", 4400),
        (Opcode.TEXT, b"[]", 4400),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection(
    line: Line, opcode: Opcode, content: bytes, code: int
) -> None:
    line.receive(opcode, content)

    assert line.wire.take()[-1] == (Opcode.CLOSE, code)
    assert line.keeper.events[-1] == f"closing {code}"
    assert line.socket.is_closing


@pytest.mark.parametrize(
    "raw",
    [
        b"\x81\x05hello",  # not masked
        b"\xc1\x80\x00\x00\x00\x00",  # RSV1: compressed, which nobody agreed on
        b"\x83\x80\x00\x00\x00\x00",  # an opcode there is not
        b"\x09\x80\x00\x00\x00\x00",  # a ping in fragments
        b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"x" * 126,  # a ping that is too long
        b"\x88\x81\x00\x00\x00\x00\x03",  # a close with half a code
    ],
)
def test_frames_against_the_rules_end_the_connection(line: Line, raw: bytes) -> None:
    line.socket.data_received(raw)

    assert line.wire.take()[-1] == (Opcode.CLOSE, 1002)
    assert line.wire.closed


def test_a_new_message_inside_another_is_refused(line: Line) -> None:
    line.receive(Opcode.TEXT, b"{", fin=False)
    line.receive(Opcode.TEXT, b"}")

    assert line.wire.take()[-1] == (Opcode.CLOSE, 1002)


@given(pieces=st.lists(st.binary(max_size=40), max_size=10))
def test_any_bytes_are_read_or_end_the_connection(pieces: list[bytes]) -> None:
    line = a_line()

    for piece in pieces:
        line.socket.data_received(piece)

    assert line.socket.is_closing or line.keeper.events == ["opened"]


def test_an_idle_connection_keeps_no_parser(line: Line) -> None:
    line.say({"t": "ping", "id": 1})

    assert line.socket._reader is None
    assert line.socket._parsing is None


# Commands


@pytest.mark.parametrize(
    ("opcode", "fin"), [(Opcode.PING, True), (Opcode.PONG, True), (Opcode.CONT, False)]
)
def test_a_flood_of_frames_that_are_no_commands_is_cut_off(
    line: Line, opcode: Opcode, fin: bool
) -> None:
    if opcode is Opcode.CONT:
        line.receive(Opcode.TEXT, b"", fin=False)
    flood = WireFrame(opcode, b"", fin=fin).serialize(mask=True)

    line.socket.data_received(flood * int(viewer_socket.FRAME_BURST + 1))

    assert line.wire.take()[-1] == (Opcode.CLOSE, 4429)
    assert line.wire.closed


def test_a_client_that_pings_in_peace_may_go_on(line: Line) -> None:
    for _ in range(2 * int(viewer_socket.FRAME_BURST)):
        line.keeper.now += 1 / viewer_socket.FRAMES_PER_S
        line.receive(Opcode.PING, b"")

    assert not line.wire.closed


def test_commands_beyond_the_pace_are_refused_and_then_cut_off(line: Line) -> None:
    for _ in range(30):
        line.say({"t": "ping", "id": 1})
    line.say({"t": "ping", "id": 1})
    refusal = line.wire.take()

    assert len(line.keeper.received_frames) == 30
    assert refusal[0][1]["code"] == "too_fast"
    line.keeper.now += 0.1
    line.say({"t": "ping", "id": 1})
    assert len(line.keeper.received_frames) == 31
    for _ in range(viewer_socket.STRIKES_MAX):
        line.say({"t": "ping", "id": 1})
    assert line.wire.take()[-1] == (Opcode.CLOSE, 4429)


def test_bad_frames_are_answered_until_there_are_too_many(line: Line) -> None:
    line.say({"t": "teleport", "id": 9})
    assert line.wire.take()[0][1] == {
        "t": "error", "code": "unknown_frame", "detail": "no such kind of frame", "id": 9,
    }  # fmt: skip

    for _ in range(viewer_socket.STRIKES_MAX):
        line.keeper.now += 1.0
        line.say({"t": "teleport", "id": 9})

    assert line.wire.take()[-1] == (Opcode.CLOSE, 4400)


def test_many_waiting_commands_stop_the_reading_until_some_are_done(line: Line) -> None:
    for number in range(viewer_socket.COMMANDS_MAX):
        assert line.wire.reads
        line.socket.enqueue(Ping(number))
    assert not line.wire.reads

    first = line.socket.next_command()

    assert first == Ping(0)
    assert line.wire.reads
    rest = [line.socket.next_command() for _ in range(viewer_socket.COMMANDS_MAX)]
    assert rest[-1] is None


# Telling


def test_batches_wait_behind_the_curtain_and_follow_the_welcome() -> None:
    line = a_line()
    line.deliver("one")
    assert line.wire.take() == []

    line.begin()
    line.deliver("two")

    told = [content for _, content in line.wire.take()]
    assert [message["t"] for message in told] == ["welcome", "batch", "batch"]
    assert [message["numbered"] for message in told[1:]] == [["one"], ["two"]]


def test_what_was_missed_comes_between_the_welcome_and_the_rest() -> None:
    line = a_line()
    line.deliver("later")
    missed = Batch("e", 5, "", (Frame(P0, None, b'"missed"', b""),), ())

    line.begin(Joined(Position("e", 5), "", missed, ()))

    told = [content for _, content in line.wire.take()]
    assert [message.get("numbered") for message in told] == [None, ["missed"], ["later"]]


def test_too_much_behind_the_curtain_is_too_slow() -> None:
    line = a_line()
    for number in range(viewer_socket.CORKED_MAX + 1):
        line.deliver(str(number))

    assert line.wire.take()[-1] == (Opcode.CLOSE, 4008)


def test_who_is_behind_is_told_the_numbered_only_and_values_when_it_has_caught_up(
    line: Line,
) -> None:
    line.socket.pause_writing()
    line.deliver("gift", values=1)
    line.deliver(values=1)

    told = [content for _, content in line.wire.take()]
    line.socket.resume_writing()

    assert [(m["numbered"], m["unnumbered"]) for m in told] == [(["gift"], [])]
    assert line.keeper.events[-3:] == ["behind", "caught up", "values"]
    assert line.socket.mode is Mode.OPEN


def test_who_missed_no_value_is_told_none(line: Line) -> None:
    line.socket.pause_writing()
    line.deliver("gift")
    line.socket.resume_writing()

    assert line.keeper.events[-2:] == ["behind", "caught up"]


def test_who_falls_too_far_behind_is_closed_to_resume(line: Line) -> None:
    line.socket.pause_writing()
    line.wire.waiting_bytes = HARD_BYTES - 100
    line.deliver("x")
    assert not line.socket.is_closing

    line.wire.waiting_bytes = HARD_BYTES
    line.deliver("y")

    told = line.wire.take()
    assert told[-2:] == [
        (Opcode.TEXT, {"t": "bye", "code": 4008, "resume": True}),
        (Opcode.CLOSE, 4008),
    ]
    line.deliver("z")
    assert line.wire.take() == []


def test_a_long_replay_is_no_reason_to_cut_anybody_off() -> None:
    line = a_line()
    long = Frame(P0, None, b'"%s"' % (b"x" * HARD_BYTES), b"")
    line.begin(Joined(Position("e", 1), "", Batch("e", 1, "", (long,), ()), ()))
    line.socket.pause_writing()
    line.wire.waiting_bytes = HARD_BYTES + 100

    line.deliver("gift")

    assert not line.socket.is_closing


def test_a_frame_for_one_person_stands_alone(line: Line) -> None:
    line.socket.direct(frames.balance(7))

    assert line.wire.take() == [(Opcode.TEXT, {"t": "balance", "coins": 7})]


# The end


def test_who_is_sent_away_hears_why_first(line: Line) -> None:
    line.socket.expel(4403, frames.notice("banned", "Hate."))

    assert line.wire.take() == [
        (Opcode.TEXT, {"t": "notice", "code": "banned", "reason": "Hate."}),
        (Opcode.TEXT, {"t": "bye", "code": 4403, "resume": False}),
        (Opcode.CLOSE, 4403),
    ]
    assert not line.wire.closed


def test_the_transport_closes_when_the_client_has_answered(line: Line) -> None:
    line.socket.close(4001)
    line.say({"t": "ping", "id": 1})
    line.receive(Opcode.CLOSE, Close(4001, "").serialize())

    assert line.wire.closed
    assert line.keeper.received_frames == []


@pytest.mark.parametrize(("sent", "code"), [(b"", 1000), ((1001).to_bytes(2, "big"), 1001)])
def test_a_client_that_goes_is_answered_and_gone(line: Line, sent: bytes, code: int) -> None:
    line.receive(Opcode.CLOSE, sent)

    assert line.wire.take() == [(Opcode.CLOSE, code)]
    assert line.wire.closed
    assert line.keeper.events[-1] == f"closing {code}"


def test_a_connection_that_breaks_is_struck_off(line: Line) -> None:
    line.socket.connections = {line.socket, "another"}

    line.socket.connection_lost(None)

    assert line.keeper.events[-2:] == ["closing 1006", "closed"]
    assert line.socket.connections == {"another"}


def test_a_stopping_server_tells_everybody_to_come_back(line: Line) -> None:
    line.socket.shutdown()
    line.socket.shutdown()

    assert line.wire.take() == [
        (Opcode.TEXT, {"t": "bye", "code": 4001, "resume": True}),
        (Opcode.CLOSE, 4001),
    ]


def test_a_welcome_after_the_end_is_not_written() -> None:
    line = a_line()
    line.socket.close(4401)
    line.wire.take()

    line.begin()
    line.socket.direct(Frame(P3, None, b"{}", b"\x80"))

    assert line.wire.take() == []
