"""What pages show of rooms, people, gifts and packs."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from live import rooms
from tests.web.people.builders import a_person
from web import page_facts
from web.finance_api import DayShown, Overview
from web.page_shell import STATIC
from web.people import follows
from web.people.errors import UnknownAccount
from web.people.sessions import Person

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def an_account(conn: Connection, handle: str) -> str:
    """Return the id of somebody new."""
    return a_person(conn, handle).account_id


def looking(account_id: str) -> Person:
    """Return somebody who looks at a page."""
    return Person(account_id, "eva", "Eva", frozenset(), date(1990, 1, 1), "session", False)


def a_live_room(conn: Connection, room_id: str, creator_id: str) -> None:
    """Open a room media arrives in."""
    rooms.open_room(
        conn, room_id=room_id, creator_id=creator_id, title=f"Room {room_id}",
        stream_key_hash=None, now=NOON,
    )  # fmt: skip
    rooms.set_state(conn, room_id, "live", now=NOON)


def test_the_best_attended_room_comes_first_with_its_creators_name(conn: Connection) -> None:
    ana, ben = an_account(conn, "ana"), an_account(conn, "ben")
    a_live_room(conn, "quiet", ana)
    a_live_room(conn, "lively", ben)
    viewers = {"quiet": 1, "lively": 7}

    cards = page_facts.live_cards(conn, None, lambda room_id: viewers[room_id])

    assert [(card.room_id, card.creator.handle, card.viewers) for card in cards] == [
        ("lively", "ben", 7),
        ("quiet", "ana", 1),
    ]


def test_a_card_says_whether_one_follows_its_creator_or_is_them(conn: Connection) -> None:
    ana, eva = an_account(conn, "ana"), an_account(conn, "eva")
    a_live_room(conn, "hers", ana)
    follows.follow(conn, eva, ana, now=NOON)

    seen_by_eva = page_facts.room_card(conn, "hers", looking(eva), lambda _: 0)
    seen_by_ana = page_facts.room_card(conn, "hers", looking(ana), lambda _: 0)

    assert seen_by_eva is not None
    assert (seen_by_eva.following, seen_by_eva.mine) == (True, False)
    assert seen_by_ana is not None
    assert (seen_by_ana.following, seen_by_ana.mine) == (False, True)


def test_a_room_that_never_was_has_no_card(conn: Connection) -> None:
    assert page_facts.room_card(conn, "nowhere", None, lambda _: 0) is None


def test_a_channel_shows_its_live_room_only_while_it_is_live(conn: Connection) -> None:
    ana = an_account(conn, "ana")
    a_live_room(conn, "hers", ana)

    live = page_facts.profile(conn, "ana", None, lambda _: 3)
    rooms.set_state(conn, "hers", "open", now=NOON + timedelta(minutes=1))
    away = page_facts.profile(conn, "ana", None, lambda _: 3)

    assert live.room is not None
    assert live.room.viewers == 3
    assert away.room is None


def test_nobodys_channel_is_an_error(conn: Connection) -> None:
    with pytest.raises(UnknownAccount):
        page_facts.profile(conn, "nobody", None, lambda _: 0)


def test_every_gift_has_its_own_drawing() -> None:
    gifts = page_facts.gifts()

    assert len(gifts) >= 20
    assert len({gift["art"] for gift in gifts}) == len(gifts)
    assert all((STATIC / gift["art"]).is_file() for gift in gifts)


def test_packs_are_given_with_their_price() -> None:
    smallest = page_facts.packs()[0]

    assert smallest.keys() == {"pack_id", "coins", "amount_minor", "currency"}


def test_finance_totals_are_the_sums_of_their_days() -> None:
    quiet = DayShown(date(2026, 1, 1), 0, 0, 0, 0)
    busy = DayShown(date(2026, 1, 2), 500, 350, 3, 40)

    shown = page_facts.finance_days(Overview(0, 0, "EUR", [busy, quiet, busy], None))

    assert shown["totals"] == {"sales_minor": 1_000, "gifts": 6, "coins_gifted": 80}
    assert shown["busy_days"] == [busy, busy]
    assert len(shown["chart"]) == 3
