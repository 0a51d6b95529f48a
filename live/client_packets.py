"""Encoded frames as RTP payloads and back: what a sending or receiving client does to media.

Plane   media. Pure: values in, values out; no clock, no socket.
Units   timestamp: RTP clock ticks (90 000 per second for video, 48 000 for Opus), modulo 2**32.
        sequence: packets, modulo 2**16. Sizes are bytes.
Source  RFC 3550 section 5.1 (header), RFC 6184 sections 5.4 to 5.8 (H.264), RFC 7587 (Opus).
        Interleaved mode and STAP-B, MTAP and FU-B packets of RFC 6184 are not understood:
        packetization-mode=1 forbids them.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

VIDEO_CLOCK_HZ = 90_000
AUDIO_CLOCK_HZ = 48_000
PAYLOAD_BYTES_MAX = 1_160  # 1,172 bytes of RTP leave room for SRTP, UDP and IPv6 below 1,280
ACCESS_UNIT_PACKETS_MAX = 4_096

HEADER = struct.Struct("!BBHII")  # V/P/X/CC, M/PT, sequence, timestamp, SSRC
START_CODE = b"\x00\x00\x00\x01"

NAL_TYPE_BITS = 0x1F
NAL_IDR = 5
STAP_A = 24
FU_A = 28
FU_START = 0x80
FU_END = 0x40


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One received packet with padding and extensions taken off."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def write_rtp(
    payload: bytes, *, payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int
) -> bytes:
    """Put a header without extensions before ``payload``."""
    head = HEADER.pack(0x80, marker << 7 | payload_type, sequence, timestamp, ssrc)
    return head + payload


def read_rtp(packet: bytes) -> RtpPacket | None:
    """Take ``packet`` apart; None if it is not a well-formed RTP packet."""
    if len(packet) < HEADER.size or packet[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
    start = HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(packet) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4])
    end = len(packet) - (packet[-1] if first & 0x20 else 0)
    if end < start:
        return None
    return RtpPacket(
        second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, bytes(packet[start:end])
    )


def split_access_unit(annex_b: bytes) -> list[bytes]:
    """Return the NAL units between the start codes of ``annex_b``, empty ones left out."""
    units = []
    for piece in annex_b.split(b"\x00\x00\x01"):
        unit = piece.rstrip(b"\x00")  # trailing zeros belong to the next start code
        if unit:
            units.append(unit)
    return units


def is_keyframe(units: Iterable[bytes]) -> bool:
    """Whether an access unit of ``units`` can be decoded without any earlier one."""
    return any(unit[0] & NAL_TYPE_BITS == NAL_IDR for unit in units)


def packetise_h264(
    units: Sequence[bytes], payload_bytes_max: int = PAYLOAD_BYTES_MAX
) -> list[bytes]:
    """Return the RTP payloads of one access unit; the caller sets the marker on the last.

    Large units are cut into pieces that differ by one byte at most, as browsers cut them.
    """
    payloads: list[bytes] = []
    small: list[bytes] = []
    for unit in units:
        if len(unit) <= payload_bytes_max:
            if 1 + sum(2 + len(u) for u in (*small, unit)) > payload_bytes_max:
                payloads += _aggregate(small)
                small = []
            small.append(unit)
        else:
            payloads += _aggregate(small)
            small = []
            payloads += _fragment(unit, payload_bytes_max)
    return payloads + _aggregate(small)


def _aggregate(units: Sequence[bytes]) -> list[bytes]:
    """One payload that carries all of ``units``; none if there are none."""
    if len(units) < 2:
        return list(units)
    importance = max(unit[0] & 0x60 for unit in units)
    return [bytes([importance | STAP_A]) + b"".join(struct.pack("!H", len(u)) + u for u in units)]


def _fragment(unit: bytes, payload_bytes_max: int) -> list[bytes]:
    indicator = unit[0] & 0x60 | FU_A
    kind = unit[0] & NAL_TYPE_BITS
    pieces = list(_even_pieces(unit[1:], payload_bytes_max - 2))
    last = len(pieces) - 1
    return [
        bytes([indicator, kind | (FU_START if i == 0 else 0) | (FU_END if i == last else 0)]) + p
        for i, p in enumerate(pieces)
    ]


def _even_pieces(body: bytes, piece_bytes_max: int) -> Iterator[bytes]:
    count = -(-len(body) // piece_bytes_max)
    size, longer = divmod(len(body), count)
    start = 0
    for index in range(count):
        end = start + size + (index < longer)
        yield body[start:end]
        start = end


@dataclass(slots=True)
class AccessUnits:
    """Puts received H.264 packets together again, one access unit per timestamp.

    A unit with a packet missing, or of more than ``ACCESS_UNIT_PACKETS_MAX`` packets, is counted
    in ``broken_count`` and not returned.
    """

    broken_count: int = 0
    _payloads: list[bytes] = field(default_factory=list)
    _timestamp: int | None = None
    _next_sequence: int | None = None

    def add(self, packet: RtpPacket) -> bytes | None:
        """Return an Annex B access unit if ``packet`` (in order) ends one."""
        in_order = self._next_sequence in (None, packet.sequence)
        self._next_sequence = packet.sequence + 1 & 0xFFFF
        if not in_order or packet.timestamp != self._timestamp:
            self._discard()
        if not packet.payload:
            return None  # padding only
        self._timestamp = packet.timestamp
        self._payloads.append(packet.payload)
        if len(self._payloads) > ACCESS_UNIT_PACKETS_MAX:
            self._discard()
        return self._finish() if packet.marker else None

    def _discard(self) -> None:
        if self._payloads:
            self.broken_count += 1
            self._payloads.clear()

    def _finish(self) -> bytes | None:
        units = join_h264(self._payloads)
        if units is None:
            self._discard()
            return None
        self._payloads.clear()
        return b"".join(START_CODE + unit for unit in units)


def join_h264(payloads: Iterable[bytes]) -> list[bytes] | None:
    """Return the NAL units in the ``payloads`` of one access unit; None if a piece is missing."""
    units: list[bytes] = []
    open_unit: bytearray | None = None
    for payload in payloads:
        kind = payload[0] & NAL_TYPE_BITS
        if kind == FU_A:
            if len(payload) < 3:
                return None
            flags = payload[1]
            if flags & FU_START:
                open_unit = bytearray([payload[0] & 0x60 | flags & NAL_TYPE_BITS])
            if open_unit is None:
                return None
            open_unit += payload[2:]
            if flags & FU_END:
                units.append(bytes(open_unit))
                open_unit = None
        elif kind == STAP_A:
            inner = _unpack_aggregate(payload)
            if inner is None:
                return None
            units += inner
        else:
            units.append(payload)
    return units if open_unit is None and units else None


def _unpack_aggregate(payload: bytes) -> list[bytes] | None:
    units = []
    at = 1
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 2])
        unit = payload[at + 2 : at + 2 + size]
        if not size or len(unit) < size:
            return None
        units.append(unit)
        at += 2 + size
    return units
