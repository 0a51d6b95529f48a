"""Actions carried out on what is live, by one path, wherever they were taken."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from itertools import count
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Connection, Engine

from live.audience import Audience
from live.bus import Batch, Codec, Frame, InProcessBus, Ticket
from tests.web.people.builders import NOON, a_person
from tests.web.trust.builders import a_line, a_room
from web import frames
from web.database import Readers
from web.people.accounts import Account
from web.state import State
from web.trust import actions, enforcement
from web.trust.actions import Kind, Order
from web.trust.enforcement import Enforcement, enforce_waiting
from web.trust.subjects import Subject


class Listener:
    """Somebody on a socket, who writes down what they are told."""

    codec: Codec = "json"

    def __init__(self, account_id: str | None) -> None:
        self.account_id = account_id
        self.told: list[dict[str, Any]] = []
        self.closed_with: int | None = None

    def deliver(self, wire: bytes, _ticket: Ticket) -> None:
        self.told += msgspec.json.decode(wire)

    def direct(self, frame: Frame) -> None:
        self.told.append(msgspec.json.decode(frame.json))

    def expel(self, code: int, last: Frame | None) -> None:
        if last is not None:
            self.direct(last)
        self.closed_with = code

    @property
    def tags(self) -> list[str]:
        return [one["t"] for one in self.told]


def seal(_codec: Codec, batch: Batch) -> bytes:
    """Return a batch as a list of its numbered bodies: here is no websocket to frame it for."""
    return b"[" + b",".join(frame.json for frame in batch.numbered) + b"]"


class Streams:
    """Media that writes down what was cut; raises while it is ``broken``."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.dropped: list[str] = []
        self.broken = False

    def end_room(self, room_id: str, _reason: str) -> None:
        if self.broken:
            raise OSError("no media")
        self.ended.append(room_id)

    def drop_views(self, view_ids: Iterable[str], _reason: str) -> int:
        self.dropped += view_ids
        return len(self.dropped)


class Stage:
    """A running process in small: a database, a bus, an audience, streams."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        epochs = count()
        self.engine = engine
        self.streams = Streams()
        self.bus = InProcessBus(
            seal=seal,
            new_epoch=lambda: str(next(epochs)),
            monotonic=lambda: 0.0,
            loop=asyncio.get_running_loop(),
        )
        self.audience = Audience()
        partial: dict[str, Any] = {
            "clock": lambda: now,
            "read": Readers(engine),
            "bus": self.bus,
            "audience": self.audience,
            "media": self.streams,
            "enforcement": Enforcement(),
        }
        self.state = cast(State, partial)

    def take(self, kind: Kind, subject: Subject) -> None:
        with self.engine.begin() as conn:
            actions.take(conn, Order(kind, "Because.", subject), actor_id=None, now=NOON)

    async def enforced(self) -> None:
        await enforce_waiting(self.state)
        await asyncio.sleep(0)  # the bus tells a quiet room in the loop's next turn
        await asyncio.sleep(0)


@pytest.fixture
async def stage(engine: Engine) -> Stage:
    return Stage(engine, NOON)


def people(conn: Connection) -> tuple[Account, Account, str, str]:
    """Return a creator, a viewer, their room and a line of the viewer's in it."""
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    room = a_room(conn, ana)
    return ana, bea, room.room_id, a_line(conn, room, bea, "Buy followers!").message_id


async def test_each_action_is_felt_by_whom_it_concerns(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        ana, bea, room_id, message_id = people(conn)
    for_ana, for_bea = Listener(ana.account_id), Listener(bea.account_id)
    for listener in (for_ana, for_bea):
        stage.bus.subscribe(room_id, listener)
    about_bea = Subject(room_id, None, bea.account_id)
    stage.audience.admit(room_id, "view", account_id=bea.account_id, now=0)

    stage.take("delete_message", Subject(room_id, message_id, bea.account_id))
    stage.take("mute", about_bea)
    await stage.enforced()
    assert for_ana.told[0] == {"t": "chat_deleted", "id": message_id}
    assert for_ana.told[1]["t"] == "muted"
    assert [one["reason"] for one in for_bea.told if one["t"] == "notice"] == ["Because."] * 2

    stage.take("remove", about_bea)
    await stage.enforced()
    assert for_bea.closed_with == frames.BANNED
    assert stage.streams.dropped == ["view"]
    assert for_ana.tags[-1] == "removed"

    stage.take("end_room", Subject(room_id, None, ana.account_id))
    await stage.enforced()
    assert stage.streams.ended == [room_id]
    assert for_ana.closed_with is None
    assert {"room", "notice"} <= set(for_ana.tags)


async def test_a_suspension_closes_every_connection_and_every_broadcast(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        ana, bea, room_id, _ = people(conn)
        elsewhere = a_room(conn, bea, "elsewhere")
    at_home, away, other = (Listener(one) for one in (ana.account_id, ana.account_id, None))
    stage.bus.subscribe(room_id, at_home)
    stage.bus.subscribe(elsewhere.room_id, away)
    stage.bus.subscribe(elsewhere.room_id, other)

    stage.take("suspend", Subject(account_id=ana.account_id))
    await stage.enforced()

    assert stage.streams.ended == [room_id]
    assert (at_home.closed_with, away.closed_with) == (frames.BANNED, frames.BANNED)
    assert away.told[-1] == {"t": "notice", "code": "suspended", "reason": "Because."}
    assert (other.closed_with, other.told) == (None, [])


async def test_actions_are_carried_out_once_each_and_in_order(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        ana, bea, room_id, _ = people(conn)
    listener = Listener(None)
    stage.bus.subscribe(room_id, listener)
    await stage.enforced()

    stage.take("mute", Subject(room_id, None, bea.account_id))
    stage.take("restore", Subject(account_id=ana.account_id))
    await asyncio.gather(stage.enforced(), stage.enforced())
    await stage.enforced()

    assert listener.tags == ["muted"]
    assert stage.state["enforcement"].seen == 2


async def test_a_process_that_starts_goes_a_minute_back(engine: Engine) -> None:
    with engine.begin() as conn:
        ana, _, room_id, _ = people(conn)
    soon, late = Stage(engine, NOON), Stage(engine, NOON + enforcement.LOOK_BACK * 2)
    soon.take("end_room", Subject(room_id, None, ana.account_id))

    await soon.enforced()
    await late.enforced()

    assert soon.streams.ended == [room_id]
    assert late.streams.ended == []


async def test_an_action_that_fails_is_tried_again_and_never_blocks_the_others(
    stage: Stage,
) -> None:
    with stage.engine.begin() as conn:
        ana, bea, room_id, _ = people(conn)
    listener = Listener(None)
    stage.bus.subscribe(room_id, listener)
    stage.streams.broken = True
    stage.take("end_room", Subject(room_id, None, ana.account_id))
    stage.take("suspend", Subject(account_id=bea.account_id))

    for _ in range(enforcement.ATTEMPTS_MAX - 1):
        with pytest.raises(OSError, match="no media"):
            await stage.enforced()
    await stage.enforced()

    assert stage.state["enforcement"].seen == 2


async def test_a_failure_that_passes_is_made_good(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        ana, _, room_id, _ = people(conn)
    stage.streams.broken = True
    stage.take("end_room", Subject(room_id, None, ana.account_id))
    with pytest.raises(OSError, match="no media"):
        await stage.enforced()

    stage.streams.broken = False
    await stage.enforced()

    assert stage.streams.ended == [room_id]
