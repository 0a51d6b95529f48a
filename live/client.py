"""A client of the server: publishes through WHIP, watches through WHEP, talks on the room socket.

Bots, the demo and the benchmarks are made of it; so can be your own.

    publication = await publish("http://127.0.0.1:8000/whip/ROOM", "STREAM_KEY", source)
    viewing = await watch("http://127.0.0.1:8000/whep/ROOM")
    ...
    await viewing.stop()
    await publication.stop()

Plane   media; ``live/client_socket.py`` is the bus half. A shell: reads clocks.
Units   seconds; ``count`` is packets.
Source  RFC 9725 (WHIP), draft-ietf-wish-whep (WHEP), RFC 3550 section 6.4 (reports), RFC 4585
        section 6.2.1 (NACK). No trickle and no ICE restart. A publisher ignores keyframe
        requests, since what it sends is recorded: keyframes come at their own times.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from live import rtcp
from live.aiortc_private import Identity
from live.client_errors import ClientError, Refused, refusal
from live.client_media import MediaLink, OnPacket, local_end
from live.client_packets import write_rtp
from live.client_sdp import KINDS, PAYLOAD_TYPES, Direction, Kind, read_sdp, write_sdp
from live.client_socket import SocketClient, room_socket
from live.client_source import Outgoing, Source
from live.errors import NotRtcp

__all__ = [
    "ClientError",
    "Publication",
    "Refused",
    "SocketClient",
    "Viewing",
    "publish",
    "room_socket",
    "watch",
]

REPORT_INTERVAL_S = 1.0
RESEND_COUNT_MAX = 512  # packets kept of each kind to answer NACKs with: about 3 s of 720p
REQUEST_TIMEOUT_S = 10.0


async def publish(
    whip_url: str,
    key: str,
    source: Source,
    *,
    identity: Identity | None = None,
    http: httpx.AsyncClient | None = None,
) -> "Publication":
    """Broadcast ``source`` to the room behind ``whip_url`` from now on.

    ``key`` is the room's stream key or the creator's channel key; ``http`` stays the caller's.

    Raises:
        Refused: The server says no: wrong key, somebody else is broadcasting, room ended.
        NoPath, HandshakeFailed, BadAnswer: The media connection does not come about.
    """
    ssrcs: dict[Kind, int] = {kind: secrets.randbits(31) for kind in KINDS}
    offerer = Offerer(identity or Identity(), whip_url, key, http)
    opened = await offerer.open("sendonly", ssrcs=ssrcs)
    return Publication(*opened, source, ssrcs)


async def watch(
    whep_url: str,
    *,
    view_token: str = "",
    on_rtp: OnPacket | None = None,
    identity: Identity | None = None,
    http: httpx.AsyncClient | None = None,
) -> "Viewing":
    """Watch the room behind ``whep_url``; without ``view_token`` as a guest.

    ``on_rtp`` is called with every decrypted packet; without it packets are counted and dropped,
    which costs so little that one process can be hundreds of viewers if they share an
    ``identity`` and ``http``.

    Raises:
        Refused: The server says no: nobody is broadcasting, room ended, too many guests.
        NoPath, HandshakeFailed, BadAnswer: The media connection does not come about.
    """
    offerer = Offerer(identity or Identity(), whep_url, view_token, http)
    return Viewing(*await offerer.open("recvonly", on_rtp=on_rtp))


@asynccontextmanager
async def _client(http: httpx.AsyncClient | None) -> AsyncIterator[httpx.AsyncClient]:
    """Give the caller's HTTP client, or one that is closed afterwards."""
    if http is not None:
        yield http
        return
    async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT_S) as own:
        yield own


@dataclass(frozen=True, slots=True)
class Offerer:
    """Makes one WHIP or WHEP session."""

    identity: Identity
    url: str
    token: str
    http: httpx.AsyncClient | None

    async def open(
        self,
        direction: Direction,
        *,
        ssrcs: dict[Kind, int] | None = None,
        on_rtp: OnPacket | None = None,
    ) -> tuple[MediaLink, "Resource"]:
        """Offer, take the answer and connect.

        Raises:
            Refused, BadAnswer, NoPath, HandshakeFailed: See ``publish`` and ``watch``.
        """
        local = local_end(self.identity)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with _client(self.http) as http:
            answer = await http.post(
                self.url,
                content=write_sdp(local, direction, ssrcs=ssrcs),
                headers={**headers, "Content-Type": "application/sdp"},
            )
        if answer.status_code != 201:
            raise refusal(answer)
        link = MediaLink(self.identity, local, read_sdp(answer.text))
        link.on_rtp = on_rtp
        resource = Resource(urljoin(self.url, answer.headers["Location"]), headers, self.http)
        try:
            await link.connect()
        except ClientError:
            await resource.delete()  # or the server would wait for us until its own patience ends
            raise
        return link, resource


