"""Every event posts exactly what ``LEDGER.md`` shows, and lots release exactly their cost."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

import wallet
from tests.wallet.books import (
    CREATOR,
    DISPUTED,
    DOLLAR,
    NOON,
    OTHER,
    PENDING,
    VIEWER,
    a_gift,
    a_lot,
    a_sale,
    asked,
    balance,
    coins_of,
    diamonds_of,
    posted,
    results,
)
from wallet import accounts
from wallet.accounts import COIN, AccountName
from wallet.coins import (
    Entries,
    Freeze,
    Gift,
    GiveBack,
    Grant,
    Sale,
    TakeBack,
    Unfreeze,
    coins_after,
    sold_lot,
    taken_back,
)
from wallet.errors import NotACommand, UnknownAccount
from wallet.exports import plain_amount
from wallet.journal import entry_legs
from wallet.ledger import Event, Outcome, Refusal
from wallet.verify import verify

LEDGER_MD = (Path(wallet.__file__).parent / "LEDGER.md").read_text()
EXAMPLE = re.compile(r"^### ([\w ]+?): .*?```text\n(.*?)```", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(EXAMPLE.findall(LEDGER_MD))

# What happens in each example, in a fresh book, before and at the example itself. Lot 1 is the
# viewer's purchase of 1,000 coins for 13.00.
BOUGHT = Sale(VIEWER, 1_000, 13 * DOLLAR, "USD")
GAVE_600 = Gift(VIEWER, CREATOR, 600, 600, 3 * DOLLAR, "USD")
WITHDRAWN = Entries("dispute_money", ((DISPUTED, PENDING, 13 * DOLLAR),))
LOST = TakeBack(1, 1_000, 13 * DOLLAR, DISPUTED, reason="clawed", kind="clawback")
HAPPENINGS: dict[str, tuple[Event, ...]] = {
    "Purchase": (BOUGHT,),
    "Purchase with tax": (Sale(VIEWER, 1_000, 13 * DOLLAR, "USD", 2_600_000),),
    "Gift": (BOUGHT, Gift(VIEWER, CREATOR, 100, 100, 500_000, "USD")),
    "Gift across lots": (
        Sale(VIEWER, 3, 100, "USD"),
        BOUGHT,
        Gift(VIEWER, CREATOR, 5, 5, 25_000, "USD"),
    ),
    "Gift from promotional coins": (
        Grant(VIEWER, 200),
        Gift(VIEWER, CREATOR, 100, 100, 500_000, "USD"),
    ),
    "Gift in another currency": (
        Sale(VIEWER, 1_000, 12 * DOLLAR, "EUR"),
        Gift(VIEWER, CREATOR, 100, 100, 500_000, "USD"),
    ),
    "Grant": (Grant(VIEWER, 200),),
    "Refund": (BOUGHT, TakeBack(1, 1_000, 13 * DOLLAR, PENDING)),
    "Refund after spending": (BOUGHT, GAVE_600, TakeBack(1, 1_000, 13 * DOLLAR, PENDING)),
    "Dispute opened": (BOUGHT, GAVE_600, Freeze(1)),
    "Dispute money withdrawn": (BOUGHT, WITHDRAWN),
    "Dispute lost": (BOUGHT, GAVE_600, Freeze(1), WITHDRAWN, LOST),
    "Dispute won": (BOUGHT, GAVE_600, Freeze(1), Unfreeze(1)),
    "Dispute won after all": (
        *(BOUGHT, GAVE_600, Freeze(1), WITHDRAWN, LOST),
        GiveBack(1, 1_000, 13 * DOLLAR, DISPUTED, reason="clawed"),
    ),
}


def legs_of(conn: Connection, outcome: Outcome) -> str:
    """Return a posting's transfers as ``LEDGER.md`` writes them."""
    lines = []
    for debit, credit, amount in entry_legs(conn, outcome.chain, outcome.sequence):
        sides = [readable(debit), readable(credit)]
        lines.append(f"{sides[0]:<34}{sides[1]:<34}{plain_amount(debit.asset, amount)}\n")
    return "".join(lines)


def readable(name: AccountName) -> str:
    """Return a name with people by their role and without empty parts."""
    people = {VIEWER: "VIEWER", CREATOR: "CREATOR"}
    parts = [name.kind, people.get(name.owner, name.owner), name.bucket]
    return " ".join(part for part in parts if part)


