"""What refunds and disputes take back, as tables and as properties."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet import claims
from wallet.claims import Posted, Sold, Stage, Told
from wallet.coins import Entries, Freeze, GiveBack, TakeBack, Unfreeze

SOLD = Sold(lot_id=7, coins=700, amount_minor=969, tax_minor=162, currency="EUR")
CENT = 10_000  # in 10⁻⁶ euros
NONE = Posted()


def after(told: Told, posted: Posted = NONE, sold: Sold = SOLD) -> Posted:
    """Return what is posted once everything has been."""
    for _, posted_now in claims.steps(sold, told, posted, b""):
        posted = posted_now
    return posted


def events(told: Told, posted: Posted = NONE) -> list[claims.Event]:
    """Return what the ledger is asked to do."""
    return [event for event, _ in claims.steps(SOLD, told, posted, b"")]


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("needs_response", "open"),
        ("under_review", "open"),
        ("warning_needs_response", "open"),
        ("appeal_under_review", "open"),
        ("something_new", "open"),
        ("warning_closed", "won"),
        ("prevented", "won"),
        ("won", "won"),
        ("lost", "lost"),
    ],
)
def test_every_status_of_stripes_is_a_stage_and_what_is_unknown_is_open(
    status: str, stage: Stage
) -> None:
    assert claims.stage_of(status) == stage


@given(st.permutations(claims.STAGES))
def test_the_latest_stage_stays_whatever_the_order(stages: list[Stage]) -> None:
    heard: Stage = "open"
    for stage in stages:
        heard = claims.later(heard, stage)

    assert heard == "won"


def test_nothing_told_asks_for_nothing() -> None:
    assert events(Told()) == []


def test_a_whole_refund_takes_all_coins_and_all_tax() -> None:
    (refund,) = events(Told(refunded_minor=969))

    assert isinstance(refund, TakeBack)
    assert (refund.lot_id, refund.coins, refund.reason) == (7, 700, "refunded")
    assert (refund.money_micros, refund.tax_micros) == (807 * CENT, 162 * CENT)
    assert refund.source.kind == "psp:pending"


@pytest.mark.parametrize(
    ("refunded_minor", "coins", "tax_minor"),
    [(1, 0, 0), (2, 1, 0), (484, 349, 80), (485, 350, 81), (968, 699, 161), (969, 700, 162)],
)
def test_a_part_takes_its_part_of_the_coins_rounded_down(
    refunded_minor: int, coins: int, tax_minor: int
) -> None:
    posted = after(Told(refunded_minor=refunded_minor))

    assert (posted.clawed_coins, posted.tax_returned_minor) == (coins, tax_minor)


def test_an_open_dispute_moves_its_money_aside_and_freezes() -> None:
    told = Told(withdrawn_minor=969, is_disputed=True)

    money, freeze = events(told)

    assert isinstance(money, Entries)
    ((debit, credit, amount),) = money.legs
    assert (debit.kind, credit.kind, amount) == ("recv:dispute", "psp:pending", 969 * CENT)
    assert isinstance(freeze, Freeze)
    assert events(told, after(told)) == []


def test_a_won_dispute_moves_its_money_back_and_unfreezes() -> None:
    opened = after(Told(withdrawn_minor=969, is_disputed=True))

    money, unfreeze = events(Told(), opened)

    assert isinstance(money, Entries)
    ((debit, credit, amount),) = money.legs
    assert (debit.kind, credit.kind, amount) == ("psp:pending", "recv:dispute", 969 * CENT)
    assert isinstance(unfreeze, Unfreeze)


def test_a_lost_dispute_takes_the_coins_and_writes_off_the_claim() -> None:
    opened = after(Told(withdrawn_minor=969, is_disputed=True))

    (clawback,) = events(Told(withdrawn_minor=969, lost_minor=969), opened)

    assert isinstance(clawback, TakeBack)
    assert (clawback.kind, clawback.coins, clawback.reason) == ("clawback", 700, "clawed")
    assert clawback.source.kind == "recv:dispute"


def test_a_partly_lost_dispute_frees_what_it_does_not_take() -> None:
    opened = after(Told(withdrawn_minor=485, is_disputed=True))

    clawback, unfreeze = events(Told(withdrawn_minor=485, lost_minor=485), opened)

    assert isinstance(clawback, TakeBack)
    assert clawback.coins == 350
    assert isinstance(unfreeze, Unfreeze)


def test_refund_and_lost_dispute_take_the_coins_once_and_both_sums_of_money() -> None:
    taken = [
        event
        for event in events(Told(refunded_minor=969, withdrawn_minor=969, lost_minor=969))
        if isinstance(event, TakeBack)
    ]

    assert [event.coins for event in taken] == [700, 0]
    assert sum(event.money_micros + event.tax_micros for event in taken) == 2 * 969 * CENT
    assert sum(event.tax_micros for event in taken) == 162 * CENT


def test_a_loss_won_on_appeal_gives_back_all_but_what_was_refunded() -> None:
    lost = after(Told(refunded_minor=485, withdrawn_minor=969, lost_minor=969))

    money, restore = events(Told(refunded_minor=485), lost)

    assert isinstance(money, Entries)
    assert isinstance(restore, GiveBack)
    assert (restore.coins, restore.tax_micros) == (350, 81 * CENT)
    assert after(Told(refunded_minor=485), lost) == after(Told(refunded_minor=485))


def test_coins_that_come_back_are_frozen_while_another_dispute_is_open() -> None:
    both = Told(withdrawn_minor=969, lost_minor=484, is_disputed=True)
    posted = after(both)

    found = events(replace(both, lost_minor=0), posted)

    assert [type(event) for event in found] == [GiveBack, Freeze]


def test_after_everything_is_taken_there_is_nothing_to_freeze() -> None:
    told = Told(refunded_minor=969, is_disputed=True)

    assert [type(event) for event in events(told)] == [TakeBack]
    assert not after(told).is_frozen


MONEY = st.integers(0, 1_000)
TOLD = st.builds(Told, MONEY, MONEY, MONEY, st.booleans())


@given(st.lists(TOLD, min_size=1, max_size=6), st.integers(1, 2_000), st.integers(2, 1_000))
def test_what_is_posted_depends_on_what_was_told_last_and_not_on_the_way(
    heard: list[Told], coins: int, amount_minor: int
) -> None:
    sold = Sold(7, coins, amount_minor, amount_minor // 6, "EUR")
    refunded_minor = 0
    posted = Posted()
    for told in heard:  # refunds only grow
        refunded_minor = max(refunded_minor, told.refunded_minor)
        told = replace(told, refunded_minor=refunded_minor)
        posted = after(told, posted, sold)

    assert posted == after(told, Posted(), sold)
    assert 0 <= posted.clawed_coins <= coins
    assert list(claims.steps(sold, told, posted, b"")) == []
