"""A link finds its way to a media plane, agrees on keys, and carries media both ways."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from live import client_media
from live.aiortc_private import Identity
from live.client_errors import BadAnswer, HandshakeFailed, NoPath
from live.client_media import MediaLink, local_end
from live.client_packets import write_rtp
from live.client_sdp import Direction, Kind, read_sdp, write_sdp
from live.media import Admission, MediaPlane

ROOM = "room"
SSRCS: dict[Kind, int] = {"audio": 11, "video": 22}
SOUND = b"opus"


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


@pytest.fixture
async def plane() -> AsyncIterator[MediaPlane]:
    """A media plane on loopback that also claims an address nobody answers at."""
    opened = MediaPlane.open("127.0.0.1", 0, ["127.0.0.1", "127.0.0.99"])
    yield opened
    opened.close()


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon, since nobody will answer."""
    monkeypatch.setattr(client_media, "CHECK_TIMEOUT_S", 0.1)
    monkeypatch.setattr(client_media, "HANDSHAKE_TIMEOUT_S", 0.1)


def a_link(plane: MediaPlane, identity: Identity, direction: Direction) -> MediaLink:
    """Offer to the plane and return the link its answer leads to."""
    local = local_end(identity)
    if direction == "sendonly":
        answer = plane.publish(ROOM, write_sdp(local, direction, ssrcs=SSRCS)).answer
    else:
        answer = plane.watch(ROOM, write_sdp(local, direction), Admission("view")).answer
    return MediaLink(identity, local, read_sdp(answer))


def sound(sequence: int) -> bytes:
    return write_rtp(
        SOUND, payload_type=111, marker=False, sequence=sequence, timestamp=0, ssrc=SSRCS["audio"]
    )


async def send_until(sender: MediaLink, heard: asyncio.Event) -> None:
    """Send sound until somebody has heard some."""
    async with asyncio.timeout(10):
        for sequence in range(10_000):
            sender.send_rtp(sound(sequence))
            await asyncio.sleep(0.02)
            if heard.is_set():
                return


async def test_media_comes_through_from_one_link_to_another(
    plane: MediaPlane, identity: Identity
) -> None:
    broadcaster, heard = a_link(plane, identity, "sendonly"), asyncio.Event()
    await broadcaster.connect()
    viewer = a_link(plane, identity, "recvonly")
    packets: list[bytes] = []

    def hear(packet: bytes) -> None:
        packets.append(packet)
        heard.set()

    viewer.on_rtp = hear
    await viewer.connect()

    await send_until(broadcaster, heard)

    assert packets[0].endswith(SOUND)
    assert viewer.counts.packet_count >= 1
    assert viewer.srtp_profile == "SRTP_AEAD_AES_128_GCM"
    broadcaster.close()
    viewer.close()


async def test_a_link_that_nobody_listens_to_counts_and_times_all_the_same(
    plane: MediaPlane, identity: Identity
) -> None:
    broadcaster = a_link(plane, identity, "sendonly")
    await broadcaster.connect()
    viewer = a_link(plane, identity, "recvonly")
    viewer.time_arrivals()
    await viewer.connect()

    async with asyncio.timeout(10):
        sequence = 0
        while not viewer.counts.packet_count:
            broadcaster.send_rtp(sound(sequence))
            sequence += 1
            await asyncio.sleep(0.02)

    assert viewer.arrived_at > 1_700_000_000
    broadcaster.close()
    viewer.close()


async def test_a_goodbye_closes_both_ends(plane: MediaPlane, identity: Identity) -> None:
    link = a_link(plane, identity, "sendonly")
    await link.connect()

    plane.end_room(ROOM, "ended")

    async with asyncio.timeout(10):
        await link.closed.wait()


async def test_a_closed_link_sends_nothing_and_closes_only_once(
    plane: MediaPlane, identity: Identity
) -> None:
    link = a_link(plane, identity, "sendonly")
    await link.connect()

    link.close()
    link.close()
    link.send_rtp(sound(0))
    link.send_rtcp(b"")

    assert link.closed.is_set()


@pytest.mark.usefixtures("hurry")
async def test_without_an_answer_to_any_check_there_is_no_path(
    plane: MediaPlane, identity: Identity
) -> None:
    link = a_link(plane, identity, "sendonly")
    plane.close()

    with pytest.raises(NoPath):
        await link.connect()

    assert link.closed.is_set()


@pytest.mark.usefixtures("hurry")
async def test_another_certificate_than_announced_ends_in_no_keys(
    plane: MediaPlane, identity: Identity
) -> None:
    local = local_end(identity)
    offer = write_sdp(local, "sendonly", ssrcs=SSRCS)
    answer = plane.publish(ROOM, offer).answer
    other = Identity().fingerprint
    announced = read_sdp(answer).fingerprints[0][1]
    link = MediaLink(identity, local, read_sdp(answer.replace(announced, other)))

    with pytest.raises(HandshakeFailed) as failed:
        await link.connect()

    assert failed.value.reason == "fingerprint_mismatch"


def test_an_answer_that_accepts_nothing_leads_nowhere(identity: Identity) -> None:
    offer = write_sdp(local_end(identity), "recvonly")

    with pytest.raises(BadAnswer):
        read_sdp(offer.replace(" 9 UDP", " 0 UDP"))
