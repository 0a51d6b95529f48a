"""Who is here: the sessions, the rooms they belong to, and how many more may come.

Plane: media. Randomness (credentials, SSRCs, resource names) is made here.
Units   ``now``: monotonic seconds.
Limits  ``PEERS_MAX`` sessions, ``JOINS_PER_S_MAX`` new ones per second; beyond: ``PlaneFull``.
"""

import secrets
from collections import Counter
from collections.abc import Mapping

from live.aiortc_private import Identity
from live.answers import Stream, setup_for
from live.errors import PlaneFull, UnknownResource
from live.ice import Credentials, Doors
from live.peer import Peer
from live.relay import Outlet, Relay
from live.sdp import Offer
from live.sessions import Broadcast, Room, Watching
from live.tracks import Track

PEERS_MAX = 4000
JOINS_PER_S_MAX = 400
RETRY_AFTER_S = 2

Session = Broadcast | Watching


class Roster:
    """Sessions by resource id, rooms by room id, peers by where they come from.

    Attributes:
        shaking: Sessions whose handshake may still need something sent again.
        past: What was counted for rooms and sessions that are no more.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._joins_left = float(JOINS_PER_S_MAX)
        self.is_draining = False
        self.doors: Doors[Peer] = Doors()
        self.sessions: dict[str, Session] = {}
        self.shaking: dict[str, Session] = {}
        self.rooms: dict[str, Room] = {}
        self.past: Counter[str] = Counter()

    def session(self, resource_id: str) -> Session:
        """Return a session.

        Raises:
            UnknownResource: It has ended, or never was.
        """
        session = self.sessions.get(resource_id)
        if session is None:
            raise UnknownResource(resource_id)
        return session

    def spend_join(self) -> None:
        """Let one more come.

        Raises:
            PlaneFull: Too many are here, too many come at once, or we are about to stop.
        """
        if self.is_draining or len(self.sessions) >= PEERS_MAX or self._joins_left < 1:
            raise PlaneFull(RETRY_AFTER_S)
        self._joins_left -= 1

    def earn_joins(self, elapsed_s: float) -> None:
        """More may come as time passes."""
        self._joins_left = min(self._joins_left + elapsed_s * JOINS_PER_S_MAX, JOINS_PER_S_MAX)

    def new_peer(self, offer: Offer, now: float) -> Peer:
        """Expect the peer that made ``offer``."""
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
        self.doors.admit(peer)
        return peer

    def new_room(self, room_id: str, streams: Mapping[str, Stream], outlet: Outlet) -> Room:
        """Make a room for these streams."""
        tracks = {
            kind: Track(
                kind,
                stream.codec.name,
                ssrc=secrets.randbits(31) | 1,
                rtx_ssrc=secrets.randbits(31) | 1 << 31,
                timestamp=secrets.randbits(31),
            )
            for kind, stream in streams.items()
        }
        relay = Relay(outlet, tracks, cname=secrets.token_hex(8))
        room = self.rooms[room_id] = Room(room_id, relay, streams)
        return room

    def add(self, session: Session) -> None:
        """A session begins."""
        resource_id = session.peer.resource_id
        self.sessions[resource_id] = self.shaking[resource_id] = session

    def remove(self, session: Session) -> bool:
        """A session ends; False if it had ended before."""
        peer = session.peer
        self.shaking.pop(peer.resource_id, None)
        if self.sessions.pop(peer.resource_id, None) is None:
            return False
        self.doors.dismiss(peer)
        if isinstance(session, Broadcast):
            self.past += _dropped(session.ingest.dropped)
        return True

    def close_room(self, room_id: str) -> Room | None:
        """Take a room out and keep what it counted."""
        room = self.rooms.pop(room_id, None)
        if room is not None:
            self.past += _dropped(room.relay.dropped)
            self.past["keyframe_requests"] += room.relay.keyframe_request_count
        return room

    def counters(self) -> Counter[str]:
        """Return how many are here, and what was counted since the start."""
        counted = Counter(self.past)
        broadcast_count = 0
        for room in self.rooms.values():
            counted += _dropped(room.relay.dropped)
            counted["keyframe_requests"] += room.relay.keyframe_request_count
            if room.broadcast is not None:
                broadcast_count += 1
                counted += _dropped(room.broadcast.ingest.dropped)
        counted["peers"] = len(self.sessions)
        counted["rooms"] = len(self.rooms)
        counted["broadcasts"] = broadcast_count
        counted["views"] = len(self.sessions) - broadcast_count
        counted["keyframe_requests"] += 0
        return counted


def _dropped(reasons: Mapping[str, int]) -> Counter[str]:
    return Counter({f"dropped_{reason}": count for reason, count in reasons.items()})
