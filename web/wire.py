"""Websocket messages as bytes: one frame, a frame for one person, a batch, a farewell.

BUS plane. A server does not mask, so the bytes of a batch are the same for every connection of a
codec: they are made once, of a header and the bodies' ready-made bytes.

Source  RFC 6455 section 5, https://github.com/msgpack/msgpack/blob/master/spec.md
"""

import struct
from typing import Final

import msgspec
from msgspec import Struct
from websockets.frames import Close, Frame, Opcode

from live.bus import Batch, Codec
from live.bus import Frame as Told
from web import frames

WRITE_JSON: Final = msgspec.json.Encoder()
WRITE_MSGPACK: Final = msgspec.msgpack.Encoder()


def message(codec: Codec, payload: bytes) -> bytes:
    """Return ``payload`` as one websocket message from a server."""
    opcode = Opcode.TEXT if codec == "json" else Opcode.BINARY
    return Frame(opcode, payload).serialize(mask=False)


def closing(code: int, reason: str = "") -> bytes:
    """Return a closing frame."""
    return Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=False)


def one(codec: Codec, frame: Struct) -> bytes:
    """Return one server frame as one websocket message."""
    return message(codec, frames.encode(codec, frame))


def direct(codec: Codec, frame: Told) -> bytes:
    """Return a packed frame as one websocket message of its own."""
    return message(codec, frame.json if codec == "json" else frame.msgpack)


def seal(codec: Codec, batch: Batch) -> bytes:
    """Return a batch as one websocket message."""
    return message(codec, json_batch(batch) if codec == "json" else msgpack_batch(batch))


def json_batch(batch: Batch) -> bytes:
    """Return a batch as a JSON object around its bodies' bytes."""
    return b"".join(
        (
            b'{"t":"batch","epoch":',
            WRITE_JSON.encode(batch.epoch),
            b',"first":%d,"count":%d,"cursor":' % (batch.first, len(batch.numbered)),
            WRITE_JSON.encode(batch.cursor),
            b',"numbered":[',
            b",".join([frame.json for frame in batch.numbered]),
            b'],"unnumbered":[',
            b",".join([frame.json for frame in batch.unnumbered]),
            b"]}",
        )
    )


_MSGPACK_HEAD: Final = b"\x87" + b"".join(map(WRITE_MSGPACK.encode, ("t", "batch", "epoch")))
_MSGPACK_FIRST: Final = WRITE_MSGPACK.encode("first")
_MSGPACK_COUNT: Final = WRITE_MSGPACK.encode("count")
_MSGPACK_CURSOR: Final = WRITE_MSGPACK.encode("cursor")
_MSGPACK_NUMBERED: Final = WRITE_MSGPACK.encode("numbered")
_MSGPACK_UNNUMBERED: Final = WRITE_MSGPACK.encode("unnumbered")


def msgpack_batch(batch: Batch) -> bytes:
    """Return a batch as a msgpack map around its bodies' bytes."""
    put = WRITE_MSGPACK.encode
    return b"".join(
        (
            _MSGPACK_HEAD,
            put(batch.epoch),
            _MSGPACK_FIRST,
            put(batch.first),
            _MSGPACK_COUNT,
            put(len(batch.numbered)),
            _MSGPACK_CURSOR,
            put(batch.cursor),
            _MSGPACK_NUMBERED,
            _array_header(len(batch.numbered)),
            *[frame.msgpack for frame in batch.numbered],
            _MSGPACK_UNNUMBERED,
            _array_header(len(batch.unnumbered)),
            *[frame.msgpack for frame in batch.unnumbered],
        )
    )


def _array_header(length: int) -> bytes:
    if length < 16:
        return bytes([0x90 | length])
    if length < 1 << 16:
        return struct.pack("!BH", 0xDC, length)
    return struct.pack("!BI", 0xDD, length)
