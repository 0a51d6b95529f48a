"""The UDP port: datagrams by kind with kernel arrival times, answers from where one was asked."""

import asyncio
import errno
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from live.ice import Address
from live.sendmmsg import ffi
from live.udp_port import UdpPort


class Receiver:
    """Remembers what came, and tells when a number of datagrams has."""

    def __init__(self) -> None:
        self.came: list[tuple[str, bytes, Address, float]] = []
        self.turns = 0
        self._awaited: tuple[int, asyncio.Future[None]] | None = None

    def receive_stun(self, datagram: bytes, address: Address, now: float) -> None:
        self.came.append(("stun", datagram, address, now))

    def receive_dtls(self, datagram: bytes, address: Address, now: float) -> None:
        self.came.append(("dtls", datagram, address, now))

    def receive_media(self, datagram: bytes, address: Address, arrived_at: float) -> None:
        self.came.append(("media", datagram, address, arrived_at))

    def turn_over(self, now: float) -> None:
        del now
        self.turns += 1
        if self._awaited and len(self.came) >= self._awaited[0] and not self._awaited[1].done():
            self._awaited[1].set_result(None)

    async def until(self, count: int) -> None:
        self._awaited = (count, asyncio.get_running_loop().create_future())
        if len(self.came) < count:
            await asyncio.wait_for(self._awaited[1], 5.0)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as closing:
        yield closing


def opened(stack: ExitStack, host: str = "127.0.0.1") -> tuple[UdpPort, Receiver]:
    receiver = Receiver()
    port = UdpPort(host, 0, receiver)
    port.open(asyncio.get_running_loop())
    stack.callback(port.close)
    return port, receiver


def a_socket(stack: ExitStack, host: str = "127.0.0.1") -> socket.socket:
    one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    one.bind((host, 0))
    one.settimeout(5.0)
    return one


async def test_datagrams_are_told_apart_by_their_first_byte(stack: ExitStack) -> None:
    port, receiver = opened(stack)
    sender = a_socket(stack)
    for first in (0, 3, 20, 63, 128, 191):
        sender.sendto(bytes((first,)) * 20, ("127.0.0.1", port.port))

    await receiver.until(6)

    assert [kind for kind, *_ in receiver.came] == ["stun"] * 2 + ["dtls"] * 2 + ["media"] * 2
    assert {address for _, _, address, _ in receiver.came} == {sender.getsockname()}


async def test_other_datagrams_are_dropped_and_counted(stack: ExitStack) -> None:
    port, receiver = opened(stack)
    sender = a_socket(stack)
    for content in (b"", b"\x04", b"\x40", b"\xff"):
        sender.sendto(content, ("127.0.0.1", port.port))
    sender.sendto(b"\x00", ("127.0.0.1", port.port))

    await receiver.until(1)

    assert port.dropped["unknown_kind"] == 4


async def test_arrival_is_when_the_kernel_got_it_not_when_we_looked(stack: ExitStack) -> None:
    port, receiver = opened(stack)
    sender = a_socket(stack)
    before = time.monotonic()
    sender.sendto(b"\x80" * 20, ("127.0.0.1", port.port))
    after = time.monotonic()

    await receiver.until(1)

    arrived_at = receiver.came[0][3]
    assert before - 0.001 <= arrived_at <= after + 0.001


async def test_a_flood_is_read_in_pieces_so_that_others_get_their_turn(stack: ExitStack) -> None:
    port, receiver = opened(stack)
    sender = a_socket(stack)
    for _ in range(300):
        sender.sendto(b"\x80" * 20, ("127.0.0.1", port.port))

    await receiver.until(300)

    assert receiver.turns >= 3


async def test_an_answer_leaves_from_the_address_that_was_asked(stack: ExitStack) -> None:
    port, receiver = opened(stack, "0.0.0.0")
    asker = a_socket(stack, "127.0.0.1")
    asker.connect(("127.0.0.2", port.port))  # the kernel would answer from 127.0.0.1
    asker.send(b"\x00" * 20)
    await receiver.until(1)
    address = receiver.came[0][2]

    port.learn(address)
    port.send(b"answer", address)

    assert asker.recv(100) == b"answer"


async def test_what_the_kernel_refuses_is_counted(stack: ExitStack) -> None:
    port, _ = opened(stack)

    port.send(bytes(70_000), ("127.0.0.1", 9))

    assert port.dropped["emsgsize"] == 1


async def test_a_refused_message_does_not_keep_back_the_others(stack: ExitStack) -> None:
    port, _ = opened(stack)
    listener = a_socket(stack)
    memory = ffi.new("char[]", 70_000)
    start = int(ffi.cast("uintptr_t", memory))
    for index, size in enumerate((10, 70_000, 20)):
        port.messages.place(index, start, size, 0)
        port.messages.address(index, 1, listener.getsockname())

    refused = port.send_messages(3)

    assert refused == [(1, errno.EMSGSIZE)]
    assert [len(listener.recv(100)) for _ in range(2)] == [10, 20]


async def test_a_port_in_use_is_said_so(stack: ExitStack) -> None:
    port, receiver = opened(stack)

    with pytest.raises(OSError, match="in use"):
        UdpPort("127.0.0.1", port.port, receiver)
