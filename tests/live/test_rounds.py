"""What the passing of time leads to, without letting any pass."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from live import rtcp
from live.aiortc_private import Identity, SrtpError
from live.answers import agree_published, agree_watched
from live.ingest import Ingest
from live.peer import Peer
from live.roster import Roster, Session
from live.rounds import (
    GONE_S,
    OFTEN_S,
    REPORT_S_MAX,
    REPORT_S_MIN,
    RETURN_S,
    SILENT_S,
    TICK_S,
    TICKS_PER_ROUND,
    VIEW_ACTIVE_S,
    Rounds,
)
from live.sdp import read_offer
from live.sessions import Broadcast, Room, Watching
from live.views import Admission
from tests.live.media_builders import IDR, publish_offer, rtp, watch_offer, written

SERVER, CLIENT = Identity(), Identity()
PUBLISH, WATCH = read_offer(publish_offer()), read_offer(watch_offer())
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class Plane:
    """Remembers what it was told to do, and ends sessions as the real one does."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.told: list[tuple[str, str]] = []
        self.sent: list[bytes] = []
        self.on_view_active: Callable[[str], None] = lambda view: self.told.append(("active", view))

    def end(self, session: Session, reason: str) -> None:
        self.roster.remove(session)
        self.told.append(("end", reason))

    def end_room(self, room_id: str, reason: str) -> None:
        self.told.append((room_id, reason))

    def stopped(self, room: Room, reason: str) -> None:
        self.told.append((room.room_id, reason))

    def send_all(self, datagrams: list[bytes], peer: Peer) -> None:
        del peer
        self.sent += datagrams


class Scene:
    """A room with a connected broadcaster, whose time we keep."""

    def __init__(self) -> None:
        self.roster = Roster(SERVER)
        self.plane = Plane(self.roster)
        self.now = 100.0
        self.wall = NOON
        self.rounds = Rounds(self.roster, self.plane, ntp_offset_s=0.0, now=self.now)
        streams = agree_published(PUBLISH, {})
        self.room = self.roster.new_room("room", streams, self)
        peer = self.roster.new_peer(PUBLISH, self.now)
        self.broadcast = Broadcast(self.room, peer, Ingest(streams, self.room.relay, ssrc=1))
        self.room.broadcast = self.broadcast
        self.roster.add(self.broadcast)
        self.client = connected(peer)

    def send(self, *_: object) -> None:
        """Be the relay's outlet."""

    def watch(self, admission: Admission) -> tuple[Watching, Peer]:
        """Let somebody watch; return their session and their end of it."""
        streams = agree_watched(WATCH, self.room.codecs(), None)
        peer = self.roster.new_peer(WATCH, self.now)
        watching = Watching(self.room, peer, streams, admission)
        self.roster.add(watching)
        client = connected(peer)
        watching.start(self.now)
        return watching, client

    def pass_time(self, seconds: float, *, heard: bool = True) -> None:
        """Tick on; ``heard`` peers keep sending their checks."""
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            if heard:
                for session in self.roster.sessions.values():
                    session.peer.heard_at = self.now
            self.rounds.tick(self.now, self.wall)


def connected(peer: Peer) -> Peer:
    """Finish the handshake of ``peer`` with a client, and return the client."""
    peer._fingerprints = (("sha-256", CLIENT.fingerprint),)
    fingerprints = (("sha-256", SERVER.fingerprint),)
    client = Peer("client", peer.credentials, CLIENT, fingerprints, is_server=False, now=0.0)
    towards_server = client.start()
    while towards_server:
        answers = [one for sent in towards_server for one in peer.receive_dtls(sent)]
        towards_server = [one for sent in answers for one in client.receive_dtls(sent)]
    assert peer.keys is not None
    return client


def heard_by(client: Peer, datagrams: list[bytes]) -> list[rtcp.Report]:
    assert client.keys is not None
    return [
        report
        for datagram in datagrams
        for report in rtcp.read(client.keys.unprotect_rtcp(datagram))
    ]


def test_who_was_not_heard_of_for_long_is_gone() -> None:
    scene = Scene()

    scene.pass_time(GONE_S - 0.1, heard=False)
    assert scene.broadcast.peer.resource_id in scene.roster.sessions
    scene.pass_time(1.2, heard=False)

    assert ("end", "vanished") in scene.plane.told


def test_every_session_is_visited_once_per_round() -> None:
    scene = Scene()
    for number in range(120):
        scene.watch(Admission(f"view {number}"))

    scene.pass_time(TICKS_PER_ROUND * TICK_S)

    active = [view for told, view in scene.plane.told if told == "active"]
    assert len(active) == len(set(active)) == 120


def test_a_view_is_said_to_be_active_every_few_seconds() -> None:
    scene = Scene()
    scene.watch(Admission("view"))

    scene.pass_time(VIEW_ACTIVE_S * 4)

    assert 3 <= scene.plane.told.count(("active", "view")) <= 4


def test_an_admission_ends_at_its_time() -> None:
    scene = Scene()
    scene.watch(Admission("view", expires_at=NOON))

    scene.pass_time(1.1)

    assert scene.plane.told == [("end", "expired")]


def test_a_broadcaster_who_sends_nothing_is_not_live() -> None:
    scene = Scene()

    scene.pass_time(SILENT_S + 1.1)

    assert ("room", "silent") in scene.plane.told


def test_a_broadcaster_is_awaited_for_two_minutes() -> None:
    scene = Scene()
    scene.room.broadcast = None
    scene.room.left_at = scene.now
    scene.now += RETURN_S - 1.5
    scene.pass_time(1.0)
    assert ("room", "broadcaster_gone") not in scene.plane.told

    scene.pass_time(2.0)

    assert ("room", "broadcaster_gone") in scene.plane.told


def test_a_broadcaster_gets_feedback() -> None:
    scene = Scene()
    for sequence in (1, 4):
        scene.broadcast.ingest.receive(
            written(rtp(sequence, payload=IDR, payload_type=102)), scene.now
        )

    scene.pass_time(0.1)

    reports = heard_by(scene.client, scene.plane.sent)
    assert rtcp.Nack(rtp().ssrc, (2, 3)) in reports
    assert any(isinstance(report, rtcp.ReceiverReport) for report in reports)


def test_a_new_view_hears_of_the_clocks_often_and_an_old_one_seldom() -> None:
    scene = Scene()
    scene.broadcast.ingest.receive(written(rtp(1, payload=IDR, payload_type=102)), scene.now)
    scene.pass_time(2.0)
    _, client = scene.watch(Admission("view"))
    counts = []
    for _ in range(4):
        scene.plane.sent.clear()
        scene.pass_time(OFTEN_S)
        counts.append(len(reports_for(client, scene.plane.sent)))

    assert counts[0] >= OFTEN_S / max(REPORT_S_MIN, 1.0) - 1
    assert 1 <= counts[-1] <= OFTEN_S / REPORT_S_MAX + 1


def reports_for(client: Peer, datagrams: list[bytes]) -> list[rtcp.Report]:
    """Return what ``client`` can decrypt; the rest is the broadcaster's."""
    found = []
    for datagram in datagrams:
        with suppress(SrtpError):
            found += heard_by(client, [datagram])
    return [report for report in found if isinstance(report, rtcp.SenderReport)]


def test_a_settled_handshake_is_looked_after_no_more() -> None:
    scene = Scene()
    assert scene.roster.shaking

    scene.pass_time(0.2)

    assert not scene.roster.shaking
    assert scene.broadcast.peer.resource_id in scene.roster.sessions
