"""What a receiver knows of each incoming stream from RTP headers alone.

Plane   media. Pure. Headers travel in the clear under SRTP (RFC 3711 section 3.1), so a load
        client can count and judge loss without decrypting anything.
Units   sequence: packets, modulo 2**16; extended: with rollovers in the upper bits.
Source  RFC 3550 section 6.4.1 and appendix A.3. Jitter is not estimated: it is reported as 0.
"""

import struct
from dataclasses import dataclass, field

from live import rtcp

SEQUENCE_AND_SSRC = struct.Struct("!2xH4xI")
HALF = 0x8000
LOST_COUNT_MAX = 0x7F_FFFF
BLOCK_COUNT_MAX = 31


@dataclass(slots=True)
class StreamCount:
    """One incoming SSRC. ``extended_first`` is where counting began."""

    ssrc: int
    extended_first: int
    extended_last: int
    packet_count: int = 0
    reported_expected: int = 0
    reported_received: int = 0

    @property
    def expected_count(self) -> int:
        return self.extended_last - self.extended_first + 1

    @property
    def lost_count(self) -> int:
        """Packets missing so far; repeats can hide a loss, so ask for no repeats to measure."""
        return max(0, self.expected_count - self.packet_count)

    def report(self) -> rtcp.Block:
        """What a receiver report says of this stream since the last one."""
        expected = self.expected_count - self.reported_expected
        lost = expected - (self.packet_count - self.reported_received)
        self.reported_expected += expected
        self.reported_received = self.packet_count
        return rtcp.Block(
            ssrc=self.ssrc,
            fraction_lost=min(255, max(0, lost) * 256 // expected) if expected > 0 else 0,
            lost_count=min(self.lost_count, LOST_COUNT_MAX),
            highest=self.extended_last & 0xFFFF_FFFF,
            jitter=0,
            last_report=0,
            delay=0,
        )


@dataclass(slots=True)
class ReceiveCounts:
    """All incoming streams of one viewer."""

    streams: dict[int, StreamCount] = field(default_factory=dict)

    def count(self, datagram: bytes | bytearray | memoryview) -> None:
        """Count one RTP packet; ``datagram`` holds at least its 12-byte header."""
        sequence, ssrc = SEQUENCE_AND_SSRC.unpack_from(datagram)
        stream = self.streams.get(ssrc)
        if stream is None:
            stream = self.streams[ssrc] = StreamCount(ssrc, sequence, sequence - 1)
        stream.packet_count += 1
        ahead = sequence - stream.extended_last & 0xFFFF
        if ahead < HALF:
            stream.extended_last += ahead

    @property
    def packet_count(self) -> int:
        return sum(stream.packet_count for stream in self.streams.values())

    @property
    def lost_count(self) -> int:
        return sum(stream.lost_count for stream in self.streams.values())

    def receiver_report(self, ssrc: int) -> bytes:
        """Return an RTCP receiver report in the name of ``ssrc`` about every stream."""
        blocks = [stream.report() for stream in self.streams.values()]
        return rtcp.receiver_report(ssrc, blocks[:BLOCK_COUNT_MAX])
