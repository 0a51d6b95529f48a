"""Rooms hear of every committed gift, in order, also of those a crash kept from being told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Connection, Engine

from gifts.sending import Order
from gifts.sent import Sent
from live.audience import Audience
from live.bus import Batch, Codec, Frame, InProcessBus, Ticket
from tests.gifts import builders
from tests.gifts.builders import a_viewer, an_order
from tests.web.people.builders import NOON, a_person
from wallet.writer import Writer
from web import gift_announcer
from web.database import Readers
from web.gift_announcer import BOARD_S, HOLD_S_MAX, MARK_S, RETELL_MAX, SETTLE_S, Announcer
from web.state import State

COMBO = "01890a5d-ac96-774b-bcce-b302099a8057"
ROOM = builders.ROOM
SECOND = timedelta(seconds=1)


class Listener:
    """Somebody in the room, who writes down what they are told."""

    codec: Codec = "json"

    def __init__(self, account_id: str | None = None) -> None:
        self.account_id = account_id
        self.told: list[dict[str, Any]] = []

    def deliver(self, wire: bytes, _ticket: Ticket) -> None:
        self.told += msgspec.json.decode(wire)

    def direct(self, frame: Frame) -> None:
        self.told.append(msgspec.json.decode(frame.json))

    def expel(self, _code: int, _last: Frame | None) -> None:
        raise AssertionError("nobody is to leave")

    def gifts(self) -> list[str]:
        """Return the ids of the gifts, in the order they were told."""
        return [body["id"] for body in self.told if body["t"] == "gift"]

    def last(self, tag: str) -> dict[str, Any]:
        """Return the last thing of one kind."""
        return [body for body in self.told if body["t"] == tag][-1]


def seal(_codec: Codec, batch: Batch) -> bytes:
    """Return a batch as a list of its bodies: here is no websocket to frame it for."""
    return b"[" + b",".join(f.json for f in (*batch.numbered, *batch.unnumbered)) + b"]"


@dataclass
class Life:
    """One run of a server over a database that outlives it, with clocks that tests turn."""

    engine: Engine
    writer: Writer
    began_at: datetime
    listener: Listener
    monotonic_s: float = 0.0
    audience: Audience = field(default_factory=Audience)

    def __post_init__(self) -> None:
        self.bus = InProcessBus(
            seal=seal,
            new_epoch=lambda: "epoch",
            monotonic=lambda: self.monotonic_s,
            loop=asyncio.get_running_loop(),
        )
        state = {
            "clock": lambda: self.began_at,
            "read": Readers(self.engine),
            "write": lambda fn, *args: self.writer.run(lambda conn: fn(conn, *args)),
            "writer": self.writer,
            "bus": self.bus,
            "audience": self.audience,
        }
        self.announcer = Announcer(cast(State, state), lambda: self.monotonic_s)
        self.bus.subscribe(ROOM, self.listener)

    async def commit(self, order: Order) -> Sent:
        """Send a gift; nobody is told yet."""
        return await self.writer.run(lambda conn: builders.sent(conn, order))

    async def viewer(self, *, coins_bought: int) -> str:
        """Return a new viewer with coins."""
        return await self.writer.run(lambda conn: a_viewer(conn, coins_bought=coins_bought))

    async def catch_up(self, after_s: float = 0.0) -> None:
        """Let the announcer look, and the bus tick."""
        self.monotonic_s += after_s
        await self.announcer.catch_up()
        for _ in range(5):
            await asyncio.sleep(0)

    def somebody_comes(self) -> None:
        """A view of the room begins."""
        self.audience.admit(ROOM, "view", now=self.monotonic_s)


StartLife = Callable[..., Any]


@pytest.fixture
def life(engine: Engine) -> StartLife:
    """Begin another run of a server on this test's database; gifts of tests are from NOON on."""

    @asynccontextmanager
    async def begin(
        began_at: datetime = NOON - SECOND, listener: Listener | None = None
    ) -> AsyncIterator[Life]:
        async with Writer(engine) as writer:
            yield Life(engine, writer, began_at, listener or Listener())

    return begin


