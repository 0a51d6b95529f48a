"""A gift survives being written to the journal and read again, and names nobody."""

import pytest
from sqlalchemy import Connection, text

from gifts.sent import read, write_note
from tests.gifts.builders import CREATOR, NOON, ROOM, a_viewer, an_order, sent
from wallet import journal
from wallet.errors import BadEncoding

COMBO = "01890a5d-ac96-774b-bcce-b302099a8057"


def test_a_gift_is_read_from_the_journal_as_it_was_sent(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=70)
    gift = sent(conn, an_order(viewer, gift_id="coffee", quantity=2, combo_id=COMBO))

    entry = journal.history(conn, viewer, limit=1)[0]

    assert read(entry, viewer) == gift
    assert (gift.room_id, gift.creator_id, gift.combo_id, gift.at) == (ROOM, CREATOR, COMBO, NOON)


def test_a_gift_costs_its_unit_price_times_its_quantity(conn: Connection) -> None:
    viewer = a_viewer(conn, coins_bought=200)

    gift = sent(conn, an_order(viewer, gift_id="microphone", quantity=2))

    assert (gift.unit_coins, gift.coins, gift.tier) == (100, 200, 2)


def test_its_id_is_its_place_in_the_journal(conn: Connection) -> None:
    gift = sent(conn, an_order(a_viewer(conn, coins_bought=1)))

    place = conn.execute(
        text("SELECT chain, sequence FROM ledger_journal WHERE kind = 'gift'")
    ).one()

    assert gift.posting_id == f"{place.chain}-{place.sequence}"


@pytest.mark.parametrize("name", ["Ana María", "ana@example.org", "hello world", "x" * 65])
def test_a_note_refuses_what_no_id_can_be(name: str) -> None:
    with pytest.raises(BadEncoding):
        write_note(
            room_id=ROOM,
            creator_id=CREATOR,
            gift_id="rose",
            quantity=1,
            unit_coins=1,
            menu_version=1,
            diamonds=1,
            held_micros=5_000,
            stream_ms=0,
            combo_id=name,
        )
