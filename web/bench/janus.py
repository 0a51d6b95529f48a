"""Janus as the peer of the relay benchmark: one streaming mountpoint, plain RTP in, WebRTC out.

Plane   media, on the load generator's side; nothing here runs in the server.
Source  Janus 1.x JANUS API over HTTP; the streaming plugin's requests watch, then start. Janus
        offers and the viewer answers. It runs as a full ICE agent, its default. It gathers no
        loopback candidates, so its viewers reach it on the machine's own address.
"""

import asyncio
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from live.aiortc_private import Identity
from live.client_media import MediaLink, local_end
from live.client_packets import write_rtp
from live.client_sdp import KINDS, PAYLOAD_TYPES, Kind, read_sdp, write_sdp
from live.client_source import Outgoing
from web.bench.measuring import free_ports

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 10.0
MOUNTPOINT_ID = 1
INSTALLED_CONFIG = Path("/etc/janus/janus.jcfg")
FOLDER = re.compile(r'^\s*(plugins_folder|transports_folder)\s*=\s*"([^"]+)"', re.MULTILINE)

CONFIG = """
general: {{
  configs_folder = "{folder}"
  plugins_folder = "{plugins_folder}"
  transports_folder = "{transports_folder}"
  debug_level = 2
  admin_secret = "{secret}"
  session_timeout = 0
}}
plugins: {{ disable = "{other_plugins}" }}
transports: {{ disable = "{other_transports}" }}
"""
HTTP_CONFIG = """
general: {{
  json = "compact"
  base_path = "/janus"
  http = true
  port = {port}
  ip = "127.0.0.1"
  https = false
}}
admin: {{ admin_http = false }}
"""
STREAMING_CONFIG = """
bench: {{
  type = "rtp"
  id = {id}
  audio = true
  video = true
  audioport = {ports[audio]}
  audiopt = {types[audio]}
  audiocodec = "opus"
  audioiface = "127.0.0.1"
  videoport = {ports[video]}
  videopt = {types[video]}
  videocodec = "h264"
  videofmtp = "profile-level-id=42e01f;packetization-mode=1"
  videoiface = "127.0.0.1"
}}
"""


class JanusFailed(Exception):
    """Janus did not start, or refused a request."""


@dataclass(frozen=True, slots=True)
class Janus:
    """A running Janus.

    Attributes:
        pid: Its process, for measuring.
        version: What it calls itself.
    """

    pid: int
    version: str
    _address: str
    _ports: dict[Kind, int]
    _http: httpx.AsyncClient

    async def join(self, identity: Identity) -> MediaLink:
        """Have one more viewer and return its link, connected."""
        session = f"{self._address}/{await self._created(self._address, {'janus': 'create'})}"
        attach = {"janus": "attach", "plugin": "janus.plugin.streaming"}
        handle = f"{session}/{await self._created(session, attach)}"
        await self._ask(handle, _message({"request": "watch", "id": MOUNTPOINT_ID}))
        offer = await self._next_offer(session)
        remote, local = read_sdp(offer), local_end(identity)
        answer = write_sdp(local, "recvonly", setup="active", mids=_mids(offer))
        jsep = {"type": "answer", "sdp": answer}
        await self._ask(handle, _message({"request": "start"}) | {"jsep": jsep})
        await self._ask(handle, {"janus": "trickle", "candidate": {"completed": True}})
        link = MediaLink(identity, local, remote, is_controlling=False)
        await link.connect()
        return link

    def sender(self) -> "PlainSender":
        """What feeds the mountpoint."""
        return PlainSender(self._ports)

    async def _next_offer(self, session: str) -> str:
        while True:
            answer = await self._http.get(session, params={"maxev": "1"})
            event = answer.json()
            if "jsep" in event:
                return str(event["jsep"]["sdp"])
            if event.get("janus") in ("error", "timeout", "hangup"):
                raise JanusFailed(str(event))

    async def _created(self, address: str, request: dict[str, Any]) -> int:
        return int((await self._ask(address, request))["data"]["id"])

    async def _ask(self, address: str, request: dict[str, Any]) -> dict[str, Any]:
        request["transaction"] = secrets.token_hex(6)
        answer: dict[str, Any] = (await self._http.post(address, json=request)).json()
        if answer.get("janus") not in ("success", "ack"):
            raise JanusFailed(str(answer))
        return answer


