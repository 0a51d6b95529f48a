"""Websocket messages as bytes: both codecs of a batch, one frame, a farewell."""

import pytest
from websockets.frames import Opcode

from live.bus import Batch
from tests.web.test_frames import CHAT, opened, payload
from web import frames, wire


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 70_000])
def test_both_codecs_of_a_batch_say_the_same(count: int) -> None:
    chat = frames.chat(CHAT)
    batch = Batch("epoch", 418, "0-7", (chat,) * count, (frames.viewers(3), frames.likes(9)))

    json = opened("json", wire.seal("json", batch))
    msgpack = opened("msgpack", wire.seal("msgpack", batch))

    assert json == msgpack
    assert (json["t"], json["epoch"], json["first"], json["count"]) == (
        "batch",
        "epoch",
        418,
        count,
    )
    assert (len(json["numbered"]), json["cursor"]) == (count, "0-7")
    assert json["unnumbered"] == [{"t": "viewers", "count": 3}, {"t": "likes", "total": 9}]


def test_a_closing_frame_carries_code_and_reason() -> None:
    opcode, content = payload(wire.closing(4008, "slow"))

    assert opcode is Opcode.CLOSE
    assert content == (4008).to_bytes(2, "big") + b"slow"
