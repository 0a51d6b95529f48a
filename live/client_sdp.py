"""The SDP a media client writes, and what it takes from the SDP it is answered with.

Plane   media. Pure.
Source  RFC 8829 (JSEP), RFC 8843 (BUNDLE), RFC 9725 section 4.2 (WHIP offers).
        One bundled transport, RTP and RTCP on it together, no header extensions, no RTX, no
        simulcast, no trickle: the server is ICE-lite, so it needs no candidates of ours.
"""

from dataclasses import dataclass
from typing import Literal

from aiortc.sdp import SessionDescription

from live.client_errors import BadAnswer

Kind = Literal["audio", "video"]
Direction = Literal["sendonly", "recvonly"]
Setup = Literal["actpass", "active", "passive"]

AUDIO_PAYLOAD_TYPE = 111
VIDEO_PAYLOAD_TYPE = 102
PAYLOAD_TYPES: dict[Kind, int] = {"audio": AUDIO_PAYLOAD_TYPE, "video": VIDEO_PAYLOAD_TYPE}
KINDS: tuple[Kind, ...] = ("audio", "video")

CODEC_LINES: dict[Kind, tuple[str, ...]] = {
    "audio": (
        f"a=rtpmap:{AUDIO_PAYLOAD_TYPE} opus/48000/2",
        f"a=fmtp:{AUDIO_PAYLOAD_TYPE} minptime=10;useinbandfec=1",
    ),
    "video": (
        f"a=rtpmap:{VIDEO_PAYLOAD_TYPE} H264/90000",
        f"a=fmtp:{VIDEO_PAYLOAD_TYPE} level-asymmetry-allowed=1;packetization-mode=1;"
        "profile-level-id=42e01f",
        f"a=rtcp-fb:{VIDEO_PAYLOAD_TYPE} nack",
    ),
}


@dataclass(frozen=True, slots=True)
class LocalEnd:
    """What one SDP says of us."""

    ufrag: str
    password: str
    fingerprint: str  # of the DTLS certificate: SHA-256, upper-case hex with colons
    session_id: int


@dataclass(frozen=True, slots=True)
class RemoteEnd:
    """What the other end's SDP says of it.

    Attributes:
        fingerprints: (algorithm, value) pairs, each of which its certificate must match.
        is_dtls_client: Whether it opens the DTLS handshake (``setup:active``).
        addresses: IPv4 addresses and ports of its UDP candidates, best first.
        payload_types: The payload type it takes or sends, for each kind it accepted.
    """

    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    is_dtls_client: bool
    addresses: tuple[tuple[str, int], ...]
    payload_types: dict[Kind, int]


def write_sdp(
    local: LocalEnd,
    direction: Direction,
    *,
    setup: Setup = "actpass",
    ssrcs: dict[Kind, int] | None = None,
    mids: tuple[str, ...] = ("0", "1"),
) -> str:
    """Return an offer (or, with ``setup`` "active", an answer) of Opus and H.264.

    ``ssrcs`` are those we send with; none when we only receive.
    """
    lines = [
        "v=0",
        f"o=- {local.session_id} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(mids),
        "a=msid-semantic: WMS *",
    ]
    for kind, mid in zip(KINDS, mids, strict=True):
        lines += [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {PAYLOAD_TYPES[kind]}",
            "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0",
            f"a=ice-ufrag:{local.ufrag}",
            f"a=ice-pwd:{local.password}",
            f"a=fingerprint:sha-256 {local.fingerprint}",
            f"a=setup:{setup}",
            f"a=mid:{mid}",
            f"a={direction}",
            "a=rtcp-mux",
            *CODEC_LINES[kind],
        ]
        if ssrcs is not None:
            lines += [f"a=msid:ovation {kind}", f"a=ssrc:{ssrcs[kind]} cname:ovation"]
    return "\r\n".join(lines) + "\r\n"


def read_sdp(text: str) -> RemoteEnd:
    """Return what ``text`` (an answer, or an offer of a server that offers) says.

    Raises:
        BadAnswer: ``text`` is no SDP, or credentials, fingerprint or candidates are missing.
    """
    try:
        session = SessionDescription.parse(text)
    except (ValueError, AssertionError, IndexError, KeyError) as exc:
        raise BadAnswer("readable text") from exc
    taken = [media for media in session.media if media.port]
    if not taken:
        raise BadAnswer("accepted media")
    ice, dtls = taken[0].ice, taken[0].dtls
    if dtls is None or not dtls.fingerprints:
        raise BadAnswer("DTLS fingerprint")
    if ice is None or not ice.usernameFragment or not ice.password:
        raise BadAnswer("ICE credentials")
    candidates = [
        candidate
        for media in taken
        for candidate in media.ice_candidates
        if candidate.protocol.lower() == "udp" and ":" not in candidate.ip
    ]
    candidates.sort(key=lambda candidate: -candidate.priority)
    if not candidates:
        raise BadAnswer("IPv4 UDP candidate")
    return RemoteEnd(
        ufrag=ice.usernameFragment,
        password=ice.password,
        fingerprints=tuple((f.algorithm, f.value) for f in dtls.fingerprints),
        is_dtls_client=dtls.role == "client",
        addresses=tuple(dict.fromkeys((c.ip, c.port) for c in candidates)),
        payload_types={
            kind: media.fmt[0] for media in taken for kind in KINDS if media.kind == kind
        },
    )
