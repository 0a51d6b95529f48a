"""Days are counted from the journal, a little at a time, and always to the same numbers."""

from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from tests.wallet.stripe_world import NOON, PACK, PRICE, VIEWER, a_purchase, hear, paid, refunded
from wallet import days, ledger, purchases, stripe_events
from wallet.coins import Gift, Grant
from wallet.days import Day
from wallet.journal import CONNECTION_CHAIN

TODAY = NOON.date()
TOMORROW = TODAY + timedelta(days=1)
CENT = 10_000


def give(conn: Connection, coins: int, key: str, now: datetime = NOON) -> None:
    """Let the viewer try to give coins."""
    gift = Gift(
        viewer_id=VIEWER,
        creator_id="c" * 32,
        coins=coins,
        diamonds=coins,
        held_micros=coins * 5_000,
        currency="EUR",
    )
    command = ledger.ask(gift, account_id=VIEWER, route="gift", key=key, terms=b"", asked_at=now)
    ledger.post(conn, [command])


def grant(conn: Connection, coins: int) -> None:
    """Give the viewer promotional coins."""
    event = Grant(viewer_id=VIEWER, coins=coins)
    command = ledger.ask(
        event, account_id=VIEWER, route="grant", key="grant", terms=b"", asked_at=NOON
    )
    ledger.post(conn, [command])


def count_all(conn: Connection, rows_max: int = 5_000) -> int:
    """Count on until nothing is left; return how many turns that took."""
    turns = 0
    while days.count_on(conn, rows_max=rows_max):
        turns += 1
    return turns


def two_days(conn: Connection) -> None:
    """Sell a pack on each of two days, give some of it, refund one and refuse a gift."""
    for purchase_id in ("p1", "p2"):
        a_purchase(conn, purchase_id)
    grant(conn, 30)
    hear(conn, paid("p1"))
    give(conn, 10, "first")
    give(conn, 100_000, "too much")
    stripe_events.receive(conn, paid("p2"), b"", now=NOON + timedelta(days=1))
    give(conn, 25, "second", NOON + timedelta(days=1))
    give(conn, 1, "third", NOON + timedelta(days=1))
    hear(conn, refunded(PRICE, "p2"))


SOLD = [
    Day(TODAY, PRICE * CENT, PACK.coins, 1, 10),
    Day(TOMORROW, PRICE * CENT, PACK.coins, 2, 26),
]


def test_a_day_counts_sales_gross_and_gifts_of_both_kinds_of_coins(conn: Connection) -> None:
    two_days(conn)

    count_all(conn)

    assert days.between(conn, TODAY, TOMORROW) == SOLD


def test_counting_again_adds_nothing_and_counting_on_adds_what_is_new(conn: Connection) -> None:
    two_days(conn)
    count_all(conn)
    assert count_all(conn) == 0

    give(conn, 4, "fourth", NOON + timedelta(days=1))
    count_all(conn)

    assert days.between(conn, TOMORROW, TOMORROW)[0].coins_gifted == 30


def test_little_by_little_and_from_the_start_give_the_same_numbers(conn: Connection) -> None:
    two_days(conn)
    conn.info.pop(CONNECTION_CHAIN)  # as after a restart: a second chain
    give(conn, 1, "after the restart", NOON + timedelta(days=1))

    assert count_all(conn, rows_max=1) > 5
    little_by_little = days.between(conn, TODAY, TOMORROW)
    days.forget(conn)
    assert days.between(conn, TODAY, TOMORROW) == [Day(TODAY), Day(TOMORROW)]
    count_all(conn)

    assert days.between(conn, TODAY, TOMORROW) == little_by_little
    assert little_by_little[1].gifts_count == 3


def test_days_on_which_nothing_happened_are_shown_empty(conn: Connection) -> None:
    count_all(conn)

    assert days.between(conn, date(2024, 2, 28), date(2024, 3, 1)) == [
        Day(date(2024, 2, 28)),
        Day(date(2024, 2, 29)),
        Day(date(2024, 3, 1)),
    ]


def test_an_empty_journal_leaves_nothing_to_count(conn: Connection) -> None:
    assert days.count_on(conn) is False
    assert purchases.due(conn, now=NOON) == []
