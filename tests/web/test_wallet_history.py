"""What happened to somebody's coins, in words, page by page, with the names of others."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from gifts import sending
from gifts.menu import MENU
from gifts.sending import Order
from tests.wallet.stripe_world import (
    DISPUTE_LOST,
    DISPUTE_OPENED,
    DISPUTE_WON,
    NOON,
    PRICE,
    VIEWER,
    a_dispute,
    a_purchase,
    an_event,
    hear,
    paid,
    refunded,
)
from wallet import ledger
from wallet.coins import Grant
from wallet.journal import write_note
from web import wallet_history
from web.people import accounts, tables
from web.people.accounts import Application
from web.wallet_history import BadCursor, Line, page, read_cursor

CREATOR = "c" * 32


@pytest.fixture
def people(conn: Connection) -> Iterator[Connection]:
    """A viewer with a pack and a creator."""
    for account_id, handle, name in ((VIEWER, "ana", "Ana"), (CREATOR, "zoe", "Zoë")):
        accounts.open_account(
            conn,
            Application(handle, None, None, name),
            account_id=account_id,
            password_hash="unused",
            now=NOON,
        )
    a_purchase(conn)
    hear(conn, paid())
    yield conn
    conn.execute(delete(tables.accounts))


def give(
    conn: Connection,
    key: str,
    quantity: int = 1,
    *,
    sender: str = VIEWER,
    creator: str = CREATOR,
    now: datetime = NOON,
) -> None:
    """Let one person try to send roses to another."""
    order = Order(
        key=key,
        sender_id=sender,
        room_id="room",
        gift_id="rose",
        quantity=quantity,
        believed_coins=None,
        combo_id="",
        asked_at=now,
        creator_id=creator,
        opened_at=NOON,
    )
    sending.send_many(conn, [order], MENU)


def lines(conn: Connection, account_id: str = VIEWER) -> list[Line]:
    """Return the first page."""
    return page(conn, account_id, "").lines


def told(conn: Connection, account_id: str = VIEWER) -> list[tuple[str, int, str]]:
    """Return kind, coins and words of the first page's lines."""
    return [(line.kind, line.coins, line.words) for line in lines(conn, account_id)]


def test_both_sides_of_a_gift_see_it_with_the_others_name(people: Connection) -> None:
    give(people, "k", 3)

    sent, _ = lines(people)
    (got,) = lines(people, CREATOR)

    assert (sent.kind, sent.coins, sent.words) == ("gift_sent", -3, "3 × Rose to Zoë")
    assert (sent.handle, sent.gift_id, sent.quantity) == ("zoe", "rose", 3)
    assert (got.kind, got.coins, got.diamonds) == ("gift_received", 0, 3)
    assert (got.words, got.handle) == ("3 × Rose from Ana", "ana")
    assert got.id == sent.id


def test_somebody_who_is_gone_has_no_name(people: Connection) -> None:
    give(people, "k", creator="d" * 32)

    assert lines(people)[0].words == "1 × Rose to somebody"


def test_what_was_refused_and_our_own_bookkeeping_do_not_appear(people: Connection) -> None:
    give(people, "k", 999)
    hear(people, an_event("charge.dispute.funds_withdrawn", a_dispute("won", -PRICE, 1)))

    assert [line.kind for line in lines(people)] == ["purchase"]


@pytest.mark.parametrize(
    ("events", "newest"),
    [
        ((), ("purchase", 700, "Bought 700 coins")),
        ((refunded(PRICE),), ("refund", -700, "Purchase refunded")),
        ((refunded(100),), ("refund", -72, "Purchase refunded")),
        (DISPUTE_OPENED, ("dispute", 0, "Payment disputed: its coins wait")),
        (DISPUTE_LOST, ("dispute_lost", -700, "Payment taken back")),
        (DISPUTE_WON[:3], ("dispute_won", 0, "Dispute over: its coins are free again")),
        (
            (*DISPUTE_LOST, *DISPUTE_WON[3:]),
            ("dispute_won", 700, "Coins given back"),
        ),
    ],
)
def test_what_becomes_of_a_purchase_is_told_plainly(
    people: Connection, events: tuple[object, ...], newest: tuple[str, int, str]
) -> None:
    hear(people, *events)  # type: ignore[arg-type]

    assert told(people)[0] == newest
    assert lines(people)[0].purchase_id == "p1"


def test_coins_that_were_spent_are_said_to_be_owed(people: Connection) -> None:
    give(people, "k", 699)
    hear(people, refunded(PRICE))

    assert told(people)[0] == (
        "refund",
        -1,
        "Purchase refunded; 699 coins were spent and are owed",
    )


def grant(conn: Connection, person: str) -> None:
    """Give somebody promotional coins."""
    event = Grant(viewer_id=person, coins=30, note=write_note(coins=30))
    command = ledger.ask(event, account_id=person, route="grant", key="g", terms=b"", asked_at=NOON)
    ledger.post(conn, [command])


def test_bonus_coins_are_a_bonus(people: Connection) -> None:
    grant(people, VIEWER)

    assert told(people)[0] == ("promo", 30, "Bonus coins")


@pytest.mark.parametrize("length", [1, 2, 3, 7, 30])
def test_pages_show_everything_once_newest_first(people: Connection, length: int) -> None:
    grant(people, CREATOR)
    for number in range(4):
        now = NOON + timedelta(minutes=number)
        give(people, f"sent {number}", now=now)
        give(people, f"got {number}", sender=CREATOR, creator=VIEWER, now=now)
    a_purchase(people, "p2")
    hear(people, paid("p2"), refunded(PRICE, "p2"))

    shown: list[Line] = []
    cursor: str | None = ""
    while cursor is not None:
        found = page(people, VIEWER, cursor, length=length)
        shown += found.lines
        cursor = found.cursor

    assert [line.id for line in shown] == [line.id for line in lines(people)]
    assert len({line.id for line in shown}) == len(shown) == 11
    assert [line.at for line in shown] == sorted((line.at for line in shown), reverse=True)


def test_pages_show_gifts_once_whose_moments_are_not_in_the_order_of_their_commits(
    people: Connection,
) -> None:
    grant(people, CREATOR)
    for number, seconds in enumerate((1, 3, 2)):  # who asked first may be committed last
        now = NOON + timedelta(seconds=seconds)
        give(people, f"got {number}", sender=CREATOR, creator=VIEWER, now=now)

    shown: list[Line] = []
    cursor: str | None = ""
    while cursor is not None:
        found = page(people, VIEWER, cursor, length=1)
        shown += found.lines
        cursor = found.cursor

    assert [line.at.second for line in shown] == [2, 3, 1, 0]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "~~",
        "1.2~",
        "1.2.x~",
        "~1",
        "~1.2.3",
        "9" * 40 + ".1.1~",
        "٣.1.1~",
        "1~" * 60,
        f"{2**63}.1.1~",
        "-1.1.1~",
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(cursor)


@given(st.text(max_size=60))
def test_whatever_a_cursor_holds_is_read_or_refused(cursor: str) -> None:
    try:
        places = read_cursor(cursor)
    except BadCursor:
        return
    assert read_cursor(wallet_history.write_cursor(places)) == places
