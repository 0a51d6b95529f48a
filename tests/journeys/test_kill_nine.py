"""Kill -9 during gift traffic, twenty times: nothing acknowledged is lost, nothing happens twice.

A real server process is killed while several viewers send gifts as fast as it answers. After each
restart every order that got no answer is sent again under its own key, and every order that got
one must get the same bytes again. Each viewer waits for one answer before the next order, so that
a model, a plain number of coins per viewer, says exactly what each answer must be, refusals too.
"""

import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Server, free_port

KILLS = 20
ANSWERS_PER_LIFE_MAX = 60  # a life ends after 1 to this many answers
PRICES = {"rose": 1, "coffee": 5, "balloon": 10, "microphone": 100}
ORDERS_MAX = 100_000  # per viewer; far more than any life answers
PASSWORD = "correct horse battery staple"


@dataclass
class Order:
    """What a viewer asked, and the first answer to it."""

    key: str
    room_id: str
    gift_id: str
    quantity: int
    status: int = 0
    answer: bytes = b""

    @property
    def coins(self) -> int:
        return PRICES[self.gift_id] * self.quantity


@dataclass
class Viewer:
    """A person with a token, a number of coins by the model, and every order so far."""

    token: str
    coins: int = 0
    orders: list[Order] = field(default_factory=list)

    def headers(self, key: str = "") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})

    def ask(self, client: httpx.Client, order: Order) -> httpx.Response:
        return client.post(
            f"/api/rooms/{order.room_id}/gifts",
            json={"gift_id": order.gift_id, "quantity": order.quantity},
            headers=self.headers(order.key),
        )

    def learn(self, order: Order, response: httpx.Response) -> None:
        """Check a first answer against the model and move the model on."""
        order.status, order.answer = response.status_code, response.content
        said: dict[str, Any] = json.loads(response.content)
        if order.coins <= self.coins:
            self.coins -= order.coins
            assert (order.status, said["balance"]["coins"]) == (201, self.coins)
        else:
            assert (order.status, said["code"]) == (402, "insufficient_coins")
            assert said["short_by"] == order.coins - self.coins


@contextmanager
def answers_counted(wanted: int) -> Iterator[threading.Semaphore]:
    """Give senders a counter and wait, at the end, until ``wanted`` answers have come."""
    answered = threading.Semaphore(0)
    yield answered
    for _ in range(wanted):
        assert answered.acquire(timeout=30), "the server stopped answering"


def send_until_killed(
    server: Server, viewer: Viewer, room_id: str, dice: random.Random, answered: threading.Semaphore
) -> None:
    with httpx.Client(base_url=server.url) as client:
        for _ in range(ORDERS_MAX):
            gift_id = dice.choice(list(PRICES))
            order = Order(str(uuid4()), room_id, gift_id, dice.choice((1, 1, 1, 7)))
            viewer.orders.append(order)
            try:
                response = viewer.ask(client, order)
            except httpx.TransportError:
                return  # killed: whether this gift was committed is what the restart must say
            viewer.learn(order, response)
            answered.release()


def sign_up(client: httpx.Client, handle: str) -> str:
    who = {"handle": handle, "password": PASSWORD, "birth_date": "1990-05-17"}
    client.post("/api/accounts", json=who).raise_for_status()
    session = client.post("/api/sessions", json={"handle": handle, "password": PASSWORD})
    token: str = session.raise_for_status().json()["token"]
    return token


def buy_coins(client: httpx.Client, viewer: Viewer, coins_min: int) -> None:
    """Buy the smallest pack of at least ``coins_min`` with the sandbox's card."""
    packs = client.get("/api/wallet/packs", headers=viewer.headers()).json()
    offered = packs["packs"] if isinstance(packs, dict) else packs
    pack = min(
        (pack for pack in offered if pack["coins"] >= coins_min), key=lambda pack: pack["coins"]
    )
    asked = client.post(
        "/api/wallet/purchases",
        json={"pack_id": pack["pack_id"]},
        headers=viewer.headers(str(uuid4())),
    )
    purchase_id = asked.raise_for_status().json()["purchase_id"]
    client.post(
        f"/api/sandbox/purchases/{purchase_id}/pay", json={}, headers=viewer.headers()
    ).raise_for_status()
    for _ in range(500):
        viewer.coins = client.get("/api/wallet", headers=viewer.headers()).json()["coins"]
        if viewer.coins:
            assert viewer.coins == pack["coins"]
            return
    pytest.fail("the coins that were paid for have not arrived")


@pytest.mark.parametrize("kills", [KILLS, pytest.param(300, marks=pytest.mark.soak)])
def test_kill_nine_during_gift_traffic_keeps_every_acknowledged_gift_exactly_once(
    tmp_path: Path, kills: int
) -> None:
    server = Server(tmp_path, free_port()).start()
    with httpx.Client(base_url=server.url) as client:
        creator = Viewer(sign_up(client, "creator"))
        opened = client.post("/api/rooms", json={"title": "Stage"}, headers=creator.headers())
        room_id = opened.raise_for_status().json()["room_id"]
        viewers = [Viewer(sign_up(client, f"viewer{number}")) for number in range(4)]
        for viewer, coins_min in zip(viewers, (1, 1, 5_000, 20_000), strict=True):
            buy_coins(client, viewer, coins_min)  # the first two will run out of coins
    bought = sum(viewer.coins for viewer in viewers)

    for life in range(kills):
        dice = random.Random(life)
        begun = [len(viewer.orders) for viewer in viewers]
        with ThreadPoolExecutor(len(viewers)) as senders:
            with answers_counted(dice.randint(1, ANSWERS_PER_LIFE_MAX)) as answered:
                sending = [
                    senders.submit(
                        send_until_killed,
                        server,
                        viewer,
                        room_id,
                        random.Random(f"{life} {number}"),
                        answered,
                    )
                    for number, viewer in enumerate(viewers)
                ]
            server.kill()
            for sender in sending:
                sender.result()
        server.start()
        with httpx.Client(base_url=server.url) as client:
            for viewer, first in zip(viewers, begun, strict=True):
                settle(client, viewer, viewer.orders[first:])

    with httpx.Client(base_url=server.url) as client:
        for viewer in viewers:
            settle(client, viewer, viewer.orders)
            wallet = client.get("/api/wallet", headers=viewer.headers()).json()
            assert wallet["coins"] == viewer.coins
        earned = client.get("/api/wallet", headers=creator.headers()).json()["diamonds"]
    spent = sum(order.coins for viewer in viewers for order in viewer.orders if order.status == 201)
    assert earned == spent == bought - sum(viewer.coins for viewer in viewers)
    assert_books_are_clean(server)  # beside the live server
    server.kill()
    assert_books_are_clean(server)


def settle(client: httpx.Client, viewer: Viewer, orders: list[Order]) -> None:
    """Learn what became of an order the kill interrupted; every other answer must come again."""
    for order in orders:
        response = viewer.ask(client, order)
        if order.status:
            assert (response.status_code, response.content) == (order.status, order.answer)
        else:
            viewer.learn(order, response)


def assert_books_are_clean(server: Server) -> None:
    verified = server.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
