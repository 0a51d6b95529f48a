"""A burst: packets encrypted for one viewer after the other, sent in as few calls as can be.

Plane: media.
Units   sizes in bytes. A run holds at most 54 packets and 65 000 bytes: UDP_SEGMENT takes 64
        segments, and the whole must stay below one UDP datagram's 65 507.
"""

import errno
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from live.aiortc_private import BurstBuffer
from live.ice import Address
from live.udp_port import MESSAGES_MAX, UdpPort

RUN_PACKETS_MAX = 54
RUN_BYTES_MAX = 65_000
BURST_PACKETS_MAX = 128  # each may need a message of its own: see MESSAGES_MAX
BURST_BYTES_MAX = 200_000
MEMORY_BYTES = 256 * 1024  # slots for one call; more would not stay in the processor's cache
SLOTS_MAX = 20  # laying out slots is work too, and more calls cost less than that
SPLITS = (errno.EIO, errno.EMSGSIZE, errno.EINVAL)
NEARLY_EQUAL_BYTES = 4  # packetisers split a frame evenly, give or take a byte or two


class Encrypted(Protocol):
    """A viewer, as far as sending goes.

    Attributes:
        handle: libsrtp's outgoing session.
        address: Where to send.
        dropped_count: Packets that did not leave.
    """

    handle: Any
    address: Address | None
    dropped_count: int


def run_lengths(sizes: Sequence[int]) -> list[int]:
    """Cut packets of these ``sizes`` into runs; return how many packets each run has."""
    lengths: list[int] = []
    at = 0
    while at < len(sizes):
        count, total = 1, sizes[at]
        while (
            at + count < len(sizes)
            and count < RUN_PACKETS_MAX
            and sizes[at + count - 1] == sizes[at]
            and sizes[at + count] <= sizes[at]
            and total + sizes[at + count] <= RUN_BYTES_MAX
        ):
            total += sizes[at + count]
            count += 1
        lengths.append(count)
        at += count
    return lengths


class Bursts:
    """Encrypts and sends bursts through one port.

    Attributes:
        dropped: Packets that did not leave, by reason.
        sent_count: Packets encrypted and handed to the kernel.
        run_count: Messages they were handed over in.
    """

    def __init__(self, port: UdpPort) -> None:
        self._port = port
        self._buffer = BurstBuffer(MEMORY_BYTES, BURST_PACKETS_MAX)
        self._placed: tuple[int, ...] = ()
        self._placed_slots = 0
        self.dropped: Counter[str] = Counter()
        self.sent_count = 0
        self.run_count = 0

    def send(self, packets: list[bytes], tag_bytes: int, viewers: Sequence[Encrypted]) -> None:
        """Send ``packets`` to every one of ``viewers``, whose SRTP tags have ``tag_bytes``."""
        for part in _parts(packets, tag_bytes):
            sizes = [len(packet) + tag_bytes for packet in part]
            runs = run_lengths(sizes) if self._port.has_gso else [1] * len(sizes)
            slots_max = min(SLOTS_MAX, MEMORY_BYTES // sum(sizes), MESSAGES_MAX // len(runs))
            slots = min(slots_max, len(viewers))
            self._buffer.load(part, tag_bytes, slots)
            self._place(sizes, runs, slots)
            for start in range(0, len(viewers), slots):
                self._send_some(viewers[start : start + slots], sizes, runs)

    def _place(self, sizes: list[int], runs: list[int], slots: int) -> None:
        """Lay the table of messages over the slots, unless it lies so already."""
        shape = (*sizes, -1, *runs)
        if shape != self._placed:
            self._placed, self._placed_slots = shape, 0
        burst_bytes = sum(sizes)
        for slot in range(self._placed_slots, slots):
            at, first = self._buffer.address + slot * burst_bytes, 0
            for index, run in enumerate(runs):
                size = sum(sizes[first : first + run])
                segment = sizes[first] if run > 1 else 0
                self._port.messages.place(slot * len(runs) + index, at, size, segment)
                at += size
                first += run
        self._placed_slots = max(self._placed_slots, slots)

    def _send_some(self, viewers: Sequence[Encrypted], sizes: list[int], runs: list[int]) -> None:
        """Encrypt into a slot for each viewer, and send all slots in one call."""
        encrypt, address = self._buffer.encrypt, self._port.messages.address
        run_count = len(runs)
        served: list[Encrypted] = []
        for viewer in viewers:
            slot = len(served)
            if viewer.address is None or not encrypt(slot, viewer.handle):
                self._drop("not_encrypted", viewer, len(sizes))
                continue
            address(slot * run_count, run_count, viewer.address)
            served.append(viewer)
        self.sent_count += len(sizes) * len(served)
        self.run_count += run_count * len(served)
        for index, error in self._port.send_messages(len(served) * run_count):
            slot, run = divmod(index, run_count)
            self._settle(served[slot], slot, run, error, sizes, runs)

    def _settle(
        self,
        viewer: Encrypted,
        slot: int,
        run: int,
        error: int,
        sizes: list[int],
        runs: list[int],
    ) -> None:
        """Send a run the kernel refused packet by packet, where that can help."""
        if error == errno.EIO:  # the device cannot segment: no use in trying again
            self._port.has_gso = False
        if error not in SPLITS or runs[run] == 1 or viewer.address is None:
            self._drop(errno.errorcode.get(error, "unknown").lower(), viewer, runs[run])
            return
        first = sum(runs[:run])
        at = slot * sum(sizes) + sum(sizes[:first])
        for size in sizes[first : first + runs[run]]:
            if not self._port.try_send(self._buffer.view[at : at + size], viewer.address):
                viewer.dropped_count += 1
            at += size

    def _drop(self, reason: str, viewer: Encrypted, packet_count: int) -> None:
        self.dropped[reason] += packet_count
        viewer.dropped_count += packet_count


def _parts(packets: list[bytes], tag_bytes: int) -> list[list[bytes]]:
    """Cut a burst that does not fit the buffer."""
    size = sum(map(len, packets)) + tag_bytes * len(packets)
    if size <= BURST_BYTES_MAX and len(packets) <= BURST_PACKETS_MAX:
        return [packets]
    middle = len(packets) // 2
    return _parts(packets[:middle], tag_bytes) + _parts(packets[middle:], tag_bytes)
