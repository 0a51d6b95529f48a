"""A broadcaster comes, vanishes, returns and leaves; viewers keep what they have."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import httpx
import pytest

from live.client import Publication, Refused, Session, publish, watch
from live.client_api import Room
from live.client_packets import AccessUnits, is_keyframe, read_rtp, split_access_unit
from live.client_pattern import Pattern, record
from live.client_sdp import VIDEO_PAYLOAD_TYPE
from live.client_source import LoopSource, Recording
from tests.conftest import Server
from tests.journeys.steps import PATIENCE_S, a_creator, room_state, until

SMALL = Pattern(
    drawing="testsrc2=size=320x180:rate=30",
    melody="sine=frequency=440",
    width=320,
    height=180,
    video_bps=300_000,
    burst_ms=500,
)


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Four seconds of picture and tone, encoded once."""
    return record(SMALL)


@dataclass
class Stage:
    """A room and what one does with it from outside."""

    server: Server
    http: httpx.AsyncClient
    room: Room
    recording: Recording

    @property
    def whep_url(self) -> str:
        return f"{self.server.url}/whep/{self.room.room_id}"

    async def publish(self, key: str | None = None) -> Publication:
        """Broadcast from the beginning of the recording."""
        source = LoopSource(self.recording, asyncio.get_running_loop().time())
        url = f"{self.server.url}/whip/{self.room.room_id}"
        return await publish(url, key or self.room.stream_key, source, http=self.http)

    async def publish_when_allowed(self) -> Publication:
        """Ask again as often as the server says to."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await self.publish()
                except Refused as refusal:
                    if refusal.status != 409 or refusal.retry_after_s is None:
                        raise
                    await asyncio.sleep(refusal.retry_after_s)

    async def state(self) -> str:
        """The room's state."""
        return await room_state(self.http, self.room)

    async def until_state(self, wanted: str) -> None:
        """Return once the room is in that state."""

        async def is_there() -> bool:
            return await self.state() == wanted

        await until(is_there)

    async def is_gone(self, session: Session) -> bool:
        """Whether the server has forgotten a session."""
        return (await self.http.get(session.resource.url)).status_code == 404


@dataclass
class Watcher:
    """Notes the video frames a viewer could show."""

    units: AccessUnits = field(default_factory=AccessUnits)
    keyframes: list[bool] = field(default_factory=list)
    grew: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, datagram: bytes) -> None:
        """Look at one decrypted packet."""
        packet = read_rtp(datagram)
        assert packet is not None
        if packet.payload_type == VIDEO_PAYLOAD_TYPE:
            unit = self.units.add(packet)
            if unit is not None:
                self.keyframes.append(is_keyframe(split_access_unit(unit)))
                self.grew.set()

    async def until(self, is_enough: Callable[[], bool]) -> None:
        """Return once enough has come."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_enough():
                self.grew.clear()
                await self.grew.wait()


@pytest.fixture
async def stage(
    shared_server: Server, shared_http: httpx.AsyncClient, recording: Recording
) -> Stage:
    """A room of a new creator."""
    _, room = await a_creator(shared_http)
    return Stage(shared_server, shared_http, room, recording)


async def test_viewers_keep_their_connection_when_the_broadcaster_returns(stage: Stage) -> None:
    publication, watcher = await stage.publish(), Watcher()
    await stage.until_state("live")
    viewing = await watch(stage.whep_url, on_rtp=watcher.take, http=stage.http)
    await watcher.until(lambda: len(watcher.keyframes) >= 30)
    publication.vanish()

    returned = await stage.publish_when_allowed()
    seen = len(watcher.keyframes)
    await watcher.until(lambda: len(watcher.keyframes) >= seen + 60)

    assert not viewing.link.closed.is_set()
    assert len(viewing.counts.streams) == 2  # the same two SSRCs as before
    assert viewing.counts.lost_count == 0
    assert watcher.units.broken_count == 0
    assert any(watcher.keyframes[seen:])
    await viewing.stop()
    await returned.stop()


async def test_a_second_broadcaster_waits_until_the_first_has_fallen_silent(stage: Stage) -> None:
    first = await stage.publish()
    await stage.until_state("live")

    with pytest.raises(Refused) as refused:
        await stage.publish()
    first.vanish()
    second = await stage.publish_when_allowed()

    assert (refused.value.status, refused.value.retry_after_s) == (409, 2.0)
    assert await stage.state() in ("open", "live")
    await second.stop()


async def test_a_wrong_key_broadcasts_nothing(stage: Stage) -> None:
    with pytest.raises(Refused) as refused:
        await stage.publish(key="somebody else's")

    assert refused.value.status in (401, 403)
    assert await stage.state() == "open"


async def test_who_leaves_is_gone_at_once(stage: Stage) -> None:
    publication = await stage.publish()
    await stage.until_state("live")
    viewing = await watch(stage.whep_url, http=stage.http)

    await viewing.stop()
    await publication.stop()

    assert await stage.is_gone(viewing)
    assert await stage.is_gone(publication)
    await stage.until_state("open")


async def test_who_vanishes_is_noticed(stage: Stage) -> None:
    publication = await stage.publish()
    await stage.until_state("live")
    viewing = await watch(stage.whep_url, http=stage.http)

    viewing.vanish()
    publication.vanish()

    await until(partial(stage.is_gone, viewing))
    await until(partial(stage.is_gone, publication))
    await stage.until_state("open")


async def test_nobody_can_watch_before_there_is_something_to_see(stage: Stage) -> None:
    with pytest.raises(Refused) as refused:
        await watch(stage.whep_url, http=stage.http)

    assert refused.value.status == 409
    assert refused.value.retry_after_s is not None
