"""Every websocket frame: its shape, its two encodings, and what clients may send.

BUS plane. The only file that knows frame shapes; ``PROTOCOL.md`` explains them and
``web.asyncapi`` describes them to machines. What a room is told is encoded once per codec;
``web.wire`` makes websocket messages of it.

Units   lengths in characters, ``offset`` in numbered frames, times RFC 3339 UTC.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from live.bus import P0, P1, P2, P3, Class, Codec, Frame, Position

JSON_PROTOCOL: Final = "ovation.v1.json"
MSGPACK_PROTOCOL: Final = "ovation.v1.msgpack"
CODECS: Final[dict[str, Codec]] = {JSON_PROTOCOL: "json", MSGPACK_PROTOCOL: "msgpack"}

MESSAGE_BYTES_MAX: Final = 16 << 10
LIKES_MAX: Final = 50

# Why a connection closed. 4000 to 4399: come back with your position. 4400 and up: do not.
DRAIN: Final = 4001
SLOW: Final = 4008
SILENT: Final = 4009
BAD_FRAME: Final = 4400
NOT_AUTHORISED: Final = 4401
BANNED: Final = 4403
ROOM_GONE: Final = 4404
TOO_FAST: Final = 4429
RESUMABLE_BELOW: Final = 4400

Id = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # what a JavaScript number holds exactly
RoomId = Annotated[str, Meta(min_length=1, max_length=32)]
ClientKey = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Words = Annotated[str, Meta(max_length=4_000)]


# From clients


class ClientFrame(Struct, tag_field="t", frozen=True):
    """Anything a client may send."""


class Resume(Struct, frozen=True):
    """How far a client had heard."""

    epoch: Annotated[str, Meta(max_length=32)]
    offset: Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Hello(ClientFrame, frozen=True, tag="hello"):
    """The first frame: which room, whose view, who, and from where on."""

    id: Id
    room: RoomId
    view_token: Annotated[str, Meta(max_length=512)] | None = None
    token: Annotated[str, Meta(max_length=512)] | None = None
    csrf: Annotated[str, Meta(max_length=512)] | None = None
    resume: Resume | None = None


class SendChat(ClientFrame, frozen=True, tag="chat"):
    """Say something; ``key`` makes a retry the same message."""

    id: Id
    key: ClientKey
    text: Words


class SendLike(ClientFrame, frozen=True, tag="like"):
    """Taps on the heart since the last such frame."""

    count: Annotated[int, Meta(ge=1, le=LIKES_MAX)]


class SendGift(ClientFrame, frozen=True, tag="gift"):
    """Send a gift; ``key`` makes a retry the same gift."""

    id: Id
    key: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
    gift_id: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    coins: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None = None
    combo_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class Ping(ClientFrame, frozen=True, tag="ping"):
    """Ask whether the server is there."""

    id: Id


Sendable = Hello | SendChat | SendLike | SendGift | Ping
SENDABLE: Final = (Hello, SendChat, SendLike, SendGift, Ping)


# People


class Sender(Struct, frozen=True, omit_defaults=True):
    """Who did something, as everybody may see them."""

    handle: str
    display_name: str
    creator: bool = False
    moderator: bool = False


class Supporter(Struct, frozen=True):
    """Somebody on the board of supporters."""

    handle: str
    display_name: str
    coins: int


# Bodies: what a room is told


class Body(Struct, tag_field="t", frozen=True, omit_defaults=True):
    """Anything a room is told."""


class Combo(Struct, frozen=True):
    """A run of the same gift; ``count`` only grows."""

    id: str
    count: int


class Gift(Body, frozen=True, tag="gift"):
    """A gift that is on disk. P0; ``id`` is the posting's."""

    id: str
    sender: Sender = msgspec.field(name="from")
    gift_id: str
    quantity: int
    coins: int
    tier: Annotated[int, Meta(ge=1, le=4)]
    combo: Combo | None
    at: datetime


class Chat(Body, frozen=True, tag="chat"):
    """Somebody said something. P1."""

    id: str
    sender: Sender = msgspec.field(name="from")
    text: str
    at: datetime


class ChatDeleted(Body, frozen=True, tag="chat_deleted"):
    """A message is to be taken off the screen. P0."""

    id: str


class Muted(Body, frozen=True, tag="muted"):
    """Somebody may not chat here, until a moment or until further notice. P0."""

    handle: str
    until: datetime | None


