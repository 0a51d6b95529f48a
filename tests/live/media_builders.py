"""Builders of packets and offers that tests of the media plane share."""

import struct

from live.rewrite import Rtp

VIDEO_SSRC, AUDIO_SSRC = 0x1111_1111, 0x2222_2222
IDR = b"\x65" + bytes(20)
SLICE = b"\x41" + bytes(20)
FINGERPRINT = ":".join(["AB"] * 32)


def rtp(
    sequence: int = 1,
    timestamp: int = 3000,
    *,
    payload: bytes = SLICE,
    payload_type: int = 96,
    ssrc: int = VIDEO_SSRC,
    marker: bool = False,
) -> Rtp:
    """Return a parsed packet."""
    return Rtp(marker, payload_type, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc, payload)


def written(packet: Rtp, extension: bytes = b"", padding: int = 0) -> bytes:
    """Return ``packet`` as bytes, with a one-byte extension block and padding if given."""
    first = 0x80 | (0x10 if extension else 0) | (0x20 if padding else 0)
    head = struct.pack(
        "!BBHII",
        first,
        packet.marker << 7 | packet.payload_type,
        packet.sequence,
        packet.timestamp,
        packet.ssrc,
    )
    block = b""
    if extension:
        filled = extension + bytes(-len(extension) % 4)
        block = struct.pack("!HH", 0xBEDE, len(filled) // 4) + filled
    tail = bytes(padding - 1) + bytes((padding,)) if padding else b""
    return head + block + packet.payload + tail


def section(
    kind: str,
    mid: str,
    direction: str,
    codecs: list[tuple[int, str, str]],
    *,
    extra: tuple[str, ...] = (),
) -> list[str]:
    """Return one m-section; ``codecs`` are (payload type, rtpmap, fmtp)."""
    numbers = " ".join(str(number) for number, _, _ in codecs)
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass",
        f"a=mid:{mid}",
        f"a={direction}",
        "a=rtcp-mux",
    ]
    for number, rtpmap, fmtp in codecs:
        lines.append(f"a=rtpmap:{number} {rtpmap}")
        if fmtp:
            lines.append(f"a=fmtp:{number} {fmtp}")
        if kind == "video" and not rtpmap.startswith("rtx"):
            lines += [f"a=rtcp-fb:{number} nack", f"a=rtcp-fb:{number} nack pli"]
    return [*lines, *extra]


H264 = (102, "H264/90000", "packetization-mode=1;profile-level-id=42e01f")
H264_RTX = (103, "rtx/90000", "apt=102")
VP8 = (96, "VP8/90000", "")
OPUS = (111, "opus/48000/2", "minptime=10")


def offer(*sections: list[str], session: tuple[str, ...] = ()) -> str:
    """Return an offer that bundles ``sections``."""
    mids = " ".join(
        line.removeprefix("a=mid:") for lines in sections for line in lines if "a=mid:" in line
    )
    head = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mids}", *session]
    return "\r\n".join([*head, *(line for lines in sections for line in lines)]) + "\r\n"


def publish_offer(*video: tuple[int, str, str]) -> str:
    """Return a WHIP offer with Opus and the given video codecs (H.264 by default)."""
    return offer(
        section("audio", "0", "sendonly", [OPUS]),
        section("video", "1", "sendonly", list(video) or [H264, H264_RTX]),
    )


def watch_offer(*video: tuple[int, str, str]) -> str:
    """Return a WHEP offer with Opus and the given video codecs (H.264 by default)."""
    return offer(
        section("audio", "0", "recvonly", [OPUS]),
        section("video", "1", "recvonly", list(video) or [H264, H264_RTX]),
    )