async def test_a_gift_is_told_once_with_who_gave_it(life: StartLife) -> None:
    async with life() as server:
        viewer = await server.writer.run(lambda conn: a_named_viewer(conn, "ana", "Ana"))
        gift = await server.commit(an_order(viewer, gift_id="coffee", quantity=2))

        await server.catch_up()
        await server.catch_up()

        assert server.listener.gifts() == [gift.posting_id]
        assert server.listener.last("gift") == {
            "t": "gift",
            "id": gift.posting_id,
            "from": {"handle": "ana", "display_name": "Ana"},
            "gift_id": "coffee",
            "quantity": 2,
            "coins": 10,
            "tier": 1,
            "combo": None,
            "at": "2026-01-02T12:00:00Z",
        }


def a_named_viewer(conn: Connection, handle: str, display_name: str) -> str:
    """Return somebody with an account and 70 coins."""
    person = a_person(conn, handle, display_name=display_name)
    return a_viewer(conn, coins_bought=70, account_id=person.account_id)


async def test_gifts_are_told_in_the_order_of_their_commits(life: StartLife) -> None:
    async with life() as server:
        viewer = await server.viewer(coins_bought=70)
        moments = [3, 1, 2, 0]  # clocks of requests do not keep the order of commits
        gifts = [
            await server.commit(an_order(viewer, asked_at=NOON + seconds * SECOND))
            for seconds in moments
        ]

        await server.catch_up()

        assert server.listener.gifts() == [gift.posting_id for gift in gifts]


async def test_more_gifts_than_one_look_takes_are_all_told(
    life: StartLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gift_announcer, "ENTRIES_MAX", 3)
    monkeypatch.setattr(gift_announcer, "UNMARKED_MAX", 2)
    async with life() as server:
        viewer = await server.viewer(coins_bought=70)
        seconds = count(20, -1)
        orders = [an_order(viewer, asked_at=NOON + next(seconds) * SECOND) for _ in range(10)]
        gifts = [await server.commit(order) for order in orders]

        await server.catch_up()

        assert server.listener.gifts() == [gift.posting_id for gift in gifts]


async def test_the_sender_is_told_the_balance_and_the_room_the_board(life: StartLife) -> None:
    async with life() as server:
        viewer = await server.writer.run(lambda conn: a_named_viewer(conn, "ana", "Ana"))
        sender = Listener(viewer)
        server.bus.subscribe(ROOM, sender)
        await server.commit(an_order(viewer, quantity=3))

        await server.catch_up()

        board = [{"handle": "ana", "display_name": "Ana", "coins": 3}]
        assert sender.last("balance")["coins"] == 67
        assert server.listener.last("supporters")["top"] == board


async def test_who_bought_coins_is_told_the_balance(life: StartLife) -> None:
    async with life() as server:
        viewer = await server.viewer(coins_bought=70)
        buyer = Listener(viewer)
        server.bus.subscribe(ROOM, buyer)

        await server.catch_up()

        assert buyer.last("balance")["coins"] == 70


async def test_a_refused_gift_is_not_told(life: StartLife) -> None:
    async with life() as server:
        viewer = await server.viewer(coins_bought=1)
        await server.writer.run(lambda conn: builders.send(conn, an_order(viewer, quantity=2)))

        await server.catch_up()

        assert server.listener.gifts() == []


async def test_combo_counts_add_up_what_was_committed(life: StartLife) -> None:
    async with life() as server:
        viewer = await server.viewer(coins_bought=70)
        for quantity in (1, 5, 1):
            await server.commit(an_order(viewer, quantity=quantity, combo_id=COMBO))

        await server.catch_up()

        combos = [body["combo"] for body in server.listener.told if body["t"] == "gift"]
        assert combos == [{"id": COMBO, "count": total} for total in (1, 6, 7)]


async def test_a_combo_goes_on_over_a_restart(life: StartLife) -> None:
    async with life() as first:
        viewer = await first.viewer(coins_bought=70)
        await first.commit(an_order(viewer, combo_id=COMBO))
        await first.catch_up()
        await first.catch_up(after_s=MARK_S)
        await first.commit(an_order(viewer, combo_id=COMBO))  # never told: it is killed here
    async with life(NOON) as second:
        await second.commit(an_order(viewer, combo_id=COMBO, asked_at=NOON + SECOND))

        await second.catch_up()

        counts = [body["combo"]["count"] for body in second.listener.told if body["t"] == "gift"]
        assert counts == [1, 2, 3]


