"""A moderator's word is felt on every plane: by the broadcaster, the viewer and the socket."""

import asyncio
import secrets
from dataclasses import dataclass
from time import perf_counter

import httpx
import pytest

from live.client import Publication, Refused, Viewing, publish, watch
from live.client_api import Account, Room, sign_up
from live.client_errors import SocketClosed
from live.client_pattern import record
from live.client_socket import SocketClient, room_socket
from live.client_source import LoopSource, Recording
from tests.conftest import Server
from tests.journeys.steps import PASSWORD, PATIENCE_S, a_creator, room_state, until
from tests.journeys.test_broadcast import SMALL


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Four seconds of picture and tone, encoded once."""
    return record(SMALL)


@dataclass
class Evening:
    """A live room with its creator on the air and one person watching, listening and present."""

    http: httpx.AsyncClient
    creator: Account
    room: Room
    viewer: Account
    publication: Publication
    viewing: Viewing
    moderator: dict[str, str]

    async def act(self, **action: str) -> None:
        """Do what a moderator does on their page."""
        answer = await self.http.post(
            "/api/moderation/actions", json=action, headers=self.moderator
        )
        assert answer.status_code in (200, 201), answer.text

    async def is_gone(self, session: Publication | Viewing) -> bool:
        """Whether the server has forgotten a session."""
        return (await self.http.get(session.resource.url)).status_code == 404

    async def end(self) -> None:
        """Go home."""
        self.viewing.vanish()
        self.publication.vanish()


@pytest.fixture
async def evening(
    shared_server: Server, shared_http: httpx.AsyncClient, recording: Recording
) -> Evening:
    """An evening that has begun."""
    creator, room = await a_creator(shared_http)
    viewer = await sign_up(shared_http, f"viewer_{secrets.token_hex(4)}", PASSWORD)
    moderator = await sign_up(shared_http, f"moderator_{secrets.token_hex(3)}", PASSWORD)
    granted = await asyncio.to_thread(
        shared_server.run, "accounts", "grant", moderator.handle, "moderator"
    )
    assert granted.returncode == 0, granted.stderr
    source = LoopSource(recording, asyncio.get_running_loop().time())
    publication = await publish(
        f"{shared_server.url}/whip/{room.room_id}", room.stream_key, source, http=shared_http
    )

    async def is_live() -> bool:
        return await room_state(shared_http, room) == "live"

    await until(is_live)
    viewing = await watch(
        f"{shared_server.url}/whep/{room.room_id}",
        view_token=await viewer.view_token(room.room_id),
        http=shared_http,
    )
    headers = {"Authorization": f"Bearer {moderator.token}"}
    return Evening(shared_http, creator, room, viewer, publication, viewing, headers)


async def closing_code(socket: SocketClient) -> int:
    """Return the code with which the server closes the connection."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await socket.next_body()
            except SocketClosed as closed:
                return closed.code


async def test_a_suspended_viewer_loses_socket_and_picture(
    evening: Evening, shared_server: Server
) -> None:
    url = shared_server.url.replace("http", "ws", 1) + "/socket"
    token = await evening.viewer.view_token(evening.room.room_id)
    async with room_socket(
        url, evening.room.room_id, token=evening.viewer.token, view_token=token
    ) as socket:
        began = perf_counter()
        await evening.act(
            action="suspend", handle=evening.viewer.handle, reason="Shouting at everybody"
        )
        code = await closing_code(socket)
        await until(lambda: evening.is_gone(evening.viewing))
        took_ms = (perf_counter() - began) * 1_000

    print(f"suspended and gone from socket and media after {took_ms:.0f} ms")
    assert code == 4403
    (notice,) = socket.notices
    assert (notice["code"], notice["reason"]) == ("suspended", "Shouting at everybody")
    assert not await evening.is_gone(evening.publication)
    await evening.end()


async def test_an_ended_broadcast_is_gone_for_broadcaster_and_viewers(evening: Evening) -> None:
    began = perf_counter()

    await evening.act(action="end_room", room_id=evening.room.room_id, reason="Not allowed here")
    await until(lambda: evening.is_gone(evening.publication))
    await until(lambda: evening.is_gone(evening.viewing))

    print(f"broadcast ended for everybody after {(perf_counter() - began) * 1_000:.0f} ms")
    assert await room_state(evening.http, evening.room) == "ended"
    refused = await evening.http.post(
        f"/whip/{evening.room.room_id}",
        content="v=0\r\n",
        headers={
            "Content-Type": "application/sdp",
            "Authorization": f"Bearer {evening.room.stream_key}",
        },
    )
    assert refused.status_code in (404, 409, 410), refused.text
    await evening.end()


async def test_a_suspended_creator_is_off_the_air(evening: Evening) -> None:
    await evening.act(action="suspend", handle=evening.creator.handle, reason="Against the rules")

    await until(lambda: evening.is_gone(evening.publication))

    assert await room_state(evening.http, evening.room) == "ended"
    with pytest.raises(Refused) as refused:
        await evening.creator.ask("GET", "/api/me")
    assert refused.value.status == 401
    await evening.end()
