"""Follows: whose streams somebody wants to see first. Following twice is following once."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from web.people import blocks
from web.people.errors import Blocked, NotOneself
from web.people.tables import accounts, follows, insert_if_new

LISTED_MAX = 1_000


def follow(conn: Connection, follower_id: str, followed_id: str, *, now: datetime) -> None:
    """Follow somebody.

    Raises:
        NotOneself: Both are the same person.
        Blocked: One of the two has blocked the other.
    """
    if follower_id == followed_id:
        raise NotOneself()
    if blocks.stand_between(conn, follower_id, followed_id):
        raise Blocked()
    insert_if_new(conn, follows, follower_id=follower_id, followed_id=followed_id, since_at=now)


def unfollow(conn: Connection, follower_id: str, followed_id: str) -> None:
    """Stop following; nothing happens to who did not follow."""
    conn.execute(
        delete(follows).where(
            follows.c.follower_id == follower_id, follows.c.followed_id == followed_id
        )
    )


def is_following(conn: Connection, follower_id: str, followed_id: str) -> bool:
    """Say whether the one follows the other."""
    found = conn.execute(
        select(follows.c.since_at).where(
            follows.c.follower_id == follower_id, follows.c.followed_id == followed_id
        )
    )
    return found.first() is not None


def followed_among(
    conn: Connection, follower_id: str, account_ids: Collection[str]
) -> frozenset[str]:
    """Return which of ``account_ids`` this person follows."""
    return frozenset(
        conn.scalars(
            select(follows.c.followed_id).where(
                follows.c.follower_id == follower_id, follows.c.followed_id.in_(account_ids)
            )
        )
    )


def counts(conn: Connection, account_id: str) -> tuple[int, int]:
    """Return how many follow this person, and how many this person follows."""
    followers = select(func.count()).where(follows.c.followed_id == account_id)
    following = select(func.count()).where(follows.c.follower_id == account_id)
    return conn.scalar(followers) or 0, conn.scalar(following) or 0


def handles_followed(conn: Connection, follower_id: str) -> list[str]:
    """Return whom this person follows, the latest first, at most ``LISTED_MAX``."""
    return list(
        conn.scalars(
            select(accounts.c.handle)
            .join(follows, follows.c.followed_id == accounts.c.account_id)
            .where(follows.c.follower_id == follower_id, accounts.c.handle.is_not(None))
            .order_by(follows.c.since_at.desc(), accounts.c.handle)
            .limit(LISTED_MAX)
        )
    )
