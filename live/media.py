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
Limits  ``PEERS_MAX`` peers, ``JOINS_PER_S_MAX`` joins; beyond: ``PlaneFull``. A fan-out serves
        ``VIEWERS_PER_TURN_MAX`` viewers, then lets the event loop do something else.
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
    setup_for,
    write_answer,
)
from live.bursts import Bursts
from live.errors import (
    BadFragment,
    Broadcasting,
    IceRestartRefused,
    Malformed,
    NotBroadcasting,
    PlaneFull,
    UnknownResource,
)
from live.ice import Address, Credentials, Doors
from live.ingest import Ingest
from live.peer import Peer, State
from live.relay import Relay
from live.rtcp import is_rtcp
from live.sdp import Offer, read_fragment, read_offer
from live.sessions import (
    RETURN_S,
    SILENT_S,
    TAKEOVER_S,
    Broadcast,
    Health,
    Resource,
    Room,
    Watching,
)
from live.tracks import FRAME_WAIT_S, Track
from live.udp_port import UdpPort
from live.views import Admission

__all__ = ["Admission", "Health", "MediaPlane", "Resource"]

PEERS_MAX = 4000
JOINS_PER_S_MAX = 400
VIEWERS_PER_TURN_MAX = 100
TICK_S = 0.02
TURNS_PER_ROUND = 50  # a round of 1 s visits every session once, spread over its ticks
GONE_S = 12.0  # FFmpeg checks every 5 s: two missed checks and a little
RETRY_AFTER_S = 2
VIEW_ACTIVE_S = 5.0
PROBE = b"\x00\x00"  # first bytes that make the port take it for STUN (RFC 7983)

