"""What happens because time passes: feedback, reports, timeouts, retransmissions.

One timer drives all of it. A tick serves every room; sessions are visited once per round of 1 s,
a part of them at each tick, so that no tick is long.

Plane: media, sans I/O: time is an argument.
Units   ``now``: monotonic seconds; ``wall``: aware UTC, for admissions only.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from live.aiortc_private import SrtpError
from live.peer import Peer, State
from live.roster import Roster, Session
from live.sessions import Room, Watching
from live.views import View

TICK_S = 0.02
TICKS_PER_ROUND = 50
TICKS_PER_RETRANSMISSION = 5
TICKS_PER_GOVERNING = 10
GONE_S = 12.0  # FFmpeg checks every 5 s: two missed checks and a little
SILENT_S = 10.0  # a connected broadcaster who sends nothing for so long is not live
RETURN_S = 120.0  # how long viewers are kept for a broadcaster who dropped
VIEW_ACTIVE_S = 5.0
OFTEN_S = 5.0  # how long a view is new
REPORT_S_MIN, REPORT_S_MAX = 0.5, 3.0  # between sender reports to a new view, and to an old one


class Plane(Protocol):
    """What the passing of time may lead to."""

    on_view_active: Callable[[str], None]

    def end(self, session: Session, reason: str) -> None: ...
    def end_room(self, room_id: str, reason: str) -> None: ...
    def stopped(self, room: Room, reason: str) -> None: ...
    def send_all(self, datagrams: list[bytes], peer: Peer) -> None: ...


class Rounds:
    """Counts ticks and does what is due at each."""

    def __init__(self, roster: Roster, plane: Plane, *, ntp_offset_s: float, now: float) -> None:
        self._roster = roster
        self._plane = plane
        self._ntp_offset_s = ntp_offset_s
        self._ticked_at = now
        self._tick_count = 0

    def tick(self, now: float, wall: datetime) -> None:
        """Do what is due; call it every ``TICK_S``."""
        elapsed_s, self._ticked_at = now - self._ticked_at, now
        self._tick_count += 1
        self._roster.earn_joins(elapsed_s)
        for room in tuple(self._roster.rooms.values()):
            self._serve(room, now, elapsed_s)
        turn = self._tick_count % TICKS_PER_ROUND
        for session in tuple(self._roster.sessions.values())[turn::TICKS_PER_ROUND]:
            self._visit(session, now, wall)
        if self._tick_count % TICKS_PER_RETRANSMISSION == 0:
            self._retransmit(now)

    def report(self, watching: Watching, view: View, now: float) -> None:
        """Tell a viewer how sound and picture belong together: often at first, then seldom."""
        is_new = now - view.joined_at < OFTEN_S
        view.report_at = now + (REPORT_S_MIN if is_new else REPORT_S_MAX)
        reports = watching.room.relay.sender_reports(view.egress, now, self._ntp_offset_s)
        if reports:
            self._send_rtcp(watching, reports)

    def _serve(self, room: Room, now: float, elapsed_s: float) -> None:
        room.relay.catch_up(now, elapsed_s)
        broadcast = room.broadcast
        if broadcast is not None and broadcast.peer.keys is not None:
            for packet in broadcast.ingest.feedback(now):
                self._send_rtcp(broadcast, packet)
            if self._tick_count % TICKS_PER_GOVERNING == 0:
                room.relay.govern(now)
        if self._tick_count % TICKS_PER_ROUND == 0:
            self._review(room, now)

    def _review(self, room: Room, now: float) -> None:
        """Measure a room, and notice who fell silent or never came back."""
        room.measure(now)
        if room.broadcast is not None and room.broadcast.silent_s(now) > SILENT_S:
            self._plane.stopped(room, "silent")
        if room.left_at is not None and now - room.left_at > RETURN_S:
            self._plane.end_room(room.room_id, "broadcaster_gone")

    def _visit(self, session: Session, now: float, wall: datetime) -> None:
        """Is a session still there, and what does it need to hear?"""
        if now - session.peer.heard_at > GONE_S:
            self._plane.end(session, "vanished")
        elif isinstance(session, Watching) and session.view is not None:
            self._visit_view(session, session.view, now, wall)

    def _visit_view(self, watching: Watching, view: View, now: float, wall: datetime) -> None:
        expires_at = watching.admission.expires_at
        if expires_at is not None and wall >= expires_at:
            self._plane.end(watching, "expired")
            return
        if now - watching.active_at >= VIEW_ACTIVE_S:
            watching.active_at = now
            self._plane.on_view_active(watching.admission.view_id)
        if now >= view.report_at:
            self.report(watching, view, now)

    def _send_rtcp(self, session: Session, compound: bytes) -> None:
        peer = session.peer
        assert peer.keys is not None, "RTCP needs SRTP"
        try:
            protected = peer.keys.protect_rtcp(compound)
        except SrtpError:  # its keys are used up
            self._plane.end(session, "srtp_failed")
            return
        self._plane.send_all([protected], peer)

    def _retransmit(self, now: float) -> None:
        """Send again what DTLS lost; also a finished handshake's last flight may be lost."""
        for resource_id, session in tuple(self._roster.shaking.items()):
            peer = session.peer
            self._plane.send_all(peer.retransmit(), peer)
            if peer.state is State.GONE:
                self._plane.end(session, peer.gone_because)
            elif peer.is_settled or now - peer.created_at > GONE_S:
                del self._roster.shaking[resource_id]
