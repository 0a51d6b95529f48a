"""Steps that several journeys take."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import httpx

from live.client_api import Account, Room, sign_up

PASSWORD = "correct horse battery"
PATIENCE_S = 60.0
LOOK_S = 0.05


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await is_so():
                return
            await asyncio.sleep(LOOK_S)


async def room_state(http: httpx.AsyncClient, room: Room) -> str:
    """Return "open", "live" or "ended"."""
    return str((await http.get(f"/api/rooms/{room.room_id}")).json()["state"])


async def a_creator(http: httpx.AsyncClient) -> tuple[Account, Room]:
    """Return somebody new with an open room."""
    handle = f"creator_{secrets.token_hex(4)}"
    creator = await sign_up(http, handle, PASSWORD, display_name="The creator")
    return creator, await creator.open_room("Stage")
