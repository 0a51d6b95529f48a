from typing import Any

import pytest
from starlette.requests import HTTPConnection

from web.errors import Problem
from web.limits import BUCKETS_MAX, ClientAddress, Limits, Pace, client_address

PACE = Pace("knocks", burst=2, per_s=0.5, loopback_burst=3, loopback_per_s=1)
STRANGER = ClientAddress("203.0.113.9", is_direct_loopback=False)
TRUSTED = ("127.0.0.0/8", "10.0.0.0/8")


class Clock:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def a_connection(peer: str, *forwarded: str) -> HTTPConnection[Any]:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return HTTPConnection({"type": "http", "client": (peer, 1), "headers": headers})


def test_a_burst_is_allowed_and_then_one_per_refill() -> None:
    clock = Clock()
    limits = Limits(clock)
    limits.spend(PACE, STRANGER)
    limits.spend(PACE, STRANGER)

    with pytest.raises(Problem) as caught:
        limits.spend(PACE, STRANGER)
    clock.now = 2.0
    limits.spend(PACE, STRANGER)

    assert caught.value.status == 429
    assert caught.value.headers == {"Retry-After": "2"}


def test_waiting_long_fills_the_bucket_only_to_its_burst() -> None:
    clock = Clock()
    limits = Limits(clock)
    clock.now = 1_000.0

    waits = [limits.take("n", "k", 2, 0.5) for _ in range(3)]

    assert waits == [0.0, 0.0, 2.0]


def test_loopback_without_a_proxy_has_its_own_larger_bucket() -> None:
    limits = Limits(Clock())
    at_home = ClientAddress("127.0.0.1", is_direct_loopback=True)

    for _ in range(3):
        limits.spend(PACE, at_home)

    with pytest.raises(Problem):
        limits.spend(PACE, at_home)


def test_the_number_of_buckets_is_bounded() -> None:
    limits = Limits(Clock())

    for number in range(BUCKETS_MAX + 5):
        limits.take("n", str(number), 1, 1)

    assert limits.take("n", "0", 1, 1) == 0.0  # forgotten, so generous
    assert limits.take("n", str(BUCKETS_MAX), 1, 1) > 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected", "direct"),
    [
        ("203.0.113.9", [], "203.0.113.9", False),
        ("127.0.0.1", [], "127.0.0.1", True),
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9", False),
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1", False),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9", False),  # nobody we trust says so
        ("127.0.0.1", ["6.6.6.6, 198.51.100.1, 10.0.0.2"], "198.51.100.1", False),
        ("127.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1", False),
        ("127.0.0.1", ["garbage"], "127.0.0.1", False),
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1", False),
        ("2001:db8::1:2", [], "2001:db8::/64", False),
        ("::ffff:203.0.113.9", [], "203.0.113.9", False),
        ("testclient", [], "testclient", False),
    ],
)
def test_the_client_is_the_first_address_no_trusted_proxy_stands_for(
    peer: str, forwarded: list[str], expected: str, direct: bool
) -> None:
    found = client_address(a_connection(peer, *forwarded), TRUSTED)

    assert found == ClientAddress(expected, is_direct_loopback=direct)
