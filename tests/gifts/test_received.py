"""A room's and a creator's gifts are found again, in order, from any place."""

from sqlalchemy import Connection

from gifts import received
from gifts.received import GIFTS_MAX, NOWHERE
from gifts.sent import Sent
from tests.gifts.builders import CREATOR, ROOM, a_viewer, an_order, send, sent


def gifts_sent(conn: Connection, count: int) -> list[Sent]:
    viewer = a_viewer(conn, coins_bought=count)
    return [sent(conn, an_order(viewer)) for _ in range(count)]


def place(gift: Sent) -> tuple[int, int]:
    return (gift.chain, gift.sequence)


def test_a_rooms_gifts_come_oldest_first(conn: Connection) -> None:
    gifts = gifts_sent(conn, 3)

    assert received.in_room(conn, ROOM, after=NOWHERE, limit=10) == gifts


def test_reading_on_from_a_place_leaves_out_nothing_and_repeats_nothing(conn: Connection) -> None:
    gifts = gifts_sent(conn, 5)

    first = received.in_room(conn, ROOM, after=NOWHERE, limit=2)
    rest = received.in_room(conn, ROOM, after=place(first[-1]), limit=GIFTS_MAX + 1)

    assert first + rest == gifts


def test_other_rooms_gifts_are_not_among_them(conn: Connection) -> None:
    sent(conn, an_order(a_viewer(conn, coins_bought=1), room_id="elsewhere"))

    assert received.in_room(conn, ROOM, after=NOWHERE, limit=10) == []


def test_a_creators_gifts_come_newest_first_page_by_page(conn: Connection) -> None:
    gifts = gifts_sent(conn, 3)

    newest = received.by_creator(conn, CREATOR, before=None, limit=2)
    oldest = received.by_creator(conn, CREATOR, before=place(newest[-1]), limit=2)

    assert newest + oldest == gifts[::-1]


def test_the_newest_of_all_come_oldest_first(conn: Connection) -> None:
    gifts = gifts_sent(conn, 3)
    send(conn, an_order(a_viewer(conn)))  # refused

    assert received.newest(conn, 2) == gifts[1:]


def test_the_whole_journal_is_read_in_pages(conn: Connection) -> None:
    gifts = gifts_sent(conn, 3)

    pages = list(received.whole_journal(conn, page_length=2))

    assert [len(page) for page in pages] == [2, 1]
    assert [gift for page in pages for gift in page] == gifts
