"""``ovation bench join``: what it costs to let one more viewer in, and how long he waits.

First come the guests of a moment: one after another, at random points of the broadcaster's
two-second keyframe interval, they join through WHEP over HTTP, ICE, DTLS and SRTP, decode their
first frame, and say goodbye. Then come those who stay, for what they take up in memory.

Plane   media, on the load generator's side.
Units   ``cpu_ms_per_join``: CPU of the whole server process while the guests came and went, less
        what it takes meanwhile to receive a broadcast that nobody watches, per join. What was
        sent to a guest until his goodbye is in it. ``kb_per_viewer``: growth of the server's
        private memory, 1,000 bytes. ``first_frame``: from before the POST to the first decoded
        frame, the client's own work included.
"""

import asyncio
import gc
import random
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvloop

from live.aiortc_private import Identity
from live.client import publish, watch
from live.client_pattern import STEADY, record
from live.client_source import LoopSource, Recording
from web.bench.load import FirstFrame, Stage, join_all, open_stage
from web.bench.measuring import cpu_s, percentile, resident_bytes
from web.bench.subject import Subject, running_server

FIRST_FRAME_TIMEOUT_S = 5.0
KEYFRAME_REQUESTS = "ovation_media_keyframe_requests"


@dataclass(frozen=True, slots=True)
class Load:
    """How many come, and how long the server is watched without them."""

    warm_up_count: int = 20
    guest_count: int = 200
    staying_count: int = 200
    pause_s_max: float = 0.06
    idle_s: float = 4.0
    settle_s: float = 2.0


FULL = Load()


@dataclass(slots=True)
class Guests:
    """Viewers who come, see, and go."""

    server: Subject
    stage: Stage
    identity: Identity
    first_frames_ms: list[float] = field(default_factory=list)
    packet_counts: list[int] = field(default_factory=list)
    srtp_profile: str = ""

    async def come(self, count: int, pause_s_max: float) -> None:
        """Let ``count`` come one after another, at random distances."""
        for _ in range(count):
            await asyncio.sleep(random.uniform(0, pause_s_max))
            await self._one()

    async def _one(self) -> None:
        first, asked_at = FirstFrame(), time.monotonic()
        viewing = await watch(
            self.stage.whep_url,
            on_rtp=first.take,
            identity=self.identity,
            http=self.server.http,
        )
        async with asyncio.timeout(FIRST_FRAME_TIMEOUT_S):
            await first.seen.wait()
        self.first_frames_ms.append((first.seen_at - asked_at) * 1_000)
        self.packet_counts.append(viewing.counts.packet_count)
        self.srtp_profile = viewing.link.srtp_profile
        viewing.link.close()


def measure(load: Load = FULL) -> dict[str, Any]:
    """Measure joins."""
    recording = record(STEADY)
    gc.freeze()  # the load generator's own pauses are not of interest
    return uvloop.run(_measure(recording, load))


async def _measure(recording: Recording, load: Load) -> dict[str, Any]:
    identity = Identity()
    async with running_server() as server:
        stage = await open_stage(server.http)
        source = LoopSource(recording, asyncio.get_running_loop().time())
        publication = await publish(stage.whip_url, stage.stream_key, source)
        await Guests(server, stage, identity).come(load.warm_up_count, load.pause_s_max)
        idle = await _idle_share(server, load.idle_s)
        requests_before = (await server.metrics())[KEYFRAME_REQUESTS]
        guests = Guests(server, stage, identity)
        cpu_ms_per_join = await _cpu_ms_per_join(guests, load, idle)
        kb_per_viewer = await _kb_per_viewer(guests, load)
        requests = (await server.metrics())[KEYFRAME_REQUESTS] - requests_before
        publication.vanish()
    return {
        "figures": {
            "cpu_ms_per_join": cpu_ms_per_join,
            "kb_per_viewer": kb_per_viewer,
            "first_frame_p50_ms": percentile(guests.first_frames_ms, 0.50),
            "first_frame_p99_ms": percentile(guests.first_frames_ms, 0.99),
            "keyframe_requests": requests,
        },
        "conditions": {
            "joins": load.guest_count,
            "joins_at_once": 1,
            "viewers_staying": load.staying_count,
            "packets_per_join": sum(guests.packet_counts) / load.guest_count,
            "keyframe_interval_s": STEADY.keyframe_interval_s,
            "bits_per_s": recording.bits_per_s(),
            "srtp_profile": guests.srtp_profile,
            "idle_cpu_share": idle,
            "network": "loopback",
        },
        "peer": None,
    }


async def _idle_share(server: Subject, duration_s: float) -> float:
    """How much of one core the server uses for a broadcast that nobody watches."""
    used_s, at = cpu_s(server.pid), time.monotonic()
    await asyncio.sleep(duration_s)
    return (cpu_s(server.pid) - used_s) / (time.monotonic() - at)


async def _cpu_ms_per_join(guests: Guests, load: Load, idle: float) -> float:
    used_s, at = cpu_s(guests.server.pid), time.monotonic()
    await guests.come(load.guest_count, load.pause_s_max)
    used_s, passed_s = cpu_s(guests.server.pid) - used_s, time.monotonic() - at
    return (used_s - idle * passed_s) / load.guest_count * 1_000


async def _kb_per_viewer(guests: Guests, load: Load) -> float:
    before_bytes = resident_bytes(guests.server.pid)
    join = partial(watch, guests.stage.whep_url, identity=guests.identity, http=guests.server.http)
    staying = await join_all(load.staying_count, join)
    await asyncio.sleep(load.settle_s)
    grown_bytes = resident_bytes(guests.server.pid) - before_bytes
    for viewing in staying:
        viewing.vanish()
    return grown_bytes / load.staying_count / 1_000