@dataclass(frozen=True, slots=True)
class Resource:
    """What stands for a session on the server."""

    url: str
    headers: dict[str, str]
    http: httpx.AsyncClient | None

    async def delete(self) -> None:
        """End it; one that has ended already is fine.

        Raises:
            Refused: It is not ours.
        """
        async with _client(self.http) as http:
            answer = await http.delete(self.url, headers=self.headers)
        if not answer.is_success and answer.status_code != 404:
            raise refusal(answer)


class Session:
    """A media link and the resource that stands for it.

    Attributes:
        link: The transport; its ``closed`` is set when either end has gone.
        resource: The WHIP or WHEP resource.
    """

    def __init__(self, link: MediaLink, resource: Resource) -> None:
        self.link = link
        self.resource = resource
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        """Delete the resource, then close the link."""
        await self.resource.delete()
        self.link.close()

    def vanish(self) -> None:
        """Fall silent without a word, as a crashed client does."""
        self.link.vanish()


class Viewing(Session):
    """One viewer's WHEP session; ``counts`` says what has arrived."""

    def __init__(self, link: MediaLink, resource: Resource) -> None:
        super().__init__(link, resource)
        self.counts = link.counts
        self._ssrc = secrets.randbits(31)
        self._report()

    def _report(self) -> None:
        if self.link.closed.is_set():
            return
        self.link.send_rtcp(self.counts.receiver_report(self._ssrc))
        self._loop.call_later(REPORT_INTERVAL_S, self._report)


class Publication(Session):
    """One broadcaster's WHIP session; sends its source until stopped.

    Attributes:
        sent_counts: Packets sent of each kind, resends left out.
    """

    def __init__(
        self,
        link: MediaLink,
        resource: Resource,
        source: Source,
        ssrcs: dict[Kind, int],
    ) -> None:
        super().__init__(link, resource)
        self.sent_counts: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self._source = source
        self._tracks = {kind: Track(kind, ssrcs[kind]) for kind in KINDS}
        link.on_rtcp = self._take_rtcp
        self._send_due()
        self._report()

    def _send_due(self) -> None:
        if self.link.closed.is_set():
            return
        for packet in self._source.due(self._loop.time()):
            self.link.send_rtp(self._tracks[packet.kind].write(packet))
            self.sent_counts[packet.kind] += 1
        self._loop.call_at(self._source.next_at, self._send_due)

    def _report(self) -> None:
        if self.link.closed.is_set():
            return
        now = self._loop.time()
        for kind, track in self._tracks.items():
            timestamp = self._source.timestamp_at(kind, now)
            self.link.send_rtcp(track.report(rtcp.ntp_time(time.time()), timestamp))
        self._loop.call_later(REPORT_INTERVAL_S, self._report)

    def _take_rtcp(self, compound: bytes) -> None:
        try:
            reports = rtcp.read(compound)
        except NotRtcp:
            return
        for report in reports:
            if isinstance(report, rtcp.Nack):
                for track in self._tracks.values():
                    if track.ssrc == report.media_ssrc:
                        self._resend(track, report.sequences)

    def _resend(self, track: "Track", sequences: Sequence[int]) -> None:
        for sequence in sequences:
            packet = track.sent(sequence)
            if packet is not None:  # byte-identical, so the nonce may be used again
                self.link.send_rtp(packet)


class Track:
    """One outgoing stream: numbers packets and remembers the last ``RESEND_COUNT_MAX``."""

    def __init__(self, kind: Kind, ssrc: int) -> None:
        self.ssrc = ssrc
        self._payload_type = PAYLOAD_TYPES[kind]
        self._sequence = secrets.randbits(15)  # low: SRTP's rollover count starts at zero
        self._packet_count = 0
        self._octet_count = 0
        self._ring: list[bytes] = [b""] * RESEND_COUNT_MAX
        self._ring_sequences = [-1] * RESEND_COUNT_MAX

    def write(self, packet: Outgoing) -> bytes:
        """Return the next RTP packet."""
        sequence = self._sequence
        self._sequence = sequence + 1 & 0xFFFF
        self._packet_count += 1
        self._octet_count += len(packet.payload)
        rtp = write_rtp(
            packet.payload,
            payload_type=self._payload_type,
            marker=packet.marker,
            sequence=sequence,
            timestamp=packet.timestamp,
            ssrc=self.ssrc,
        )
        self._ring[sequence % RESEND_COUNT_MAX] = rtp
        self._ring_sequences[sequence % RESEND_COUNT_MAX] = sequence
        return rtp

    def sent(self, sequence: int) -> bytes | None:
        """Return the packet with that number if it is still remembered."""
        index = sequence % RESEND_COUNT_MAX
        return self._ring[index] if self._ring_sequences[index] == sequence else None

    def report(self, ntp: int, timestamp: int) -> bytes:
        """Return a sender report that ties ``timestamp`` to the wall clock ``ntp``."""
        return rtcp.sender_report(
            rtcp.SenderReport(self.ssrc, ntp, timestamp, self._packet_count, self._octet_count)
        )
