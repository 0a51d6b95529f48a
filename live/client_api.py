"""One person's use of the HTTP API: sign up, open a room, buy coins, send gifts.

    async with http_client("http://127.0.0.1:8000") as http:
        ana = await sign_up(http, "ana", "correct horse battery")
        room = await ana.open_room("Painting")

Plane   coins, on the client's side. A shell. The server's OpenAPI document describes every route;
        here stand those that bots, the demo and the benchmarks need.
Units   coins and ``amount_minor`` are integers of the smallest unit.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import msgspec

from live.client_errors import refusal
from live.client_keys import new_key

REQUEST_TIMEOUT_S = 10.0
KEEP_ALIVE_S = 2.0
BOT_BIRTH_DATE = date(1990, 1, 1)  # of age for everything

_READ = msgspec.json.Decoder(dict[str, Any])


def http_client(url: str) -> httpx.AsyncClient:
    """Return an HTTP client of the server at ``url``, to be closed by the caller.

    It lets idle connections go before the server does (uvicorn: after 5 s); asking again at the
    very moment the server hangs up would be an error that is nobody's fault.
    """
    return httpx.AsyncClient(
        base_url=url,
        timeout=REQUEST_TIMEOUT_S,
        limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
    )


@dataclass(frozen=True, slots=True)
class Room:
    """A room as its creator gets it."""

    room_id: str
    stream_key: str


async def sign_up(
    http: httpx.AsyncClient, handle: str, password: str, *, display_name: str | None = None
) -> "Account":
    """Create an account and log in to it.

    Raises:
        Refused: The handle is taken, the password too weak, or too many sign-ups came from here.
    """
    profile = {"handle": handle, "password": password, "birth_date": BOT_BIRTH_DATE.isoformat()}
    if display_name is not None:
        profile["display_name"] = display_name
    await _asked(http, "POST", "/api/accounts", profile)
    return await log_in(http, handle, password)


async def log_in(http: httpx.AsyncClient, handle: str, password: str) -> "Account":
    """Open a session.

    Raises:
        Refused: Handle and password do not belong together.
    """
    credentials = {"handle": handle, "password": password}
    session = await _asked(http, "POST", "/api/sessions", credentials)
    return Account(http, handle, session["token"])


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who is logged in. Every method raises Refused with the server's stable code."""

    http: httpx.AsyncClient
    handle: str
    token: str

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """Ask any route in this person's name; ``key`` is the Idempotency-Key."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await _asked(self.http, method, path, body, headers)

    async def open_room(self, title: str) -> Room:
        """Open a room of one's own."""
        opened = await self.ask("POST", "/api/rooms", {"title": title})
        return Room(opened["room_id"], opened["stream_key"])

    async def view_token(self, room_id: str) -> str:
        """Start watching: what the hello of the socket and WHEP carry."""
        view = await self.ask("POST", f"/api/rooms/{room_id}/views", {})
        return str(view["view_token"])

    async def coins(self) -> int:
        """What is in the wallet."""
        return int((await self.ask("GET", "/api/wallet"))["coins"])

    async def buy(self, pack_id: str) -> None:
        """Buy one pack with the sandbox's card that always succeeds."""
        purchase = await self.ask(
            "POST", "/api/wallet/purchases", {"pack_id": pack_id}, key=new_key()
        )
        await self.ask("POST", f"/api/sandbox/purchases/{purchase['purchase_id']}/pay", {})

    async def packs(self) -> list[dict[str, Any]]:
        """What coins cost, smallest pack first."""
        packs = (await self.ask("GET", "/api/wallet/packs"))["packs"]
        return sorted(packs, key=lambda pack: int(pack["coins"]))

    async def gift(
        self, room_id: str, gift_id: str, *, quantity: int = 1, key: str | None = None
    ) -> dict[str, Any]:
        """Send a gift over HTTP. Reuse ``key`` to retry."""
        order = {"gift_id": gift_id, "quantity": quantity}
        return await self.ask("POST", f"/api/rooms/{room_id}/gifts", order, key=key or new_key())


async def _asked(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    answer = await http.request(method, path, json=body, headers=headers)
    if not answer.is_success:
        raise refusal(answer)
    return _READ.decode(answer.content) if answer.content else {}
