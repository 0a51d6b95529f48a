"""Log-in pacing: slower after failures, and nobody is ever locked out."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.people import pacing
from web.people.errors import LogInTooFast
from web.people.pacing import LogInPacing


def fail(log_ins: LogInPacing, times: int, *, address: str = "192.0.2.1", now: float = 0) -> None:
    for _ in range(times):
        log_ins.failed("ana", address, now=now)


def test_a_few_mistakes_cost_nothing() -> None:
    log_ins = LogInPacing()

    fail(log_ins, pacing.FREE_FAILURES)

    assert log_ins.wait_s("ana", "192.0.2.1", now=0) == 0


def test_each_further_mistake_doubles_the_wait_up_to_a_bound() -> None:
    pauses = [pacing.pair_pause_s(failures) for failures in range(12)]

    assert pauses == [0, 0, 0, 0, 0, 0.5, 1, 2, 4, 8, 10, 10]


def test_a_long_wait_is_refused_with_the_seconds_until_the_next_try() -> None:
    log_ins = LogInPacing()
    fail(log_ins, 10)

    with pytest.raises(LogInTooFast) as refused:
        log_ins.wait_s("ana", "192.0.2.1", now=0)

    assert refused.value.retry_after_s == 11
    assert log_ins.wait_s("ana", "192.0.2.1", now=refused.value.retry_after_s) == 0


def test_nobody_waits_because_of_what_a_stranger_did_elsewhere_beyond_a_second() -> None:
    log_ins = LogInPacing()
    for stranger in range(1_000):
        fail(log_ins, 1, address=f"198.51.100.{stranger}")

    assert log_ins.wait_s("ana", "192.0.2.1", now=0) == pacing.CROWD_PAUSE_S


def test_tries_sent_at_once_queue_up() -> None:
    log_ins = LogInPacing()
    fail(log_ins, 6)  # a pause of 1 s

    waits = [log_ins.wait_s("ana", "192.0.2.1", now=1) for _ in range(3)]

    assert waits == [0, 1, 2]
    with pytest.raises(LogInTooFast):
        log_ins.wait_s("ana", "192.0.2.1", now=1)


def test_the_right_password_and_a_quarter_of_an_hour_are_both_forgiving() -> None:
    log_ins = LogInPacing()
    fail(log_ins, 10)
    log_ins.succeeded("ana", "192.0.2.1")
    assert log_ins.wait_s("ana", "192.0.2.1", now=0) == 0

    fail(log_ins, 30)
    assert log_ins.wait_s("ana", "192.0.2.1", now=pacing.FORGET_AFTER_S + 1) == 0


def test_other_handles_of_the_same_address_are_not_slowed_down() -> None:
    log_ins = LogInPacing()
    fail(log_ins, 10)

    assert log_ins.wait_s("bea", "192.0.2.1", now=0) == 0


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "KEYS_MAX", 10)
    log_ins = LogInPacing()

    for stranger in range(100):
        log_ins.failed(f"handle{stranger}", "192.0.2.1", now=0)

    assert len(log_ins._trails) == 10


@given(st.lists(st.sampled_from(["fail", "try", "wait"]), max_size=60))
def test_whatever_happened_the_owner_gets_a_try_within_the_longest_pauses(steps: list[str]) -> None:
    log_ins, now = LogInPacing(), 0.0
    for step in steps:
        if step == "fail":
            log_ins.failed("ana", "192.0.2.1", now=now)
        elif step == "wait":
            now += 1
        else:
            with contextlib.suppress(LogInTooFast):
                log_ins.wait_s("ana", "192.0.2.1", now=now)

    later = now + pacing.PAIR_PAUSE_S_MAX + pacing.WAIT_S_MAX
    assert log_ins.wait_s("ana", "192.0.2.1", now=later) <= pacing.CROWD_PAUSE_S