async def test_a_gift_committed_before_a_crash_is_told_once_somebody_is_back(
    life: StartLife,
) -> None:
    async with life() as first:
        gift = await first.commit(an_order(await first.viewer(coins_bought=70)))
    async with life(NOON + SECOND) as second:
        await second.catch_up()
        assert second.listener.gifts() == []  # nobody is back: it would be told to nobody

        second.somebody_comes()
        await second.catch_up()
        await second.catch_up(after_s=SETTLE_S)

        assert second.listener.gifts() == [gift.posting_id]


async def test_a_gift_told_right_before_a_crash_is_told_again(life: StartLife) -> None:
    async with life() as first:
        gift = await first.commit(an_order(await first.viewer(coins_bought=70)))
        await first.catch_up()
        assert first.listener.gifts() == [gift.posting_id]
    async with life(NOON + RETELL_MAX) as second:
        await second.catch_up()
        await second.catch_up(after_s=HOLD_S_MAX)

        assert second.listener.gifts() == [gift.posting_id]


async def test_a_gift_told_long_ago_is_not_told_again(life: StartLife) -> None:
    async with life() as first:
        await first.commit(an_order(await first.viewer(coins_bought=70)))
        await first.catch_up()
        await first.catch_up(after_s=MARK_S)
    async with life(NOON + RETELL_MAX + SECOND) as second:
        await second.catch_up()
        await second.catch_up(after_s=HOLD_S_MAX)

        assert second.listener.gifts() == []


async def test_an_untold_gift_is_told_however_long_ago_it_was(life: StartLife) -> None:
    async with life() as first:
        gift = await first.commit(an_order(await first.viewer(coins_bought=70)))
    async with life(NOON + timedelta(days=3)) as second:
        await second.catch_up()
        await second.catch_up(after_s=HOLD_S_MAX)

        assert second.listener.gifts() == [gift.posting_id]


async def test_of_a_long_backlog_the_newest_are_kept(
    life: StartLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gift_announcer, "HELD_FRAMES_MAX", 2)
    async with life() as first:
        viewer = await first.viewer(coins_bought=70)
        gifts = [await first.commit(an_order(viewer)) for _ in range(3)]
    async with life(NOON) as second:
        await second.catch_up()
        await second.catch_up(after_s=HOLD_S_MAX)

        assert second.listener.gifts() == [gift.posting_id for gift in gifts[1:]]


async def test_a_new_gift_lets_the_held_ones_go_first(life: StartLife) -> None:
    async with life() as first:
        viewer = await first.viewer(coins_bought=70)
        old = await first.commit(an_order(viewer))
    async with life(NOON) as second:
        await second.catch_up()
        new = await second.commit(an_order(viewer, asked_at=NOON + SECOND))

        await second.catch_up()

        assert second.listener.gifts() == [old.posting_id, new.posting_id]


async def test_what_was_told_but_not_marked_is_told_once_in_one_run(life: StartLife) -> None:
    async with life() as server:
        viewer = await server.viewer(coins_bought=70)
        gifts = []
        for _ in range(3):
            gifts.append(await server.commit(an_order(viewer)))
            await server.catch_up()
        await server.catch_up(after_s=MARK_S)

        assert server.listener.gifts() == [gift.posting_id for gift in gifts]


async def test_the_board_is_told_at_most_every_quarter_of_a_second(life: StartLife) -> None:
    async with life() as server:
        viewer = await server.writer.run(lambda conn: a_named_viewer(conn, "ana", "Ana"))
        for _ in range(3):
            await server.commit(an_order(viewer))
            await server.catch_up(after_s=BOARD_S / 10)
        await server.catch_up(after_s=BOARD_S)

        boards = [body["top"][0]["coins"] for body in server.listener.told if "top" in body]
        assert boards == [1, 3]


async def test_it_wakes_for_every_commit(life: StartLife) -> None:
    async with life() as server:
        server.writer.after_commit(server.announcer.wake)
        await server.catch_up()

        await server.viewer(coins_bought=70)

        async with asyncio.timeout(10):
            await server.announcer.rest()
