"""The ring: one track's egress packets since its last keyframe, for joins and for resends.

What a sequence number once held it holds for ever: a second packet for the same number is refused,
also after the first one left the ring. SRTP would otherwise encrypt two plaintexts under one nonce.

Plane: media, pure.
Units   ages in seconds (monotonic), sizes in bytes; sequences are extended and never wrap.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

AGE_S_MAX = 6.0
SIZE_BYTES_MAX = 8 * 1024 * 1024
REPAIR_S = 2.0  # kept before the keyframe, for viewers who still miss a piece of the last group


@dataclass(frozen=True, slots=True)
class Kept:
    """One packet in the ring; ``timestamp`` tells frames apart."""

    sequence: int
    timestamp: int
    kept_at: float
    packet: bytes


class PacketCache:
    """Packets by extended sequence, bounded in age and in bytes."""

    def __init__(self, age_s_max: float = AGE_S_MAX, size_bytes_max: int = SIZE_BYTES_MAX) -> None:
        self._packets: dict[int, Kept] = {}
        self._order: deque[Kept] = deque()  # as they arrived: late ones stand behind newer ones
        self._age_s_max = age_s_max
        self._size_bytes_max = size_bytes_max
        self._forgotten = -1  # highest sequence that ever left the ring
        self.size_bytes = 0
        self.newest = -1
        self.keyframe: int | None = None
        self.keyframe_at: float | None = None

    def __len__(self) -> int:
        return len(self._packets)

    def get(self, sequence: int) -> Kept | None:
        """Return the packet with this extended sequence, if it is still here."""
        return self._packets.get(sequence)

    def accepts(self, sequence: int) -> bool:
        """Is this sequence number still free?"""
        return sequence > self._forgotten and sequence not in self._packets

    def keep(self, kept: Kept, *, begins_keyframe: bool = False) -> bool:
        """Store a packet; False if its number was used before."""
        if not self.accepts(kept.sequence):
            return False
        self._packets[kept.sequence] = kept
        self._order.append(kept)
        self.size_bytes += len(kept.packet)
        self.newest = max(self.newest, kept.sequence)
        if begins_keyframe:
            self._mark_keyframe(kept)
        self._complete_keyframe(kept)
        self._evict(kept.kept_at)
        return True

    def forget_keyframe(self) -> None:
        """Joins must wait for the next keyframe: the source changed."""
        self.keyframe = None
        self.keyframe_at = None

    def since(self, sequence: int, count_max: int) -> Iterator[Kept]:
        """Yield at most ``count_max`` packets from ``sequence`` on, in order, skipping holes."""
        while sequence <= self.newest and count_max:
            kept = self._packets.get(sequence)
            if kept is not None:
                yield kept
                count_max -= 1
            sequence += 1

    def _mark_keyframe(self, kept: Kept) -> None:
        """Remember the first packet of the frame ``kept`` belongs to, if it is the newest such."""
        start = kept.sequence
        while (before := self._packets.get(start - 1)) and before.timestamp == kept.timestamp:
            start -= 1
        if self.keyframe is None or start > self.keyframe:
            self.keyframe, self.keyframe_at = start, kept.kept_at

    def _complete_keyframe(self, kept: Kept) -> None:
        """A repaired packet just before the known start may belong to the same frame."""
        if self.keyframe is None or kept.sequence != self.keyframe - 1:
            return
        if self._packets[self.keyframe].timestamp == kept.timestamp:
            self.keyframe = kept.sequence

    def _evict(self, now: float) -> None:
        while self._order and self._is_over(self._order[0], now):
            gone = self._order.popleft()
            del self._packets[gone.sequence]
            self.size_bytes -= len(gone.packet)
            self._forgotten = max(self._forgotten, gone.sequence)
            if self.keyframe is not None and self._forgotten >= self.keyframe:
                self.forget_keyframe()

    def _is_over(self, oldest: Kept, now: float) -> bool:
        age_s = now - oldest.kept_at
        if age_s > self._age_s_max or self.size_bytes > self._size_bytes_max:
            return True
        if self.keyframe is None:
            return age_s > REPAIR_S and len(self._packets) > 1
        return oldest.sequence < self.keyframe and age_s > REPAIR_S
