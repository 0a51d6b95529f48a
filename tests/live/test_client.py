"""Publishing and watching over HTTP, against a real media plane."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from live import rtcp
from live.client import RESEND_COUNT_MAX, Publication, Refused, Track, publish, watch
from live.client_packets import read_rtp
from live.client_pattern import Pattern, record
from live.client_sdp import VIDEO_PAYLOAD_TYPE
from live.client_source import Frame, LoopSource, Outgoing, Recording
from live.errors import UnknownResource
from live.media import Admission, MediaPlane, Resource

WHIP, WHEP = "http://server/whip/room", "http://server/whep/room"
RECORDING = Recording(
    frames=tuple(
        Frame(index / 50, "audio", (f"sound {index}".encode(),), is_keyframe=True)
        for index in range(100)
    ),
    duration_s=2,
)


@dataclass
class Server:
    """WHIP and WHEP in front of a media plane; asks for the key "key"."""

    plane: MediaPlane
    gone: list[str] = field(default_factory=list)

    async def whip(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer key":
            return JSONResponse({"code": "wrong_key", "detail": "No"}, 403)
        offer = (await request.body()).decode()
        return self.created(self.plane.publish("room", offer))

    async def whep(self, request: Request) -> Response:
        offer = (await request.body()).decode()
        return self.created(self.plane.watch("room", offer, Admission("view")))

    def created(self, resource: Resource) -> Response:
        headers = {"Location": f"/sessions/{resource.resource_id}"}
        return Response(resource.answer, 201, headers, "application/sdp")

    async def delete(self, request: Request) -> Response:
        try:
            self.plane.drop(request.path_params["resource_id"], "left")
        except UnknownResource:
            return Response(status_code=404)
        self.gone.append(request.url.path)
        return Response(status_code=200)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/whip/room", self.whip, methods=["POST"]),
                Route("/whep/room", self.whep, methods=["POST"]),
                Route("/sessions/{resource_id}", self.delete, methods=["DELETE"]),
            ]
        )


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    plane = MediaPlane.open("127.0.0.1", 0, ["127.0.0.1"])
    yield Server(plane)
    plane.close()


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(server.app())
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


async def a_publication(http: httpx.AsyncClient, recording: Recording = RECORDING) -> Publication:
    source = LoopSource(recording, asyncio.get_running_loop().time())
    return await publish(WHIP, "key", source, http=http)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.01)


async def test_what_is_published_is_watched(http: httpx.AsyncClient) -> None:
    payloads: list[bytes] = []

    def hear(datagram: bytes) -> None:
        packet = read_rtp(datagram)
        assert packet is not None
        payloads.append(packet.payload)

    publication = await a_publication(http)
    viewing = await watch(WHEP, on_rtp=hear, http=http)
    await until(lambda: len(payloads) >= 20)

    first = int(payloads[0].split()[1])
    assert payloads[:20] == [f"sound {index % 100}".encode() for index in range(first, first + 20)]
    assert publication.sent_counts["audio"] >= 20
    assert viewing.counts.lost_count == 0
    publication.vanish()
    viewing.vanish()


async def test_stopping_deletes_the_resource_and_closes_the_link(
    http: httpx.AsyncClient, server: Server
) -> None:
    publication = await a_publication(http)

    await publication.stop()
    await publication.stop()

    assert server.gone == [publication.resource.url.removeprefix("http://server")]
    assert publication.link.closed.is_set()


async def test_a_refusal_tells_its_code(http: httpx.AsyncClient) -> None:
    source = LoopSource(RECORDING, 0.0)

    with pytest.raises(Refused) as refused:
        await publish(WHIP, "wrong", source, http=http)

    assert (refused.value.status, refused.value.code) == (403, "wrong_key")


async def test_a_lost_packet_is_sent_again_when_it_is_asked_for(http: httpx.AsyncClient) -> None:
    pattern = Pattern("testsrc2=size=160x90:rate=30", "sine", width=160, height=90)
    publication = await a_publication(http, await asyncio.to_thread(record, pattern))
    viewing = await watch(WHEP, http=http)
    await until(lambda: viewing.counts.packet_count >= 20)
    lost: list[bytes] = []
    send = publication.link.send_rtp

    def lose_one_of_the_picture(packet: bytes) -> None:
        if lost or packet[1] & 0x7F != VIDEO_PAYLOAD_TYPE:
            send(packet)
        else:
            lost.append(packet)

    publication.link.send_rtp = lose_one_of_the_picture  # type: ignore[method-assign]
    await until(lambda: bool(lost))
    seen_count = viewing.counts.packet_count
    await until(lambda: viewing.counts.packet_count >= seen_count + 20)

    assert viewing.counts.lost_count == 0
    publication.vanish()
    viewing.vanish()


def test_packets_are_numbered_across_the_wrap() -> None:
    track = Track("audio", ssrc=7)

    packets = [read_rtp(track.write(Outgoing("audio", False, 0, b"x"))) for _ in range(70_000)]

    sequences = [packet.sequence for packet in packets if packet is not None]
    assert len(sequences) == 70_000
    assert all(b == a + 1 & 0xFFFF for a, b in itertools.pairwise(sequences))


def test_only_the_newest_packets_can_be_had_again_and_are_the_very_same_bytes() -> None:
    track = Track("video", ssrc=7)
    sent = [track.write(Outgoing("video", True, n, b"x")) for n in range(RESEND_COUNT_MAX + 1)]
    numbers = [int.from_bytes(packet[2:4]) for packet in sent]

    assert track.sent(numbers[0]) is None
    assert [track.sent(number) for number in numbers[1:]] == sent[1:]


def test_a_report_counts_what_was_sent() -> None:
    track = Track("audio", ssrc=7)
    for _ in range(3):
        track.write(Outgoing("audio", False, 0, b"four"))

    (report,) = rtcp.read(track.report(5 << 32, 960))

    assert report == rtcp.SenderReport(7, 5 << 32, 960, 3, 12)
