"""What sending a gift means: who pays, who earns, what is refused, and that it happens once."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from gifts import ranking, received, sending
from gifts.errors import (
    CreatorUnavailable,
    GiftRefused,
    GiftToOneself,
    InsufficientCoins,
    NotWelcome,
    PriceChanged,
    QuantityOutOfRange,
    RoomEnded,
    SenderSuspended,
    UnknownGift,
)
from gifts.menu import MENU, QUANTITY_MAX, written
from gifts.ranking import Supporter, Totals
from gifts.sent import Sent
from tests.gifts.builders import (
    CREATOR,
    NOON,
    PACK_COST_MICROS_PER_COIN,
    ROOM,
    a_viewer,
    an_order,
    coins_of,
    diamonds_of,
    send,
    sent,
)
from wallet import accounts
from wallet.accounts import AccountName
from wallet.errors import KeyReused

NINE = written(7, [("rose", "Rose", 9)])


def euros(conn: Connection, kind: str, owner: str = "") -> int:
    """Return a money account's balance in micros."""
    return accounts.balance(conn, AccountName(kind, "EUR", owner))


def test_the_sender_pays_and_the_creator_earns_a_diamond_per_coin(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=70)

    gift = sent(conn, an_order(viewer, gift_id="coffee", quantity=3))

    assert (gift.coins, gift.coins_after, gift.diamonds) == (15, 55, 15)
    assert (coins_of(conn, viewer), diamonds_of(conn)) == (55, 15)


def test_a_gift_releases_what_its_coins_cost_to_creator_and_house(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=100)

    sent(conn, an_order(viewer, gift_id="microphone"))

    released = 100 * PACK_COST_MICROS_PER_COIN
    assert euros(conn, "coins:deferred", "web") == 0
    assert euros(conn, "creator:held", CREATOR) == -100 * sending.MICROS_PER_DIAMOND
    assert euros(conn, "gift:fee") == -(released - 100 * sending.MICROS_PER_DIAMOND)


def test_one_coin_short_is_refused_and_nothing_moves(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=8)

    outcome = send(conn, an_order(viewer), NINE)

    assert outcome == InsufficientCoins(short_by=1)
    assert (coins_of(conn, viewer), diamonds_of(conn)) == (8, 0)


def test_exactly_enough_is_enough(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=9)

    assert sent(conn, an_order(viewer), NINE).coins_after == 0


def test_granted_coins_are_spent_before_bought_ones(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=10, coins_granted=4)

    sent(conn, an_order(viewer, gift_id="coffee"))

    left = accounts.holdings(conn, viewer)
    assert (left.promo_coins, left.coins) == (0, 9)


def test_the_same_key_gives_the_same_gift_and_moves_nothing(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=70)
    order = an_order(viewer)

    first, second = sent(conn, order), sent(conn, order)

    assert first == second
    assert (coins_of(conn, viewer), diamonds_of(conn)) == (69, 1)


def test_the_same_key_twice_in_one_batch_is_one_gift(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=70)
    order = an_order(viewer)

    first, second = sending.send_many(conn, [order, order], MENU)

    assert first == second
    assert coins_of(conn, viewer) == 69
    assert ranking.totals(conn, ROOM).gifts == 1


def test_a_refusal_is_remembered_under_its_key(conn: Connection) -> None:
    viewer = a_viewer(conn)
    order = an_order(viewer)
    refused = send(conn, order)

    posted_later = a_viewer(conn, coins_bought=70)
    assert sent(conn, an_order(posted_later)).coins_after == 69
    again = send(conn, order)

    assert refused == again == InsufficientCoins(1)


def test_a_gift_that_was_sent_stays_sent_when_its_room_has_ended(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=70)
    order = an_order(viewer)
    first = sent(conn, order)

    assert send(conn, replace(order, objection=RoomEnded())) == first


def test_a_gift_that_was_sent_stays_sent_when_its_price_has_changed(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=70)
    order = an_order(viewer, believed_coins=1)
    first = sent(conn, order)

    assert sent(conn, order, NINE) == first
    assert (first.menu_version, first.unit_coins) == (MENU.version, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"gift_id": "heart"},
        {"quantity": 2},
        {"room_id": "elsewhere"},
        {"believed_coins": 1},
        {"combo_id": "0" * 32},
    ],
)
def test_the_same_key_for_another_order_is_refused(
    conn: Connection, change: dict[str, object]
) -> None:
    viewer = a_viewer(conn, coins_bought=70)
    order = an_order(viewer)
    sent(conn, order)

    outcome = send(conn, replace(order, **change))  # type: ignore[arg-type]

    assert isinstance(outcome, KeyReused)
    assert coins_of(conn, viewer) == 69


def test_two_people_may_choose_the_same_key(conn: Connection) -> None:
    one, other = a_viewer(conn, coins_bought=1), a_viewer(conn, coins_bought=1)

    gifts = [sent(conn, an_order(who, key="same")) for who in (one, other)]

    assert gifts[0].posting_id != gifts[1].posting_id


