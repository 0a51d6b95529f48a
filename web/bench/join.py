"""``ovation bench join``: what it costs to let one more viewer in, and how long he waits.

Viewers join one after another, at random points of the broadcaster's two-second keyframe
interval, through WHEP over HTTP, ICE, DTLS and SRTP, and decode until they have a picture.

Plane   media, on the load generator's side.
Units   ``cpu_ms_per_join``: CPU of the whole server process during the joins, less what it takes
        to receive the broadcast and to deliver the packets that viewers got meanwhile (both
        measured in the same run), per join. ``kb_per_viewer``: growth of the server's private
        memory, 1,000 bytes. ``first_frame``: from before the POST to the first decoded frame,
        the client's own work included.
"""

import asyncio
import gc
import random
import time
from dataclasses import dataclass
from typing import Any

import uvloop

from live.aiortc_private import Identity
from live.client import Viewing, publish, watch
from live.client_pattern import STEADY, record
from live.client_source import LoopSource, Recording
from web.bench.load import FirstFrame, Stage, open_stage
from web.bench.measuring import cpu_s, percentile, resident_bytes
from web.bench.subject import Subject, running_server

WARM_UP_JOINS = 10
JOINS = 150
PAUSE_S_MAX = 0.06
SETTLE_S = 2.0
WINDOW_S = float(STEADY.duration_s)
FIRST_FRAME_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a stretch of time cost, and how many packets the viewers got in it."""

    cpu_s: float
    duration_s: float
    received_count: int


class Audience:
    """The viewers so far, and a meter on the server that lets them in."""

    def __init__(self, server: Subject, stage: Stage) -> None:
        self.viewings: list[Viewing] = []
        self.first_frames_ms: list[float] = []
        self._server = server
        self._stage = stage
        self._identity = Identity()
        self._reading = self._read()

    async def join(self) -> None:
        """Let one more in and wait for his picture."""
        first = FirstFrame()
        asked_at = time.monotonic()
        viewing = await watch(
            self._stage.whep_url,
            on_rtp=first.take,
            identity=self._identity,
            http=self._server.http,
        )
        async with asyncio.timeout(FIRST_FRAME_TIMEOUT_S):
            await first.seen.wait()
        viewing.link.on_rtp = None
        self.first_frames_ms.append((first.seen_at - asked_at) * 1_000)
        self.viewings.append(viewing)

    async def join_many(self, count: int) -> None:
        """Let ``count`` in, at random distances."""
        for _ in range(count):
            await asyncio.sleep(random.uniform(0, PAUSE_S_MAX))
            await self.join()

    def stretch(self) -> Stretch:
        """What happened since this was asked last."""
        before, self._reading = self._reading, self._read()
        cpu, at, received = (now - then for now, then in zip(self._reading, before, strict=True))
        return Stretch(cpu, at, int(received))

    def _read(self) -> tuple[float, float, float]:
        received = sum(viewing.counts.packet_count for viewing in self.viewings)
        return cpu_s(self._server.pid), time.monotonic(), received


def measure() -> dict[str, Any]:
    """Measure joins."""
    recording = record(STEADY)
    gc.freeze()  # the load generator's own pauses are not of interest
    return uvloop.run(_measure(recording))


async def _measure(recording: Recording) -> dict[str, Any]:
    async with running_server() as server:
        stage = await open_stage(server.http)
        source = LoopSource(recording, asyncio.get_running_loop().time())
        publication = await publish(stage.whip_url, stage.stream_key, source)
        warm_up = Audience(server, stage)
        await warm_up.join_many(WARM_UP_JOINS)
        for viewing in warm_up.viewings:
            await viewing.stop()
        audience = Audience(server, stage)
        await asyncio.sleep(WINDOW_S)
        idle = audience.stretch()
        empty_bytes = resident_bytes(server.pid)
        requests = (await server.metrics())["ovation_media_keyframe_requests"]
        audience.stretch()
        await audience.join_many(JOINS)
        joining = audience.stretch()
        requests = (await server.metrics())["ovation_media_keyframe_requests"] - requests
        await asyncio.sleep(SETTLE_S)
        grown_bytes = resident_bytes(server.pid) - empty_bytes
        audience.stretch()
        await asyncio.sleep(WINDOW_S)
        steady = audience.stretch()
        for viewing in audience.viewings:
            viewing.vanish()
        publication.vanish()
    return {
        "figures": {
            "cpu_ms_per_join": _cpu_s_of_joins(idle, joining, steady) / JOINS * 1_000,
            "cpu_ms_per_join_with_media": joining.cpu_s / JOINS * 1_000,
            "kb_per_viewer": grown_bytes / JOINS / 1_000,
            "first_frame_p50_ms": percentile(audience.first_frames_ms, 0.50),
            "first_frame_p99_ms": percentile(audience.first_frames_ms, 0.99),
            "keyframe_requests": requests,
        },
        "conditions": {
            "joins": JOINS,
            "at_once": 1,
            "keyframe_interval_s": STEADY.keyframe_interval_s,
            "bits_per_s": recording.bits_per_s(),
            "srtp_profile": audience.viewings[0].link.srtp_profile,
            "us_per_packet_subtracted": _packet_cost_s(idle, steady) * 1e6,
            "network": "loopback",
        },
        "peer": None,
    }


def _packet_cost_s(idle: Stretch, steady: Stretch) -> float:
    """CPU per delivered packet, the broadcast's own reception left out."""
    return (steady.cpu_s - _base_s(idle, steady)) / steady.received_count


def _cpu_s_of_joins(idle: Stretch, joining: Stretch, steady: Stretch) -> float:
    media_s = _packet_cost_s(idle, steady) * joining.received_count
    return joining.cpu_s - _base_s(idle, joining) - media_s


def _base_s(idle: Stretch, stretch: Stretch) -> float:
    """What the server would have used in ``stretch`` without any viewer."""
    return idle.cpu_s / idle.duration_s * stretch.duration_s
