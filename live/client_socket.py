"""A client of the room socket: joins a room, hears what happens, chats, likes and sends gifts.

    async with room_socket("ws://127.0.0.1:8000/socket", room_id, token=token) as room:
        await room.chat("Hello!")
        async for body in room.bodies():
            ...

Plane   bus. A shell. Frames are plain dictionaries as ``web/PROTOCOL.md`` shows them.
Limits  A reader that falls ``BODY_COUNT_MAX`` bodies behind loses the oldest, counted in
        ``missed_count``. Gifts announced twice are given once as long as the second comes within
        ``GIFT_COUNT_MAX`` gifts. A closed connection is not reopened: join again with
        ``resume=room.position`` and see ``welcome["recovered"]``.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from live.client_errors import Refused, SocketClosed
from live.client_keys import new_key

Codec = Literal["json", "msgpack"]
Body = dict[str, Any]
Position = tuple[str, int]  # epoch, offset

ANSWER_TIMEOUT_S = 10.0
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
BODY_COUNT_MAX = 10_000
GIFT_COUNT_MAX = 1_000

_READ_JSON: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_READ_MSGPACK: msgspec.msgpack.Decoder[dict[str, Any]] = msgspec.msgpack.Decoder(dict[str, Any])


@asynccontextmanager
async def room_socket(
    url: str,
    room_id: str,
    *,
    codec: Codec = "json",
    token: str | None = None,
    view_token: str | None = None,
    resume: Position | None = None,
) -> AsyncIterator["SocketClient"]:
    """Join the room; without ``token`` as a guest who can only listen.

    Raises:
        Refused: The hello was answered with an error: ended room, banned, bad token.
        SocketClosed: The server closed the connection before it answered.
    """
    async with connect(
        url,
        subprotocols=[Subprotocol(f"ovation.v1.{codec}")],
        compression=None,
        max_size=MESSAGE_BYTES_MAX,
    ) as connection:
        client = SocketClient(connection, codec)
        reader = asyncio.create_task(client.read())  # a TaskGroup would wrap every Refused
        try:
            await client.greet(room_id, token=token, view_token=view_token, resume=resume)
            yield client
        finally:
            reader.cancel()
            await asyncio.wait({reader})


class SocketClient:
    """One connection to one room; made by ``room_socket``.

    Attributes:
        welcome: The server's answer to the hello.
        position: How far this client has heard; give it to ``resume``.
        notices: What the server told this person alone: notices and balances, newest last.
        missed_count: Bodies lost because nobody read them.
    """

    def __init__(self, connection: ClientConnection, codec: Codec) -> None:
        self.welcome: dict[str, Any] = {}
        self.position: Position = ("", 0)
        self.notices: deque[dict[str, Any]] = deque(maxlen=100)
        self.missed_count = 0
        self._connection = connection
        self._codec = codec
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._bodies: deque[Body] = deque()
        self._arrived = asyncio.Event()
        self._close_code: int | None = None
        self._gift_ids: deque[str] = deque(maxlen=GIFT_COUNT_MAX)

    async def chat(self, text: str, *, key: str | None = None) -> dict[str, Any]:
        """Say ``text`` in the room.

        Raises:
            Refused: Too fast, muted, too long, not signed in.
        """
        return await self._ask({"t": "chat", "key": key or new_key(), "text": text})

    async def gift(
        self,
        gift_id: str,
        *,
        quantity: int = 1,
        coins: int | None = None,
        combo_id: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Send a gift; ``coins`` is the price the sender believes. Reuse ``key`` to retry.

        Raises:
            Refused: Coins short, price changed, room ended, not allowed.
        """
        order = {"gift_id": gift_id, "quantity": quantity, "coins": coins, "combo_id": combo_id}
        frame = {name: value for name, value in order.items() if value is not None}
        return await self._ask({"t": "gift", "key": key or new_key(), **frame})

    async def like(self, count: int = 1) -> None:
        """Tap the heart ``count`` times; nobody answers."""
        await self._send({"t": "like", "count": count})

    async def ping(self) -> None:
        """Wait until the server has answered a ping."""
        await self._ask({"t": "ping"})

    async def next_body(self) -> Body:
        """Return the next thing that happened in the room.

        Raises:
            SocketClosed: The connection is closed and everything heard was returned.
        """
        while not self._bodies:
            if self._close_code is not None:
                raise SocketClosed(self._close_code)
            self._arrived.clear()
            await self._arrived.wait()
        return self._bodies.popleft()

    async def bodies(self) -> AsyncIterator[Body]:
        """Give everything that happens until the connection closes."""
        while True:
            try:
                body = await self.next_body()
            except SocketClosed:
                return
            yield body

    async def greet(
        self, room_id: str, *, token: str | None, view_token: str | None, resume: Position | None
    ) -> None:
        """Send the hello and wait to be welcomed."""
        hello: dict[str, Any] = {"t": "hello", "room": room_id}
        if token is not None:
            hello["token"] = token
        if view_token is not None:
            hello["view_token"] = view_token
        if resume is not None:
            hello["resume"] = {"epoch": resume[0], "offset": resume[1]}
        self.welcome = await self._ask(hello)

    async def read(self) -> None:
        """Take in messages until the connection closes."""
        try:
            async for message in self._connection:
                self._take(self._decode(message))
        except ConnectionClosed:
            pass  # the code is kept below, whoever closed
        finally:
            self._closed(self._connection.close_code or 1006)

    async def _ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Send ``frame`` with an id and return what answers it."""
        if self._close_code is not None:
            raise SocketClosed(self._close_code)
        frame_id = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[frame_id] = answer
        try:
            await self._send({**frame, "id": frame_id})
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await answer
        finally:
            del self._answers[frame_id]
            if answer.done() and not answer.cancelled():
                answer.exception()  # if it was not awaited, nobody needs to hear of it

    async def _send(self, frame: dict[str, Any]) -> None:
        try:
            if self._codec == "json":
                await self._connection.send(msgspec.json.encode(frame).decode())
            else:
                await self._connection.send(msgspec.msgpack.encode(frame))
        except ConnectionClosed as exc:
            raise SocketClosed(self._connection.close_code or 1006) from exc

    def _decode(self, message: str | bytes) -> dict[str, Any]:
        if self._codec == "json":
            frame = _READ_JSON.decode(message)
        else:
            assert isinstance(message, bytes)
            frame = _READ_MSGPACK.decode(message)
        return frame

    def _take(self, frame: dict[str, Any]) -> None:
        kind = frame.get("t")
        if kind == "batch":
            self.position = (frame["epoch"], frame["first"] + frame["count"] - 1)
            self._keep([*frame["numbered"], *frame["unnumbered"]])
        elif kind in ("notice", "balance"):
            self.notices.append(frame)
        elif kind != "bye":
            self._answer(frame)

    def _answer(self, frame: dict[str, Any]) -> None:
        if frame["t"] == "welcome":  # batches after it count from here
            self.position = (frame["epoch"], frame["offset"])
        answer = self._answers.get(frame.get("id", 0))
        if answer is None or answer.done():
            return
        if frame["t"] == "error":
            answer.set_exception(
                Refused(0, frame["code"], frame["detail"], frame.get("retry_after_s"))
            )
        else:
            answer.set_result(frame)

    def _keep(self, bodies: list[Body]) -> None:
        for body in bodies:
            if body["t"] == "gift":
                if body["id"] in self._gift_ids:
                    continue
                self._gift_ids.append(body["id"])
            if len(self._bodies) >= BODY_COUNT_MAX:
                self._bodies.popleft()
                self.missed_count += 1
            self._bodies.append(body)
        self._arrived.set()

    def _closed(self, code: int) -> None:
        self._close_code = code
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(SocketClosed(code))
        self._arrived.set()
