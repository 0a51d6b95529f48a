"""The room socket's client, against a server that follows a script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from live import client_socket
from live.client_errors import Refused, SocketClosed
from live.client_socket import Codec, SocketClient, room_socket

Frame = dict[str, Any]
Script = Callable[["Room"], Awaitable[None]]
PROTOCOLS = [Subprotocol("ovation.v1.json"), Subprotocol("ovation.v1.msgpack")]


class Room:
    """The server's end of one connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.codec: Codec = "json" if connection.subprotocol == PROTOCOLS[0] else "msgpack"

    async def hear(self) -> Frame:
        message = await self._connection.recv()
        assert isinstance(message, str) == (self.codec == "json")
        frame: Frame = (
            msgspec.json.decode(message)
            if self.codec == "json"
            else msgspec.msgpack.decode(message.encode() if isinstance(message, str) else message)
        )
        return frame

    async def say(self, frame: Frame) -> None:
        if self.codec == "json":
            await self._connection.send(msgspec.json.encode(frame).decode())
        else:
            await self._connection.send(msgspec.msgpack.encode(frame))

    async def welcome(self) -> Frame:
        hello = await self.hear()
        await self.say({"t": "welcome", "id": hello["id"], "epoch": "e", "offset": 7})
        return hello

    async def close(self, code: int) -> None:
        await self._connection.close(code)


def batch(first: int, *numbered: Frame, unnumbered: tuple[Frame, ...] = ()) -> Frame:
    return {
        "t": "batch",
        "epoch": "e",
        "first": first,
        "count": len(numbered),
        "cursor": "",
        "numbered": numbered,
        "unnumbered": unnumbered,
    }


def gift(gift_id: str) -> Frame:
    return {"t": "gift", "id": gift_id}


@asynccontextmanager
async def scripted(
    script: Script, codec: Codec = "json", **hello: Any
) -> AsyncIterator[SocketClient]:
    """A client in a room whose server follows ``script``, which must end without complaint."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve_one(connection: ServerConnection) -> None:
        try:
            await script(Room(connection))
        except Exception as error:
            ended.set_exception(error)
        else:
            ended.set_result(None)
        await connection.wait_closed()

    async with serve(serve_one, "127.0.0.1", 0, subprotocols=PROTOCOLS) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with room_socket(f"ws://127.0.0.1:{port}", "room", codec=codec, **hello) as client:
            yield client
        await ended


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_the_hello_says_which_room_and_who(codec: Codec) -> None:
    heard: list[Frame] = []

    async def script(room: Room) -> None:
        heard.append(await room.welcome())

    async with scripted(script, codec, token="me", view_token="view", resume=("e", 3)) as client:
        position = client.position

    assert heard == [
        {
            "t": "hello",
            "id": 1,
            "room": "room",
            "token": "me",
            "view_token": "view",
            "resume": {"epoch": "e", "offset": 3},
        }
    ]
    assert position == ("e", 7)


async def test_a_guests_hello_names_nobody() -> None:
    async def script(room: Room) -> None:
        assert await room.welcome() == {"t": "hello", "id": 1, "room": "room"}

    async with scripted(script):
        pass


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_answers_find_their_questions_among_other_frames(codec: Codec) -> None:
    async def script(room: Room) -> None:
        await room.welcome()
        first, second = await room.hear(), await room.hear()
        await room.say({"t": "balance", "coins": 9})
        await room.say({"t": "ok", "id": second["id"], "text": second["text"]})
        await room.say(batch(8, {"t": "chat"}))
        await room.say({"t": "ok", "id": first["id"], "text": first["text"]})

    async with scripted(script, codec) as client:
        answers = await asyncio.gather(client.chat("one"), client.chat("two"))

    assert [answer["text"] for answer in answers] == ["one", "two"]
    assert list(client.notices) == [{"t": "balance", "coins": 9}]
    assert client.position == ("e", 8)


async def test_an_error_frame_is_raised_where_it_was_caused() -> None:
    async def script(room: Room) -> None:
        await room.welcome()
        frame = await room.hear()
        error = {"code": "insufficient_coins", "detail": "5 short", "retry_after_s": 1.5}
        await room.say({"t": "error", "id": frame["id"], **error})

    async with scripted(script) as client:
        with pytest.raises(Refused) as refused:
            await client.gift("rose")

    assert (refused.value.code, refused.value.retry_after_s) == ("insufficient_coins", 1.5)


async def test_a_gift_says_what_it_is_and_leaves_out_what_was_not_said() -> None:
    asked: list[Frame] = []

    async def script(room: Room) -> None:
        await room.welcome()
        asked.append(await room.hear())
        await room.say({"t": "ok", "id": asked[0]["id"]})

    async with scripted(script) as client:
        await client.gift("rose", coins=1, key="mine")

    expected = {"t": "gift", "id": 2, "key": "mine", "gift_id": "rose", "quantity": 1, "coins": 1}
    assert asked == [expected]


async def test_bodies_come_in_order_and_a_gift_announced_twice_comes_once() -> None:
    async def script(room: Room) -> None:
        await room.welcome()
        await room.say(batch(8, gift("a"), {"t": "chat"}, unnumbered=({"t": "likes"},)))
        await room.say(batch(10, gift("a"), gift("b")))
        await room.close(1000)

    async with scripted(script) as client:
        bodies = [body async for body in client.bodies()]

    assert bodies == [gift("a"), {"t": "chat"}, {"t": "likes"}, gift("b")]
    assert client.position == ("e", 11)


async def test_who_does_not_read_loses_the_oldest_and_is_told_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_socket, "BODY_COUNT_MAX", 2)

    async def script(room: Room) -> None:
        await room.welcome()
        await room.say(batch(8, gift("a"), gift("b"), gift("c")))
        await room.close(1000)

    async with scripted(script) as client:
        bodies = [body async for body in client.bodies()]

    assert bodies == [gift("b"), gift("c")]
    assert client.missed_count == 1


async def test_a_close_tells_its_code_to_everybody_who_waits() -> None:
    async def script(room: Room) -> None:
        await room.welcome()
        await room.hear()
        await room.close(4008)

    async with scripted(script) as client:
        with pytest.raises(SocketClosed) as asked:
            await client.ping()
        with pytest.raises(SocketClosed) as listened:
            await client.next_body()
        with pytest.raises(SocketClosed) as late:
            await client.ping()

    assert [raised.value.code for raised in (asked, listened, late)] == [4008] * 3


async def test_a_refused_hello_is_raised_as_it_is() -> None:
    async def script(room: Room) -> None:
        hello = await room.hear()
        await room.say({"t": "error", "id": hello["id"], "code": "room_ended", "detail": "Over"})

    with pytest.raises(Refused) as refused:
        async with scripted(script):
            pass

    assert refused.value.code == "room_ended"


async def test_hearts_are_sent_and_nobody_answers() -> None:
    heard: list[Frame] = []

    async def script(room: Room) -> None:
        await room.welcome()
        heard.append(await room.hear())

    async with scripted(script) as client:
        await client.like(3)

    assert heard == [{"t": "like", "count": 3}]