@pytest.mark.parametrize("example", HAPPENINGS)
def test_an_event_posts_what_the_ledger_document_shows(conn: Connection, example: str) -> None:
    happenings = HAPPENINGS[example]
    shift = last_lot(conn)

    outcomes = [posted(conn, moved_to(event, shift))[0] for event in happenings]

    assert legs_of(conn, outcomes[-1]) == EXAMPLES[example]
    assert verify(conn).findings == []


def last_lot(conn: Connection) -> int:
    """Return the newest lot's id."""
    return int(conn.exec_driver_sql("SELECT coalesce(max(id), 0) FROM ledger_lots").scalar_one())


def moved_to(event: Event, shift: int) -> Event:
    """Return the event for a book that already has ``shift`` lots."""
    if isinstance(event, Freeze | Unfreeze | TakeBack | GiveBack):
        return msgspec.structs.replace(event, lot_id=event.lot_id + shift)
    return event


def test_every_example_in_the_document_is_tested() -> None:
    assert EXAMPLES.keys() == HAPPENINGS.keys()


# Gifts


def test_a_gift_moves_coins_diamonds_and_money_at_once(conn: Connection) -> None:
    a_lot(conn)

    (outcome,) = posted(conn, a_gift(100))

    assert coins_after(outcome) == coins_of(conn) == 900
    assert diamonds_of(conn) == 100
    assert balance(conn, "creator:held", owner=CREATOR) == -500_000
    assert balance(conn, "gift:fee") == -800_000
    assert balance(conn, "coins:deferred", owner="web") == -11_700_000


@pytest.mark.parametrize(
    ("beyond", "refusal"),
    [(-1, None), (0, None), (1, Refusal("insufficient_coins", {"short_by": 1}))],
)
def test_a_viewer_can_give_all_they_have_and_not_one_coin_more(
    conn: Connection, beyond: int, refusal: Refusal | None
) -> None:
    a_lot(conn, coins=9)

    (outcome,) = posted(conn, a_gift(9 + beyond))

    assert outcome.refusal == refusal
    assert coins_of(conn) == (9 if refusal else -beyond)


def test_promotional_coins_are_given_first(conn: Connection) -> None:
    posted(conn, a_sale(10), Grant(VIEWER, 5))

    posted(conn, a_gift(6))

    assert accounts.holdings(conn, VIEWER).promo_coins == 0
    assert balance(conn, "viewer:coins", COIN, VIEWER) == 9


def test_a_cheap_lot_takes_the_creators_share_from_our_fee(conn: Connection) -> None:
    a_lot(conn, coins=100, cost_micros=1_000)

    posted(conn, a_gift(100))

    assert balance(conn, "creator:held", owner=CREATOR) == -500_000
    assert balance(conn, "gift:fee") == 499_000
    assert verify(conn).ok


def test_coins_bought_in_another_currency_pass_through_the_exchange(conn: Connection) -> None:
    posted(conn, Sale(VIEWER, 100, 1_200_000, "EUR"))

    posted(conn, a_gift(100))

    assert balance(conn, "fx", "EUR") == -1_200_000
    assert balance(conn, "fx", "USD") == 500_000
    assert verify(conn).ok


@settings(deadline=None, max_examples=30)
@given(
    lots=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**6)), min_size=1, max_size=4),
    parts=st.lists(st.integers(1, 40), max_size=8),
    promised=st.integers(0, 10**5),
)
def test_a_purse_given_away_in_any_parts_releases_exactly_its_cost(
    shared_engine: Engine, lots: list[tuple[int, int]], parts: list[int], promised: int
) -> None:
    with shared_engine.connect() as conn, conn.begin() as transaction:
        posted(conn, *[a_sale(size, cost) for size, cost in lots])
        gifts_count = 0
        while left := coins_of(conn):
            coins = min(parts.pop(), left) if parts else left
            posted(conn, Gift(VIEWER, CREATOR, coins, coins, promised, "USD"))
            gifts_count += 1

        held, fee = balance(conn, "creator:held", owner=CREATOR), balance(conn, "gift:fee")
        assert balance(conn, "coins:deferred", owner="web") == 0
        assert -held == promised * gifts_count
        assert held + fee == -sum(cost for _, cost in lots)
        assert verify(conn).ok
        transaction.rollback()


# Taking back


def test_a_refund_takes_back_exactly_that_purchases_coins(conn: Connection) -> None:
    first, second = a_lot(conn, coins=100), a_lot(conn, coins=50)
    posted(conn, a_gift(30))

    (outcome,) = posted(conn, TakeBack(second, 50, 13 * DOLLAR, PENDING))

    assert taken_back(outcome) == (50, 0)
    assert coins_of(conn) == 70
    assert first != second
    assert verify(conn).ok