class Unmuted(Body, frozen=True, tag="unmuted"):
    """Somebody may chat here again. P0."""

    handle: str


class Removed(Body, frozen=True, tag="removed"):
    """Somebody was removed from this room. P0."""

    handle: str


class RoomChanged(Body, frozen=True, tag="room"):
    """The room's state, title or tags changed. P0."""

    state: Literal["open", "live", "ended"]
    title: str
    tags: tuple[str, ...] = ()
    reason: str | None = None


class Likes(Body, frozen=True, tag="likes"):
    """How often the room was liked. P2."""

    total: int


class Viewers(Body, frozen=True, tag="viewers"):
    """How many watch. P2."""

    count: int


class Supporters(Body, frozen=True, tag="supporters"):
    """Who gave most. P2."""

    top: tuple[Supporter, ...]


class JoinedRoom(Body, frozen=True, tag="joined"):
    """Somebody came in. P3."""

    display_name: str


BODIES: Final = (
    Gift, Chat, ChatDeleted, Muted, Unmuted, Removed, RoomChanged, Likes, Viewers, Supporters,
    JoinedRoom,
)  # fmt: skip


# From the server to one client


class ServerFrame(Struct, tag_field="t", frozen=True, omit_defaults=True):
    """Anything a server sends by itself, beside bodies."""


class RoomView(Struct, frozen=True):
    """A room as somebody who comes in finds it."""

    room_id: str
    title: str
    tags: tuple[str, ...]
    state: Literal["open", "live", "ended"]
    creator: Sender
    viewers: int
    likes: int
    supporters: tuple[Supporter, ...]
    chat: tuple[Chat, ...]


class MutedYou(Struct, frozen=True):
    """Until when and why somebody may not chat."""

    until: datetime | None
    reason: str


class You(Struct, frozen=True, omit_defaults=True):
    """What the person who comes in may do."""

    can_chat: bool
    can_gift: bool
    view_id: str
    view_token: str
    handle: str | None = None
    display_name: str | None = None
    muted: MutedYou | None = None
    creator: bool = False
    moderator: bool = False


class Welcome(ServerFrame, frozen=True, tag="welcome"):
    """The answer to ``hello``; batches follow right after ``offset``."""

    id: int
    epoch: str
    offset: int
    recovered: bool
    room: RoomView
    you: You


class Ok(ServerFrame, frozen=True, tag="ok"):
    """A command was done; a repeated one answers as the first time.

    Attributes:
        message: The chat message; ``shown`` says whether the crowded room has place for it.
        answer: What the HTTP route answers to the same gift.
    """

    id: int
    message: Chat | None = None
    shown: bool = True
    answer: Any = None


class Pong(ServerFrame, frozen=True, tag="pong"):
    """The answer to ``ping``."""

    id: int


class Error(ServerFrame, frozen=True, tag="error"):
    """A command was refused and changed nothing."""

    code: str
    detail: str
    id: int | None = None
    retry_after_s: float | None = None
    short_by: int | None = None
    coins: int | None = None


class Notice(ServerFrame, frozen=True, tag="notice"):
    """Something this person must know, with the reason in words."""

    code: str
    reason: str


class Balance(ServerFrame, frozen=True, tag="balance"):
    """This person's coins, after they changed."""

    coins: int


class Bye(ServerFrame, frozen=True, tag="bye"):
    """The last frame: why the connection closes and whether to come back."""

    code: int
    resume: bool
    detail: str = ""


class BatchFrame(ServerFrame, frozen=True, tag="batch"):
    """What one tick tells; ``numbered[i]`` has offset ``first + i``."""

    epoch: str
    first: int
    count: int
    cursor: str
    numbered: tuple[Any, ...]
    unnumbered: tuple[Any, ...]


SERVER_FRAMES: Final = (Welcome, Ok, Pong, Error, Notice, Balance, Bye, BatchFrame)


class BadFrame(Exception):
    """A client sent something it may not.

    Attributes:
        code: Stable name: ``bad_frame`` or ``unknown_frame``.
        reply_id: The frame's id, if it had one that can be answered.
        is_terminal: Whether the client does not speak the protocol at all.
    """

    def __init__(
        self, code: str, detail: str, *, reply_id: int | None = None, is_terminal: bool = False
    ) -> None:
        self.code = code
        self.detail = detail
        self.reply_id = reply_id
        self.is_terminal = is_terminal

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Envelope(Struct, frozen=True):
    """What every client frame has in common."""

    t: str
    id: object = None

    @property
    def reply_id(self) -> int | None:
        """The id, if an answer can carry it."""
        return self.id if type(self.id) is int and 0 <= self.id < 2**53 else None


