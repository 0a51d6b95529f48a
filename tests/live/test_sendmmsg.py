"""The table of messages behind one system call."""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from live.sendmmsg import Messages, ffi, packed_address


def test_addresses_of_both_families_are_packed_as_the_kernel_wants_them() -> None:
    assert packed_address(("192.0.2.1", 0x1234)) == (b"\x02\x00\x12\x34\xc0\x00\x02\x01" + bytes(8))
    sixteen = packed_address(("2001:db8::1", 0x1234, 0, 5))
    assert len(sixteen) == 28
    assert sixteen[:4] == b"\x0a\x00\x12\x34"
    assert sixteen[24:] == b"\x05\x00\x00\x00"


Udp = Callable[[], socket.socket]


@pytest.fixture
def udp() -> Iterator[Udp]:
    """Open bound sockets, and close them afterwards."""
    with ExitStack() as stack:

        def open_one() -> socket.socket:
            one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            one.bind(("127.0.0.1", 0))
            one.settimeout(5.0)
            return one

        yield open_one


def test_messages_go_to_their_own_addresses(udp: Udp) -> None:
    sender = udp()
    receivers = [udp() for _ in range(2)]
    memory = ffi.new("char[]", b"onetwo")
    start = int(ffi.cast("uintptr_t", memory))
    messages = Messages(4)
    for index, receiver in enumerate(receivers):
        messages.place(index, start + 3 * index, 3, 0)
        messages.address(index, 1, receiver.getsockname())

    assert messages.send(sender.fileno(), 0, 2) == 2

    assert [receiver.recv(10) for receiver in receivers] == [b"one", b"two"]


def test_a_run_arrives_as_its_packets(udp: Udp) -> None:
    sender = udp()
    receiver = udp()
    memory = ffi.new("char[]", b"aaabbbc")
    messages = Messages(1)
    messages.place(0, int(ffi.cast("uintptr_t", memory)), 7, 3)
    messages.address(0, 1, receiver.getsockname())

    messages.send(sender.fileno(), 0, 1)

    assert [receiver.recv(10) for _ in range(3)] == [b"aaa", b"bbb", b"c"]


def test_a_refusal_of_the_first_message_is_raised(udp: Udp) -> None:
    sender = udp()
    memory = ffi.new("char[]", 70_000)
    messages = Messages(1)
    messages.place(0, int(ffi.cast("uintptr_t", memory)), 70_000, 0)
    messages.address(0, 1, ("127.0.0.1", 9))

    with pytest.raises(OSError, match="sendmmsg") as refusal:
        messages.send(sender.fileno(), 0, 1)

    assert refusal.value.errno == errno.EMSGSIZE
