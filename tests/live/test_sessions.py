"""A room's health, measured from its counters."""

import pytest

from live.aiortc_private import Identity
from live.answers import Stream
from live.ice import Credentials
from live.ingest import Ingest
from live.peer import Peer
from live.relay import Relay
from live.sdp import Codec
from live.sessions import Broadcast, Room
from live.tracks import Track
from tests.live.media_builders import IDR, rtp, written

IDENTITY = Identity()
FEEDBACK = frozenset({"nack"})
H264 = Codec(96, "H264", 90_000, 1, "profile-level-id=640028", FEEDBACK, None)


def a_room() -> tuple[Room, Ingest]:
    streams = {"video": Stream("video", 0, H264)}
    track = Track("video", "H264", ssrc=1, rtx_ssrc=2, timestamp=0)
    relay = Relay(lambda *_: None, {"video": track}, "room")  # type: ignore[arg-type]
    room = Room("room", relay, streams)
    peer = Peer("id", Credentials("a", "b", "c", "d"), IDENTITY, (), is_server=True, now=0.0)
    ingest = Ingest(streams, relay, ssrc=1)
    room.broadcast = Broadcast(room, peer, ingest)
    return room, ingest


def test_health_is_what_came_in_the_last_second() -> None:
    room, ingest = a_room()
    room.measure(10.0)
    for number in range(60):
        if number % 10 != 5:  # every tenth packet is lost
            packet = rtp(number, number // 2 * 3000, payload=IDR)
            ingest.receive(written(packet), 10.0 + number / 60)

    room.measure(11.0)

    health = room.health()
    assert health.bitrate_bps == 54 * 8 * len(written(rtp(payload=IDR)))
    assert health.frames_per_s == 30
    assert health.lost_ratio == pytest.approx(0.1)
    assert health.codecs == {"video": "H264"}
    assert not health.has_b_frames
    assert health.keyframe_interval_s == pytest.approx(2 / 60)


def test_without_a_broadcaster_nothing_is_measured() -> None:
    room, _ = a_room()
    room.broadcast = None

    room.measure(11.0)

    health = room.health()
    assert (health.bitrate_bps, health.frames_per_s, health.round_trip_ms) == (0, 0.0, None)


def test_a_broadcaster_is_silent_from_their_last_packet_on() -> None:
    room, ingest = a_room()
    assert room.broadcast is not None
    assert room.broadcast.silent_s(3.0) == 3.0

    ingest.receive(written(rtp(1)), 5.0)

    assert room.broadcast.silent_s(6.5) == 1.5


def test_the_profile_is_the_broadcasters() -> None:
    room, _ = a_room()

    assert room.h264_profile() == "6400"