_TAGS: Final = frozenset(kind.__struct_config__.tag for kind in SENDABLE)
_READ_JSON: Final = msgspec.json.Decoder(Sendable)
_READ_MSGPACK: Final = msgspec.msgpack.Decoder(Sendable)
_READ_JSON_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_READ_MSGPACK_ENVELOPE: Final = msgspec.msgpack.Decoder(Envelope)
_WRITE_JSON: Final = msgspec.json.Encoder()
_WRITE_MSGPACK: Final = msgspec.msgpack.Encoder()


def decode(codec: Codec, message: bytes) -> Sendable:
    """Return the client frame in one websocket message.

    Raises:
        BadFrame: It is not one; nothing else is ever raised.
    """
    try:
        frame: Sendable = (_READ_JSON if codec == "json" else _READ_MSGPACK).decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad_frame(codec, message, error) from None
    return frame


def _bad_frame(codec: Codec, message: bytes, error: Exception) -> BadFrame:
    envelopes = _READ_JSON_ENVELOPE if codec == "json" else _READ_MSGPACK_ENVELOPE
    try:
        envelope = envelopes.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return BadFrame("bad_frame", f"not a frame of {codec}: {error}", is_terminal=True)
    if envelope.t not in _TAGS:
        return BadFrame("unknown_frame", "no such kind of frame", reply_id=envelope.reply_id)
    return BadFrame("bad_frame", str(error), reply_id=envelope.reply_id)


def position(resume: Resume) -> Position:
    """Return how far a client says it had heard."""
    return Position(resume.epoch, resume.offset)


def encode(codec: Codec, frame: Struct) -> bytes:
    """Return one server frame as a payload, for one connection."""
    return _WRITE_JSON.encode(frame) if codec == "json" else _to_msgpack(frame)


def pack(cls: Class, key: str | None, body: Struct, *, cursor: str = "") -> Frame:
    """Return ``body`` encoded once per codec, ready for the bus."""
    return Frame(cls, key, _WRITE_JSON.encode(body), _to_msgpack(body), cursor)


def _to_msgpack(frame: Struct) -> bytes:
    """Encode by way of plain values, so that moments are the same texts as in JSON."""
    return _WRITE_MSGPACK.encode(msgspec.to_builtins(frame))


# One function per kind of thing a room is told, so that its class and key stand in one place


def gift(body: Gift, *, cursor: str) -> Frame:
    """A committed gift; the bus drops a repeat of the same posting."""
    return pack(P0, body.id, body, cursor=cursor)


def chat(body: Chat) -> Frame:
    """A message a room is shown."""
    return pack(P1, body.id, body)


def chat_deleted(message_id: str) -> Frame:
    """A message is taken back."""
    return pack(P0, f"deleted:{message_id}", ChatDeleted(message_id))


def muted(handle: str, until: datetime | None) -> Frame:
    """Somebody may not chat."""
    return pack(P0, None, Muted(handle, until))


def unmuted(handle: str) -> Frame:
    """Somebody may chat again."""
    return pack(P0, None, Unmuted(handle))


def removed(handle: str) -> Frame:
    """Somebody was removed."""
    return pack(P0, None, Removed(handle))


def room_changed(
    state: Literal["open", "live", "ended"],
    title: str,
    tags: Sequence[str],
    reason: str | None = None,
) -> Frame:
    """The room is not what it was."""
    return pack(P0, None, RoomChanged(state, title, tuple(tags), reason))


def likes(total: int) -> Frame:
    """The hearts so far."""
    return pack(P2, "likes", Likes(total))


def viewers(count: int) -> Frame:
    """The viewers now."""
    return pack(P2, "viewers", Viewers(count))


def supporters(top: Sequence[Supporter]) -> Frame:
    """The board of supporters."""
    return pack(P2, "supporters", Supporters(tuple(top)))


def joined(display_name: str) -> Frame:
    """Somebody came in."""
    return pack(P3, None, JoinedRoom(display_name))


def notice(code: str, reason: str) -> Frame:
    """Something one person must know."""
    return pack(P0, None, Notice(code, reason))


def balance(coins: int) -> Frame:
    """One person's coins."""
    return pack(P0, None, Balance(coins))
