"""A burst: packets encrypted for one viewer after the other, sent in as few calls as can be.

Plane: media.
Units   sizes in bytes. A run holds at most 54 packets and 65 000 bytes: UDP_SEGMENT takes 64
        segments, and the whole must stay below one UDP datagram's 65 507.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from live.aiortc_private import BurstBuffer
from live.ice import Address
from live.udp_port import Run, UdpPort

RUN_PACKETS_MAX = 54
RUN_BYTES_MAX = 65_000
BURST_PACKETS_MAX = 128
BURST_BYTES_MAX = 200_000
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
        sent_count: Packets given to the kernel.
        run_count: Calls that took.
    """

    def __init__(self, port: UdpPort) -> None:
        self._port = port
        self._buffer = BurstBuffer(BURST_BYTES_MAX, BURST_PACKETS_MAX)
        self.dropped: Counter[str] = Counter()
        self.sent_count = 0
        self.run_count = 0

    def send(self, packets: list[bytes], tag_bytes: int, viewers: Sequence[Encrypted]) -> None:
        """Send ``packets`` to every one of ``viewers``, whose SRTP tags have ``tag_bytes``."""
        for part in _parts(packets, tag_bytes):
            self._send_part(part, tag_bytes, viewers)

    def _send_part(
        self, packets: list[bytes], tag_bytes: int, viewers: Sequence[Encrypted]
    ) -> None:
        encrypt, send_runs = self._buffer.encrypt, self._port.send_runs
        self._buffer.load(packets, tag_bytes)
        runs = self._runs(packets, tag_bytes)
        for viewer in viewers:
            if viewer.address is None or not encrypt(viewer.handle):
                self.dropped["not_encrypted"] += len(packets)
                viewer.dropped_count += len(packets)
            elif dropped_count := send_runs(runs, viewer.address):
                viewer.dropped_count += dropped_count
        self.sent_count += len(packets) * len(viewers)
        self.run_count += len(runs) * len(viewers)

    def _runs(self, packets: list[bytes], tag_bytes: int) -> list[Run]:
        sizes = [len(packet) + tag_bytes for packet in packets]
        lengths = run_lengths(sizes) if self._port.has_gso else [1] * len(sizes)
        view, at, index = self._buffer.view, 0, 0
        runs: list[Run] = []
        for length in lengths:
            start, pieces = at, []
            for size in sizes[index : index + length]:
                pieces.append(view[at : at + size])
                at += size
            index += length
            runs.append(Run(pieces, view[start:at]))
        return runs


def _parts(packets: list[bytes], tag_bytes: int) -> list[list[bytes]]:
    """Cut a burst that does not fit the buffer."""
    size = sum(map(len, packets)) + tag_bytes * len(packets)
    if size <= BURST_BYTES_MAX and len(packets) <= BURST_PACKETS_MAX:
        return [packets]
    middle = len(packets) // 2
    return _parts(packets[:middle], tag_bytes) + _parts(packets[middle:], tag_bytes)