class PlainSender:
    """Sends a source's packets as plain RTP over loopback."""

    def __init__(self, ports: dict[Kind, int]) -> None:
        self._ports = ports
        self._sequences: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self._ssrcs: dict[Kind, int] = {"audio": 0x0A0A0A0A, "video": 0x0B0B0B0B}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, packet: Outgoing) -> None:
        """Send one packet to the port of its kind."""
        sequence = self._sequences[packet.kind]
        self._sequences[packet.kind] = sequence + 1 & 0xFFFF
        rtp = write_rtp(
            packet.payload,
            payload_type=PAYLOAD_TYPES[packet.kind],
            marker=packet.marker,
            sequence=sequence,
            timestamp=packet.timestamp,
            ssrc=self._ssrcs[packet.kind],
        )
        self._socket.sendto(rtp, ("127.0.0.1", self._ports[packet.kind]))

    def close(self) -> None:
        """Free the socket."""
        self._socket.close()


def find_janus() -> str | None:
    """Path of the installed program, if there is one with its plugins."""
    return shutil.which("janus") if INSTALLED_CONFIG.is_file() else None


@asynccontextmanager
async def running_janus(program: str) -> AsyncIterator[Janus]:
    """Start Janus on free ports in a temporary folder, and stop it at the end.

    Raises:
        JanusFailed: Its HTTP interface did not answer in time.
    """
    http_port, audio_port, video_port = free_ports(3)
    ports: dict[Kind, int] = {"audio": audio_port, "video": video_port}
    with TemporaryDirectory(prefix="ovation-janus-") as folder:
        _write_configs(Path(folder), http_port, ports)
        arguments = ["--configs-folder", folder, "--config", f"{folder}/janus.jcfg"]
        process = await asyncio.create_subprocess_exec(
            program, *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT_S) as http:
                root = f"http://127.0.0.1:{http_port}/janus"
                version = await _version(http, root)
                yield Janus(process.pid, version, root, ports, http)
        finally:
            await _stop(process)


async def _version(http: httpx.AsyncClient, root: str) -> str:
    """Wait until the HTTP interface answers and return the version it tells."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            try:
                answer = await http.get(f"{root}/info")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            return str(answer.json()["version_string"])


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _write_configs(folder: Path, http_port: int, ports: dict[Kind, int]) -> None:
    installed = dict(FOLDER.findall(INSTALLED_CONFIG.read_text()))
    plugins = Path(installed["plugins_folder"])
    transports = Path(installed["transports_folder"])
    config = CONFIG.format(
        folder=folder,
        plugins_folder=plugins,
        transports_folder=transports,
        secret=secrets.token_hex(8),
        other_plugins=_others(plugins, "libjanus_streaming.so"),
        other_transports=_others(transports, "libjanus_http.so"),
    )
    (folder / "janus.jcfg").write_text(config)
    (folder / "janus.transport.http.jcfg").write_text(HTTP_CONFIG.format(port=http_port))
    streaming = STREAMING_CONFIG.format(id=MOUNTPOINT_ID, ports=ports, types=PAYLOAD_TYPES)
    (folder / "janus.plugin.streaming.jcfg").write_text(streaming)


def _others(folder: Path, wanted: str) -> str:
    """The libraries in ``folder`` that Janus shall not load."""
    return ",".join(sorted(path.name for path in folder.glob("*.so") if path.name != wanted))


def _message(body: dict[str, Any]) -> dict[str, Any]:
    return {"janus": "message", "body": body}


def _mids(offer: str) -> tuple[str, ...]:
    return tuple(re.findall(r"^a=mid:(\S+)", offer, re.MULTILINE))
