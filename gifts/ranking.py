"""Who gave how much in a room, and what a room received. Coin plane, projections only.

Both tables change in the transaction that commits the gifts, and hold nothing that the journal
does not say.

Units   coins and diamonds: whole ones. ``gifts``: single gifts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from gifts import tables
from gifts.sent import Sent
from wallet.tables import micros_of, write_rows

SUPPORTERS_MAX = 100  # on one board


@dataclass(frozen=True, slots=True)
class Supporter:
    """A place on the board."""

    sender_id: str
    gifts: int
    coins: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What a room received so far."""

    gifts: int = 0
    coins: int = 0
    diamonds: int = 0
    supporters: int = 0


ADD_SUPPORTERS = {
    "sqlite": "INSERT INTO gifts_supporters (room_id, sender_id, gifts, coins, reached_at)"
    " VALUES (?, ?, ?, ?, ?)",
    "postgresql": "INSERT INTO gifts_supporters (room_id, sender_id, gifts, coins, reached_at)"
    " SELECT * FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[])",
}
ADD_TOTALS = {
    "sqlite": "INSERT INTO gifts_totals (room_id, gifts, coins, diamonds) VALUES (?, ?, ?, ?)",
    "postgresql": "INSERT INTO gifts_totals (room_id, gifts, coins, diamonds)"
    " SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::bigint[])",
}
MORE_SUPPORT = (
    " ON CONFLICT (room_id, sender_id) DO UPDATE SET"
    " gifts = gifts_supporters.gifts + excluded.gifts,"
    " coins = gifts_supporters.coins + excluded.coins,"
    " reached_at = excluded.reached_at"
)
MORE_TOTAL = (
    " ON CONFLICT (room_id) DO UPDATE SET"
    " gifts = gifts_totals.gifts + excluded.gifts,"
    " coins = gifts_totals.coins + excluded.coins,"
    " diamonds = gifts_totals.diamonds + excluded.diamonds"
)
ADD_SUPPORTERS = {dialect: text + MORE_SUPPORT for dialect, text in ADD_SUPPORTERS.items()}
ADD_TOTALS = {dialect: text + MORE_TOTAL for dialect, text in ADD_TOTALS.items()}


def add(conn: Connection, gifts: Iterable[Sent]) -> None:
    """Add gifts that the same transaction commits; rows are touched in the order of their keys."""
    support: dict[tuple[str, str], tuple[int, int, int]] = {}
    received: dict[str, tuple[int, int, int]] = {}
    for gift in gifts:
        given, coins, _ = support.get((gift.room_id, gift.sender_id), (0, 0, 0))
        support[gift.room_id, gift.sender_id] = (
            given + gift.quantity,
            coins + gift.coins,
            micros_of(gift.at),
        )
        given, coins, diamonds = received.get(gift.room_id, (0, 0, 0))
        received[gift.room_id] = (
            given + gift.quantity,
            coins + gift.coins,
            diamonds + gift.diamonds,
        )
    write_rows(conn, ADD_SUPPORTERS, [(*key, *sums) for key, sums in sorted(support.items())])
    write_rows(conn, ADD_TOTALS, [(room_id, *sums) for room_id, sums in sorted(received.items())])


def supporters(conn: Connection, room_id: str, limit: int) -> list[Supporter]:
    """Return who gave most in a room, at most ``SUPPORTERS_MAX``; first to a sum, first placed."""
    board = tables.supporters.c
    rows = conn.execute(
        select(board.sender_id, board.gifts, board.coins)
        .where(board.room_id == room_id)
        .order_by(board.coins.desc(), board.reached_at, board.sender_id)
        .limit(min(limit, SUPPORTERS_MAX))
    )
    return [Supporter(*row) for row in rows]


def totals(conn: Connection, room_id: str) -> Totals:
    """Return what a room received, nothing if it never received a gift."""
    received = tables.totals.c
    count = (
        select(func.count())
        .where(tables.supporters.c.room_id == received.room_id)
        .scalar_subquery()
    )
    row = conn.execute(
        select(received.gifts, received.coins, received.diamonds, count).where(
            received.room_id == room_id
        )
    ).first()
    return Totals() if row is None else Totals(*row)


def forget(conn: Connection) -> None:
    """Delete both projections, to be added again from the journal."""
    conn.execute(delete(tables.supporters))
    conn.execute(delete(tables.totals))
