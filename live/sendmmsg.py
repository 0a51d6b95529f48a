"""``sendmmsg``: many datagrams, or runs of them, to many addresses in one system call.

The standard library has ``sendmsg`` only; building its arguments anew for every viewer cost as
much as encrypting the burst. Here they stand ready in a table, and per viewer one pointer changes.

Plane: media.
Source  sendmmsg(2), udp(7) UDP_SEGMENT. The structures are Linux's on 64-bit machines.
"""

import socket
import struct
import sys
from typing import Any

from cffi import FFI

from live.ice import Address

UDP_SEGMENT = 103
NAME_BYTES = {socket.AF_INET: 16, socket.AF_INET6: 28}
ADDRESSES_MAX = 16_384  # remembered in the kernel's form
_HEADER = struct.Struct("@Qii")  # struct cmsghdr: length, level, type
_SEGMENT_BYTES = 24  # a control message of two bytes, padded to eight
_CONTROL_BYTES = 64  # room for the segment size and a source address of either family

ffi = FFI()
ffi.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; unsigned int msg_namelen;
        struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen;
        int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
    int sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags);
    """
)
lib: Any = ffi.dlopen(None)


class Messages:
    """A table of messages over one piece of memory, all to addresses of one family."""

    def __init__(self, count_max: int, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.count_max = count_max
        self._table = ffi.new("struct mmsghdr[]", count_max)
        self._pieces = ffi.new("struct iovec[]", count_max)
        self._controls = ffi.new("char[]", count_max * _CONTROL_BYTES)
        self._control_view = ffi.buffer(self._controls)
        self._is_cut = [False] * count_max
        self._heads: list[Any] = []
        self._names: dict[Address, tuple[Any, bytes]] = {}
        self._with_source: set[int] = set()
        for index in range(count_max):
            head = ffi.addressof(self._table[index], "msg_hdr")
            head.msg_iov = self._pieces + index
            head.msg_iovlen = 1
            head.msg_namelen = NAME_BYTES[family]
            self._heads.append(head)

    def place(self, index: int, start: int, size_bytes: int, segment_bytes: int) -> None:
        """Message ``index`` is ``size_bytes`` of memory from ``start`` on.

        The kernel cuts it into datagrams of ``segment_bytes`` each; 0: it is one datagram.
        """
        self._pieces[index].iov_base = ffi.cast("void *", start)
        self._pieces[index].iov_len = size_bytes
        self._is_cut[index] = segment_bytes > 0
        if segment_bytes:
            self._write(index, 0, control(socket.SOL_UDP, UDP_SEGMENT, segment_bytes))
        self._set_control(index, b"")

    def address(self, index: int, count: int, address: Address) -> None:
        """Send ``count`` messages from ``index`` on to ``address``."""
        name, source = self._names.get(address) or self.name(address, b"")
        self._heads[index].msg_name = name
        if count > 1:
            for head in self._heads[index + 1 : index + count]:
                head.msg_name = name
        if source or self._with_source:
            for one in range(index, index + count):
                self._set_control(one, source)

    def name(self, address: Address, source: bytes) -> tuple[Any, bytes]:
        """Remember ``address``, and the control message that makes us answer from ``source``."""
        if len(self._names) >= ADDRESSES_MAX:
            self._names.clear()
        name = ffi.new("char[]", packed_address(address))
        named = self._names[address] = (name, source)
        return named

    def forget(self, address: Address) -> None:
        """Forget an address."""
        self._names.pop(address, None)

    def send(self, fileno: int, first: int, end: int) -> int:
        """Send the messages from ``first`` up to ``end``; return how many left.

        Raises:
            OSError: Not even the first one did.
        """
        count: int = lib.sendmmsg(fileno, self._table + first, end - first, 0)
        if count < 0:
            raise OSError(ffi.errno, "sendmmsg")
        return count

    def _set_control(self, index: int, source: bytes) -> None:
        """Let message ``index`` carry its segment size, if it has one, and ``source``."""
        if source:
            self._write(index, _SEGMENT_BYTES, source)
            self._with_source.add(index)
        else:
            self._with_source.discard(index)
        head, at = self._heads[index], self._controls + index * _CONTROL_BYTES
        if self._is_cut[index]:
            head.msg_control, head.msg_controllen = at, _SEGMENT_BYTES + len(source)
        elif source:
            head.msg_control, head.msg_controllen = at + _SEGMENT_BYTES, len(source)
        else:
            head.msg_control, head.msg_controllen = ffi.NULL, 0

    def _write(self, index: int, at: int, content: bytes) -> None:
        start = index * _CONTROL_BYTES + at
        self._control_view[start : start + len(content)] = content


def control(level: int, kind: int, content: int | bytes) -> bytes:
    """Return one control message, padded to eight bytes; a number is a 16-bit one."""
    if isinstance(content, int):
        content = content.to_bytes(2, sys.byteorder)
    message = _HEADER.pack(_HEADER.size + len(content), level, kind) + content
    return message + bytes(-len(message) % 8)


def packed_address(address: Address) -> bytes:
    """Return ``address`` as struct sockaddr_in or sockaddr_in6."""
    host, port = address[0], address[1]
    if len(address) == 2:
        return (
            socket.AF_INET.to_bytes(2, sys.byteorder)
            + port.to_bytes(2, "big")
            + socket.inet_pton(socket.AF_INET, host)
            + bytes(8)
        )
    return (
        socket.AF_INET6.to_bytes(2, sys.byteorder)
        + port.to_bytes(2, "big")
        + address[2].to_bytes(4, "big")
        + socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        + address[3].to_bytes(4, sys.byteorder)
    )
