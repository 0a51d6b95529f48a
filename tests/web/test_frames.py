"""Frames: both codecs say the same, decoders take anything, the protocol text names them all."""

import contextlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader

from live.bus import P0, P1, P2, P3, Codec, Frame
from web import frames, wire
from web.frames import BadFrame, Hello, Ping, Resume, SendChat, SendGift, SendLike

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
PROTOCOL = (Path(__file__).parents[2] / "web" / "PROTOCOL.md").read_text()
ANA = frames.Sender("ana", "Ana 🌹", creator=True)
GIFT = frames.Gift("posting", ANA, "rose", 3, 30, 1, frames.Combo("combo", 12), NOON)
CHAT = frames.Chat("message", ANA, 'Hello "you" \\ 👋', NOON)


def payload(wire: bytes) -> tuple[Opcode, bytes]:
    """Return opcode and payload of one websocket frame as a client reads it."""
    reader = StreamReader()
    reader.feed_data(wire)
    reader.feed_eof()
    parsing = WireFrame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    assert not reader.buffer
    frame = done.value.value
    return frame.opcode, bytes(frame.data)


def opened(codec: Codec, wire: bytes) -> Any:
    """Return what a client makes of one message."""
    opcode, content = payload(wire)
    assert opcode is (Opcode.TEXT if codec == "json" else Opcode.BINARY)
    return msgspec.json.decode(content) if codec == "json" else msgspec.msgpack.decode(content)


# What a room is told


@pytest.mark.parametrize(
    ("frame", "cls", "key", "body"),
    [
        (
            frames.gift(GIFT, cursor="0-7"),
            P0,
            "posting",
            {
                "t": "gift", "id": "posting",
                "from": {"handle": "ana", "display_name": "Ana 🌹", "creator": True},
                "gift_id": "rose", "quantity": 3, "coins": 30, "tier": 1,
                "combo": {"id": "combo", "count": 12}, "at": "2026-01-02T12:00:00.123456Z",
            },
        ),
        (
            frames.chat(CHAT),
            P1,
            "message",
            {
                "t": "chat", "id": "message",
                "from": {"handle": "ana", "display_name": "Ana 🌹", "creator": True},
                "text": 'Hello "you" \\ 👋', "at": "2026-01-02T12:00:00.123456Z",
            },
        ),
        (frames.chat_deleted("m"), P0, "deleted:m", {"t": "chat_deleted", "id": "m"}),
        (frames.muted("ben", None), P0, None, {"t": "muted", "handle": "ben", "until": None}),
        (frames.unmuted("ben"), P0, None, {"t": "unmuted", "handle": "ben"}),
        (frames.removed("ben"), P0, None, {"t": "removed", "handle": "ben"}),
        (
            frames.room_changed("ended", "Songs", ["a"], "Over."),
            P0,
            None,
            {"t": "room", "state": "ended", "title": "Songs", "tags": ["a"], "reason": "Over."},
        ),
        (frames.likes(3), P2, "likes", {"t": "likes", "total": 3}),
        (frames.viewers(3), P2, "viewers", {"t": "viewers", "count": 3}),
        (
            frames.supporters([frames.Supporter("ana", "Ana", 9)]),
            P2,
            "supporters",
            {"t": "supporters", "top": [{"handle": "ana", "display_name": "Ana", "coins": 9}]},
        ),
        (frames.joined("Ana"), P3, None, {"t": "joined", "display_name": "Ana"}),
        (
            frames.notice("muted", "Spam."),
            P0,
            None,
            {"t": "notice", "code": "muted", "reason": "Spam."},
        ),
        (frames.balance(7), P0, None, {"t": "balance", "coins": 7}),
    ],
)  # fmt: skip
def test_everything_a_room_is_told_has_its_class_key_and_shape(
    frame: Frame, cls: int, key: str | None, body: dict[str, Any]
) -> None:
    assert (frame.cls, frame.key) == (cls, key)
    assert msgspec.json.decode(frame.json) == body
    assert msgspec.msgpack.decode(frame.msgpack) == body
    for codec in ("json", "msgpack"):
        assert opened(codec, wire.direct(codec, frame)) == body


def test_an_answer_is_the_same_in_both_codecs() -> None:
    ok = frames.Ok(id=2, answer=frames.Supporters((frames.Supporter("ana", "Ana", 9),)))

    json, msgpack = (opened(codec, wire.one(codec, ok)) for codec in ("json", "msgpack"))

    assert json == msgpack
    assert json["answer"]["top"][0]["coins"] == 9


def test_members_nobody_needs_are_left_out() -> None:
    assert msgspec.json.encode(frames.Ok(id=2)) == b'{"t":"ok","id":2}'
    assert msgspec.json.encode(frames.Sender("ana", "Ana")) == (
        b'{"handle":"ana","display_name":"Ana"}'
    )
    assert msgspec.json.decode(msgspec.json.encode(frames.Bye(4001, True))) == {
        "t": "bye", "code": 4001, "resume": True,
    }  # fmt: skip


# What clients send

