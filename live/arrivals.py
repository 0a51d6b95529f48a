"""When packets arrived, told back to the broadcaster's bandwidth estimator (transport-cc).

Plane: media, pure.
Units   arrivals: seconds (only differences matter), written as ticks of 250 µs; the reference
        time counts 64 ms. Transport sequences are extended here, 16 bits on the wire.
Source  draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1. One-bit status vectors are
        not written: two-bit vectors and run lengths say the same.
"""

import struct

from live.rewrite import unwrap
from live.rtcp import RTPFB, TRANSPORT_FMT

PACKETS_MAX = 1024  # remembered between two reports; older ones are never reported
PACKETS_PER_REPORT_MAX = 400  # fits a datagram even if every delta takes two bytes
TICK_S = 0.000_25
REFERENCE_TICKS = 256  # 64 ms
LOST, NEAR, FAR = 0, 1, 2
RUN_MIN = 14  # from here on a run length is shorter than vectors
RUN_MAX = 0x1FFF


class Arrivals:
    """Remembers arrivals until the next report."""

    def __init__(self) -> None:
        self._arrived: dict[int, float] = {}
        self._newest = -1
        self._reported = -1  # everything up to here was in a report
        self._report_count = 0

    def note(self, sequence: int, arrived_at: float) -> None:
        """Remember that transport sequence ``sequence`` (16 bits) arrived."""
        extended = unwrap(sequence, self._newest) if self._newest >= 0 else sequence
        if self._newest < 0:
            self._reported = extended - 1
        if extended <= self._newest - PACKETS_MAX or extended <= self._reported:
            return  # too late to matter: it was reported as lost
        self._newest = max(self._newest, extended)
        self._arrived.setdefault(extended, arrived_at)

    def reports(self, sender_ssrc: int, media_ssrc: int) -> list[bytes]:
        """Return the feedback on all packets since the last time; empty if there were none."""
        written: list[bytes] = []
        arrived, self._arrived = self._arrived, {}
        if not arrived:
            return written
        first = max(self._reported + 1, self._newest - PACKETS_MAX + 1)
        self._reported = self._newest
        while first <= self._newest:
            last = min(first + PACKETS_PER_REPORT_MAX - 1, self._newest)
            part = {one: arrived[one] for one in range(first, last + 1) if one in arrived}
            if part:  # a stretch lost as a whole has no time to report it by
                number, self._report_count = self._report_count, self._report_count + 1
                written.append(feedback(sender_ssrc, media_ssrc, first, last, part, number))
            first = last + 1
        return written


def feedback(
    sender_ssrc: int,
    media_ssrc: int,
    first: int,
    last: int,
    arrived: dict[int, float],
    number: int,
) -> bytes:
    """Write one report on the transport sequences ``first`` to ``last``."""
    earliest = min(int(at / TICK_S) for at in arrived.values())
    reference = earliest // REFERENCE_TICKS
    statuses: list[int] = []
    deltas = bytearray()
    clock = reference * REFERENCE_TICKS
    for sequence in range(first, last + 1):
        arrived_at = arrived.get(sequence)
        status = LOST
        if arrived_at is not None:
            delta = min(max(int(arrived_at / TICK_S) - clock, -0x8000), 0x7FFF)
            clock += delta
            status = NEAR if 0 <= delta <= 0xFF else FAR
            deltas += delta.to_bytes(1 if status == NEAR else 2, "big", signed=status == FAR)
        statuses.append(status)
    body = struct.pack("!IIHH", sender_ssrc, media_ssrc, first & 0xFFFF, len(statuses))
    body += (reference & 0xFF_FFFF).to_bytes(3, "big") + bytes((number & 0xFF,))
    body += _chunks(statuses) + deltas
    padding = -len(body) % 4
    first_byte = 0x80 | TRANSPORT_FMT
    if padding:
        first_byte |= 0x20
        body += bytes(padding - 1) + bytes((padding,))
    return struct.pack("!BBH", first_byte, RTPFB, len(body) // 4) + body


def _chunks(statuses: list[int]) -> bytes:
    """Write statuses as run lengths where they repeat, as two-bit vectors of seven elsewhere."""
    chunks = bytearray()
    at = 0
    while at < len(statuses):
        run = _run_length(statuses, at)
        if run >= RUN_MIN or run == len(statuses) - at:
            chunks += (statuses[at] << 13 | run).to_bytes(2, "big")
            at += run
            continue
        vector = 0b11 << 14
        for place, status in enumerate(statuses[at : at + 7]):
            vector |= status << 12 - 2 * place
        chunks += vector.to_bytes(2, "big")
        at += 7
    return bytes(chunks)


def _run_length(statuses: list[int], at: int) -> int:
    run = 1
    while at + run < len(statuses) and run < RUN_MAX and statuses[at + run] == statuses[at]:
        run += 1
    return run
