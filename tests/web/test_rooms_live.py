"""What happens to a room is felt on sockets, media and figures."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Engine

from live import chat, rooms
from live.audience import Audience
from live.bus import Codec, Frame, InProcessBus, Ticket
from live.chat import Message
from live.media import MediaPlane
from live.rooms import Room
from wallet.writer import Writer
from web import rooms_live
from web import wire as messages
from web.database import QueuedWrites, Readers
from web.state import State

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
CAI, BEN = "c" * 32, "b" * 32


@dataclass(eq=False)
class Listener:
    """Somebody in a room who writes down what they are told."""

    account_id: str | None = None
    codec: Codec = "json"
    bodies: list[dict[str, Any]] = field(default_factory=list)
    directs: list[dict[str, Any]] = field(default_factory=list)
    expelled: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def deliver(self, wire: bytes, ticket: Ticket) -> None:  # noqa: ARG002
        batch = msgspec.json.decode(messages.json_batch(ticket.batch))
        self.bodies += [*batch["numbered"], *batch["unnumbered"]]

    def direct(self, frame: Frame) -> None:
        self.directs.append(msgspec.json.decode(frame.json))

    def expel(self, code: int, last: Frame | None) -> None:
        assert last is not None
        self.expelled.append((code, msgspec.json.decode(last.json)))


@dataclass
class Scene:
    """A server's rooms without its HTTP, and what time it is there."""

    state: State
    now: datetime = NOON

    def clock(self) -> datetime:
        return self.now

    async def open_room(self, room_id: str = "room") -> Room:
        """Open a room of the creator's."""
        return await self.state["write"](
            rooms.open_room,
            room_id=room_id,
            creator_id=CAI,
            title="Songs",
            stream_key_hash=None,
            now=self.now,
        )

    def listen(self, room_id: str = "room", account_id: str | None = None) -> Listener:
        """Let somebody hear a room."""
        listener = Listener(account_id)
        self.state["bus"].subscribe(room_id, listener)
        self.state["audience"].admit(
            room_id, f"view {id(listener)}", now=time.monotonic(), account_id=account_id
        )
        return listener

    async def room(self, room_id: str = "room") -> Room:
        """Read a room."""
        found = await self.state["read"](rooms.room, room_id)
        assert found is not None
        return found


@pytest.fixture
async def scene(engine: Engine) -> AsyncIterator[Scene]:
    loop = asyncio.get_running_loop()
    plane = MediaPlane.open("127.0.0.1", 0, ["127.0.0.1"])
    async with Writer(engine) as writer:
        parts = {
            "read": Readers(engine),
            "write": QueuedWrites(writer.run),
            "bus": InProcessBus(
                seal=messages.seal, new_epoch=lambda: "e", monotonic=time.monotonic, loop=loop
            ),
            "audience": Audience(),
            "media": plane,
        }
        found = Scene(cast(State, parts))
        found.state["clock"] = found.clock
        yield found
    plane.close()


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_media_makes_a_room_live_and_everybody_hears_it(scene: Scene) -> None:
    await scene.open_room()
    listener = scene.listen()

    await rooms_live.media_started(scene.state, "room")
    await rooms_live.media_started(scene.state, "room")
    await rooms_live.media_stopped(scene.state, "room")
    await rooms_live.media_stopped(scene.state, "nowhere")
    await turn()

    assert [body["state"] for body in listener.bodies] == ["live", "open"]
    assert (await scene.room()).state == "open"


async def test_a_process_that_starts_has_no_media(scene: Scene) -> None:
    await scene.open_room()
    await rooms_live.media_started(scene.state, "room")

    await rooms_live.forget_media(scene.state)

    assert (await scene.room()).state == "open"


async def test_idle_rooms_end_and_say_so(scene: Scene) -> None:
    await scene.open_room()
    listener = scene.listen()
    scene.now += timedelta(minutes=30)

    await rooms_live.end_idle_rooms(scene.state)
    await turn()

    assert (await scene.room()).state == "ended"
    assert listener.bodies[-1]["reason"] == "No media for 30 minutes."


async def test_counts_are_told_when_they_change(scene: Scene) -> None:
    listener = scene.listen()

    await rooms_live.tell_counts(scene.state)
    await rooms_live.tell_counts(scene.state)
    await turn()

    assert listener.bodies == [{"t": "viewers", "count": 1}]


async def test_attendance_is_stored_once(scene: Scene) -> None:
    await scene.open_room()
    listener = scene.listen()
    view_id = f"view {id(listener)}"
    scene.state["audience"].like("room", view_id, 7, now=time.monotonic())

    await rooms_live.store_attendance(scene.state)
    await rooms_live.store_attendance(scene.state)

    stored = await scene.room()
    assert (stored.peak_viewer_count, stored.view_count, stored.like_count) == (1, 1, 7)


async def test_old_chat_is_forgotten(scene: Scene) -> None:
    await scene.open_room()
    message = Message("m", "room", BEN, "k", "Hi", NOON, shown=True)
    await scene.state["write"](chat.append, message)
    scene.now += timedelta(days=31)

    await rooms_live.forget_old_chat(scene.state)

    assert await scene.state["read"](chat.message, "m") is None


async def test_a_suspended_person_is_gone_from_every_room(scene: Scene) -> None:
    here, there, other = scene.listen("room", BEN), scene.listen("hall", BEN), scene.listen()

    await rooms_live.remove_person(scene.state, BEN, "Fraud.", code="suspended")

    last = {"t": "notice", "code": "suspended", "reason": "Fraud."}
    assert here.expelled == there.expelled == [(4403, last)]
    assert other.expelled == []
    assert scene.state["audience"].views_of(BEN) == []
    assert scene.state["audience"].viewer_count("room", now=time.monotonic()) == 1


async def test_a_ban_removes_from_the_creators_rooms_only(scene: Scene) -> None:
    one, two = await scene.open_room("one"), await scene.open_room("two")
    inside = [scene.listen(room_id, BEN) for room_id in ("one", "two")]
    elsewhere, witness = scene.listen("elsewhere", BEN), scene.listen("one")

    await rooms_live.ban_person(scene.state, [one, two], BEN, "ben", "Hate.")
    await turn()

    assert [len(listener.expelled) for listener in (*inside, elsewhere)] == [1, 1, 0]
    assert {"t": "removed", "handle": "ben"} in witness.bodies


async def test_the_muted_hear_why_and_the_others_that(scene: Scene) -> None:
    room = await scene.open_room()
    ben, witness = scene.listen("room", BEN), scene.listen()

    rooms_live.mute_person(scene.state, [room], BEN, "ben", rooms.Mute(None, "Spam."))
    rooms_live.unmute_person(scene.state, [room], "ben")
    await turn()

    assert ben.directs == [{"t": "notice", "code": "muted", "reason": "Spam."}]
    assert witness.directs == []
    assert [body["t"] for body in witness.bodies] == ["muted", "unmuted"]


async def test_a_deleted_message_is_told(scene: Scene) -> None:
    listener = scene.listen()

    rooms_live.delete_message(scene.state, "room", "m1")
    await turn()

    assert listener.bodies == [{"t": "chat_deleted", "id": "m1"}]
