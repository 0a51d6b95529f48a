"""RTP header arithmetic: a broadcaster's packet as the relay's own stream.

The payload is never parsed or decoded here; only headers change. An egress packet has one fixed
shape, so that another egress class is a patch of two bytes, never a new layout::

    video  12 bytes RTP header, 8 bytes extension block holding abs-send-time, payload
    audio  12 bytes RTP header, payload

Plane: media, pure.
Units   sequence: packets, modulo 2**16; ``extended`` ones never wrap. timestamp: RTP clock ticks,
        modulo 2**32 (90 000 per second for video, 48 000 for Opus). abs-send-time: 6.18 fixed
        point seconds, 24 bits.
Source  RFC 3550 section 5.1, RFC 8285 section 4 (one- and two-byte extensions), RFC 4588
        section 4 (retransmission payload). CSRC lists are dropped: we are one source.
"""

import struct
from dataclasses import dataclass, field

from live.errors import NotRtp

HEADER = struct.Struct("!BBHII")  # V/P/X/CC, M/PT, sequence, timestamp, SSRC
SEND_TIME_AT = 17  # where the three bytes of abs-send-time stand in an egress video packet
EXTENDED_HEADER_BYTES = 20
PADDING = 0x20
EXTENSION = 0x10


@dataclass(frozen=True, slots=True)
class Rtp:
    """One received RTP packet, padding removed.

    Attributes:
        extensions: Header extension elements by id, as offered by the sender.
    """

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    extensions: dict[int, bytes] = field(default_factory=dict)


def read(packet: bytes) -> Rtp:
    """Parse ``packet``.

    Raises:
        NotRtp: It is shorter than it says, or is not RTP version 2.
    """
    if len(packet) < HEADER.size or packet[0] >> 6 != 2:
        raise NotRtp(f"{len(packet)} bytes, first byte {packet[:1].hex()!r}")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
    start = HEADER.size + 4 * (first & 0x0F)
    extensions: dict[int, bytes] = {}
    if first & EXTENSION:
        if len(packet) < start + 4:
            raise NotRtp("extension header cut short")
        profile, words = struct.unpack_from("!HH", packet, start)
        block = packet[start + 4 : start + 4 + 4 * words]
        start += 4 + 4 * words
        extensions = read_extensions(profile, block)
    end = len(packet)
    if first & PADDING:
        end -= packet[-1]
        if packet[-1] == 0:
            raise NotRtp("padding of zero bytes")
    if start > end:
        raise NotRtp("header or padding longer than the packet")
    return Rtp(
        marker=second & 0x80 != 0,
        payload_type=second & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=packet[start:end],
        extensions=extensions,
    )


def read_extensions(profile: int, block: bytes) -> dict[int, bytes]:
    """Return the elements of an extension ``block``; what is cut short is left out."""
    if profile == 0xBEDE:
        return _read_one_byte(block)
    if profile >> 4 == 0x100:
        return _read_two_byte(block)
    return {}


