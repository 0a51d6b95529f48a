"""What is asked for again, when, and how often."""

from live.losses import GIVE_UP_S, MISSING_MAX, REORDER_S, RETRY_S_MIN, TRIES_MAX, Losses


def stream(*sequences: int, at: float = 0.0) -> Losses:
    losses = Losses(90_000)
    for sequence in sequences:
        losses.arrived(sequence, at)
    return losses


def test_a_gap_is_asked_for_after_the_time_packets_may_swap_places() -> None:
    losses = stream(1, 4)

    assert losses.due(0.001) == []
    assert losses.due(REORDER_S) == [2, 3]


def test_what_came_meanwhile_is_not_asked_for() -> None:
    losses = stream(1, 4)
    losses.arrived(2, 0.001)

    assert losses.due(REORDER_S) == [3]


def test_a_question_is_repeated_only_after_a_round_trip() -> None:
    losses = stream(1, 3)
    losses.due(0.01)

    assert losses.due(0.02) == []
    assert losses.due(0.01 + RETRY_S_MIN) == [2]


def test_after_enough_tries_a_packet_is_given_up() -> None:
    losses = stream(1, 3)
    asked = 0
    for step in range(100):
        asked += len(losses.due(0.01 + step * 0.05))

    assert asked == TRIES_MAX
    assert losses.given_up


def test_what_is_too_late_to_be_shown_is_given_up() -> None:
    losses = stream(1, 3)

    assert losses.due(GIVE_UP_S + 0.1) == []
    assert losses.given_up


def test_an_outage_is_not_asked_for_packet_by_packet() -> None:
    losses = stream(1, MISSING_MAX + 10)

    assert losses.due(1.0) == []
    assert losses.given_up


def test_a_repeated_packet_is_told_from_a_new_one() -> None:
    losses = stream(1, 2)

    assert not losses.arrived(2, 0.0)
    assert not losses.arrived(0, 0.0)


def test_the_first_answer_measures_the_round_trip() -> None:
    losses = stream(1, 3)
    losses.due(0.01)
    losses.arrived(2, 0.06)

    assert losses.round_trip_s is not None
    assert abs(losses.round_trip_s - 0.05) < 1e-9
    assert losses.repaired_count == 1


def test_an_interval_tells_what_was_lost_since_the_last_one() -> None:
    losses = stream(1, 2, 5, 6, 7, 8, 9, 10)

    assert losses.interval() == (2 * 256 // 10, 2)

    losses.arrived(11, 0.0)
    assert losses.interval() == (0, 2)


def test_even_arrivals_have_no_jitter() -> None:
    losses = Losses(90_000)
    for index in range(10):
        losses.transit(index * 3000, index * 3000 / 90_000)

    assert losses.jitter < 1e-6


def test_uneven_arrivals_have_jitter_and_a_timestamp_wrap_has_none() -> None:
    losses = Losses(90_000)
    losses.transit(0, 0.0)
    losses.transit(3000, 0.133)
    jitter = losses.jitter
    assert jitter > 500

    losses.transit(3000 - 0x1_0000_0000, 0.166)

    assert losses.jitter == jitter
