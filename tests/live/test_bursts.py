"""Bursts: cut into runs, encrypted per viewer, sent over a real socket."""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.aiortc_private import PROFILES, Keys
from live.bursts import RUN_BYTES_MAX, RUN_PACKETS_MAX, SLOTS_MAX, Bursts, run_lengths
from live.ice import Address
from live.rewrite import HEADER
from live.udp_port import UdpPort

MATERIAL = bytes(range(88))


class Nobody:
    """A receiver for a port that only sends."""

    def receive_stun(self, datagram: bytes, address: Address, now: float) -> None: ...
    def receive_dtls(self, datagram: bytes, address: Address, now: float) -> None: ...
    def receive_media(self, datagram: bytes, address: Address, arrived_at: float) -> None: ...
    def turn_over(self, now: float) -> None: ...


@dataclass
class Viewer:
    handle: Any
    address: Address | None
    dropped_count: int = 0


class Listener:
    """A viewer's socket and keys."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.settimeout(5.0)
        self.keys = Keys(PROFILES[0], MATERIAL, is_server=False)
        self.server_keys = Keys(PROFILES[0], MATERIAL, is_server=True)
        self.viewer = Viewer(self.server_keys.handle, self.socket.getsockname())

    def received(self, count: int) -> list[bytes]:
        return [self.keys.unprotect(self.socket.recv(2048)) for _ in range(count)]


@pytest.fixture
def port() -> Iterator[UdpPort]:
    opened = UdpPort("127.0.0.1", 0, Nobody())
    yield opened
    opened.close()


Listeners = Callable[[int], list[Listener]]


@pytest.fixture
def listeners_of() -> Iterator[Listeners]:
    """Make listeners, and close their sockets afterwards."""
    with ExitStack() as stack:

        def make(count: int) -> list[Listener]:
            made = [Listener() for _ in range(count)]
            for one in made:
                stack.callback(one.socket.close)
            return made

        yield make


def packets(*sizes: int) -> list[bytes]:
    return [
        HEADER.pack(0x80, 96, number, 1000, 7) + bytes([number % 256]) * (size - HEADER.size)
        for number, size in enumerate(sizes, start=1)
    ]


@pytest.mark.parametrize(
    ("sizes", "lengths"),
    [
        ([100], [1]),
        ([100, 100, 100], [3]),
        ([100, 100, 40], [3]),
        ([100, 40, 40], [2, 1]),
        ([40, 100, 100], [1, 2]),
        ([100] * 60, [54, 6]),
        ([1400] * 60, [46, 14]),
        ([], []),
    ],
)
def test_equal_packets_make_a_run_whose_last_may_be_shorter(
    sizes: list[int], lengths: list[int]
) -> None:
    assert run_lengths(sizes) == lengths


@given(st.lists(st.sampled_from([100, 101, 1200]), max_size=150))
def test_runs_hold_every_packet_and_keep_the_kernels_limits(sizes: list[int]) -> None:
    lengths = run_lengths(sizes)

    assert sum(lengths) == len(sizes)
    at = 0
    for length in lengths:
        run = sizes[at : at + length]
        assert len(run) <= RUN_PACKETS_MAX
        assert sum(run) <= RUN_BYTES_MAX
        assert set(run[:-1]) <= {run[0]}
        assert run[-1] <= run[0]
        at += length


@pytest.mark.parametrize("has_gso", [True, False], ids=["runs", "single packets"])
def test_every_viewer_gets_every_packet(
    port: UdpPort, listeners_of: Listeners, has_gso: bool
) -> None:
    port.has_gso = has_gso
    bursts = Bursts(port)
    listeners = listeners_of(3)
    sent = packets(500, 500, 500, 200, 60)

    bursts.send(sent, 16, [listener.viewer for listener in listeners])

    for listener in listeners:
        assert listener.received(5) == sent
    assert bursts.sent_count == 15
    assert not bursts.dropped


def test_bursts_of_any_shape_can_follow_one_another(port: UdpPort, listeners_of: Listeners) -> None:
    bursts = Bursts(port)
    listeners = listeners_of(2)
    for number, sizes in enumerate([(100,), (300, 300, 90), (100, 100), (80,)]):
        sent = [
            HEADER.pack(0x80, 96, number * 10 + at, 1000, 7) + bytes(size)
            for at, size in enumerate(sizes)
        ]
        bursts.send(sent, 16, [listener.viewer for listener in listeners])

        for listener in listeners:
            assert listener.received(len(sent)) == sent


def test_a_crowd_larger_than_the_buffer_is_served_in_turns(
    port: UdpPort, listeners_of: Listeners
) -> None:
    bursts = Bursts(port)
    listeners = listeners_of(SLOTS_MAX + 3)
    sent = packets(1200, 1200, 700)

    bursts.send(sent, 16, [listener.viewer for listener in listeners])

    for listener in listeners:
        assert listener.received(3) == sent


def test_a_burst_larger_than_the_buffer_is_cut(port: UdpPort, listeners_of: Listeners) -> None:
    bursts = Bursts(port)
    (listener,) = listeners_of(1)
    sent = packets(*[300] * 200)

    bursts.send(sent, 16, [listener.viewer])

    assert listener.received(200) == sent


def test_a_viewer_that_cannot_be_served_is_counted_and_harms_nobody(
    port: UdpPort, listeners_of: Listeners
) -> None:
    bursts = Bursts(port)
    (listener,) = listeners_of(1)
    nowhere = Viewer(listener.viewer.handle, None)
    sent = packets(100, 100)

    bursts.send(sent, 16, [nowhere, listener.viewer])

    assert listener.received(2) == sent
    assert nowhere.dropped_count == 2
    assert bursts.dropped["not_encrypted"] == 2


@pytest.mark.parametrize(
    ("number", "has_gso"),
    [(errno.EIO, False), (errno.EMSGSIZE, True), (errno.EINVAL, True)],
    ids=["EIO", "EMSGSIZE", "EINVAL"],
)
def test_a_refused_run_is_split_and_only_eio_turns_runs_off(
    port: UdpPort,
    listeners_of: Listeners,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    has_gso: bool,
) -> None:
    bursts = Bursts(port)
    (listener,) = listeners_of(1)
    monkeypatch.setattr(port, "send_messages", lambda count: [(at, number) for at in range(count)])
    sent = packets(100, 100, 50)

    bursts.send(sent, 16, [listener.viewer])

    assert listener.received(3) == sent
    assert port.has_gso is has_gso


def test_a_full_send_buffer_drops_and_counts(
    port: UdpPort, listeners_of: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    bursts = Bursts(port)
    (listener,) = listeners_of(1)
    monkeypatch.setattr(port, "send_messages", lambda _: [(0, errno.EAGAIN)])

    bursts.send(packets(100, 100, 50), 16, [listener.viewer])

    assert bursts.dropped == {"eagain": 3}
    assert listener.viewer.dropped_count == 3