def _read_one_byte(block: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(block):
        number, length = block[at] >> 4, (block[at] & 0x0F) + 1
        if number == 15:  # RFC 8285 section 4.2: stop here
            break
        if number == 0:  # a byte of padding
            at += 1
            continue
        if at + 1 + length <= len(block):
            elements[number] = block[at + 1 : at + 1 + length]
        at += 1 + length
    return elements


def _read_two_byte(block: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    at = 0
    while at + 1 < len(block):
        number, length = block[at], block[at + 1]
        if number == 0:
            at += 1
            continue
        if at + 2 + length <= len(block):
            elements[number] = block[at + 2 : at + 2 + length]
        at += 2 + length
    return elements


def unwrap(sequence: int, reference: int) -> int:
    """Return the extended sequence nearest to ``reference`` that ends in ``sequence``."""
    distance = (sequence - reference + 0x8000) % 0x10000 - 0x8000
    return reference + distance


def send_time(now: float) -> int:
    """Return ``now`` (monotonic seconds) as abs-send-time."""
    return int(now * 262_144) & 0xFF_FFFF


def video_packet(source: Rtp, *, ssrc: int, sequence: int, timestamp: int, sent_at: float) -> bytes:
    """Return the egress packet of a video ``source``; payload type and extension id are 0 and 1.

    ``patched`` turns it into what one egress class negotiated.
    """
    return (
        HEADER.pack(
            0x80 | EXTENSION,
            source.marker << 7,
            sequence & 0xFFFF,
            timestamp & 0xFFFF_FFFF,
            ssrc,
        )
        + b"\xbe\xde\x00\x01\x12"
        + send_time(sent_at).to_bytes(3, "big")
        + source.payload
    )


def audio_packet(source: Rtp, *, ssrc: int, sequence: int, timestamp: int) -> bytes:
    """Return the egress packet of an audio ``source``; its payload type is 0."""
    header = HEADER.pack(0x80, source.marker << 7, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc)
    return header + source.payload


def padded(packet: bytes, size_bytes: int) -> bytes:
    """Return ``packet`` grown to ``size_bytes`` with RTP padding (1 to 255 bytes of it)."""
    missing = size_bytes - len(packet)
    assert 1 <= missing <= 255, missing
    assert not packet[0] & PADDING, "padded twice"
    return bytes((packet[0] | PADDING,)) + packet[1:] + bytes(missing - 1) + bytes((missing,))


def patched(packet: bytes, payload_type: int, send_time_id: int | None) -> bytes:
    """Return an egress packet as one egress class negotiated it.

    Attributes:
        send_time_id: Extension id of abs-send-time (1 to 14); None leaves the block out.
    """
    second = bytes((packet[1] & 0x80 | payload_type,))
    if not packet[0] & EXTENSION:
        return packet[:1] + second + packet[2:]
    if send_time_id is None:
        first = bytes((packet[0] & ~EXTENSION,))
        return first + second + packet[2 : HEADER.size] + packet[EXTENDED_HEADER_BYTES:]
    element = bytes((send_time_id << 4 | 2,))
    return packet[:1] + second + packet[2:16] + element + packet[SEND_TIME_AT:]


def retransmission(packet: bytes, *, payload_type: int, ssrc: int, sequence: int) -> bytes:
    """Return ``packet`` (as its class negotiated it) wrapped for the RTX stream (RFC 4588)."""
    first, second, _, timestamp, _ = HEADER.unpack_from(packet)
    original = packet[2:4]
    start = EXTENDED_HEADER_BYTES if first & EXTENSION else HEADER.size
    header = HEADER.pack(first, second & 0x80 | payload_type, sequence & 0xFFFF, timestamp, ssrc)
    return header + packet[HEADER.size : start] + original + packet[start:]


def unwrapped_retransmission(rtx: Rtp, *, payload_type: int, ssrc: int) -> Rtp | None:
    """Return the packet an RTX packet carries, or None if it is padding only.

    Senders probe for bandwidth with empty packets on the RTX stream.
    """
    if len(rtx.payload) < 2:
        return None
    return Rtp(
        marker=rtx.marker,
        payload_type=payload_type,
        sequence=int.from_bytes(rtx.payload[:2], "big"),
        timestamp=rtx.timestamp,
        ssrc=ssrc,
        payload=rtx.payload[2:],
        extensions=rtx.extensions,
    )


@dataclass(slots=True)
class Continuity:
    """Makes one unbroken outgoing stream of whoever broadcasts, one source after another.

    Attributes:
        clock_rate_hz: Ticks of the RTP clock per second.
        highest: Highest extended outgoing sequence so far.
        timestamp: Outgoing timestamp of that packet, not wrapped.
        arrived_at: When that packet arrived, monotonic seconds.
    """

    clock_rate_hz: int
    highest: int
    timestamp: int
    arrived_at: float = 0.0
    sequence_offset: int = 0
    timestamp_offset: int = 0
    _first: int = 0
    _incoming: int = 0
    _started: bool = False

    def restart(self, sequence: int, timestamp: int, now: float) -> int:
        """Go on with a new source whose first packet this is; return its extended sequence.

        The timestamp advances by the time that passed, so that viewers see a pause, not a jump.
        """
        pause_s = max(now - self.arrived_at, 0.0) if self._started else 0.0
        self.sequence_offset = self.highest + 1 - sequence
        following = self.timestamp + max(int(pause_s * self.clock_rate_hz), 1)
        self.timestamp_offset = following - timestamp
        self._first = self._incoming = sequence
        self._started = True
        return sequence

    def carry(self, sequence: int, timestamp: int, now: float) -> tuple[int, int] | None:
        """Return (extended outgoing sequence, outgoing timestamp) of an incoming packet.

        ``sequence`` is extended. None if it is older than its source's first packet: its place
        belongs to the source before it.
        """
        if sequence < self._first:
            return None
        outgoing = sequence + self.sequence_offset
        moved = self._unwrapped(timestamp + self.timestamp_offset)
        if outgoing > self.highest:
            self.highest, self.timestamp, self.arrived_at = outgoing, moved, now
        return outgoing, moved & 0xFFFF_FFFF

    def _unwrapped(self, timestamp: int) -> int:
        distance = (timestamp - self.timestamp + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
        return self.timestamp + distance
