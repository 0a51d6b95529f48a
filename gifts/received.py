"""Where in the journal each room's and each creator's gifts stand. Coin plane, a projection.

One narrow row per gift, written with it, so that a room's gifts after some place, or a creator's
newest ones, are found without reading everybody's.

A *place* is a gift's (chain, sequence): gifts of one server process stand in the order of their
commits, and a restart begins a higher chain.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Select, delete, select, tuple_

from gifts import sent, tables
from gifts.sent import KIND, Sent
from wallet.tables import journal, write_rows

GIFTS_MAX = 500  # read at once
NOWHERE = (0, 0)  # before every place

Place = tuple[int, int]

ADD = {
    "sqlite": "INSERT INTO gifts_received (room_id, chain, sequence, creator_id)"
    " VALUES (?, ?, ?, ?)",
    "postgresql": "INSERT INTO gifts_received (room_id, chain, sequence, creator_id)"
    " SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::text[])",
}


def add(conn: Connection, gifts: Iterable[Sent]) -> None:
    """Note where gifts stand that the same transaction commits."""
    rows = [(gift.room_id, gift.chain, gift.sequence, gift.creator_id) for gift in gifts]
    write_rows(conn, ADD, rows)


def in_room(conn: Connection, room_id: str, *, after: Place, limit: int) -> list[Sent]:
    """Return a room's gifts after a place, oldest first, at most ``GIFTS_MAX``."""
    places = tables.received.c
    return found(
        conn,
        joined()
        .where(places.room_id == room_id)
        .where(tuple_(places.chain, places.sequence) > after)
        .order_by(places.chain, places.sequence)
        .limit(min(limit, GIFTS_MAX)),
    )


def by_creator(
    conn: Connection, creator_id: str, *, before: Place | None, limit: int
) -> list[Sent]:
    """Return the gifts a creator received before a place, newest first, at most ``GIFTS_MAX``."""
    places = tables.received.c
    wanted = joined().where(places.creator_id == creator_id)
    if before is not None:
        wanted = wanted.where(tuple_(places.chain, places.sequence) < before)
    return found(
        conn,
        wanted.order_by(places.chain.desc(), places.sequence.desc()).limit(min(limit, GIFTS_MAX)),
    )


def newest(conn: Connection, limit: int) -> list[Sent]:
    """Return the newest gifts of all rooms, oldest first."""
    rows = journal.c
    wanted = select(*shown()).where(rows.kind == KIND, rows.refusal == b"")
    latest = found(conn, wanted.order_by(rows.chain.desc(), rows.sequence.desc()).limit(limit))
    return latest[::-1]


def whole_journal(conn: Connection, *, page_length: int = GIFTS_MAX) -> Iterator[list[Sent]]:
    """Yield every gift the journal holds, in order, a page at a time."""
    rows, after = journal.c, NOWHERE
    every = select(*shown()).where(rows.kind == KIND, rows.refusal == b"")
    while True:
        page = every.where(tuple_(rows.chain, rows.sequence) > after)
        gifts = found(conn, page.order_by(rows.chain, rows.sequence).limit(page_length))
        if not gifts:
            return
        yield gifts
        after = (gifts[-1].chain, gifts[-1].sequence)


def forget(conn: Connection) -> None:
    """Delete every place, to be added again from the journal."""
    conn.execute(delete(tables.received))


def shown() -> tuple[Any, ...]:
    """Return the columns of the journal that a gift is read from."""
    return tuple(journal.c["chain", "sequence", "recorded_at", "account_id", "note", "answer"])


def joined() -> Select[Any]:
    """Return the rows of the journal that places point to."""
    places = tables.received.c
    return select(*shown()).join(
        tables.received,
        (places.chain == journal.c.chain) & (places.sequence == journal.c.sequence),
    )


def found(conn: Connection, wanted: Select[Any]) -> list[Sent]:
    """Return the gifts a query finds."""
    rows: list[Any] = list(conn.execute(wanted))
    return [sent.read(row, row.account_id) for row in rows]
