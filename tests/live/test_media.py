"""The media plane over real sockets on loopback: broadcasters in, viewers out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from live import media, roster, rounds, rtcp
from live.aiortc_private import Identity
from live.client_media import MediaLink, local_end
from live.client_sdp import Setup, read_sdp, write_sdp
from live.errors import (
    BadFragment,
    BadSdp,
    Broadcasting,
    IceRestartRefused,
    NotBroadcasting,
    PlaneFull,
    UnknownResource,
)
from live.media import Admission, MediaPlane, Resource
from live.rewrite import Rtp, read
from tests.live.media_builders import IDR, SLICE, VP8, publish_offer, watch_offer, written

PATIENCE_S = 10.0
IDENTITY = Identity()


@dataclass
class Stage:
    """A plane and everything it said."""

    plane: MediaPlane
    said: list[tuple[str, ...]]
    links: list[MediaLink] = field(default_factory=list)

    async def broadcaster(self, room: str = "room", *, setup: Setup = "actpass") -> "Broadcaster":
        link, resource = await self._link(
            lambda offer: self.plane.publish(room, offer), "sendonly", setup
        )
        return Broadcaster(link, resource)

    async def viewer(self, room: str = "room", view_id: str = "view") -> "Viewer":
        link, resource = await self._link(
            lambda offer: self.plane.watch(room, offer, Admission(view_id)), "recvonly", "actpass"
        )
        return Viewer(link, resource)

    async def _link(
        self, ask: Callable[[str], Resource], direction: str, setup: Setup
    ) -> tuple[MediaLink, Resource]:
        local = local_end(IDENTITY)
        ssrcs = {"audio": 5, "video": 6} if direction == "sendonly" else None
        offer = write_sdp(local, direction, setup=setup, ssrcs=ssrcs)  # type: ignore[arg-type]
        resource = ask(offer)
        link = MediaLink(IDENTITY, local, read_sdp(resource.answer))
        self.links.append(link)
        await link.connect()
        return link, resource

    async def until(self, happened: Callable[[], bool]) -> None:
        """Return when ``happened``; the plane says nothing we could wait for instead."""
        async with asyncio.timeout(PATIENCE_S):
            while not happened():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@dataclass
class Broadcaster:
    link: MediaLink
    resource: Resource
    sequence: int = 0
    heard: list[rtcp.Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.link.on_rtcp = lambda compound: self.heard.extend(rtcp.read(compound))

    def send_frame(self, *, begins: bool = False, skip: int = 0) -> None:
        """Send a frame of three packets; the first ``skip`` get lost."""
        timestamp = self.sequence * 1000
        for index in range(3):
            self.sequence += 1
            payload = (IDR if begins else SLICE) + bytes(200)
            packet = Rtp(index == 2, 102, self.sequence, timestamp, 6, payload)
            if index >= skip:
                self.link.send_rtp(written(packet))

    def send_audio(self, sequence: int) -> None:
        self.link.send_rtp(written(Rtp(True, 111, sequence, sequence * 960, 5, b"opus")))


@dataclass
class Viewer:
    link: MediaLink
    resource: Resource
    video: list[Rtp] = field(default_factory=list)
    audio: list[Rtp] = field(default_factory=list)
    heard: list[rtcp.Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.link.on_rtp = self._take
        self.link.on_rtcp = lambda compound: self.heard.extend(rtcp.read(compound))

    def _take(self, packet: bytes) -> None:
        rtp = read(packet)
        (self.video if rtp.payload_type == 102 else self.audio).append(rtp)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    said: list[tuple[str, ...]] = []
    plane = MediaPlane.open(
        "127.0.0.1",
        0,
        ["127.0.0.1"],
        on_media_started=lambda room: said.append(("started", room)),
        on_media_stopped=lambda room, reason: said.append(("stopped", room, reason)),
        on_view_active=lambda view: said.append(("active", view)),
    )
    stage = Stage(plane, said)
    yield stage
    for link in stage.links:
        link.vanish()
    plane.close()


async def test_what_a_broadcaster_sends_every_viewer_gets(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: ("started", "room") in stage.said)
    viewers = [await stage.viewer(view_id=f"view {n}") for n in range(3)]
    for _ in range(5):
        broadcaster.send_frame()
    broadcaster.send_audio(1)

    for viewer in viewers:
        await stage.until(lambda viewer=viewer: len(viewer.video) >= 15 and viewer.audio)  # type: ignore[misc]
        numbers = [packet.sequence for packet in viewer.video]
        assert numbers == list(range(numbers[-1] - len(numbers) + 1, numbers[-1] + 1))
        assert viewer.audio[0].payload == b"opus"
    assert stage.plane.viewer_count("room") == 3
    assert stage.plane.counters()["views"] == 3
    assert stage.plane.counters()["keyframe_requests"] == 0


async def test_who_joins_late_begins_with_the_keyframe(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame()
    broadcaster.send_frame(begins=True)
    broadcaster.send_frame()
    await stage.until(lambda: stage.plane.counters().get("rooms") == 1 and bool(stage.said))

    viewer = await stage.viewer()
    broadcaster.send_frame()

    video = viewer.link.counts.streams
    await stage.until(lambda: bool(viewer.video))
    ssrc = viewer.video[0].ssrc
    assert video[ssrc].extended_first & 0xFFFF == 4  # the frame before the keyframe had 1 to 3
    assert not [one for one in broadcaster.heard if isinstance(one, rtcp.KeyframeRequest)]


async def test_a_broadcaster_who_offers_to_be_dtls_server_is_answered_as_client(
    stage: Stage,
) -> None:
    broadcaster = await stage.broadcaster(setup="passive")

    broadcaster.send_frame(begins=True)

    await stage.until(lambda: ("started", "room") in stage.said)


async def test_a_broadcaster_hears_what_is_missing(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    broadcaster.send_frame(skip=1)

    await stage.until(lambda: rtcp.Nack(6, (4,)) in broadcaster.heard)
    await stage.until(
        lambda: any(isinstance(one, rtcp.ReceiverReport) for one in broadcaster.heard)
    )


async def test_a_viewers_question_is_answered_from_the_ring(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))
    viewer = await stage.viewer()
    broadcaster.send_frame()
    await stage.until(lambda: len(viewer.video) >= 3)
    wanted = viewer.video[-1]
    before = viewer.link.counts.streams[wanted.ssrc].packet_count

    viewer.link.send_rtcp(rtcp.nack(9, wanted.ssrc, [wanted.sequence]))

    # the repeated packet is byte-identical: SRTP refuses it as a replay, the counter sees it
    await stage.until(lambda: viewer.link.counts.streams[wanted.ssrc].packet_count == before + 1)


async def test_viewers_are_told_how_sound_and_picture_belong_together(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    broadcaster.send_audio(1)
    await stage.until(lambda: bool(stage.said))
    viewer = await stage.viewer()

    await stage.until(lambda: len(viewer.heard) >= 2)

    reports = [one for one in viewer.heard[:2] if isinstance(one, rtcp.SenderReport)]
    assert len({one.ssrc for one in reports}) == 2
    assert len({one.ntp for one in reports}) == 1


async def test_a_second_broadcaster_is_refused_while_the_first_sends(stage: Stage) -> None:
    await stage.broadcaster()

    with pytest.raises(Broadcasting) as refusal:
        await stage.broadcaster()

    assert refusal.value.retry_after_s == 2


async def test_after_a_silence_another_takes_over_and_viewers_go_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "TAKEOVER_S", 0.0)
    first = await stage.broadcaster()
    first.send_frame(begins=True)
    await stage.until(lambda: ("started", "room") in stage.said)
    viewer = await stage.viewer()
    first.send_frame()
    await stage.until(lambda: len(viewer.video) >= 3)

    second = await stage.broadcaster()
    await stage.until(lambda: ("stopped", "room", "taken_over") in stage.said)
    second.send_frame(begins=True)
    second.send_frame()

    count = len(viewer.video)
    await stage.until(lambda: len(viewer.video) >= count + 6)
    numbers = [packet.sequence for packet in viewer.video]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len({packet.ssrc for packet in viewer.video}) == 1
    await stage.until(lambda: first.link.closed.is_set())


async def test_a_returning_broadcaster_with_another_codec_sends_viewers_off(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))
    viewer = await stage.viewer()
    stage.plane.drop(broadcaster.resource.resource_id, "left")

    stage.plane.publish("room", publish_offer(VP8))

    await stage.until(lambda: viewer.link.closed.is_set())
    health = stage.plane.broadcast_health("room")
    assert health is not None
    assert health.codecs["video"] == "VP8"


async def test_a_deleted_session_ends_at_once_and_says_goodbye(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))

    stage.plane.drop(broadcaster.resource.resource_id, "left")

    assert ("stopped", "room", "left") in stage.said
    await stage.until(lambda: broadcaster.link.closed.is_set())
    with pytest.raises(UnknownResource):
        stage.plane.drop(broadcaster.resource.resource_id, "left")


async def test_a_goodbye_of_the_other_side_ends_the_session(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))

    broadcaster.link.close()

    await stage.until(lambda: ("stopped", "room", "closed_by_peer") in stage.said)


async def test_who_vanishes_is_noticed_by_missing_checks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))
    viewer = await stage.viewer()
    assert rounds.GONE_S < 15.0
    monkeypatch.setattr(rounds, "GONE_S", 0.2)

    viewer.link.vanish()
    broadcaster.link.vanish()

    await stage.until(lambda: ("stopped", "room", "vanished") in stage.said)
    await stage.until(lambda: stage.plane.viewer_count("room") == 0)


async def test_a_broadcaster_who_falls_silent_is_not_live_until_they_send_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SILENT_S", 0.1)
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: ("stopped", "room", "silent") in stage.said)

    broadcaster.send_frame()

    await stage.until(lambda: stage.said.count(("started", "room")) == 2)


async def test_viewers_are_kept_for_a_broadcasters_return_but_not_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))
    viewer = await stage.viewer()
    stage.plane.drop(broadcaster.resource.resource_id, "left")
    assert stage.plane.viewer_count("room") == 1

    monkeypatch.setattr(rounds, "RETURN_S", 0.0)

    await stage.until(lambda: viewer.link.closed.is_set())
    assert stage.plane.counters()["rooms"] == 0


async def test_a_view_is_active_while_it_is_heard_of(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))

    await stage.viewer(view_id="somebody")

    await stage.until(lambda: ("active", "somebody") in stage.said)


async def test_banned_views_end_at_once(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))
    good, bad = await stage.viewer(view_id="good"), await stage.viewer(view_id="bad")

    assert stage.plane.drop_views(["bad", "unknown"], "banned") == 1

    await stage.until(lambda: bad.link.closed.is_set())
    assert not good.link.closed.is_set()
    assert stage.plane.viewer_count("room") == 1


async def test_an_ended_room_lets_go_of_everybody(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))
    viewer = await stage.viewer()

    stage.plane.end_room("room", "ended")
    stage.plane.end_room("room", "ended")

    await stage.until(lambda: viewer.link.closed.is_set() and broadcaster.link.closed.is_set())
    assert stage.plane.broadcast_health("room") is None
    assert stage.plane.counters()["peers"] == 0


async def test_an_expired_admission_ends_the_view(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))
    expired = Admission("view", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    local = local_end(IDENTITY)

    resource = stage.plane.watch("room", write_sdp(local, "recvonly"), expired)
    link = MediaLink(IDENTITY, local, read_sdp(resource.answer))
    stage.links.append(link)
    await link.connect()

    await stage.until(link.closed.is_set)


async def test_refusals_change_nothing(stage: Stage) -> None:
    with pytest.raises(NotBroadcasting):
        stage.plane.watch("room", watch_offer(), Admission("view"))
    with pytest.raises(BadSdp):
        stage.plane.publish("room", "nonsense")

    assert stage.plane.counters()["peers"] == 0
    assert stage.plane.counters()["rooms"] == 0


async def test_trickled_candidates_are_taken_and_a_restart_refused(stage: Stage) -> None:
    resource_id = stage.plane.publish("room", publish_offer()).resource_id
    same = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=end-of-candidates\r\n"

    stage.plane.trickle(resource_id, same)
    stage.plane.trickle(resource_id, "a=end-of-candidates\r\n")

    with pytest.raises(IceRestartRefused):
        stage.plane.trickle(resource_id, same.replace("abcd\r", "efgh\r"))
    with pytest.raises(BadFragment):
        stage.plane.trickle(resource_id, "v=0")
    with pytest.raises(UnknownResource):
        stage.plane.trickle("nobody", same)


async def test_a_session_has_a_tag_and_a_room(stage: Stage) -> None:
    resource = stage.plane.publish("room", publish_offer())

    assert stage.plane.etag(resource.resource_id) == resource.etag
    assert stage.plane.room_of(resource.resource_id) == "room"


async def test_a_full_or_draining_plane_takes_nobody_in(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.plane.publish("room", publish_offer())
    with monkeypatch.context() as limited:
        limited.setattr(roster, "PEERS_MAX", 1)
        with pytest.raises(PlaneFull):
            stage.plane.publish("other", publish_offer())

    stage.plane.drain()

    with pytest.raises(PlaneFull):
        stage.plane.watch("room", watch_offer(), Admission("view"))


async def test_datagrams_from_strangers_are_counted_and_dropped(stage: Stage) -> None:
    address = ("127.0.0.1", 9)

    stage.plane.receive_stun(b"\x00\x01" + bytes(18), address, 1.0)
    stage.plane.receive_dtls(b"\x16" + bytes(20), address, 1.0)
    stage.plane.receive_media(b"\x80" + bytes(20), address, 1.0)

    counted = stage.plane.counters()
    assert counted["dropped_stun"] == 1
    assert counted["dropped_dtls_from_unknown"] == 1
    assert counted["dropped_media_from_unknown"] == 1


async def test_forged_media_of_a_known_address_is_counted_and_dropped(stage: Stage) -> None:
    broadcaster = await stage.broadcaster()
    broadcaster.send_frame(begins=True)
    await stage.until(lambda: bool(stage.said))
    (address,) = {one for peer in stage.plane._roster.doors for one in peer.addresses}

    stage.plane.receive_media(b"\x80\x66" + bytes(60), address, 1.0)
    stage.plane.receive_media(b"\x80\xc8" + bytes(60), address, 1.0)
    stage.plane.receive_media(b"\x80\x66" + bytes(1800), address, 1.0)

    assert stage.plane.counters()["dropped_srtp"] == 3
