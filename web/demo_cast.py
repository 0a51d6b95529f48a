"""The demo's cast: a broadcaster and viewers that chat and give, as clients of the server.

``python -m web.demo_cast URL FOLDER`` is a process of its own that ends with its standard input.
Everything goes through the outside: WHIP, WHEP, the room socket and the HTTP API.

Who falls out of the room comes back; a room somebody ended is followed by another one; a
broadcast that somebody else took over from the studio is left to them until they stop.
"""

import asyncio
import random
import sys
import webbrowser
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec
import uvloop

from live.aiortc_private import Identity
from live.client import ClientError, Refused, SocketClient, Viewing, publish, room_socket, watch
from live.client_api import Account, http_client, log_in
from live.client_keys import new_key
from live.client_socket import Body
from live.client_source import LoopSource, Recording
from web.demo_pattern import demo_recording
from web.demo_people import BOTS, CREATOR, VIEWER, Cast, read_cast, write_cast
from web.demo_script import COMBO_PAUSE_S, Act, cheer, script, thanks

START_TIMEOUT_S = 60.0
RETRY_S = 3.0
VIEWER_PACKS = ("coins-3500", "coins-1400", "coins-70", "coins-70")
VIEWER_GIFTS = ("donut", "donut")  # 5,040 coins less 40: exactly what was promised
BOT_PACK = "coins-35000"
DEAR_TIER = 3
ENTRANCE_S = 0.4  # between two viewers coming in
FAILURES = (ClientError, httpx.HTTPError, OSError, TimeoutError)


@dataclass(slots=True)
class Troupe:
    """Everybody who plays, and what they share."""

    url: str
    folder: Path
    cast: Cast
    http: httpx.AsyncClient
    creator: Account
    bots: list[Account]
    identity: Identity = field(default_factory=Identity)
    seats: dict[int, SocketClient] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # of gifts, by id
    chance: random.Random = field(default_factory=random.Random)

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/socket"

    @property
    def room_url(self) -> str:
        return f"{self.url}/rooms/{self.cast.room_id}"


async def play(url: str, folder: Path) -> None:
    """Play until cancelled."""
    async with http_client(url) as http:
        await _wait_until_ready(http)
        cast = read_cast(folder)
        assert cast is not None, "the demo writes it before it starts the cast"
        troupe = await _gather(url, folder, cast, http)
        await _enrich_viewer(troupe)
        recording = await asyncio.to_thread(demo_recording, folder)
        shown = False
        while True:
            await _enter_room(troupe)
            if not shown:
                _show(troupe.room_url)
                shown = True
            await _play_until_ended(troupe, recording)


async def _play_until_ended(troupe: Troupe, recording: Recording) -> None:
    """Broadcast, watch, chat and give until the room has ended."""
    roles = [_broadcast(troupe, recording), _host(troupe), _perform(troupe)]
    roles += [_sit(troupe, index) for index in range(len(troupe.bots))]
    tasks = [asyncio.create_task(role) for role in roles]
    try:
        await _room_end(troupe)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _room_end(troupe: Troupe) -> None:
    """Return once the room has ended."""
    while True:
        await asyncio.sleep(RETRY_S)
        with suppress(*FAILURES):
            if (await _room(troupe))["state"] == "ended":
                return


# Getting ready


async def _wait_until_ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            with suppress(httpx.TransportError):
                if (await http.get("/readyz")).is_success:
                    return
            await asyncio.sleep(0.1)


async def _gather(url: str, folder: Path, cast: Cast, http: httpx.AsyncClient) -> Troupe:
    creator = await log_in(http, CREATOR.handle, cast.password)
    bots = [await log_in(http, bot.handle, cast.password) for bot in BOTS]
    troupe = Troupe(url, folder, cast, http, creator, bots)
    menu = await creator.ask("GET", "/api/gifts")
    troupe.names = {gift["gift_id"]: gift["name"] for gift in menu["gifts"]}
    return troupe


async def _enrich_viewer(troupe: Troupe) -> None:
    """Give the viewer 5,000 bought coins, the first time."""
    if troupe.cast.is_viewer_rich:
        return
    viewer = await log_in(troupe.http, VIEWER.handle, troupe.cast.password)
    for pack_id in VIEWER_PACKS:
        await viewer.buy(pack_id)
    await _enter_room(troupe)
    for gift_id in VIEWER_GIFTS:
        await viewer.gift(troupe.cast.room_id, gift_id)
    troupe.cast.is_viewer_rich = True
    write_cast(troupe.folder, troupe.cast)


async def _enter_room(troupe: Troupe) -> None:
    """Go on with the room of last time, or open another."""
    cast = troupe.cast
    if cast.room_id:
        with suppress(Refused):
            if (await _room(troupe))["state"] != "ended":
                return
    opened = await troupe.creator.open_room("Colours and a clock · test pattern")
    cast.room_id, cast.stream_key = opened.room_id, opened.stream_key
    write_cast(troupe.folder, cast)


async def _room(troupe: Troupe) -> dict[str, Any]:
    return await troupe.creator.ask("GET", f"/api/rooms/{troupe.cast.room_id}")


def _show(room_url: str) -> None:
    """Say where to look, and open a browser where there is a graphical one."""
    click.echo(f"\nThe demo's room: {room_url}\nThe bar at the top makes you somebody else.\n")
    with suppress(webbrowser.Error):
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:  # that would be one for the terminal
            browser.open(room_url)


