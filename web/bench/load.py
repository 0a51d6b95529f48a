"""What the media benchmarks send and receive: one broadcaster, many viewers, a few that look.

Plane   media, on the load generator's side.
Units   latencies in milliseconds; times are wall-clock seconds of this machine, since the kernel
        stamps arriving datagrams with them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import av
import httpx

from live.client_api import sign_up
from live.client_media import MediaLink
from live.client_packets import AccessUnits, is_keyframe, read_rtp, split_access_unit
from live.client_sdp import VIDEO_PAYLOAD_TYPE, Kind
from live.client_source import Outgoing, Source

PASSWORD = "bench bench bench"
JOINS_AT_ONCE = 8

Joined = TypeVar("Joined")


@dataclass(frozen=True, slots=True)
class Stage:
    """A room somebody broadcasts to."""

    whip_url: str
    whep_url: str
    stream_key: str


async def open_stage(http: httpx.AsyncClient) -> Stage:
    """Sign a creator up and open a room."""
    creator = await sign_up(http, "bench_creator", PASSWORD)
    room = await creator.open_room("Benchmark")
    return Stage(
        f"{http.base_url}/whip/{room.room_id}",
        f"{http.base_url}/whep/{room.room_id}",
        room.stream_key,
    )


async def join_all(count: int, join: Callable[[], Awaitable[Joined]]) -> list[Joined]:
    """Have ``count`` viewers join, a few at a time, in the order they finish starting."""
    gate = asyncio.Semaphore(JOINS_AT_ONCE)

    async def one() -> Joined:
        async with gate:
            return await join()

    async with asyncio.TaskGroup() as tasks:
        joins = [tasks.create_task(one()) for _ in range(count)]
    return [task.result() for task in joins]


class TimedSource:
    """A source that remembers when each payload was handed out.

    ``sent_at`` keeps the last time of each payload: a recording repeats itself only after
    seconds, and no packet lives that long.
    """

    def __init__(self, source: Source) -> None:
        self.sent_at: dict[bytes, float] = {}
        self._source = source

    @property
    def next_at(self) -> float:
        """When ``due`` has something again."""
        return self._source.next_at

    def due(self, now: float) -> Sequence[Outgoing]:
        """Return what must be sent by ``now``."""
        packets = self._source.due(now)
        if packets:
            sent_at = time.time()
            self.sent_at.update((packet.payload, sent_at) for packet in packets)
        return packets

    def timestamp_at(self, kind: Kind, now: float) -> int:
        """The RTP timestamp of ``now``."""
        return self._source.timestamp_at(kind, now)


@dataclass(slots=True)
class Witness:
    """A viewer that decrypts everything and compares it with what was sent.

    Attributes:
        latencies_ms: From handing a packet to the broadcaster's socket to its arrival here.
        strange_count: Packets with a payload nobody sent.
        decoded_count: Video frames a decoder made of it, if this witness has one.
    """

    source: TimedSource
    link: MediaLink
    decoder: av.VideoCodecContext | None = None
    latencies_ms: list[float] = field(default_factory=list)
    strange_count: int = 0
    decoded_count: int = 0
    _units: AccessUnits = field(default_factory=AccessUnits)

    def start(self) -> None:
        """Look at everything from now on."""
        self.link.time_arrivals()
        self.link.on_rtp = self.take

    def take(self, datagram: bytes) -> None:
        """Check one decrypted packet."""
        packet = read_rtp(datagram)
        if packet is None or not packet.payload:
            return  # padding that a receiver skips
        sent_at = self.source.sent_at.get(packet.payload)
        if sent_at is None:
            self.strange_count += 1
            return
        self.latencies_ms.append((self.link.arrived_at - sent_at) * 1_000)
        if self.decoder is not None and packet.payload_type == VIDEO_PAYLOAD_TYPE:
            unit = self._units.add(packet)
            if unit is not None:
                self.decoded_count += decoded_frames(self.decoder, unit)


def new_decoder() -> av.VideoCodecContext:
    """An H.264 decoder that gives each frame at once."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    decoder.flags |= av.codec.context.Flags.low_delay
    return decoder


def decoded_frames(decoder: av.VideoCodecContext, access_unit: bytes) -> int:
    """How many frames ``decoder`` makes of ``access_unit``; none of what it cannot decode."""
    try:
        return len(decoder.decode(av.Packet(access_unit)))
    except av.error.InvalidDataError:
        return 0


@dataclass(slots=True)
class FirstFrame:
    """Waits for the first frame a new viewer can show.

    Attributes:
        seen_at: Monotonic time at which it was decoded.
    """

    decoder: av.VideoCodecContext = field(default_factory=new_decoder)
    seen_at: float = 0.0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    _units: AccessUnits = field(default_factory=AccessUnits)

    def take(self, datagram: bytes) -> None:
        """Look at one decrypted packet; nothing more once the frame was seen."""
        if self.seen.is_set():
            return
        packet = read_rtp(datagram)
        if packet is None or packet.payload_type != VIDEO_PAYLOAD_TYPE:
            return
        unit = self._units.add(packet)
        if unit is None or not is_keyframe(split_access_unit(unit)):
            return
        if decoded_frames(self.decoder, unit):
            self.seen_at = time.monotonic()
            self.seen.set()
