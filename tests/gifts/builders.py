"""People, coins and orders for tests of gifts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection

from gifts import sending
from gifts.errors import GiftRefused
from gifts.menu import MENU, Menu
from gifts.sending import Order
from gifts.sent import Sent
from wallet import accounts, coins, ledger
from wallet.errors import KeyReused
from wallet.ledger import Event

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ROOM = "roomroomroom"
CREATOR = "c" * 32
PACK_COST_MICROS_PER_COIN = 14_000  # € 0.014, as in the small packs


def posted(conn: Connection, event: Event, account_id: str) -> None:
    """Make ``event`` happen once."""
    command = ledger.ask(
        event,
        account_id=account_id,
        route="test",
        key=uuid4().hex,
        terms=b"",
        asked_at=NOON,
    )
    (outcome,) = ledger.post(conn, [command])
    assert not isinstance(outcome, KeyReused)
    assert outcome.refusal is None


def a_viewer(
    conn: Connection, *, coins_bought: int = 0, coins_granted: int = 0, account_id: str = ""
) -> str:
    """Return a new viewer with this many coins."""
    viewer_id = account_id or uuid4().hex
    if coins_bought:
        cost = coins_bought * PACK_COST_MICROS_PER_COIN
        posted(conn, coins.Sale(viewer_id, coins_bought, cost, "EUR"), viewer_id)
    if coins_granted:
        posted(conn, coins.Grant(viewer_id, coins_granted), viewer_id)
    return viewer_id


def an_order(sender_id: str, **changes: object) -> Order:
    """Return an order of one rose in ``ROOM``, under a new key unless one is given."""
    order = Order(
        key=uuid4().hex,
        sender_id=sender_id,
        room_id=ROOM,
        gift_id="rose",
        quantity=1,
        believed_coins=None,
        combo_id="",
        asked_at=NOON,
        creator_id=CREATOR,
        opened_at=NOON - timedelta(minutes=1),
    )
    return replace(order, **changes)  # type: ignore[arg-type]


def send(conn: Connection, order: Order, menu: Menu = MENU) -> Sent | GiftRefused | KeyReused:
    """Send one order on its own."""
    (answer,) = sending.send_many(conn, [order], menu)
    return answer


def sent(conn: Connection, order: Order, menu: Menu = MENU) -> Sent:
    """Send one order that must succeed."""
    answer = send(conn, order, menu)
    assert isinstance(answer, Sent), answer
    return answer


def coins_of(conn: Connection, viewer_id: str) -> int:
    """Return what a viewer can spend."""
    return accounts.holdings(conn, viewer_id).coins


def diamonds_of(conn: Connection, creator_id: str = CREATOR) -> int:
    """Return what a creator has earned."""
    return accounts.holdings(conn, creator_id).diamonds
