"""Blocks: two people who are to have nothing to do with each other.

Whoever blocks somebody stops following them and is followed by them no more; the blocked cannot
follow back, chat or give gifts in the blocker's rooms. They are not told.
"""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, or_, select

from web.people.errors import NotOneself
from web.people.tables import accounts, blocks, follows, insert_if_new

LISTED_MAX = 1_000


def block(conn: Connection, blocker_id: str, blocked_id: str, *, now: datetime) -> None:
    """Block somebody; blocking twice is blocking once.

    Raises:
        NotOneself: Both are the same person.
    """
    if blocker_id == blocked_id:
        raise NotOneself()
    insert_if_new(conn, blocks, blocker_id=blocker_id, blocked_id=blocked_id, since_at=now)
    pair = (blocker_id, blocked_id)
    conn.execute(
        delete(follows).where(follows.c.follower_id.in_(pair), follows.c.followed_id.in_(pair))
    )


def unblock(conn: Connection, blocker_id: str, blocked_id: str) -> None:
    """Take a block back; nothing happens if there was none."""
    conn.execute(
        delete(blocks).where(blocks.c.blocker_id == blocker_id, blocks.c.blocked_id == blocked_id)
    )


def has_blocked(conn: Connection, blocker_id: str, blocked_id: str) -> bool:
    """Say whether the one has blocked the other."""
    found = conn.execute(
        select(blocks.c.since_at).where(
            blocks.c.blocker_id == blocker_id, blocks.c.blocked_id == blocked_id
        )
    )
    return found.first() is not None


def stand_between(conn: Connection, one_id: str, other_id: str) -> bool:
    """Say whether either has blocked the other."""
    found = conn.execute(
        select(blocks.c.since_at).where(
            or_(
                and_(blocks.c.blocker_id == one_id, blocks.c.blocked_id == other_id),
                and_(blocks.c.blocker_id == other_id, blocks.c.blocked_id == one_id),
            )
        )
    )
    return found.first() is not None


def handles_blocked(conn: Connection, blocker_id: str) -> list[tuple[str, datetime]]:
    """Return whom this person blocked and since when, the latest first."""
    rows = conn.execute(
        select(accounts.c.handle, blocks.c.since_at)
        .join(blocks, blocks.c.blocked_id == accounts.c.account_id)
        .where(blocks.c.blocker_id == blocker_id, accounts.c.handle.is_not(None))
        .order_by(blocks.c.since_at.desc(), accounts.c.handle)
        .limit(LISTED_MAX)
    )
    return [(row.handle, row.since_at) for row in rows]
