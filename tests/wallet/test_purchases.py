"""From asking for a pack to having its coins, and every way in which that may go wrong."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, update

from tests.wallet.stripe_world import (
    NOON,
    PACK,
    PRICE,
    a_purchase,
    an_intent,
    asked,
    balances,
    holdings,
)
from wallet import purchases
from wallet.errors import KeyReused, LedgerBroken, UnknownPurchase, WrongMode
from wallet.journal import read_note
from wallet.purchases import Result, Status
from wallet.tables import journal, mode
from wallet.tables import purchases as rows

GROSS = PRICE * 10_000  # in 10⁻⁶ euros


def test_a_request_is_written_down_before_anything_is_paid(conn: Connection) -> None:
    purchase = asked(conn)

    assert purchase.status is Status.REQUESTED
    assert purchase.answer is None
    assert purchase.is_pending
    assert holdings(conn).coins == 0


def test_the_same_key_finds_the_first_request(conn: Connection) -> None:
    first = asked(conn, "p1", key="k")
    again = asked(conn, "p2", key="k", now=NOON + timedelta(days=400))

    assert again == first


def test_the_same_key_for_something_else_is_refused(conn: Connection) -> None:
    asked(conn, "p1", key="k")

    with pytest.raises(KeyReused):
        asked(conn, "p2", key="k", terms="coins-70")


def test_two_people_may_use_the_same_key(conn: Connection) -> None:
    asked(conn, "p1", key="k")

    assert asked(conn, "p2", key="k", account_id="b" * 32).purchase_id == "p2"


def test_the_first_answer_stands_for_ever(conn: Connection) -> None:
    asked(conn)

    first = purchases.record_intent(conn, "p1", an_intent(), b"first")
    second = purchases.record_intent(conn, "p1", an_intent(id="pi_other"), b"second")

    assert (first, second) == (b"first", b"first")
    found = purchases.find(conn, "p1")
    assert (found.intent_id, found.answer) == ("pi_p1", b"first")


def test_a_purchase_is_shown_to_its_buyer_only(conn: Connection) -> None:
    purchase = asked(conn)

    assert purchases.find(conn, "p1", account_id=purchase.account_id) == purchase
    with pytest.raises(UnknownPurchase):
        purchases.find(conn, "p1", account_id="b" * 32)
    with pytest.raises(UnknownPurchase):
        purchases.find(conn, "p2")
    with pytest.raises(UnknownPurchase):
        purchases.locked(conn, "p2")


def test_the_first_purchase_makes_a_database_test_or_live_for_good(conn: Connection) -> None:
    purchases.check_mode(conn, livemode=True)
    asked(conn, livemode=False)

    purchases.check_mode(conn, livemode=False)
    with pytest.raises(WrongMode, match="has test purchases: it cannot be served with a live"):
        purchases.check_mode(conn, livemode=True)
    with pytest.raises(WrongMode):
        asked(conn, "p2", livemode=True)


def test_a_live_database_refuses_a_test_key(conn: Connection) -> None:
    conn.execute(insert(mode).values(only=1, livemode=True, since_at=NOON))

    with pytest.raises(WrongMode, match="has live purchases: it cannot be served with a test"):
        purchases.check_mode(conn, livemode=False)


def test_a_payment_that_succeeded_gives_its_coins_once(conn: Connection) -> None:
    a_purchase(conn)

    results = [purchases.credit(conn, an_intent(), now=NOON) for _ in range(3)]

    assert results == [Result.APPLIED] * 3
    assert holdings(conn).coins == PACK.coins
    assert balances(conn) == {
        "psp:pending EUR": GROSS,
        "coins:deferred EUR": -GROSS,
        "viewer:coins COIN": PACK.coins,
        "mint COIN": -PACK.coins,
    }
    purchase = purchases.find(conn, "p1")
    assert (purchase.status, purchase.paid_at) == (Status.PAID, NOON)
    assert not purchase.is_pending


def test_the_note_of_a_purchase_holds_ids_and_numbers_only(conn: Connection) -> None:
    a_purchase(conn)
    purchases.credit(conn, an_intent(), now=NOON)

    note = conn.scalar(select(journal.c.note).where(journal.c.kind == "purchase"))

    assert note is not None
    assert read_note(note) == {
        "purchase_id": "p1",
        "coins": 700,
        "amount_minor": 969,
        "currency": "EUR",
    }


def test_tax_in_the_price_is_posted_apart(conn: Connection) -> None:
    a_purchase(conn)
    conn.execute(update(rows).values(tax_minor=162))

    purchases.credit(conn, an_intent(), now=NOON)

    assert balances(conn)["tax:vat EUR"] == -1_620_000
    assert balances(conn)["coins:deferred EUR"] == 1_620_000 - GROSS


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": PRICE - 1},
        {"amount_received": PRICE - 1},
        {"amount_received": 0},
        {"currency": "usd"},
        {"livemode": True},
        {"id": "pi_foreign"},
    ],
)
def test_a_payment_of_something_else_gives_nothing(
    conn: Connection, changes: dict[str, Any]
) -> None:
    a_purchase(conn)

    assert purchases.credit(conn, an_intent(**changes), now=NOON) is Result.MISMATCH
    assert holdings(conn).coins == 0
    assert purchases.find(conn, "p1").status is Status.REQUESTED


@pytest.mark.parametrize("metadata", [{}, {"purchase_id": "p2"}, {"order": "p1"}])
def test_a_payment_for_nobody_gives_nothing(conn: Connection, metadata: dict[str, str]) -> None:
    a_purchase(conn)

    assert purchases.credit(conn, an_intent(metadata=metadata), now=NOON) is Result.UNKNOWN
    assert holdings(conn).coins == 0


def test_a_payment_found_before_its_intent_was_recorded_is_taken(conn: Connection) -> None:
    asked(conn)

    assert purchases.credit(conn, an_intent(), now=NOON) is Result.APPLIED
    assert holdings(conn).coins == PACK.coins


@pytest.mark.parametrize(
    ("statuses", "status", "failure_code"),
    [
        (["requires_payment_method"], Status.REQUESTED, None),
        (["requires_action"], Status.REQUESTED, None),
        (["processing"], Status.PROCESSING, None),
        (["declined"], Status.REQUESTED, "insufficient_funds"),
        (["processing", "declined"], Status.REQUESTED, "insufficient_funds"),
        (["declined", "processing"], Status.REQUESTED, "insufficient_funds"),
        (["canceled"], Status.CANCELED, None),
        (["canceled", "processing"], Status.CANCELED, None),
        (["canceled", "declined"], Status.CANCELED, None),
        (["processing", "canceled"], Status.CANCELED, None),
        (["canceled", "succeeded"], Status.PAID, None),
        (["declined", "succeeded"], Status.PAID, None),
        (["succeeded", "processing"], Status.PAID, None),
        (["succeeded", "declined"], Status.PAID, None),
        (["succeeded", "canceled"], Status.PAID, None),
    ],
)
def test_what_intents_say_ends_in_the_same_state_whatever_the_order(
    conn: Connection, statuses: list[str], status: Status, failure_code: str | None
) -> None:
    a_purchase(conn)

    for one in statuses:
        error = {"code": "card_declined", "decline_code": "insufficient_funds"}
        intent = an_intent("p1", "requires_payment_method", last_payment_error=error)
        purchases.credit(conn, intent if one == "declined" else an_intent("p1", one), now=NOON)

    found = purchases.find(conn, "p1")
    assert (found.status, found.failure_code) == (status, failure_code)


def test_what_is_pending_is_due_after_a_minute_and_then_ever_more_rarely(conn: Connection) -> None:
    a_purchase(conn)
    waits = []
    now = NOON
    for _ in range(12):
        row = purchases.locked(conn, "p1")
        assert purchases.due(conn, now=row["check_at"] - timedelta(microseconds=1)) == []
        assert [one.purchase_id for one in purchases.due(conn, now=row["check_at"])] == ["p1"]
        waits.append((row["check_at"] - now) // timedelta(seconds=1))
        now = row["check_at"]
        purchases.put_off(conn, "p1", now=now)

    assert waits == [60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600, 21600]


def test_nobody_asks_about_what_is_paid_or_given_up(conn: Connection) -> None:
    a_purchase(conn, "p1")
    a_purchase(conn, "p2")
    purchases.credit(conn, an_intent("p1"), now=NOON)
    purchases.put_off(conn, "p1", now=NOON)
    purchases.give_up(conn, "p2")

    assert purchases.due(conn, now=NOON + timedelta(days=9)) == []
    assert purchases.find(conn, "p2").status is Status.CANCELED


def test_giving_up_does_not_touch_what_was_paid(conn: Connection) -> None:
    a_purchase(conn)
    purchases.credit(conn, an_intent(), now=NOON)

    purchases.give_up(conn, "p1")

    assert purchases.find(conn, "p1").status is Status.PAID


def test_a_row_that_contradicts_the_ledger_stops_the_writer(conn: Connection) -> None:
    a_purchase(conn)
    purchases.credit(conn, an_intent(), now=NOON)
    conn.execute(update(rows).values(paid_at=None, lot_id=None, postings_count=0))

    with pytest.raises(LedgerBroken):
        purchases.credit(conn, an_intent(), now=NOON)


def test_changing_nothing_runs_no_statement(conn: Connection) -> None:
    purchases.change(conn, "p1")

    assert conn.scalar(select(func.count()).select_from(rows)) == 0
