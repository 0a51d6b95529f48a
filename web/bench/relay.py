"""``ovation bench relay``: what it costs to bring one packet to one viewer.

One broadcaster at 720p30 and about 1.5 Mbit/s (five or six packets per frame, 50 audio packets
per second) through real WHIP, 200 viewers through real WHEP, DTLS and SRTP. The server is
``ovation serve`` in a process of its own; the viewers are this process. Janus, where it is
installed, gets the same packets as plain RTP, which spares it decrypting them, and as many
viewers, afterwards in the same run.

Plane   media, on the load generator's side.
Units   ``us_per_packet``: microseconds of CPU, user and system, of the whole server process, per
        RTP packet that a viewer received. Latency runs from the broadcaster's socket to the
        kernel of a viewer, so that a slow load generator does not count.
"""

import asyncio
import gc
import itertools
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvloop

from live.aiortc_private import Identity
from live.client import publish, watch
from live.client_media import MediaLink
from live.client_pattern import STEADY, record
from live.client_source import LoopSource, Recording, Source
from web.bench.janus import PlainSender, find_janus, running_janus
from web.bench.load import TimedSource, Witness, join_all, new_decoder, open_stage
from web.bench.measuring import cpu_s, percentile, resident_bytes
from web.bench.subject import running_server

WINDOW_S = float(STEADY.duration_s)  # the same packets in every window


@dataclass(frozen=True, slots=True)
class Load:
    """How many watch, how many of them decrypt and compare, and for how many windows."""

    viewer_count: int = 200
    witness_count: int = 10
    window_count: int = 3
    settle_s: float = 2.0
    with_peer: bool = True


FULL = Load()


class Wrong(Exception):
    """The viewers did not get what was sent: the figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Meters of server and viewers at one moment, or how far they moved between two."""

    cpu_s: float
    received_count: int
    lost_count: int

    def __sub__(self, earlier: "Reading") -> "Reading":
        return Reading(
            self.cpu_s - earlier.cpu_s,
            self.received_count - earlier.received_count,
            self.lost_count - earlier.lost_count,
        )


def measure(load: Load = FULL) -> dict[str, Any]:
    """Measure Ovation, then Janus, and compare."""
    recording = record(STEADY)
    gc.freeze()  # the load generator's own pauses are not of interest
    return uvloop.run(_measure(recording, load))


async def _measure(recording: Recording, load: Load) -> dict[str, Any]:
    figures, conditions = await _measure_ovation(recording, load)
    program = find_janus() if load.with_peer else None
    peer = await _measure_janus(program, recording, load) if program is not None else None
    if peer is not None:
        peer["ratio"] = figures["us_per_packet"] / peer["us_per_packet"]
    return {"figures": figures, "conditions": conditions, "peer": peer}


