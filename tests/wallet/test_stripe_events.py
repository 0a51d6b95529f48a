"""Webhooks: kept once, applied in any order, and never believed about what is not ours."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.wallet.books import asked as asked_ledger
from tests.wallet.stripe_world import (
    DISPUTE_LOST,
    DISPUTE_OPENED,
    DISPUTE_WON,
    NOON,
    PACK,
    PRICE,
    VIEWER,
    a_charge,
    a_dispute,
    a_purchase,
    an_event,
    an_intent,
    balances,
    hear,
    holdings,
    paid,
    refunded,
)
from wallet import ledger, purchases, stripe_events
from wallet.coins import Gift
from wallet.purchases import Purchase, Result, Status
from wallet.stripe_gateway import Event
from wallet.tables import events
from wallet.verify import verify

GROSS = PRICE * 10_000


@pytest.fixture
def bought(conn: Connection) -> Connection:
    """A database in which the viewer has asked for a pack."""
    a_purchase(conn)
    return conn


def give(conn: Connection, coins: int) -> None:
    """Let the viewer give coins away."""
    gift = Gift(
        viewer_id=VIEWER,
        creator_id="c" * 32,
        coins=coins,
        diamonds=coins,
        held_micros=coins * 5_000,
        currency="EUR",
    )
    (outcome,) = ledger.post(conn, [asked_ledger(gift)])
    assert isinstance(outcome, ledger.Outcome)
    assert outcome.refusal is None


def outcomes(conn: Connection) -> list[tuple[str, str | None]]:
    """Return what became of every webhook that was kept."""
    rows = conn.execute(select(events.c.outcome, events.c.purchase_id).order_by(events.c.kind))
    return [(outcome, purchase_id) for outcome, purchase_id in rows]


def test_a_webhook_is_kept_as_it_came_and_applied_once(bought: Connection) -> None:
    first = stripe_events.receive(bought, paid(), b"raw", now=NOON)
    again = stripe_events.receive(bought, paid(), b"raw again", now=NOON)

    assert (first.result, first.repeated) == (Result.APPLIED, False)
    assert (again.result, again.repeated) == (Result.APPLIED, True)
    assert bought.scalars(select(events.c.body)).all() == [b"raw"]
    assert outcomes(bought) == [("applied", "p1")]
    assert holdings(bought).coins == PACK.coins


def test_a_kind_we_do_not_follow_changes_nothing(bought: Connection) -> None:
    assert hear(bought, an_event("customer.created", None)) == [Result.NOT_FOLLOWED]
    assert outcomes(bought) == [("not_followed", None)]


@pytest.mark.parametrize(
    "event",
    [
        paid("p9"),
        an_event("payment_intent.succeeded", an_intent("p9", metadata={})),
        refunded(PRICE, "p9"),
    ],
)
def test_a_webhook_about_somebody_elses_purchase_is_kept_and_changes_nothing(
    bought: Connection, event: Event
) -> None:
    received = stripe_events.receive(bought, event, b"raw", now=NOON)

    assert (received.result, received.doubt_id) == (Result.UNKNOWN, None)
    assert outcomes(bought) == [("unknown", None)]
    assert balances(bought) == {}


@pytest.mark.parametrize(
    ("told", "coins", "frozen", "debt", "status"),
    [
        ((paid(),), 700, 0, 0, Status.PAID),
        ((paid(), refunded(PRICE)), 0, 0, 0, Status.REFUNDED),
        ((paid(), refunded(100)), 628, 0, 0, Status.PAID),
        ((paid(), refunded(100), refunded(300)), 484, 0, 0, Status.PAID),
        ((paid(), *DISPUTE_OPENED), 0, 700, 0, Status.DISPUTED),
        ((paid(), *DISPUTE_WON), 700, 0, 0, Status.WON),
        ((paid(), *DISPUTE_LOST), 0, 0, 0, Status.LOST),
        ((paid(), refunded(PRICE), *DISPUTE_LOST), 0, 0, 0, Status.LOST),
        ((paid(), *DISPUTE_LOST, refunded(PRICE)), 0, 0, 0, Status.LOST),
        ((paid(), refunded(PRICE), *DISPUTE_WON), 0, 0, 0, Status.REFUNDED),
        ((paid(), refunded(100), *DISPUTE_WON), 628, 0, 0, Status.WON),
        ((refunded(PRICE),), 0, 0, 0, Status.REQUESTED),
        ((*DISPUTE_LOST,), 0, 0, 0, Status.REQUESTED),
    ],
)
def test_what_happens_to_an_unspent_purchase(
    bought: Connection, told: Sequence[Event], coins: int, frozen: int, debt: int, status: Status
) -> None:
    hear(bought, *told)

    held = holdings(bought)
    assert (held.coins, held.frozen_coins, held.debt_coins) == (coins, frozen, debt)
    assert purchases.find(bought, "p1").status is status
    assert verify(bought).findings == []


@pytest.mark.parametrize(
    ("told", "coins", "frozen", "debt"),
    [
        ((refunded(PRICE),), 0, 0, 600),
        ((refunded(138),), 1, 0, 0),
        ((refunded(140),), 0, 0, 1),
        ((*DISPUTE_OPENED,), 0, 100, 0),
        ((*DISPUTE_LOST,), 0, 0, 600),
        ((*DISPUTE_WON,), 100, 0, 0),
        ((*DISPUTE_LOST, refunded(PRICE)), 0, 0, 600),
        ((refunded(PRICE), *DISPUTE_WON), 0, 0, 600),
    ],
)
def test_what_is_spent_becomes_a_debt(
    bought: Connection, told: Sequence[Event], coins: int, frozen: int, debt: int
) -> None:
    hear(bought, paid())
    give(bought, 600)

    hear(bought, *told)

    held = holdings(bought)
    assert (held.coins, held.frozen_coins, held.debt_coins) == (coins, frozen, debt)
    assert verify(bought).findings == []


def test_only_that_purchases_coins_are_taken(bought: Connection) -> None:
    a_purchase(bought, "p2")
    hear(bought, paid("p1"), paid("p2"))
    give(bought, 700)

    hear(bought, refunded(PRICE, "p1"))

    assert (holdings(bought).coins, holdings(bought).debt_coins) == (700, 700)


def test_a_refund_of_untouched_coins_leaves_nothing_behind(bought: Connection) -> None:
    hear(bought, paid(), refunded(PRICE))

    assert balances(bought) == {"taken COIN": 700, "mint COIN": -700}


def test_a_lost_dispute_costs_us_what_was_spent(bought: Connection) -> None:
    hear(bought, paid())
    give(bought, 600)
    hear(bought, *DISPUTE_LOST)

    left = balances(bought)
    assert left["gift:contra:chargeback EUR"] == GROSS * 600 // 700
    assert "recv:dispute EUR" not in left
    assert "psp:pending EUR" not in left
    assert "coins:deferred EUR" not in left


def test_after_a_won_dispute_the_books_are_as_if_nothing_had_happened(bought: Connection) -> None:
    hear(bought, paid())
    before = balances(bought)

    hear(bought, *DISPUTE_WON)

    assert balances(bought) == before


def test_a_loss_that_is_won_on_appeal_restores_everything(bought: Connection) -> None:
    hear(bought, paid())
    give(bought, 600)
    before = balances(bought)
    hear(bought, *DISPUTE_LOST)

    hear(
        bought,
        an_event("charge.dispute.updated", a_dispute("appeal_under_review", -PRICE), "evt_a"),
        an_event("charge.dispute.closed", a_dispute("won", -PRICE), "evt_b"),
        an_event("charge.dispute.funds_reinstated", a_dispute("won", -PRICE, PRICE), "evt_c"),
    )

    assert balances(bought) == before
    assert purchases.find(bought, "p1").status is Status.WON


def test_an_inquiry_freezes_and_moves_no_money(bought: Connection) -> None:
    hear(bought, paid(), an_event("charge.dispute.created", a_dispute("warning_needs_response")))
    assert holdings(bought).frozen_coins == 700
    assert "recv:dispute EUR" not in balances(bought)

    hear(bought, an_event("charge.dispute.closed", a_dispute("warning_closed")))
    assert holdings(bought).coins == 700


def test_where_stripe_settles_in_another_currency_the_event_says_that_money_moved(
    bought: Connection,
) -> None:
    hear(
        bought,
        paid(),
        an_event("charge.dispute.created", a_dispute("needs_response")),
        an_event("charge.dispute.funds_withdrawn", a_dispute("needs_response")),
    )
    assert balances(bought)["recv:dispute EUR"] == GROSS

    hear(
        bought,
        an_event("charge.dispute.closed", a_dispute("won")),
        an_event("charge.dispute.funds_reinstated", a_dispute("won")),
    )
    assert "recv:dispute EUR" not in balances(bought)


@pytest.mark.parametrize(
    "event",
    [
        an_event("charge.refunded", a_charge("p1", PRICE, currency="usd")),
        an_event("charge.refunded", a_charge("p1", PRICE, livemode=True)),
        an_event("charge.dispute.created", a_dispute("needs_response", currency="usd")),
        an_event("charge.dispute.created", a_dispute("needs_response", livemode=True)),
        an_event("payment_intent.succeeded", an_intent("p1", amount=1), "evt_other"),
    ],
)
def test_what_speaks_of_other_money_is_set_aside(bought: Connection, event: Event) -> None:
    hear(bought, paid())
    before = balances(bought)

    assert hear(bought, event) == [Result.MISMATCH]
    assert balances(bought) == before


def test_more_than_the_price_cannot_be_refunded(bought: Connection) -> None:
    hear(bought, paid(), refunded(PRICE + 1))

    assert purchases.find(bought, "p1").refunded_minor == PRICE


# In doubt


def test_money_leaving_a_purchase_that_is_not_paid_yet_asks_for_its_intent(
    bought: Connection,
) -> None:
    received = stripe_events.receive(bought, refunded(PRICE), b"", now=NOON)

    assert (received.result, received.doubt_id) == (Result.APPLIED, "pi_p1")

    stripe_events.settle_doubt(bought, refunded(PRICE), an_intent(), now=NOON)
    assert purchases.find(bought, "p1").status is Status.REFUNDED
    assert (holdings(bought).coins, holdings(bought).debt_coins) == (0, 0)


def test_a_dispute_of_an_unrecorded_intent_is_settled_once_the_intent_says_whose_it_is(
    conn: Connection,
) -> None:
    purchase = a_purchase(conn)
    dispute = an_event("charge.dispute.created", a_dispute("needs_response", payment_intent="pi_x"))

    received = stripe_events.receive(conn, dispute, b"", now=NOON)
    assert (received.result, received.doubt_id) == (Result.IN_DOUBT, "pi_x")

    again = stripe_events.receive(conn, dispute, b"", now=NOON)
    assert (again.result, again.repeated, again.doubt_id) == (Result.IN_DOUBT, True, "pi_x")

    result = stripe_events.settle_doubt(conn, dispute, an_intent(), now=NOON)
    assert result is Result.APPLIED
    assert purchases.find(conn, purchase.purchase_id).status is Status.DISPUTED
    assert outcomes(conn) == [("applied", "p1")]


def test_a_bare_dispute_asks_for_its_charge(conn: Connection) -> None:
    dispute = an_event("charge.dispute.created", a_dispute("needs_response", payment_intent=None))

    assert stripe_events.receive(conn, dispute, b"", now=NOON).doubt_id == "ch_p1"


def test_a_charge_without_an_intent_is_not_ours(conn: Connection) -> None:
    charge = an_event("charge.refunded", a_charge("p1", PRICE, payment_intent=None, metadata={}))

    received = stripe_events.receive(conn, charge, b"", now=NOON)

    assert (received.result, received.doubt_id) == (Result.UNKNOWN, None)


def test_a_doubt_about_somebody_elses_payment_ends_as_unknown(bought: Connection) -> None:
    dispute = an_event("charge.dispute.created", a_dispute("needs_response", payment_intent="pi_x"))
    stripe_events.receive(bought, dispute, b"", now=NOON)

    foreign = an_intent("p1", metadata={"order": "7"})
    assert stripe_events.settle_doubt(bought, dispute, foreign, now=NOON) is Result.UNKNOWN
    assert outcomes(bought) == [("unknown", None)]


def test_a_doubt_that_stripe_cannot_clear_ends_as_unknown(bought: Connection) -> None:
    dispute = an_event("charge.dispute.created", a_dispute("needs_response", payment_intent="pi_x"))
    stripe_events.receive(bought, dispute, b"", now=NOON)

    assert stripe_events.give_up_doubt(bought, dispute.event_id) is Result.UNKNOWN
    assert stripe_events.receive(bought, dispute, b"", now=NOON).doubt_id is None


# Any order

DECLINED = an_event(
    "payment_intent.payment_failed",
    an_intent("p1", "requires_payment_method", last_payment_error={"code": "card_declined"}),
)
STORIES: tuple[tuple[Event, ...], ...] = (
    (an_event("payment_intent.processing", an_intent("p1", "processing")), DECLINED),
    (DECLINED, paid()),
    (paid(), refunded(100), refunded(PRICE)),
    (paid(), *DISPUTE_WON),
    (paid(), *DISPUTE_LOST),
    (paid(), refunded(300), *DISPUTE_LOST),
    (paid(), *DISPUTE_LOST, refunded(PRICE)),
    (paid(), refunded(PRICE), *DISPUTE_WON),
    (paid(), refunded(500), *DISPUTE_LOST, *DISPUTE_WON[2:]),
)


def final(conn: Connection, told: Sequence[Event]) -> tuple[dict[str, int], Purchase]:
    """Return where a fresh purchase ends after ``told``, in a savepoint that is rolled back."""
    savepoint = conn.begin_nested()
    try:
        a_purchase(conn)
        hear(conn, *told)
        assert verify(conn).findings == []
        return balances(conn), purchases.find(conn, "p1")
    finally:
        savepoint.rollback()


@st.composite
def tellings(draw: st.DrawFn) -> tuple[tuple[Event, ...], list[Event]]:
    """Draw a story, and the same story with repetitions and in another order."""
    story = draw(st.sampled_from(STORIES))
    repeats = draw(st.lists(st.sampled_from(story), max_size=len(story)))
    return story, draw(st.permutations([*story, *repeats]))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(telling=tellings())
def test_any_order_and_number_of_the_same_webhooks_ends_alike(
    conn: Connection, telling: tuple[tuple[Event, ...], list[Event]]
) -> None:
    story, shuffled = telling

    assert final(conn, shuffled) == final(conn, story)
