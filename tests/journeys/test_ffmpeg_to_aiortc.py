"""FFmpeg's own WHIP muxer broadcasts; aiortc's own peer connection watches and decodes."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, VideoFrame

from live.client_api import Room
from tests.conftest import Server
from tests.journeys.steps import PATIENCE_S, a_creator, room_state, until

SECONDS = 8
WATCHED_FRAMES = 150
VIDEO_TICKS_PER_FRAME = 3_000


@asynccontextmanager
async def ffmpeg(
    server: Server, http: httpx.AsyncClient, room: Room
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Broadcast as long as the block lasts, which begins once the room is live."""
    arguments = [f"{server.url}/whip/{room.room_id}", room.stream_key, str(SECONDS)]
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.journeys.ffmpeg_broadcaster", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    try:

        async def is_live() -> bool:
            return await room_state(http, room) == "live"

        await until(is_live)
        yield program
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def watch_with_aiortc(http: httpx.AsyncClient, room: Room) -> dict[str, list[int]]:
    """Watch until enough frames were decoded; return the timestamps of what was, by kind."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    timestamps: dict[str, list[int]] = {"audio": [], "video": []}
    enough = asyncio.Event()

    async def decode(track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame | VideoFrame)
            assert frame.pts is not None
            timestamps[track.kind].append(frame.pts)
            if len(timestamps["video"]) >= WATCHED_FRAMES:
                enough.set()

    async with asyncio.TaskGroup() as decoding:
        for kind in ("audio", "video"):
            connection.addTransceiver(kind, direction="recvonly")
        connection.on("track", lambda track: decoding.create_task(decode(track)))
        await connection.setLocalDescription(await connection.createOffer())
        answer = await http.post(
            f"/whep/{room.room_id}",
            content=connection.localDescription.sdp,
            headers={"Content-Type": "application/sdp"},
        )
        assert answer.status_code == 201, answer.text
        await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        async with asyncio.timeout(PATIENCE_S):
            await enough.wait()
        await connection.close()
    return timestamps


async def test_an_aiortc_viewer_decodes_99_percent_of_what_ffmpeg_publishes(
    shared_server: Server, shared_http: httpx.AsyncClient
) -> None:
    _, room = await a_creator(shared_http)

    async with ffmpeg(shared_server, shared_http, room) as program:
        timestamps = await watch_with_aiortc(shared_http, room)
        output, _ = await program.communicate()

    frames = timestamps["video"]
    sent_meanwhile = (frames[-1] - frames[0]) // VIDEO_TICKS_PER_FRAME + 1
    assert len(set(frames)) >= 0.99 * sent_meanwhile
    assert len(timestamps["audio"]) > 100
    assert program.returncode == 0
    assert int(output) == SECONDS * 30
