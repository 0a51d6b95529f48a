"""Words on their way through the room, in both codecs, and through a reconnection."""

import httpx
import pytest

from live.client import Refused, SocketClient, room_socket
from live.client_keys import new_key
from live.client_socket import Body, Codec
from tests.conftest import Server
from tests.journeys.steps import a_creator


async def next_chat(listener: SocketClient) -> Body:
    """Return the next message the room is told of."""
    while True:
        body = await listener.next_body()
        if body["t"] == "chat":
            return body


@pytest.mark.parametrize(("codec", "other"), [("json", "msgpack"), ("msgpack", "json")])
async def test_what_is_said_in_one_codec_is_heard_in_the_other(
    shared_server: Server, shared_http: httpx.AsyncClient, codec: Codec, other: Codec
) -> None:
    creator, room = await a_creator(shared_http)
    url = f"ws://127.0.0.1:{shared_server.port}/socket"

    async with (
        room_socket(url, room.room_id, codec=codec, token=creator.token) as speaker,
        room_socket(url, room.room_id, codec=other) as guest,
    ):
        answer = await speaker.chat("Good evening 👋")
        heard = await next_chat(guest)

    assert heard["text"] == "Good evening 👋"
    assert heard["from"]["display_name"] == "The creator"
    assert heard["id"] == answer["message"]["id"]


async def test_the_same_key_is_the_same_message(
    shared_server: Server, shared_http: httpx.AsyncClient
) -> None:
    creator, room = await a_creator(shared_http)
    url, key = f"ws://127.0.0.1:{shared_server.port}/socket", new_key()

    async with room_socket(url, room.room_id, token=creator.token) as speaker:
        answers = [await speaker.chat("Once", key=key) for _ in range(2)]
        await speaker.chat("Twice")
        heard = [(await next_chat(speaker))["text"] for _ in range(2)]

    assert answers[0]["message"]["id"] == answers[1]["message"]["id"]
    assert heard == ["Once", "Twice"]


async def test_a_guest_listens_and_cannot_speak(
    shared_server: Server, shared_http: httpx.AsyncClient
) -> None:
    _, room = await a_creator(shared_http)

    async with room_socket(f"ws://127.0.0.1:{shared_server.port}/socket", room.room_id) as guest:
        with pytest.raises(Refused) as refused:
            await guest.chat("May I?")

    assert refused.value.status == 0
    assert guest.welcome["you"]["can_chat"] is False


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_who_comes_back_is_told_what_was_said_meanwhile(
    shared_server: Server, shared_http: httpx.AsyncClient, codec: Codec
) -> None:
    creator, room = await a_creator(shared_http)
    url = f"ws://127.0.0.1:{shared_server.port}/socket"
    async with room_socket(url, room.room_id, token=creator.token) as speaker:
        async with room_socket(url, room.room_id, codec=codec) as guest:
            await speaker.chat("before")
            await next_chat(guest)
        await speaker.chat("meanwhile")

        async with room_socket(url, room.room_id, codec=codec, resume=guest.position) as back:
            heard = await next_chat(back)

    assert back.welcome["recovered"] is True
    assert heard["text"] == "meanwhile"
