"""A gift on its way: from one socket or from HTTP, through the books, to everybody in the room."""

from collections.abc import AsyncIterator

import httpx
import pytest

from live.client_api import Account, Room, sign_up
from live.client_errors import Refused
from live.client_keys import new_key
from live.client_socket import Body, Codec, SocketClient, room_socket
from tests.conftest import Server

PASSWORD = "correct horse battery"


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of a server of the test's own."""
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as found:
        yield found


def socket_of(server: Server) -> str:
    """Return where the server's socket is."""
    return f"ws://127.0.0.1:{server.port}/socket"


async def a_room(http: httpx.AsyncClient) -> Room:
    """Return a creator's open room."""
    creator = await sign_up(http, "creator", PASSWORD)
    return await creator.open_room("Stage")


async def a_viewer(http: httpx.AsyncClient, handle: str = "ana") -> Account:
    """Return somebody with 70 coins."""
    viewer = await sign_up(http, handle, PASSWORD, display_name=handle.title())
    await viewer.buy("coins-70")
    return viewer


async def next_gift(listener: SocketClient) -> Body:
    """Return the next gift the room is told of."""
    while True:
        body = await listener.next_body()
        if body["t"] == "gift":
            return body


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_a_gift_from_a_socket_is_shown_to_everybody(
    server: Server, http: httpx.AsyncClient, codec: Codec
) -> None:
    room, viewer = await a_room(http), await a_viewer(http)
    url = socket_of(server)

    async with (
        room_socket(url, room.room_id, codec=codec) as guest,
        room_socket(url, room.room_id, codec=codec, token=viewer.token) as sender,
    ):
        combo_id = new_key()
        answers = [await sender.gift("coffee", coins=5, combo_id=combo_id) for _ in range(2)]
        shown = [await next_gift(guest) for _ in range(2)]
        own = [await next_gift(sender) for _ in range(2)]

    assert shown == own
    assert [gift["id"] for gift in shown] == [one["answer"]["gift"]["id"] for one in answers]
    assert [gift["combo"] for gift in shown] == [
        {"id": combo_id, "count": count} for count in (1, 2)
    ]
    assert shown[0]["from"] == {"handle": "ana", "display_name": "Ana"}
    assert (shown[0]["coins"], shown[0]["tier"]) == (5, 1)
    assert answers[1]["answer"]["balance"] == {"coins": 60}


async def test_one_key_is_one_gift_on_socket_and_http_alike(
    server: Server, http: httpx.AsyncClient
) -> None:
    room, viewer = await a_room(http), await a_viewer(http)
    key = new_key()

    async with room_socket(socket_of(server), room.room_id, token=viewer.token) as sender:
        by_socket = await sender.gift("coffee", key=key)
        by_http = await viewer.gift(room.room_id, "coffee", key=key)

    assert by_socket["answer"] == by_http
    assert await viewer.coins() == 65


async def test_a_refused_gift_is_an_error_frame_and_is_shown_to_nobody(
    server: Server, http: httpx.AsyncClient
) -> None:
    room, viewer = await a_room(http), await a_viewer(http)

    async with room_socket(socket_of(server), room.room_id, token=viewer.token) as sender:
        with pytest.raises(Refused) as refused:
            await sender.gift("galaxy")
        sent = await sender.gift("rose")
        shown = await next_gift(sender)

    assert refused.value.code == "insufficient_coins"
    assert shown["id"] == sent["answer"]["gift"]["id"]


async def test_a_gift_is_shown_again_after_a_crash_to_whoever_comes_back(
    server: Server, http: httpx.AsyncClient
) -> None:
    room, viewer = await a_room(http), await a_viewer(http)
    sent = await viewer.gift(room.room_id, "rose")  # acknowledged: so it is on disk
    server.kill()
    server.start()

    async with room_socket(socket_of(server), room.room_id) as guest:
        shown = await next_gift(guest)

    assert shown["id"] == sent["gift"]["id"]