async def _measure_ovation(
    recording: Recording, load: Load
) -> tuple[dict[str, float], dict[str, Any]]:
    loop, identity = asyncio.get_running_loop(), Identity()
    async with running_server() as server:
        stage = await open_stage(server.http)
        source = TimedSource(LoopSource(recording, loop.time()))
        publication = await publish(stage.whip_url, stage.stream_key, source)
        empty_bytes = resident_bytes(server.pid)
        join = partial(watch, stage.whep_url, identity=identity, http=server.http)
        viewings = await join_all(load.viewer_count, join)
        links = [viewing.link for viewing in viewings]
        witnesses = [
            Witness(source, link) for link in links[:: load.viewer_count // load.witness_count]
        ]
        witnesses[0].decoder = new_decoder()
        await asyncio.sleep(load.settle_s)
        for witness in witnesses:
            witness.start()
        before = await server.metrics()
        windows = await _windows(server.pid, links, load.window_count)
        after = await server.metrics()
        grown_bytes = resident_bytes(server.pid) - empty_bytes
        for link in links:
            link.vanish()
        publication.vanish()
    _require_all_genuine(witnesses)
    latencies_ms = [ms for witness in witnesses for ms in witness.latencies_ms]
    figures = {
        **_cost(windows),
        "packets_per_burst": (
            (after["ovation_media_packets_sent"] - before["ovation_media_packets_sent"])
            / (after["ovation_media_runs_sent"] - before["ovation_media_runs_sent"])
        ),
        "viewers": load.viewer_count,
        "ingress_egress_p50_ms": percentile(latencies_ms, 0.50),
        "ingress_egress_p99_ms": percentile(latencies_ms, 0.99),
        "kb_per_viewer": grown_bytes / load.viewer_count / 1_000,
    }
    conditions = {
        **_pattern(recording),
        "windows": load.window_count,
        "window_s": WINDOW_S,
        "srtp_profile": links[0].srtp_profile,
        "viewers_decrypting": len(witnesses),
        "packets_compared": len(latencies_ms),
        "frames_decoded": witnesses[0].decoded_count,
        "network": "loopback, one datagram per packet received (no UDP_GRO)",
        "load_generator": "on the same machine, its CPU not counted",
    }
    return figures, conditions


async def _measure_janus(program: str, recording: Recording, load: Load) -> dict[str, Any]:
    loop, identity = asyncio.get_running_loop(), Identity()
    async with (
        running_janus(program) as janus,
        _sending(LoopSource(recording, loop.time()), janus.sender()),
    ):
        empty_bytes = resident_bytes(janus.pid)
        links = await join_all(load.viewer_count, partial(janus.join, identity))
        await asyncio.sleep(load.settle_s)
        windows = await _windows(janus.pid, links, load.window_count)
        grown_bytes = resident_bytes(janus.pid) - empty_bytes
        for link in links:
            link.vanish()
    return {
        "name": "Janus streaming plugin, plain RTP in",
        "version": janus.version,
        **_cost(windows),
        "viewers": load.viewer_count,
        "kb_per_viewer": grown_bytes / load.viewer_count / 1_000,
        "srtp_profile": links[0].srtp_profile,
    }


@asynccontextmanager
async def _sending(source: Source, sender: PlainSender) -> AsyncIterator[None]:
    """Send ``source`` as plain RTP as long as the block lasts."""
    loop = asyncio.get_running_loop()

    async def send_due() -> None:
        while True:
            for packet in source.due(loop.time()):
                sender.send(packet)
            await asyncio.sleep(source.next_at - loop.time())

    task = asyncio.create_task(send_due())
    try:
        yield
    finally:
        task.cancel()
        sender.close()


async def _windows(pid: int, links: Sequence[MediaLink], count: int) -> list[Reading]:
    """Watch process ``pid`` and all viewers for ``count`` stretches of time."""
    readings = [_read(pid, links)]
    for _ in range(count):
        await asyncio.sleep(WINDOW_S)
        readings.append(_read(pid, links))
    return [later - earlier for earlier, later in itertools.pairwise(readings)]


def _read(pid: int, links: Sequence[MediaLink]) -> Reading:
    return Reading(
        cpu_s(pid),
        sum(link.counts.packet_count for link in links),
        sum(link.counts.lost_count for link in links),
    )


def _cost(windows: Sequence[Reading]) -> dict[str, float]:
    received = sum(window.received_count for window in windows)
    lost = max(0, sum(window.lost_count for window in windows))
    costs = [window.cpu_s / window.received_count * 1e6 for window in windows]
    return {
        "us_per_packet": statistics.median(costs),
        "us_per_packet_spread": max(costs) - min(costs),
        "lost_ratio": lost / (received + lost),
        "packets_per_s": received / (len(windows) * WINDOW_S),
    }


def _pattern(recording: Recording) -> dict[str, Any]:
    return {
        "video_packets_per_frame": recording.packets_per_frame(),
        "video_packets_per_s": recording.packets_per_s("video"),
        "audio_packets_per_s": recording.packets_per_s("audio"),
        "bits_per_s": recording.bits_per_s(),
    }


def _require_all_genuine(witnesses: Sequence[Witness]) -> None:
    """Raise unless every decrypted packet was one that was sent, and frames were decoded.

    Raises:
        Wrong: Some were not.
    """
    strange = sum(witness.strange_count for witness in witnesses)
    if strange or not witnesses[0].decoded_count:
        raise Wrong(f"{strange} strange packets, {witnesses[0].decoded_count} frames decoded")
