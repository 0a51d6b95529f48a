"""Token buckets per key, bounded in number, and who the client is behind proxies.

Units   rates: per second. Time: monotonic seconds.
Limit   ``BUCKETS_MAX`` keys are remembered; past it the fullest (idle longest) go first, which
        can only be generous to somebody who had not used their allowance.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from starlette.requests import HTTPConnection

from web.errors import Problem

BUCKETS_MAX = 100_000
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one client may do one thing.

    Attributes:
        name: What is counted.
        burst: Allowed at once.
        per_s: Refilled per second.
        loopback_burst: Allowed at once to loopback clients without a proxy.
        loopback_per_s: Refilled per second to those.
    """

    name: str
    burst: int
    per_s: float
    loopback_burst: int = 600
    loopback_per_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """Whence a request comes.

    Attributes:
        text: The address limits count by: IPv6 clients by their /64, which one home owns.
        is_direct_loopback: From this machine, and no proxy says otherwise.
    """

    text: str
    is_direct_loopback: bool


class Limits:
    """Token buckets by (pace, key)."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def spend(self, pace: Pace, client: ClientAddress, tokens: float = 1.0) -> None:
        """Take ``tokens`` from the client's bucket.

        Raises:
            Problem: 429 with Retry-After when they are not there.
        """
        burst, per_s = pace.burst, pace.per_s
        if client.is_direct_loopback:
            burst, per_s = pace.loopback_burst, pace.loopback_per_s
        wait_s = self.take(pace.name, client.text, burst, per_s, tokens)
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            raise Problem(
                429,
                "too_many",
                f"Too many at once: try again in {seconds} s",
                fields={"retry_after_s": seconds},
                headers={"Retry-After": str(seconds)},
            )

    def take(self, name: str, key: str, burst: float, per_s: float, tokens: float = 1.0) -> float:
        """Take ``tokens`` and return 0, or leave them and return the seconds to wait."""
        now = self._monotonic()
        left, seen = self._buckets.pop((name, key), (float(burst), now))
        left = min(float(burst), left + (now - seen) * per_s)
        enough = left >= tokens
        self._buckets[name, key] = (left - tokens if enough else left, now)
        if len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
        return 0.0 if enough else (tokens - left) / per_s


def client_address(connection: HTTPConnection[Any], trusted: Sequence[str]) -> ClientAddress:
    """Return who is at the other end, believing X-Forwarded-For of trusted proxies only.

    The list is read from the right: the first address that is not a trusted proxy is the
    client; what stands further left was written by the client and proves nothing.
    """
    peer = connection.client.host if connection.client else ""
    hops = [
        hop.strip()
        for line in connection.headers.getlist("x-forwarded-for")
        for hop in line.split(",")
    ]
    address = parse_address(peer)
    if address is None:
        return ClientAddress(peer, is_direct_loopback=False)
    is_direct = not hops
    while hops and is_trusted(address, tuple(trusted)):
        hop = parse_address(hops.pop())
        if hop is None:
            break
        address = hop
    return ClientAddress(bucket_text(address), is_direct and address.is_loopback)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """Return the address in ``text``, without brackets, port or IPv4-in-IPv6 clothing."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=4096)
def is_trusted(address: Address, trusted: tuple[str, ...]) -> bool:
    """Return whether ``address`` lies in one of the networks ``trusted``."""
    return any(address in ip_network(network) for network in trusted)


@lru_cache(maxsize=4096)
def bucket_text(address: Address) -> str:
    """Return the text ``address`` is counted by."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)