@pytest.mark.parametrize(("believed", "is_sent"), [(8, False), (9, True), (10, True)])
def test_a_gift_dearer_than_believed_is_refused_with_its_price(
    conn: Connection, believed: int, is_sent: bool
) -> None:
    viewer = a_viewer(conn, coins_bought=70)

    outcome = send(conn, an_order(viewer, believed_coins=believed), NINE)

    assert isinstance(outcome, Sent) if is_sent else outcome == PriceChanged("rose", 9)


def test_nobody_gives_to_themselves(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=70)

    outcome = send(conn, an_order(viewer, creator_id=viewer))

    assert outcome == GiftToOneself()
    assert coins_of(conn, viewer) == 70


@pytest.mark.parametrize(
    "objection", [RoomEnded(), NotWelcome(), SenderSuspended(), CreatorUnavailable()]
)
def test_an_objection_is_the_answer_and_is_remembered(
    conn: Connection, objection: GiftRefused
) -> None:
    viewer = a_viewer(conn, coins_bought=70)
    order = an_order(viewer, objection=objection)

    assert send(conn, order) == objection
    assert send(conn, replace(order, objection=None)) == objection
    assert coins_of(conn, viewer) == 70


def test_every_refusal_that_can_be_remembered_is_told_again() -> None:
    assert set(sending.CODES.values()) == set(sending.REFUSALS)


def test_a_refusal_harms_nobody_else_in_its_batch(conn: Connection) -> None:
    poor, rich = a_viewer(conn), a_viewer(conn, coins_bought=2)
    orders = [an_order(rich), an_order(poor), an_order(rich), an_order(rich)]

    outcomes = sending.send_many(conn, orders, MENU)

    assert [isinstance(outcome, Sent) for outcome in outcomes] == [True, False, True, False]
    assert outcomes[3] == InsufficientCoins(1)
    assert diamonds_of(conn) == 2


@pytest.mark.parametrize("quantity", [0, QUANTITY_MAX + 1])
def test_an_order_outside_the_menus_limits_reaches_no_ledger(
    conn: Connection, quantity: int
) -> None:
    with pytest.raises(QuantityOutOfRange):
        send(conn, an_order("v" * 32, quantity=quantity))
    with pytest.raises(UnknownGift):
        send(conn, an_order("v" * 32, gift_id="unicorn"))


def test_the_largest_order_of_the_dearest_gift_is_exact(conn: Connection) -> None:
    cost = MENU.cost("galaxy", QUANTITY_MAX)
    viewer = a_viewer(conn, coins_bought=cost)

    gift = sent(conn, an_order(viewer, gift_id="galaxy", quantity=QUANTITY_MAX))

    assert (gift.coins, gift.coins_after, diamonds_of(conn)) == (cost, 0, cost)


def test_the_note_knows_how_far_the_stream_was(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=2)
    late = an_order(viewer, opened_at=NOON - timedelta(milliseconds=1_500))
    early = an_order(viewer, opened_at=NOON + timedelta(seconds=1))  # clocks differ

    assert [sent(conn, order).stream_ms for order in (late, early)] == [1_500, 0]


def test_rebuilding_the_projections_changes_nothing(conn: Connection) -> None:
    viewers = [a_viewer(conn, coins_bought=70) for _ in range(3)]
    for number, viewer in enumerate(viewers):
        for _ in range(number + 1):
            sent(conn, an_order(viewer, quantity=2))
        send(conn, an_order(viewer, gift_id="galaxy"))
    before = projections(conn)

    sending.rebuild(conn)

    assert projections(conn) == before
    assert len(before[0]) == 3


def projections(conn: Connection) -> tuple[list[Supporter], Totals, list[Sent], int]:
    """Return everything the projections say about ``ROOM``."""
    return (
        ranking.supporters(conn, ROOM, 10),
        ranking.totals(conn, ROOM),
        received.in_room(conn, ROOM, after=received.NOWHERE, limit=100),
        conn.execute(text("SELECT count(*) FROM gifts_received")).scalar_one(),
    )


BEYOND = st.sampled_from([-1, 0, 1])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(st.tuples(st.integers(0, 2), BEYOND, st.booleans()), max_size=12))
def test_at_the_edge_of_what_people_have_nothing_is_made_or_lost(
    conn: Connection, steps: Iterable[tuple[int, int, bool]]
) -> None:
    """Each step aims one coin under, exactly at, or one over what a viewer has, maybe twice."""
    room = conn.begin_nested()
    viewers = [a_viewer(conn, coins_bought=5, coins_granted=number) for number in range(3)]
    model = {viewer: 5 + number for number, viewer in enumerate(viewers)}
    earned = diamonds_of(conn)
    for who, beyond, is_retried in steps:
        viewer = viewers[who]
        quantity = model[viewer] + beyond
        if quantity < 1:
            continue
        order = an_order(viewer, quantity=quantity)
        outcome = send(conn, order)
        if beyond == 1:
            assert outcome == InsufficientCoins(1)
        else:
            model[viewer] -= quantity
            earned += quantity
            assert isinstance(outcome, Sent)
            assert outcome.coins_after == model[viewer]
        if is_retried:
            assert send(conn, order) == outcome
        assert {one: coins_of(conn, one) for one in viewers} == model
        assert diamonds_of(conn) == earned
    room.rollback()