def test_what_is_spent_of_a_refunded_purchase_becomes_a_debt(conn: Connection) -> None:
    lot_id = a_lot(conn, coins=100)
    a_lot(conn, coins=50)
    posted(conn, a_gift(30))

    (outcome,) = posted(conn, TakeBack(lot_id, 100, 13 * DOLLAR, PENDING))

    held = accounts.holdings(conn, VIEWER)
    assert taken_back(outcome) == (70, 30)
    assert (held.coins, held.debt_coins) == (50, 30)
    assert verify(conn).ok


def test_refund_and_dispute_of_one_purchase_take_its_coins_once(conn: Connection) -> None:
    lot_id = a_lot(conn, coins=100)
    a_lot(conn, coins=50)

    posted(conn, TakeBack(lot_id, 100, 13 * DOLLAR, PENDING))
    (second,) = posted(conn, TakeBack(lot_id, 100, 13 * DOLLAR, DISPUTED, reason="clawed"))

    assert taken_back(second) == (0, 0)
    assert coins_of(conn) == 50
    assert balance(conn, "gift:contra:chargeback") == 13 * DOLLAR
    assert verify(conn).ok


def test_frozen_coins_cannot_be_given_and_come_back_when_the_dispute_is_won(
    conn: Connection,
) -> None:
    lot_id = a_lot(conn, coins=100)
    posted(conn, a_sale(5))

    posted(conn, Freeze(lot_id))
    (refused,) = posted(conn, a_gift(6))
    frozen = accounts.holdings(conn, VIEWER)
    posted(conn, Unfreeze(lot_id))

    assert refused.refusal == Refusal("insufficient_coins", {"short_by": 1})
    assert (frozen.coins, frozen.frozen_coins) == (5, 100)
    assert coins_of(conn) == 105
    assert verify(conn).ok


def test_giving_back_forgives_the_debt_before_it_returns_coins(conn: Connection) -> None:
    lot_id = a_lot(conn, coins=100)
    posted(conn, a_gift(30), TakeBack(lot_id, 100, 13 * DOLLAR, PENDING))

    (part,) = posted(conn, GiveBack(lot_id, 40, 6 * DOLLAR, PENDING))
    (rest,) = posted(conn, GiveBack(lot_id, 100, 7 * DOLLAR, PENDING))

    assert (taken_back(part), taken_back(rest)) == ((10, 30), (60, 0))
    held = accounts.holdings(conn, VIEWER)
    assert (held.coins, held.debt_coins) == (70, 0)
    assert balance(conn, "gift:contra:chargeback") == 0
    assert verify(conn).ok


def test_tax_goes_back_with_a_refund(conn: Connection) -> None:
    (sale,) = posted(conn, Sale(VIEWER, 1_000, 13 * DOLLAR, "USD", tax_micros=2_600_000))

    posted(conn, TakeBack(sold_lot(sale), 1_000, 13 * DOLLAR, PENDING, tax_micros=2_600_000))

    assert balance(conn, "tax:vat") == 0
    assert balance(conn, "psp:pending", owner="stripe") == 0


# Refused as our own mistakes


def test_plain_entries_cannot_move_what_lots_explain(conn: Connection) -> None:
    coins = AccountName("viewer:coins", COIN, VIEWER, "PAID.web")
    mint = AccountName("mint", COIN, "", "PAID.web")

    with pytest.raises(NotACommand, match="moves with its lots only"):
        posted(conn, Entries("present", ((coins, mint, 100),)))


def test_an_account_outside_the_chart_is_refused(conn: Connection) -> None:
    secret = AccountName("offshore", "USD")

    with pytest.raises(UnknownAccount, match="no kind 'offshore'"):
        posted(conn, Entries("present", ((secret, PENDING, 100),)))


def test_a_lot_that_does_not_exist_cannot_be_frozen(conn: Connection) -> None:
    with pytest.raises(NotACommand, match="there is no lot 77"):
        posted(conn, Freeze(77))


def test_people_do_not_see_each_others_coins(conn: Connection) -> None:
    a_lot(conn)

    (refused,) = results(conn, asked(a_gift(1, viewer=OTHER), account_id=OTHER, now=NOON))

    assert isinstance(refused, Outcome)
    assert refused.refusal == Refusal("insufficient_coins", {"short_by": 1})