# Playing


async def _persist(attempt: Callable[[], Awaitable[None]]) -> None:
    """Try again whenever ``attempt`` ends or fails."""
    while True:
        with suppress(*FAILURES):
            await attempt()
        await asyncio.sleep(RETRY_S)


async def _broadcast(troupe: Troupe, recording: Recording) -> None:
    async def once() -> None:
        source = LoopSource(recording, asyncio.get_running_loop().time())
        publication = await publish(
            f"{troupe.url}/whip/{troupe.cast.room_id}",
            troupe.cast.stream_key,
            source,
            identity=troupe.identity,
            http=troupe.http,
        )
        try:
            await publication.link.closed.wait()
        finally:
            publication.link.close()

    await _persist(once)


async def _sit(troupe: Troupe, index: int) -> None:
    """Be in the room with one bot: watch it and listen on the socket."""
    bot, room_id = troupe.bots[index], troupe.cast.room_id

    async def once() -> None:
        async with AsyncExitStack() as stack:
            view_token = await bot.view_token(room_id)
            room = await stack.enter_async_context(
                room_socket(troupe.socket_url, room_id, token=bot.token, view_token=view_token)
            )
            troupe.seats[index] = room
            stack.callback(troupe.seats.pop, index)
            watching = asyncio.create_task(_watch(troupe, view_token))
            stack.callback(watching.cancel)
            await _listen(troupe, index, room)

    await asyncio.sleep(index * ENTRANCE_S)
    await _persist(once)


async def _watch(troupe: Troupe, view_token: str) -> None:
    """Watch like a browser does, without decoding; again when the broadcast is back."""

    async def once() -> None:
        viewing: Viewing = await watch(
            f"{troupe.url}/whep/{troupe.cast.room_id}",
            view_token=view_token,
            identity=troupe.identity,
            http=troupe.http,
        )
        try:
            await viewing.link.closed.wait()
        finally:
            viewing.link.close()

    await _persist(once)


async def _listen(troupe: Troupe, index: int, room: SocketClient) -> None:
    """Cheer now and then when somebody else gave something dear."""
    own = troupe.bots[index].handle
    async for body in room.bodies():
        is_cheered = _is_dear(body) and troupe.chance.random() < 2 / len(troupe.bots)
        if is_cheered and body["from"]["handle"] != own:
            await asyncio.sleep(troupe.chance.uniform(0.8, 3.0))
            with suppress(Refused):
                await room.chat(cheer(body["from"]["display_name"], troupe.chance))


def _is_dear(body: Body) -> bool:
    return bool(body["t"] == "gift" and body["tier"] >= DEAR_TIER)


async def _host(troupe: Troupe) -> None:
    """Be the creator in the chat: thank for what is dear."""

    async def once() -> None:
        token, room_id = troupe.creator.token, troupe.cast.room_id
        async with room_socket(troupe.socket_url, room_id, token=token) as room:
            async for body in room.bodies():
                if _is_dear(body):
                    gift = troupe.names[body["gift_id"]]
                    await asyncio.sleep(troupe.chance.uniform(1.5, 3.0))
                    with suppress(Refused):
                        name = body["from"]["display_name"]
                        await room.chat(thanks(name, gift, troupe.chance))

    await _persist(once)


async def _perform(troupe: Troupe) -> None:
    """Let the viewers do what the script says, those that are in the room."""
    await asyncio.sleep(len(troupe.bots) * ENTRANCE_S)
    for act in script(len(troupe.bots), troupe.chance):
        await asyncio.sleep(act.wait_s)
        room = troupe.seats.get(act.viewer)
        if room is not None:
            with suppress(*FAILURES):
                await _carry_out(troupe.bots[act.viewer], room, act)


async def _carry_out(bot: Account, room: SocketClient, act: Act) -> None:
    if act.kind == "chat":
        await room.chat(act.words)
    elif act.kind == "like":
        await room.like(act.count)
    else:
        combo_id = new_key()
        for _ in range(act.count):
            await _give(bot, room, act.words, combo_id)
            await asyncio.sleep(COMBO_PAUSE_S)


async def _give(bot: Account, room: SocketClient, gift_id: str, combo_id: str) -> None:
    """Send a gift; buy coins first if they are short."""
    key = new_key()
    try:
        await room.gift(gift_id, combo_id=combo_id, key=key)
    except Refused as refusal:
        if refusal.code != "insufficient_coins":
            raise
        await bot.buy(BOT_PACK)
        await room.gift(gift_id, combo_id=combo_id, key=new_key())


# The process


async def _play_until_alone(url: str, folder: Path) -> None:
    """Play until standard input ends: then whoever started us has gone."""
    loop, alone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, alone.set)
    playing = asyncio.create_task(play(url, folder))
    leaving = asyncio.create_task(alone.wait())
    done, _ = await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
    loop.remove_reader(sys.stdin)
    for task in (playing, leaving):
        task.cancel()
    await asyncio.gather(playing, leaving, return_exceptions=True)
    if playing in done:
        playing.result()


def main(url: str, folder: Path) -> int:
    """Be the cast; return the exit status."""
    try:
        uvloop.run(_play_until_alone(url, folder))
    except (*FAILURES, msgspec.DecodeError) as error:
        click.echo(f"The demo's cast cannot play: {error}", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