ENCODE: dict[Codec, Callable[[Any], bytes]] = {
    "json": msgspec.json.encode,
    "msgpack": msgspec.msgpack.encode,
}


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"t": "hello", "id": 1, "room": "abc"}, Hello(1, "abc")),
        (
            {"t": "hello", "id": 1, "room": "abc", "resume": {"epoch": "e", "offset": 7}, "new": 1},
            Hello(1, "abc", resume=Resume("e", 7)),
        ),
        ({"t": "chat", "id": 2, "key": "k", "text": "Hi"}, SendChat(2, "k", "Hi")),
        ({"t": "like", "count": 50}, SendLike(50)),
        (
            {"t": "gift", "id": 3, "key": "k", "gift_id": "rose", "quantity": 2, "coins": 1},
            SendGift(3, "k", "rose", 2, 1),
        ),
        ({"t": "ping", "id": 2**53 - 1}, Ping(2**53 - 1)),
    ],
)
def test_what_clients_may_send_is_read_in_both_codecs(
    codec: Codec, sent: dict[str, Any], expected: frames.Sendable
) -> None:
    assert frames.decode(codec, ENCODE[codec](sent)) == expected


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize(
    ("sent", "code", "reply_id"),
    [
        ({"t": "teleport", "id": 4}, "unknown_frame", 4),
        ({"t": "chat", "id": 4, "key": "k"}, "bad_frame", 4),
        ({"t": "chat", "id": 4, "key": "", "text": "Hi"}, "bad_frame", 4),
        ({"t": "chat", "id": 4, "key": "a b", "text": "Hi"}, "bad_frame", 4),
        ({"t": "chat", "id": 4, "key": "k" * 65, "text": "Hi"}, "bad_frame", 4),
        ({"t": "chat", "id": "four", "key": "k", "text": "Hi"}, "bad_frame", None),
        ({"t": "chat", "id": -1, "key": "k", "text": "Hi"}, "bad_frame", None),
        ({"t": "ping", "id": 2**53}, "bad_frame", None),
        ({"t": "ping", "id": True}, "bad_frame", None),
        ({"t": "like", "count": 0}, "bad_frame", None),
        ({"t": "like", "count": 51}, "bad_frame", None),
        ({"t": "gift", "id": 4, "key": "k", "gift_id": "rose", "quantity": 0}, "bad_frame", 4),
        ({"t": "hello", "id": 4, "room": ""}, "bad_frame", 4),
        (
            {"t": "hello", "id": 4, "room": "r", "resume": {"epoch": "e", "offset": -1}},
            "bad_frame",
            4,
        ),
    ],
)  # fmt: skip
def test_what_clients_may_not_send_is_refused_with_a_code(
    codec: Codec, sent: dict[str, Any], code: str, reply_id: int | None
) -> None:
    with pytest.raises(BadFrame) as refused:
        frames.decode(codec, ENCODE[codec](sent))

    assert (refused.value.code, refused.value.reply_id) == (code, reply_id)
    assert not refused.value.is_terminal
    assert code in str(refused.value)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize("sent", [[], 7, "hello", None, {}, {"t": 7}, {"id": 1}])
def test_what_is_no_frame_at_all_is_terminal(codec: Codec, sent: object) -> None:
    with pytest.raises(BadFrame) as refused:
        frames.decode(codec, ENCODE[codec](sent))

    assert refused.value.is_terminal


@given(codec=st.sampled_from(["json", "msgpack"]), message=st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_a_bad_frame(codec: Codec, message: bytes) -> None:
    with contextlib.suppress(BadFrame):
        frames.decode(codec, message)


PLAIN = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    codec=st.sampled_from(["json", "msgpack"]),
    kind=st.sampled_from(["hello", "chat", "like", "gift", "ping", "other"]),
    members=st.dictionaries(
        st.sampled_from(["id", "room", "key", "text", "count", "gift_id", "quantity", "resume"]),
        VALUES,
    ),
)
def test_any_members_are_a_frame_or_a_bad_frame(
    codec: Codec, kind: str, members: dict[str, Any]
) -> None:
    sent = ENCODE[codec]({"t": kind, **members})

    with contextlib.suppress(BadFrame):
        assert kind in type(frames.decode(codec, sent)).__name__.lower()


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_nesting_without_end_is_refused(codec: Codec) -> None:
    deep = b"[" * 100_000 if codec == "json" else b"\x91" * 100_000
    head = b'{"t":"ping","id":1,"x":' if codec == "json" else b"\x83\xa1t\xa4ping\xa2id\x01\xa1x"

    with pytest.raises(BadFrame):
        frames.decode(codec, head + deep)


# The text


@pytest.mark.parametrize("kind", [*frames.SENDABLE, *frames.SERVER_FRAMES, *frames.BODIES])
def test_the_protocol_text_names_every_frame_and_its_members(kind: type[msgspec.Struct]) -> None:
    assert f"`{kind.__struct_config__.tag}`" in PROTOCOL
    for member in kind.__struct_encode_fields__:
        assert re.search(rf"\b{member}\b", PROTOCOL), member


@pytest.mark.parametrize(
    "code",
    [
        frames.DRAIN, frames.SLOW, frames.SILENT, frames.BAD_FRAME, frames.NOT_AUTHORISED,
        frames.BANNED, frames.ROOM_GONE, frames.TOO_FAST,
    ],
)  # fmt: skip
def test_the_protocol_text_explains_every_close_code(code: int) -> None:
    assert f"| {code} |" in PROTOCOL
