"""The media plane of one process: what ``web`` calls, and the shell that reads clock and socket.

    plane = MediaPlane.open("0.0.0.0", 8000, ["203.0.113.7"], on_media_started=…)
    plane.publish(room_id, offer) -> Resource            WHIP; raises Broadcasting, BadSdp, …
    plane.watch(room_id, offer, admission) -> Resource   WHEP; raises NotBroadcasting, BadSdp, …
    plane.trickle(resource_id, fragment)                 PATCH; raises IceRestartRefused, …
    plane.etag(resource_id)  plane.room_of(resource_id)  raise UnknownResource
    plane.drop(resource_id, reason)                      DELETE, at once
    plane.drop_views(view_ids, reason) -> count          a ban
    plane.end_room(room_id, reason)                      broadcaster and viewers
    plane.broadcast_health(room_id) -> Health | None     plane.viewer_count(room_id) -> count
    plane.counters() -> dict                             plane.drain()   plane.close()

All of them are plain functions for the event loop's thread. Callbacks are called on it too and must
not block: ``on_media_started(room_id)``, ``on_media_stopped(room_id, reason)``,
``on_view_active(view_id)`` (every 5 s while a viewer is heard of).

A packet's way is ``udp_port`` → ``ingest.receive`` → ``relay.forward``; here it is only handed on.

Plane: media, shell.
Units   monotonic seconds inside; ``expires_at`` is wall clock.
Limits  of sessions: see ``roster``. A fan-out serves ``VIEWERS_PER_TURN_MAX`` viewers, then lets
        the event loop do something else.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from live.aiortc_private import Identity, SrtpError
from live.answers import (
    LocalEnd,
    Outgoing,
    Stream,
    agree_published,
    agree_watched,
    write_answer,
)
from live.bursts import Bursts
from live.errors import (
    BadFragment,
    Broadcasting,
    IceRestartRefused,
    Malformed,
    NotBroadcasting,
)
from live.ice import Address
from live.ingest import Ingest
from live.peer import Peer, State
from live.roster import RETRY_AFTER_S, Roster, Session
from live.rounds import TICK_S, Rounds
from live.rtcp import is_rtcp
from live.sdp import read_fragment, read_offer
from live.sessions import (
    TAKEOVER_S,
    Broadcast,
    Health,
    Resource,
    Room,
    Watching,
)
from live.tracks import FRAME_WAIT_S
from live.udp_port import UdpPort
from live.views import Admission

__all__ = ["Admission", "Health", "MediaPlane", "Resource"]

VIEWERS_PER_TURN_MAX = 100
PROBE = b"\x00\x00"  # first bytes that make the port take it for STUN (RFC 7983)


def _nothing(*_: str) -> None:
    """A callback nobody asked for."""


class MediaPlane:
    """One process's media: one UDP port, one certificate, rooms with their peers."""

    def __init__(
        self,
        host: str,
        port: int,
        advertised_hosts: Sequence[str],
        *,
        on_media_started: Callable[[str], None] = _nothing,
        on_media_stopped: Callable[[str, str], None] = _nothing,
        on_view_active: Callable[[str], None] = _nothing,
    ) -> None:
        assert advertised_hosts, "an answer without an address leads nowhere"
        self._hosts = tuple(advertised_hosts)
        self._on_media_started = on_media_started
        self._on_media_stopped = on_media_stopped
        self.on_view_active = on_view_active
        self._identity = Identity()
        self._roster = Roster(self._identity)
        self._touched: set[Room] = set()
        self._dropped: Counter[str] = Counter()
        self._probes: dict[bytes, asyncio.Future[None]] = {}
        self._rounds = Rounds(
            self._roster, self, ntp_offset_s=time.time() - time.monotonic(), now=time.monotonic()
        )
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._port = UdpPort(host, port, self)
        self._bursts = Bursts(self._port)

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        advertised_hosts: Sequence[str],
        *,
        on_media_started: Callable[[str], None] = _nothing,
        on_media_stopped: Callable[[str, str], None] = _nothing,
        on_view_active: Callable[[str], None] = _nothing,
    ) -> "MediaPlane":
        """Bind the port (0: any free one) and start serving on the running event loop.

        Raises:
            OSError: The port cannot be bound.
        """
        plane = cls(
            host,
            port,
            advertised_hosts,
            on_media_started=on_media_started,
            on_media_stopped=on_media_stopped,
            on_view_active=on_view_active,
        )
        plane._loop = asyncio.get_running_loop()
        plane._port.open(plane._loop)
        plane._timer = plane._loop.call_later(TICK_S, plane._tick)
        return plane

    def close(self) -> None:
        """End every session, say goodbye, let the port go."""
        for session in tuple(self._roster.sessions.values()):
            self.end(session, "shutdown")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._port.close()
        self._loop = None

    def drain(self) -> None:
        """Take no new sessions; those that exist go on."""
        self._roster.is_draining = True

    @property
    def port(self) -> int:
        """The UDP port we are bound to."""
        return self._port.port

    # WHIP and WHEP

    def publish(self, room_id: str, offer: str) -> Resource:
        """Let somebody broadcast into a room.

        Raises:
            BadSdp, NoCommonCodec: The offer cannot be answered.
            Broadcasting: Somebody else is on the air.
            PlaneFull: No more sessions here now.
        """
        now = time.monotonic()
        read = read_offer(offer)
        room = self._roster.rooms.get(room_id)
        streams = agree_published(read, room.codecs() if room else {})
        if room and room.broadcast and room.broadcast.silent_s(now) < TAKEOVER_S:
            raise Broadcasting(RETRY_AFTER_S)
        self._roster.spend_join()
        if room and room.broadcast:
            self.end(room.broadcast, "taken_over")
        room = self._room_for(room_id, streams)
        peer = self._roster.new_peer(read, now)
        ingest = Ingest(streams, room.relay, ssrc=secrets.randbits(32))
        room.broadcast = Broadcast(room, peer, ingest)
        room.relay.request_keyframe = ingest.request_keyframe
        room.left_at = None
        self._roster.add(room.broadcast)
        return self._resource(peer, write_answer(read, streams, self._local(peer)))

    def watch(self, room_id: str, offer: str, admission: Admission) -> Resource:
        """Let somebody watch a room.

        Raises:
            BadSdp, NoCommonCodec: The offer cannot be answered.
            NotBroadcasting: The room has no media yet.
            PlaneFull: No more sessions here now.
        """
        now = time.monotonic()
        read = read_offer(offer)
        room = self._roster.rooms.get(room_id)
        if room is None:
            raise NotBroadcasting(RETRY_AFTER_S)
        streams = agree_watched(read, room.codecs(), room.h264_profile())
        self._roster.spend_join()
        peer = self._roster.new_peer(read, now)
        watching = Watching(room, peer, streams, admission)
        self._roster.add(watching)
        room.watching[peer.resource_id] = watching
        outgoing = {
            kind: Outgoing(track.ssrc, track.rtx_ssrc, room.relay.cname)
            for kind, track in room.relay.tracks.items()
        }
        return self._resource(peer, write_answer(read, streams, self._local(peer), outgoing))

    def trickle(self, resource_id: str, fragment: str) -> None:
        """Take a trickle fragment; being ICE-lite, we need none of its candidates.

        Raises:
            BadFragment: It cannot be read.
            IceRestartRefused: It brings new credentials.
            UnknownResource: The session has ended.
        """
        session = self._roster.session(resource_id)
        read = read_fragment(fragment)
        credentials = session.peer.credentials
        if read.ufrag is None:
            return
        known = (credentials.remote_ufrag, credentials.remote_password)
        if (read.ufrag, read.password) != known:
            raise IceRestartRefused
        if read.candidate_count > 1000:
            raise BadFragment("too many candidates")

    def etag(self, resource_id: str) -> str:
        """Return the strong entity tag of a session's present ICE credentials.

        Raises:
            UnknownResource: The session has ended.
        """
        return _etag(self._roster.session(resource_id).peer)

    def room_of(self, resource_id: str) -> str:
        """Return the room a session belongs to.

        Raises:
            UnknownResource: The session has ended.
        """
        return self._roster.session(resource_id).room.room_id

    def drop(self, resource_id: str, reason: str) -> None:
        """End one session at once.

        Raises:
            UnknownResource: It has ended already.
        """
        self.end(self._roster.session(resource_id), reason)

    def drop_views(self, view_ids: Iterable[str], reason: str) -> int:
        """End every session of these views; return how many there were."""
        wanted = frozenset(view_ids)
        found = [
            session
            for session in self._roster.sessions.values()
            if isinstance(session, Watching) and session.admission.view_id in wanted
        ]
        for session in found:
            self.end(session, reason)
        return len(found)

    def end_room(self, room_id: str, reason: str) -> None:
        """End a room's broadcast and all its views; a room without media is fine too."""
        room = self._roster.close_room(room_id)
        if room is None:
            return
        if room.broadcast is not None:
            self.end(room.broadcast, reason)
        for watching in tuple(room.watching.values()):
            self.end(watching, reason)

    def stop_broadcast(self, room_id: str, reason: str) -> None:
        """End a room's broadcast; its viewers stay for the broadcaster's return."""
        room = self._roster.rooms.get(room_id)
        if room is not None and room.broadcast is not None:
            self.end(room.broadcast, reason)

    # What is known

    def has_room(self, room_id: str) -> bool:
        """Return whether a room has media here, or waits for its broadcaster's return."""
        return room_id in self._roster.rooms

    def broadcast_health(self, room_id: str) -> Health | None:
        """Return how a room's broadcast arrives, None without one."""
        room = self._roster.rooms.get(room_id)
        return room.health() if room is not None else None

    def viewer_count(self, room_id: str) -> int:
        """Return how many viewers are connected to a room here."""
        room = self._roster.rooms.get(room_id)
        return room.relay.view_count if room is not None else 0

    def counters(self) -> dict[str, int]:
        """Return everything counted since the start; what was dropped stands by its reason."""
        counted = self._roster.counters()
        counted["packets_sent"] = self._bursts.sent_count
        counted["runs_sent"] = self._bursts.run_count
        for dropped in (self._dropped, self._port.dropped, self._bursts.dropped):
            for reason, count in dropped.items():
                counted[f"dropped_{reason}"] += count
        return dict(counted)

    async def probe(self) -> None:
        """Return once a datagram left by our socket and came back in through it."""
        assert self._loop is not None
        datagram = PROBE + secrets.token_bytes(16)
        heard = self._probes[datagram] = self._loop.create_future()
        try:
            self._port.send(datagram, ("127.0.0.1", self.port))
            await heard
        finally:
            del self._probes[datagram]

    # Datagrams

    def receive_stun(self, datagram: bytes, address: Address, now: float) -> None:
        """Answer a connectivity check."""
        is_new = self._roster.doors.behind(address) is None
        probe = self._probes.get(datagram)
        if probe is not None:
            if not probe.done():
                probe.set_result(None)
            return
        try:
            answer = self._roster.doors.check(datagram, address, now)
        except Malformed:
            self._dropped["stun"] += 1
            return
        if answer is None:
            return
        if is_new:
            self._port.learn(address)
        self._port.send(answer, address)
        peer = self._roster.doors.behind(address)
        if peer is not None and peer.state is State.CONNECTING:
            self.send_all(peer.start(), peer)
        elif peer is not None:
            self._follow(peer)

    def receive_dtls(self, datagram: bytes, address: Address, now: float) -> None:
        """Hand a DTLS datagram to the peer that proved itself from ``address``."""
        peer = self._roster.doors.behind(address)
        if peer is None:
            self._dropped["dtls_from_unknown"] += 1
            return
        before = peer.state
        answers = peer.receive_dtls(datagram)
        for answer in answers:
            self._port.send(answer, address)
        if peer.state is not before:
            self._changed(self._roster.sessions[peer.resource_id], now)

    def receive_media(self, datagram: bytes, address: Address, arrived_at: float) -> None:
        """Decrypt RTP or RTCP and hand it to its session."""
        peer = self._roster.doors.behind(address)
        if peer is None or peer.keys is None:
            self._dropped["media_from_unknown"] += 1
            return
        session = self._roster.sessions[peer.resource_id]
        try:
            if is_rtcp(datagram):
                self._receive_rtcp(session, peer.keys.unprotect_rtcp(datagram), arrived_at)
            elif isinstance(session, Broadcast):
                session.ingest.receive(peer.keys.unprotect(datagram), arrived_at)
                self._touched.add(session.room)
            else:
                self._dropped["rtp_from_viewer"] += 1
                return
        except (SrtpError, ValueError):  # forged, replayed, or longer than an SRTP buffer
            self._dropped["srtp"] += 1
            return
        except Malformed:
            self._dropped["malformed_media"] += 1
        peer.heard_at = arrived_at

    def turn_over(self, now: float) -> None:
        """Send on what came in this turn."""
        for room in self._touched:
            if not room.is_flowing:
                room.is_flowing = True
                self._on_media_started(room.room_id)
            if not room.is_pumping:
                self._pump(room, now)
        self._touched.clear()

    def _receive_rtcp(self, session: Session, compound: bytes, now: float) -> None:
        if isinstance(session, Broadcast):
            session.ingest.receive_rtcp(compound, now)
        elif session.view is not None:
            session.room.relay.hear(session.view, compound, now)

    def _pump(self, room: Room, now: float) -> None:
        """Fan out a bounded piece; come back for the rest after others had their turn."""
        assert self._loop is not None
        if room.relay.fan_out(now, VIEWERS_PER_TURN_MAX):
            room.is_pumping = True
            self._loop.call_soon(self._pump_on, room)
        elif room.relay.is_waiting():
            room.is_pumping = True
            self._loop.call_later(FRAME_WAIT_S, self._pump_on, room)

    def _pump_on(self, room: Room) -> None:
        room.is_pumping = False
        if self._loop is not None:
            self._pump(room, time.monotonic())

    # Sessions

    def _room_for(self, room_id: str, streams: Mapping[str, Stream]) -> Room:
        """Return the room's media, made anew if its codecs change."""
        room = self._roster.rooms.get(room_id)
        codecs = {kind: stream.codec.name for kind, stream in streams.items()}
        if room is not None and room.codecs() != codecs:
            self.end_room(room_id, "codec_changed")
            room = None
        if room is None:
            room = self._roster.new_room(room_id, streams, self._bursts)
        room.streams = streams
        return room

    def _local(self, peer: Peer) -> LocalEnd:
        return LocalEnd(
            session_id=secrets.randbits(62),
            ufrag=peer.credentials.ufrag,
            password=peer.credentials.password,
            fingerprint=self._identity.fingerprint,
            hosts=self._hosts,
            port=self._port.port,
        )

    def _resource(self, peer: Peer, answer: str) -> Resource:
        return Resource(peer.resource_id, answer, _etag(peer))

    def _changed(self, session: Session, now: float) -> None:
        """A handshake ended, well or not, or the other side said goodbye."""
        peer = session.peer
        if peer.state is State.GONE:
            self.end(session, peer.gone_because)
        elif isinstance(session, Watching) and session.view is None:
            session.start(now)
            if session.view is not None:
                self._rounds.report(session, session.view, now)

    def _follow(self, peer: Peer) -> None:
        """A peer may have moved: media goes where its checks come from."""
        session = self._roster.sessions.get(peer.resource_id)
        if isinstance(session, Watching) and session.view is not None:
            session.view.address = peer.address

    def end(self, session: Session, reason: str) -> None:
        """End a session for ``reason``; nothing happens if it has ended."""
        if not self._roster.remove(session):
            return
        peer, room = session.peer, session.room
        self.send_all(peer.leave(reason), peer)
        for address in peer.addresses:
            self._port.forget(address)
        if isinstance(session, Watching):
            room.watching.pop(peer.resource_id, None)
            if session.view is not None:
                room.relay.leave(session.view)
            return
        room.broadcast, room.left_at = None, time.monotonic()
        room.relay.request_keyframe = None
        self.stopped(room, reason)

    def stopped(self, room: Room, reason: str) -> None:
        """A room's media no longer arrives."""
        if room.is_flowing:
            room.is_flowing = False
            self._on_media_stopped(room.room_id, reason)

    def send_all(self, datagrams: list[bytes], peer: Peer) -> None:
        """Send datagrams to where a peer is, if that is known."""
        if peer.address is not None:
            for datagram in datagrams:
                self._port.send(datagram, peer.address)

    # Time

    def _tick(self) -> None:
        assert self._loop is not None
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._rounds.tick(time.monotonic(), datetime.now(UTC))


def _etag(peer: Peer) -> str:
    return f'"{peer.credentials.ufrag}"'
