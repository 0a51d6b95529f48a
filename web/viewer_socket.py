"""One viewer's connection: bytes in, client frames out; batches in, bytes out.

BUS plane. Holds what a connection is and nothing it could share: no task, queue object or parser
while it is idle. What a client asks for is carried out by ``web.sockets``.

A connection that is *behind* (more than ``SOFT_BYTES`` wait in its transport) is told numbered
frames only, and the latest values once it has caught up; past ``HARD_BYTES`` it is closed with
4008, and its client comes back with its position. Others never wait for it.

Units   bytes and monotonic seconds.
Source  RFC 6455 sections 5 (frames) and 7 (closing). Extensions are not negotiated: RSV bits fail.
"""

import asyncio
from collections import deque
from collections.abc import Generator
from enum import IntEnum
from typing import Any, Final, Protocol, cast

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Close, CloseCode, Opcode
from websockets.frames import Frame as WireFrame
from websockets.streams import StreamReader

from live.bus import Codec, Frame, Joined, Ticket
from web import frames, wire
from web.frames import BadFrame, Sendable
from web.limits import ClientAddress
from web.people.sessions import Person

SOFT_BYTES: Final = 64 << 10
HARD_BYTES: Final = 256 << 10
CORKED_MAX: Final = 64  # batches kept while a hello is answered
COMMANDS_MAX: Final = 16  # waiting; past it we stop reading until some are done
COMMAND_BURST: Final = 30.0
COMMANDS_PER_S: Final = 10.0
FRAME_BURST: Final = 1_000.0  # of any kind: pings and empty fragments are work too
FRAMES_PER_S: Final = 100.0
STRIKES_MAX: Final = 20  # commands too many, or frames too bad, before the client is cut off

_PING: Final = WireFrame(Opcode.PING, b"").serialize(mask=False)


class Mode(IntEnum):
    """What a connection does with a batch."""

    CURTAIN = 0  # keeps it: the welcome is not written yet
    OPEN = 1
    BEHIND = 2
    CLOSING = 3


OPEN: Final = Mode.OPEN  # looked up once per frame and viewer, so a name of its own


class Owner(Protocol):
    """Whoever looks after the connections of a process."""

    def monotonic(self) -> float:
        """Return the time in seconds."""
        ...

    def opened(self, socket: "ViewerSocket") -> None:
        """A connection begins."""
        ...

    def received(self, socket: "ViewerSocket", frame: Sendable) -> None:
        """A client wants something."""
        ...

    def closing(self, socket: "ViewerSocket", code: int) -> None:
        """A connection hears its room no more."""
        ...

    def closed(self, socket: "ViewerSocket") -> None:
        """A connection is over."""
        ...

    def fell_behind(self, socket: "ViewerSocket") -> None:
        """A connection cannot be written to as fast as its room talks."""
        ...

    def caught_up(self, socket: "ViewerSocket") -> None:
        """A connection can be written to again."""
        ...

    def tell_values(self, socket: "ViewerSocket") -> None:
        """A connection that was behind wants the latest values."""
        ...


