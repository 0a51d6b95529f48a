"""The ring: what it keeps, what it lets go, what it never takes twice."""

from hypothesis import given
from hypothesis import strategies as st

from live.packet_cache import Kept, PacketCache


def kept(sequence: int, *, at: float = 0.0, timestamp: int | None = None, size: int = 10) -> Kept:
    return Kept(sequence, sequence if timestamp is None else timestamp, at, bytes(size))


def test_packets_are_given_in_order_however_they_came() -> None:
    ring = PacketCache()
    for sequence in (1, 3, 2, 5):
        ring.keep(kept(sequence))

    assert [entry.sequence for entry in ring.since(1, 10)] == [1, 2, 3, 5]
    assert [entry.sequence for entry in ring.since(2, 2)] == [2, 3]


def test_a_number_is_taken_once() -> None:
    ring = PacketCache()

    assert ring.keep(kept(1))
    assert not ring.keep(kept(1))


def test_a_number_stays_taken_after_its_packet_left() -> None:
    ring = PacketCache(age_s_max=6.0)
    ring.keep(kept(1, at=0.0))
    ring.keep(kept(2, at=10.0))

    assert ring.get(1) is None
    assert not ring.accepts(1)


def test_a_joiner_starts_at_the_first_packet_of_the_newest_keyframe() -> None:
    ring = PacketCache()
    ring.keep(kept(1, timestamp=10))
    ring.keep(kept(2, timestamp=20))
    ring.keep(kept(3, timestamp=20), begins_keyframe=True)

    assert ring.keyframe == 2


def test_a_repaired_packet_completes_the_keyframe_it_belongs_to() -> None:
    ring = PacketCache()
    ring.keep(kept(3, timestamp=20), begins_keyframe=True)
    ring.keep(kept(2, timestamp=20))
    ring.keep(kept(1, timestamp=10))

    assert ring.keyframe == 2


def test_an_older_keyframe_that_comes_late_changes_nothing() -> None:
    ring = PacketCache()
    ring.keep(kept(9), begins_keyframe=True)
    ring.keep(kept(4), begins_keyframe=True)

    assert ring.keyframe == 9


def test_packets_before_the_keyframe_stay_long_enough_for_repairs() -> None:
    ring = PacketCache()
    ring.keep(kept(1, at=0.0))
    ring.keep(kept(2, at=1.0), begins_keyframe=True)
    assert ring.get(1) is not None

    ring.keep(kept(3, at=2.5))

    assert ring.get(1) is None
    assert ring.keyframe == 2


def test_a_keyframe_too_old_is_forgotten() -> None:
    ring = PacketCache(age_s_max=6.0)
    ring.keep(kept(1, at=0.0), begins_keyframe=True)
    ring.keep(kept(2, at=6.1))

    assert ring.keyframe is None


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 200)), max_size=200))
def test_the_ring_never_outgrows_its_bytes(packets: list[tuple[int, int]]) -> None:
    ring = PacketCache(size_bytes_max=1000)

    for at, (sequence, size) in enumerate(packets):
        ring.keep(kept(sequence, at=at * 0.001, size=size), begins_keyframe=at == 0)

        assert ring.size_bytes <= 1000
        assert ring.size_bytes == sum(len(entry.packet) for entry in ring.since(0, 1000))