Session = Broadcast | Watching


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
        self._on_view_active = on_view_active
        self._identity = Identity()
        self._doors: Doors[Peer] = Doors()
        self._sessions: dict[str, Session] = {}
        self._rooms: dict[str, Room] = {}
        self._touched: set[Room] = set()
        self._dropped: Counter[str] = Counter()
        self._probes: dict[bytes, asyncio.Future[None]] = {}
        self._joins_left = float(JOINS_PER_S_MAX)
        self._tick_count = 0
        self._ticked_at = time.monotonic()
        self._ntp_offset_s = time.time() - time.monotonic()
        self._is_draining = False
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
        for session in tuple(self._sessions.values()):
            self._end(session, "shutdown")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._port.close()
        self._loop = None

    def drain(self) -> None:
        """Take no new sessions; those that exist go on."""
        self._is_draining = True

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
        room = self._rooms.get(room_id)
        streams = agree_published(read, room.codecs() if room else {})
        if room and room.broadcast and room.broadcast.silent_s(now) < TAKEOVER_S:
            raise Broadcasting(RETRY_AFTER_S)
        self._spend_join()
        if room and room.broadcast:
            self._end(room.broadcast, "taken_over")
        room = self._room_for(room_id, streams)
        peer = self._admit(read, now)
        ingest = Ingest(streams, room.relay, ssrc=secrets.randbits(32))
        room.broadcast = Broadcast(room, peer, ingest)
        room.relay.request_keyframe = ingest.request_keyframe
        room.left_at = None
        self._sessions[peer.resource_id] = room.broadcast
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
        room = self._rooms.get(room_id)
        if room is None:
            raise NotBroadcasting(RETRY_AFTER_S)
        streams = agree_watched(read, room.codecs(), room.h264_profile())
        self._spend_join()
        peer = self._admit(read, now)
        watching = Watching(room, peer, streams, admission)
        self._sessions[peer.resource_id] = watching
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
        session = self._session(resource_id)
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
        return _etag(self._session(resource_id).peer)

    def room_of(self, resource_id: str) -> str:
        """Return the room a session belongs to.

        Raises:
            UnknownResource: The session has ended.
        """
        return self._session(resource_id).room.room_id

    def drop(self, resource_id: str, reason: str) -> None:
        """End one session at once.

        Raises:
            UnknownResource: It has ended already.
        """
        self._end(self._session(resource_id), reason)

    def drop_views(self, view_ids: Iterable[str], reason: str) -> int:
        """End every session of these views; return how many there were."""
        wanted = frozenset(view_ids)
        found = [
            session
            for session in self._sessions.values()
            if isinstance(session, Watching) and session.admission.view_id in wanted
        ]
        for session in found:
            self._end(session, reason)
        return len(found)

    def end_room(self, room_id: str, reason: str) -> None:
        """End a room's broadcast and all its views; a room without media is fine too."""
        room = self._rooms.pop(room_id, None)
        if room is None:
            return
        if room.broadcast is not None:
            self._end(room.broadcast, reason)
        for watching in tuple(room.watching.values()):
            self._end(watching, reason)

    def stop_broadcast(self, room_id: str, reason: str) -> None:
        """End a room's broadcast; its viewers stay for the broadcaster's return."""
        room = self._rooms.get(room_id)
        if room is not None and room.broadcast is not None:
            self._end(room.broadcast, reason)

    # What is known

    def broadcast_health(self, room_id: str) -> Health | None:
        """Return how a room's broadcast arrives, None without one."""
        room = self._rooms.get(room_id)
        return room.health() if room is not None else None

    def viewer_count(self, room_id: str) -> int:
        """Return how many viewers are connected to a room here."""
        room = self._rooms.get(room_id)
        return room.relay.view_count if room is not None else 0

    def counters(self) -> dict[str, int]:
        """Return everything counted since the start; what was dropped stands by its reason."""
        broadcasts = sum(room.broadcast is not None for room in self._rooms.values())
        relays = [room.relay for room in self._rooms.values()]
        counted = {
            "peers": len(self._sessions),
            "rooms": len(self._rooms),
            "broadcasts": broadcasts,
            "views": len(self._sessions) - broadcasts,
            "packets_sent": self._bursts.sent_count,
            "runs_sent": self._bursts.run_count,
            "keyframe_requests": sum(relay.keyframe_request_count for relay in relays),
        }
        dropped = self._dropped + self._port.dropped + self._bursts.dropped
        for relay in relays:
            dropped += relay.dropped
        return counted | {f"dropped_{reason}": count for reason, count in dropped.items()}

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
        is_new = self._doors.behind(address) is None
        probe = self._probes.get(datagram)
        if probe is not None:
            if not probe.done():
                probe.set_result(None)
            return
        try:
            answer = self._doors.check(datagram, address, now)
        except Malformed:
            self._dropped["stun"] += 1
            return
        if answer is None:
            return
        if is_new:
            self._port.learn(address)
        self._port.send(answer, address)
        peer = self._doors.behind(address)
        if peer is not None and peer.state is State.CONNECTING:
            self._send_all(peer.start(), peer)
        elif peer is not None:
            self._follow(peer)

    def receive_dtls(self, datagram: bytes, address: Address, now: float) -> None:
        """Hand a DTLS datagram to the peer that proved itself from ``address``."""
        peer = self._doors.behind(address)
        if peer is None:
            self._dropped["dtls_from_unknown"] += 1
            return
        before = peer.state
        answers = peer.receive_dtls(datagram)
        for answer in answers:
            self._port.send(answer, address)
        if peer.state is not before:
            self._changed(self._sessions[peer.resource_id], now)

    def receive_media(self, datagram: bytes, address: Address, arrived_at: float) -> None:
        """Decrypt RTP or RTCP and hand it to its session."""
        peer = self._doors.behind(address)
        if peer is None or peer.keys is None:
            self._dropped["media_from_unknown"] += 1
            return
        session = self._sessions[peer.resource_id]
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

    def _session(self, resource_id: str) -> Session:
        session = self._sessions.get(resource_id)
        if session is None:
            raise UnknownResource(resource_id)
        return session

    def _spend_join(self) -> None:
        if self._is_draining or len(self._sessions) >= PEERS_MAX or self._joins_left < 1:
            raise PlaneFull(RETRY_AFTER_S)
        self._joins_left -= 1

    def _room_for(self, room_id: str, streams: Mapping[str, Stream]) -> Room:
        """Return the room's media, made anew if its codecs change."""
        room = self._rooms.get(room_id)
        codecs = {kind: stream.codec.name for kind, stream in streams.items()}
        if room is not None and room.codecs() != codecs:
            self.end_room(room_id, "codec_changed")
            room = None
        if room is None:
            tracks = {kind: self._track(stream) for kind, stream in streams.items()}
            relay = Relay(self._bursts, tracks, cname=secrets.token_hex(8))
            room = self._rooms[room_id] = Room(room_id, relay, streams)
        room.streams = streams
        return room

    def _track(self, stream: Stream) -> Track:
        return Track(
            stream.kind,
            stream.codec.name,
            ssrc=secrets.randbits(31) | 1,
            rtx_ssrc=secrets.randbits(31) | 1 << 31,
            timestamp=secrets.randbits(31),
        )

    def _admit(self, offer: Offer, now: float) -> Peer:
        credentials = Credentials(
            ufrag=secrets.token_hex(8),
            password=secrets.token_hex(16),
            remote_ufrag=offer.ufrag,
            remote_password=offer.password,
        )
        peer = Peer(
            secrets.token_urlsafe(18),
            credentials,
            self._identity,
            offer.fingerprints,
            is_server=setup_for(offer) == "passive",
            now=now,
        )
        self._doors.admit(peer)
        return peer

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
            self._end(session, peer.gone_because)
        elif isinstance(session, Watching) and session.view is None:
            session.start(now)

    def _follow(self, peer: Peer) -> None:
        """A peer may have moved: media goes where its checks come from."""
        session = self._sessions.get(peer.resource_id)
        if isinstance(session, Watching) and session.view is not None:
            session.view.address = peer.address

    def _end(self, session: Session, reason: str) -> None:
        peer = session.peer
        if self._sessions.pop(peer.resource_id, None) is None:
            return
        self._send_all(peer.leave(reason), peer)
        self._doors.dismiss(peer)
        for address in peer.addresses:
            self._port.forget(address)
        room = session.room
        if isinstance(session, Watching):
            room.watching.pop(peer.resource_id, None)
            if session.view is not None:
                room.relay.leave(session.view)
            return
        room.broadcast, room.left_at = None, time.monotonic()
        room.relay.request_keyframe = None
        self._stopped(room, reason)

    def _stopped(self, room: Room, reason: str) -> None:
        if room.is_flowing:
            room.is_flowing = False
            self._on_media_stopped(room.room_id, reason)

    def _send_all(self, datagrams: list[bytes], peer: Peer) -> None:
        if peer.address is not None:
            for datagram in datagrams:
                self._port.send(datagram, peer.address)

    # Time

    def _tick(self) -> None:
        assert self._loop is not None
        self._timer = self._loop.call_later(TICK_S, self._tick)
        now = time.monotonic()
        elapsed_s, self._ticked_at = now - self._ticked_at, now
        self._tick_count += 1
        self._joins_left = min(self._joins_left + elapsed_s * JOINS_PER_S_MAX, JOINS_PER_S_MAX)
        for room in tuple(self._rooms.values()):
            self._tick_room(room, now, elapsed_s)
        turn = self._tick_count % TURNS_PER_ROUND
        for session in tuple(self._sessions.values())[turn::TURNS_PER_ROUND]:
            self._visit(session, now)
        if self._tick_count % 5 == 0:
            self._retransmit(now)

    def _tick_room(self, room: Room, now: float, elapsed_s: float) -> None:
        room.relay.catch_up(now, elapsed_s)
        broadcast = room.broadcast
        if broadcast is not None and broadcast.peer.keys is not None:
            for packet in broadcast.ingest.feedback(now):
                protected = broadcast.peer.keys.protect_rtcp(packet)
                self._send_all([protected], broadcast.peer)
        if self._tick_count % 10 == 0 and broadcast is not None:
            room.relay.govern(now)
        if self._tick_count % TURNS_PER_ROUND == 0:
            self._review(room, now)

    def _review(self, room: Room, now: float) -> None:
        """Once per second: measure, and notice who fell silent or never came back."""
        room.measure(now)
        if room.broadcast is not None and room.broadcast.silent_s(now) > SILENT_S:
            self._stopped(room, "silent")
        if room.left_at is not None and now - room.left_at > RETURN_S:
            self.end_room(room.room_id, "broadcaster_gone")

    def _visit(self, session: Session, now: float) -> None:
        """Once per second for each session: is it there, and what does it need to hear?"""
        if now - session.peer.heard_at > GONE_S:
            self._end(session, "vanished")
        elif isinstance(session, Watching) and session.view is not None:
            self._visit_view(session, now)

    def _visit_view(self, watching: Watching, now: float) -> None:
        expires_at = watching.admission.expires_at
        if expires_at is not None and datetime.now(UTC) >= expires_at:
            self._end(watching, "expired")
            return
        if now - watching.active_at >= VIEW_ACTIVE_S:
            watching.active_at = now
            self._on_view_active(watching.admission.view_id)
        view, keys = watching.view, watching.peer.keys
        assert view is not None
        assert keys is not None
        report = watching.room.relay.sender_reports(view.egress, now, self._ntp_offset_s)
        if report:
            self._send_all([keys.protect_rtcp(report)], watching.peer)

    def _retransmit(self, now: float) -> None:
        """DTLS flights that got lost; a finished handshake's last flight may be one."""
        for session in tuple(self._sessions.values()):
            peer = session.peer
            if now - peer.created_at < GONE_S:
                self._send_all(peer.retransmit(), peer)
                if peer.state is State.GONE:
                    self._end(session, peer.gone_because)


def _etag(peer: Peer) -> str:
    return f'"{peer.credentials.ufrag}"'
