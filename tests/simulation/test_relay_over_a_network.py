"""The relay's promises, kept over a lossy network; a failure prints its seed."""

import os
import random
from itertools import pairwise

import pytest

from live.rewrite import read, unwrap
from tests.simulation.network import Viewer, World

FRESH = random.SystemRandom().randrange(1 << 32)
SEEDS = [
    pytest.param(1, id="known"),
    pytest.param(int(os.environ.get("SIMULATION_SEED", FRESH)), id="fresh"),  # printed on failure
]


def assert_no_nonce_has_two_plaintexts(viewer: Viewer) -> None:
    """SRTP derives its nonce from SSRC, rollover counter and sequence."""
    highest: dict[int, int] = {}
    used: dict[tuple[int, int], bytes] = {}
    for packet in viewer.sent:
        header = read(packet)
        sequence = unwrap(header.sequence, highest.get(header.ssrc, header.sequence))
        highest[header.ssrc] = max(sequence, highest.get(header.ssrc, sequence))
        assert used.setdefault((header.ssrc, sequence), packet) == packet


def assert_timestamps_never_go_back(viewer: Viewer) -> None:
    ordered = [viewer.got[sequence].timestamp for sequence in sorted(viewer.got)]
    steps = [(b - a) % 0x1_0000_0000 for a, b in pairwise(ordered)]
    assert all(step < 0x8000_0000 for step in steps)


def assert_sent_without_gaps(world: World, viewer: Viewer) -> None:
    """What is missing was never in the relay's hands."""
    video = world.relay.tracks["video"]
    sent = {read(packet).sequence for packet in viewer.sent if read(packet).ssrc == video.ssrc}
    first = min(viewer.got)
    kept = [one for one in range(first, video.ring.newest + 1) if video.ring.get(one)]
    assert kept
    assert {one & 0xFFFF for one in kept} <= sent


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("has_rtx", [True, False], ids=["RTX", "plain resends"])
def test_losses_on_both_sides_are_repaired_and_no_promise_broken(seed: int, has_rtx: bool) -> None:
    world = World(seed)
    world.broadcast(loss_ratio=0.05)
    world.run(1.0)
    viewers = [world.watch(f"viewer {n}", 0.05, has_rtx=has_rtx) for n in range(2)]

    world.run(6.0)

    for viewer in viewers:
        settled = [one for one in viewer.missing() if one < max(viewer.got) - 200]
        assert len(settled) <= len(viewer.got) // 500, f"seed {seed}: {settled}"
        assert_no_nonce_has_two_plaintexts(viewer)
        assert_timestamps_never_go_back(viewer)
        assert_sent_without_gaps(world, viewer)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_joiner_begins_with_a_keyframe_and_reaches_the_live_edge(seed: int) -> None:
    world = World(seed)
    world.broadcast()
    world.run(3.7)

    viewer = world.watch("late")
    world.run(0.5)

    assert viewer.got[min(viewer.got)].payload[0] & 0x1F == 5
    assert max(viewer.got) >= world.relay.tracks["video"].ring.newest - 40
    assert viewer.view.caught_up_at is not None


@pytest.mark.parametrize("seed", SEEDS)
def test_joins_cause_no_keyframe_request(seed: int) -> None:
    def requests(joins: int) -> int:
        world = World(seed)
        broadcaster = world.broadcast()
        for number in range(20):
            world.run(0.5)
            for viewer in range(joins):
                world.watch(f"viewer {number} {viewer}")
        return broadcaster.asked_for_keyframe_count

    assert requests(0) == requests(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_relays_own_clock_keeps_a_keyframe_in_the_ring(seed: int) -> None:
    world = World(seed)
    broadcaster = world.broadcast()
    world.run(1.0)

    for _ in range(100):
        world.run(0.2)
        assert world.relay.tracks["video"].ring.keyframe is not None

    assert 4 <= broadcaster.asked_for_keyframe_count <= 6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_broadcasters_return_goes_on_where_the_stream_stopped(seed: int) -> None:
    world = World(seed)
    world.broadcast(loss_ratio=0.02)
    world.run(2.0)
    viewer = world.watch("patient", 0.02)
    world.run(2.0)
    world.broadcaster = None
    world.run(5.0)
    before = max(viewer.got)
    stopped_at = viewer.got[before].timestamp

    world.broadcast(loss_ratio=0.02, number=1)
    world.run(3.0)

    after = viewer.got[min(one for one in viewer.got if one > before)]
    pause_s = ((after.timestamp - stopped_at) % 0x1_0000_0000) / 90_000
    assert 4.5 < pause_s < 6.0, f"seed {seed}"
    assert after.payload[0] & 0x1F == 5
    assert_no_nonce_has_two_plaintexts(viewer)
    assert_timestamps_never_go_back(viewer)
    assert_sent_without_gaps(world, viewer)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bad_viewer_changes_nothing_for_others(seed: int) -> None:
    def sent_to_the_others(with_bad_viewer: bool) -> list[list[bytes]]:
        world = World(seed)
        world.broadcast(loss_ratio=0.03)
        world.run(1.0)
        others = [world.watch(f"viewer {n}", 0.02) for n in range(3)]
        if with_bad_viewer:
            world.watch("bad", 0.9)
        world.run(4.0)
        return [sorted(set(viewer.sent)) for viewer in others]

    assert sent_to_the_others(True) == sent_to_the_others(False)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_greedy_viewer_gets_a_bounded_number_of_resends(seed: int) -> None:
    world = World(seed)
    world.broadcast()
    world.run(1.0)
    viewer = world.watch("greedy", 0.95)

    world.run(10.0)

    assert viewer.view.resent_count <= 600 + 11 * 300, f"seed {seed}"
