"""The load generator notices when it is given something else than what was sent."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from live.client_media import MediaLink
from live.client_packets import write_rtp
from live.client_pattern import Pattern, record
from live.client_sdp import VIDEO_PAYLOAD_TYPE, Kind
from live.client_source import LoopSource, Outgoing, Recording
from web.bench.load import JOINS_AT_ONCE, FirstFrame, TimedSource, Witness, join_all, new_decoder


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(Pattern("testsrc2=size=160x90:rate=30", "sine", width=160, height=90))


def a_link(arrived_at: float = 0.0) -> MediaLink:
    """What a witness sees of a link."""
    return cast(MediaLink, SimpleNamespace(arrived_at=arrived_at, on_rtp=None))


def written(packets: Sequence[Outgoing], kind: Kind) -> list[bytes]:
    """Return the packets of one kind as they would arrive."""
    return [
        write_rtp(
            packet.payload,
            payload_type=VIDEO_PAYLOAD_TYPE if kind == "video" else 111,
            marker=packet.marker,
            sequence=sequence,
            timestamp=packet.timestamp,
            ssrc=1,
        )
        for sequence, packet in enumerate(packet for packet in packets if packet.kind == kind)
    ]


def test_what_was_sent_is_genuine_and_is_decoded(recording: Recording) -> None:
    source = TimedSource(LoopSource(recording, 0.0))
    packets = written(source.due(0.99), "video")
    witness = Witness(source, a_link(), new_decoder())

    for packet in packets:
        witness.take(packet)

    assert witness.strange_count == 0
    assert witness.decoded_count == 30
    assert len(witness.latencies_ms) == len(packets)


def test_a_payload_nobody_sent_is_strange(recording: Recording) -> None:
    source = TimedSource(LoopSource(recording, 0.0))
    (packet, *_) = written(source.due(0.1), "audio")
    witness = Witness(source, a_link())

    witness.take(packet[:-1] + bytes([packet[-1] ^ 1]))

    assert witness.strange_count == 1
    assert witness.latencies_ms == []


def test_latency_is_from_handing_out_to_arrival(recording: Recording) -> None:
    source = TimedSource(LoopSource(recording, 0.0))
    (packet, *_) = written(source.due(0.0), "audio")
    (sent_at,) = set(source.sent_at.values())
    witness = Witness(source, a_link(sent_at + 0.25))

    witness.take(packet)

    assert witness.latencies_ms == pytest.approx([250.0], abs=0.01)


async def test_the_first_frame_is_the_first_that_can_be_shown(recording: Recording) -> None:
    packets = written(LoopSource(recording, 0.0).due(0.99), "video")
    first, late = FirstFrame(), FirstFrame()

    for packet in packets:
        first.take(packet)
    for packet in packets[2:]:
        late.take(packet)

    assert first.seen.is_set()
    assert first.seen_at > 0
    assert not late.seen.is_set()  # it has seen no keyframe


async def test_viewers_join_a_few_at_a_time() -> None:
    inside, most = 0, 0

    async def join() -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        return inside

    joined = await join_all(50, join)

    assert len(joined) == 50
    assert 1 <= most <= JOINS_AT_ONCE