class ViewerSocket(asyncio.Protocol):
    """The server's end of one websocket.

    Attributes:
        cookie: The session cookie of the handshake, to be believed only with its CSRF token.
        person: Who it is, once ``hello`` proved it.
        connections: uvicorn's own list, which must not name us once we are gone.
        heard_at: When anything last came in.
        behind_since: Since when it is behind; ``None`` if it is not.
        waiting: Commands not begun; ``is_working`` while one is carried out.
    """

    __slots__ = (
        "__weakref__", "_allowance_bytes", "_corked", "_frame_tokens", "_has_missed_values",
        "_message",
        "_message_opcode", "_owner", "_parsing", "_reader", "_strikes", "_tokens", "_tokens_at",
        "address", "behind_since", "codec", "connections", "cookie",
        "creator_id", "heard_at", "is_working", "mode", "person",
        "room_id", "transport", "view_id", "waiting",
    )  # fmt: skip

    def __init__(
        self, *, owner: Owner, codec: Codec, address: ClientAddress, cookie: str | None
    ) -> None:
        self._owner = owner
        self.codec = codec
        self.address = address
        self.cookie = cookie
        self.person: Person | None = None
        self.room_id = ""
        self.view_id = ""
        self.creator_id = ""
        self.connections: set[Any] = set()
        self.transport: asyncio.Transport
        self.mode = Mode.CURTAIN
        self.heard_at = owner.monotonic()
        self.behind_since: float | None = None
        self.waiting: deque[Sendable] | None = None
        self.is_working = False
        self._corked: list[Ticket] | None = None
        self._has_missed_values = False
        self._allowance_bytes = 0
        self._reader: StreamReader | None = None
        self._parsing: Generator[None, None, WireFrame] | None = None
        self._message: bytearray | None = None
        self._message_opcode = Opcode.TEXT
        self._frame_tokens = FRAME_BURST
        self._tokens = COMMAND_BURST
        self._tokens_at = self.heard_at
        self._strikes = 0

    @property
    def account_id(self) -> str | None:
        """Whose connection it is."""
        return None if self.person is None else self.person.account_id

    @property
    def is_closing(self) -> bool:
        """Whether it does nothing any more."""
        return self.mode is Mode.CLOSING

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the handshake is done."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.transport.set_write_buffer_limits(high=SOFT_BYTES)
        self.transport.resume_reading()
        self._owner.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End, whatever the reason."""
        if not self.is_closing:
            self.mode = Mode.CLOSING
            self._owner.closing(self, CloseCode.ABNORMAL_CLOSURE)
        self.waiting = None
        self.connections.discard(self)
        self._owner.closed(self)

    def pause_writing(self) -> None:
        """Fall behind."""
        self.behind_since = self._owner.monotonic()
        self._owner.fell_behind(self)
        if self.mode is Mode.OPEN:
            self.mode = Mode.BEHIND

    def resume_writing(self) -> None:
        """Have caught up."""
        self.behind_since = None
        self._allowance_bytes = 0
        self._owner.caught_up(self)
        if self.mode is Mode.BEHIND:
            self.mode = Mode.OPEN
            if self._has_missed_values:
                self._has_missed_values = False
                self._owner.tell_values(self)

    def data_received(self, data: bytes) -> None:
        """Read every complete websocket frame in what came so far."""
        now = self._owner.monotonic()
        gained = (now - self.heard_at) * FRAMES_PER_S
        self._frame_tokens = min(FRAME_BURST, self._frame_tokens + gained)
        self.heard_at = now
        if self._reader is None:
            self._reader = StreamReader()
        self._reader.feed_data(data)
        try:
            while (frame := self._next_frame()) is not None:
                self._frame_tokens -= 1
                if self._frame_tokens < 0:
                    self._fail(frames.TOO_FAST, "Too many frames at once.")
                    return
                self._take(frame)
        except ProtocolError as error:
            self._fail(CloseCode.PROTOCOL_ERROR, str(error))
        except PayloadTooBig:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"at most {frames.MESSAGE_BYTES_MAX} bytes")
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA, "not UTF-8")

    def shutdown(self) -> None:
        """Close, because the server stops (uvicorn calls this)."""
        self.close(frames.DRAIN)

    # What the bus calls

    def deliver(self, wire: bytes, ticket: Ticket) -> None:
        """Write a batch, or deal with it as the connection's state demands."""
        if self.mode is OPEN:
            self.transport.write(wire)
        else:
            self._deliver_otherwise(ticket)

    def direct(self, frame: Frame) -> None:
        """Write a frame for this person alone."""
        self._write(wire.direct(self.codec, frame))

    def expel(self, code: int, last: Frame | None) -> None:
        """Say why, then close."""
        if last is not None:
            self.direct(last)
        self.close(code)

    # What the owner calls

    def send(self, frame: frames.ServerFrame | frames.Body) -> None:
        """Write one frame."""
        self._write(wire.one(self.codec, frame))

    def begin(self, welcome: frames.Welcome, joined: Joined) -> None:
        """Raise the curtain: the welcome, what was missed, then what came meanwhile."""
        if self.is_closing:
            return
        self.send(welcome)
        if joined.missed is not None and joined.missed.numbered:
            replay = wire.seal(self.codec, joined.missed)
            self._allowance_bytes = len(replay)  # our own doing: no reason to cut anybody off
            self._write(replay)
        corked, self._corked = self._corked or (), None
        self.mode = Mode.OPEN if self.behind_since is None else Mode.BEHIND
        for ticket in corked:
            self.deliver(ticket.full(self.codec), ticket)

    def ping(self) -> None:
        """Ask whether anybody is there."""
        self._write(_PING)

    def next_command(self) -> Sendable | None:
        """Return what to do next; reading goes on when there is place again."""
        if not self.waiting:
            self.waiting = None
            return None
        command = self.waiting.popleft()
        if len(self.waiting) == COMMANDS_MAX - 1 and not self.transport.is_closing():
            self.transport.resume_reading()
        return command

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye and begin the closing handshake; the owner sees to its end."""
        if self.is_closing:
            return
        if code >= 4000:
            is_resumable = code < frames.RESUMABLE_BELOW
            self._write(wire.one(self.codec, frames.Bye(code, is_resumable, reason)))
        self._write(wire.closing(code, reason[:100]))
        self.mode = Mode.CLOSING
        self.waiting = None
        self._owner.closing(self, code)

    def _fail(self, code: int, reason: str) -> None:
        """Close without waiting for an answer: what comes now cannot be read (section 7.1.7)."""
        self.close(code, reason)
        self.transport.close()

    # Reading

    def _next_frame(self) -> WireFrame | None:
        """Return the next complete frame; while there is none, the parser waits or is dropped."""
        assert self._reader is not None
        if self._parsing is None:
            if not self._reader.buffer:
                self._reader = None
                return None
            self._parsing = WireFrame.parse(
                self._reader.read_exact, mask=True, max_size=frames.MESSAGE_BYTES_MAX
            )
        try:
            next(self._parsing)
        except StopIteration as done:
            self._parsing = None
            frame: WireFrame = done.value
            return frame
        return None

    def _take(self, frame: WireFrame) -> None:
        if self.is_closing:
            if frame.opcode is Opcode.CLOSE:
                self.transport.close()
            return
        match frame.opcode:
            case Opcode.PING:
                self._write(WireFrame(Opcode.PONG, frame.data).serialize(mask=False))
            case Opcode.PONG:
                pass
            case Opcode.CLOSE:
                self._answer_close(bytes(frame.data))
            case _:
                self._take_part(frame)

    def _answer_close(self, payload: bytes) -> None:
        code = Close.parse(payload).code
        if code == CloseCode.NO_STATUS_RCVD:
            code = CloseCode.NORMAL_CLOSURE
        self._write(wire.closing(code))
        self.mode = Mode.CLOSING
        self.waiting = None
        self._owner.closing(self, code)
        self.transport.close()

    def _take_part(self, frame: WireFrame) -> None:
        """Put fragments together."""
        if frame.opcode is Opcode.CONT:
            if self._message is None:
                raise ProtocolError("unexpected continuation frame")
            self._message += frame.data
        else:
            if self._message is not None:
                raise ProtocolError("expected a continuation frame")
            self._message = bytearray(frame.data)
            self._message_opcode = frame.opcode
        if len(self._message) > frames.MESSAGE_BYTES_MAX:
            raise PayloadTooBig(len(self._message), frames.MESSAGE_BYTES_MAX)
        if frame.fin:
            message, self._message = bytes(self._message), None
            self._take_message(message)

    def _take_message(self, message: bytes) -> None:
        is_text = self._message_opcode is Opcode.TEXT
        if is_text:
            message.decode()  # RFC 6455 section 8.1: fail the connection on bytes that are no text
        if is_text != (self.codec == "json"):
            self.close(frames.BAD_FRAME, f"this connection speaks {self.codec}")
            return
        if not self._has_token():
            self._strike("too_fast", "Too many commands at once.", frames.TOO_FAST)
            return
        try:
            command = frames.decode(self.codec, message)
        except BadFrame as error:
            if error.is_terminal:
                self.close(frames.BAD_FRAME, error.detail)
            else:
                self._strike(error.code, error.detail, frames.BAD_FRAME, error.reply_id)
            return
        self._owner.received(self, command)

    def enqueue(self, command: Sendable) -> None:
        """Keep a command until it is its turn; stop reading when many wait."""
        if self.waiting is None:
            self.waiting = deque()
        self.waiting.append(command)
        if len(self.waiting) >= COMMANDS_MAX:
            self.transport.pause_reading()

    def _has_token(self) -> bool:
        gained = (self.heard_at - self._tokens_at) * COMMANDS_PER_S
        self._tokens = min(COMMAND_BURST, self._tokens + gained)
        self._tokens_at = self.heard_at
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _strike(self, code: str, detail: str, close_code: int, reply_id: int | None = None) -> None:
        self._strikes += 1
        if self._strikes > STRIKES_MAX:
            self.close(close_code, detail)
        else:
            self.send(frames.Error(code=code, detail=detail, id=reply_id))

    # Writing

    def _write(self, wire: bytes) -> None:
        if not self.is_closing and not self.transport.is_closing():
            self.transport.write(wire)

    def _deliver_otherwise(self, ticket: Ticket) -> None:
        if self.mode is Mode.CURTAIN:
            self._corked = self._corked or []
            self._corked.append(ticket)
            if len(self._corked) > CORKED_MAX:
                self._corked = None
                self.close(frames.SLOW)
        elif self.mode is Mode.BEHIND:
            self._has_missed_values |= bool(ticket.batch.unnumbered)
            lean = ticket.lean(self.codec)
            waiting_bytes = self.transport.get_write_buffer_size() + len(lean)
            if waiting_bytes > HARD_BYTES + self._allowance_bytes:
                self.close(frames.SLOW)
            elif lean:
                self.transport.write(lean)
