"""What the API client asks for, as a server sees it."""

import json

import httpx
import pytest

from live.client_api import Account, Room, log_in, sign_up
from live.client_errors import Refused


class Server:
    """Answers from a table of (method, path) and keeps what it was asked."""

    def __init__(self, answers: dict[tuple[str, str], object], status: int = 200) -> None:
        self.asked: list[httpx.Request] = []
        self._answers = answers
        self._status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        body = self._answers[request.method, request.url.path]
        return httpx.Response(self._status, json=body)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://server")

    def bodies(self) -> list[object]:
        return [json.loads(request.content) for request in self.asked if request.content]


async def test_signing_up_opens_an_account_and_a_session() -> None:
    server = Server(
        {("POST", "/api/accounts"): {}, ("POST", "/api/sessions"): {"token": "a token"}}
    )

    async with server.client() as http:
        ana = await sign_up(http, "ana", "a password", display_name="Ana")

    assert (ana.handle, ana.token) == ("ana", "a token")
    assert server.bodies() == [
        {
            "handle": "ana",
            "password": "a password",
            "birth_date": "1990-01-01",
            "display_name": "Ana",
        },
        {"handle": "ana", "password": "a password"},
    ]


async def test_everything_is_asked_in_the_persons_name() -> None:
    server = Server({("POST", "/api/rooms"): {"room_id": "room", "stream_key": "key"}})

    async with server.client() as http:
        room = await Account(http, "ana", "a token").open_room("Painting")

    assert room == Room("room", "key")
    assert server.asked[0].headers["authorization"] == "Bearer a token"
    assert server.bodies() == [{"title": "Painting"}]


async def test_a_gift_carries_the_callers_key_or_a_new_one() -> None:
    server = Server({("POST", "/api/rooms/room/gifts"): {"balance": {"coins": 1}}})

    async with server.client() as http:
        ana = Account(http, "ana", "a token")
        await ana.gift("room", "rose", quantity=2, key="mine")
        await ana.gift("room", "rose")
        await ana.gift("room", "rose")

    keys = [request.headers["idempotency-key"] for request in server.asked]
    assert keys[0] == "mine"
    assert len(set(keys)) == 3
    assert server.bodies()[0] == {"gift_id": "rose", "quantity": 2}


async def test_buying_is_ordering_and_paying() -> None:
    server = Server(
        {
            ("POST", "/api/wallet/purchases"): {"purchase_id": "purchase"},
            ("POST", "/api/sandbox/purchases/purchase/pay"): {},
        }
    )

    async with server.client() as http:
        await Account(http, "ana", "a token").buy("coins-70")

    assert server.bodies() == [{"pack_id": "coins-70"}, {}]
    assert "idempotency-key" in server.asked[0].headers


async def test_packs_come_smallest_first() -> None:
    packs = {"packs": [{"coins": 700}, {"coins": 70}]}
    server = Server({("GET", "/api/wallet/packs"): packs})

    async with server.client() as http:
        shown = await Account(http, "ana", "a token").packs()

    assert [pack["coins"] for pack in shown] == [70, 700]


async def test_a_view_and_a_wallet_are_taken_out_of_their_answers() -> None:
    server = Server(
        {
            ("POST", "/api/rooms/room/views"): {"view_id": "view", "view_token": "seen"},
            ("GET", "/api/wallet"): {"coins": 41, "diamonds": 2},
        }
    )

    async with server.client() as http:
        ana = Account(http, "ana", "a token")
        answers = (await ana.view_token("room"), await ana.coins())

    assert answers == ("seen", 41)


async def test_a_refusal_raises_with_its_code() -> None:
    problem = {"status": 401, "code": "wrong_password", "detail": "No"}
    server = Server({("POST", "/api/sessions"): problem}, status=401)

    async with server.client() as http:
        with pytest.raises(Refused) as refused:
            await log_in(http, "ana", "a guess")

    assert (refused.value.status, refused.value.code) == (401, "wrong_password")
