"""Boards and totals add up what was committed."""

from datetime import timedelta

from sqlalchemy import Connection

from gifts import ranking
from gifts.ranking import SUPPORTERS_MAX, Supporter, Totals
from tests.gifts.builders import NOON, ROOM, a_viewer, an_order, send, sent

SECOND = timedelta(seconds=1)


def test_who_gave_most_stands_first(conn: Connection) -> None:
    modest, generous = a_viewer(conn, coins_bought=70), a_viewer(conn, coins_bought=70)
    sent(conn, an_order(modest, gift_id="coffee"))
    sent(conn, an_order(generous, gift_id="coffee"))
    sent(conn, an_order(generous, quantity=2))

    board = ranking.supporters(conn, ROOM, 3)

    assert board == [Supporter(generous, 3, 7), Supporter(modest, 1, 5)]


def test_of_two_with_the_same_sum_the_first_to_reach_it_stands_first(conn: Connection) -> None:
    late, early = a_viewer(conn, coins_bought=5), a_viewer(conn, coins_bought=5)
    sent(conn, an_order(late, quantity=1, asked_at=NOON))
    sent(conn, an_order(early, quantity=2, asked_at=NOON + SECOND))
    sent(conn, an_order(late, quantity=1, asked_at=NOON + 2 * SECOND))

    board = ranking.supporters(conn, ROOM, 2)

    assert [place.sender_id for place in board] == [early, late]


def test_a_board_has_as_many_places_as_were_asked_for(conn: Connection) -> None:
    for _ in range(3):
        sent(conn, an_order(a_viewer(conn, coins_bought=1)))

    assert len(ranking.supporters(conn, ROOM, 2)) == 2
    assert len(ranking.supporters(conn, ROOM, SUPPORTERS_MAX + 1)) == 3


def test_rooms_have_boards_of_their_own(conn: Connection) -> None:
    sent(conn, an_order(a_viewer(conn, coins_bought=1), room_id="elsewhere"))

    assert ranking.supporters(conn, ROOM, 3) == []
    assert ranking.totals(conn, ROOM) == Totals()


def test_totals_count_gifts_coins_diamonds_and_people(conn: Connection) -> None:
    one, other = a_viewer(conn, coins_bought=70), a_viewer(conn, coins_bought=70)
    sent(conn, an_order(one, gift_id="coffee", quantity=2))
    sent(conn, an_order(one))
    sent(conn, an_order(other))

    assert ranking.totals(conn, ROOM) == Totals(gifts=4, coins=12, diamonds=12, supporters=2)


def test_a_refused_gift_counts_nowhere(conn: Connection) -> None:
    send(conn, an_order(a_viewer(conn)))

    assert ranking.totals(conn, ROOM) == Totals()


def test_a_repeated_gift_counts_once(conn: Connection) -> None:
    order = an_order(a_viewer(conn, coins_bought=70))
    sent(conn, order)
    sent(conn, order)

    assert ranking.totals(conn, ROOM).gifts == 1
