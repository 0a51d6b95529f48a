"""What is remembered of rooms that are open to everybody."""

from web import entrances
from web.entrances import Entrances


class Clock:
    """Monotonic time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_room_is_known_to_be_open_for_a_second() -> None:
    clock = Clock()
    known = Entrances(clock)
    assert not known.was_open("room")

    known.note_open("room")
    clock.now += 0.9
    assert known.was_open("room")
    assert not known.was_open("other")

    clock.now += 0.2
    assert not known.was_open("room")


def test_no_more_rooms_are_remembered_than_there_is_room_for() -> None:
    known = Entrances(Clock())
    for number in range(entrances.ROOMS_MAX + 1):
        known.note_open(str(number))

    assert not known.was_open("0")
    assert known.was_open(str(entrances.ROOMS_MAX))
