"""Keys are UUIDs that sort by the time they were made."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from live.client_keys import new_key, uuid7

NOON_MS = 1_767_355_200_000


@given(st.integers(0, 2**74 - 1))
def test_a_key_is_a_version_7_uuid_that_holds_its_time(noise: int) -> None:
    key = uuid7(NOON_MS, noise)

    assert (key.version, key.variant) == (7, uuid.RFC_4122)
    assert key.int >> 80 == NOON_MS


def test_a_later_key_sorts_behind_an_earlier_one_whatever_the_noise() -> None:
    assert str(uuid7(NOON_MS, 2**74 - 1)) < str(uuid7(NOON_MS + 1, 0))


def test_no_two_keys_are_the_same() -> None:
    assert len({new_key() for _ in range(1_000)}) == 1_000
