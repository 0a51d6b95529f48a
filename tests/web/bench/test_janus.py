"""Janus as a peer: started, watched, stopped, with nothing of it left."""

import asyncio
from pathlib import Path

import pytest

from live.aiortc_private import Identity
from live.client_source import Outgoing
from web.bench import relay
from web.bench.janus import find_janus, running_janus
from web.bench.relay import Load

PROGRAM = find_janus()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Janus here to compare with")


async def test_a_viewer_of_janus_gets_what_is_sent_to_it() -> None:
    assert PROGRAM is not None
    async with running_janus(PROGRAM) as janus, asyncio.timeout(30):
        link, sender = await janus.join(Identity()), janus.sender()
        while not link.counts.packet_count:
            sender.send(Outgoing("audio", False, 0, b"opus"))
            await asyncio.sleep(0.02)
        sender.close()
        link.close()
        process = Path(f"/proc/{janus.pid}")

    assert janus.version
    assert not await asyncio.to_thread(process.exists)


def test_it_is_measured_beside_us_with_as_many_viewers() -> None:
    load = Load(viewer_count=2, witness_count=1, window_count=1, settle_s=0.2)

    peer = relay.measure(load)["peer"]

    assert peer["viewers"] == 2
    assert peer["us_per_packet"] > 0
    assert peer["ratio"] > 0
