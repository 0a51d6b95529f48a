"""Follows."""

import pytest
from sqlalchemy import Connection

from tests.web.people.builders import NOON, a_person
from web.people import blocks, follows
from web.people.errors import Blocked, NotOneself


def test_following_twice_is_following_once(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana").account_id, a_person(conn, "bea").account_id

    follows.follow(conn, ana, bea, now=NOON)
    follows.follow(conn, ana, bea, now=NOON)

    assert follows.is_following(conn, ana, bea)
    assert not follows.is_following(conn, bea, ana)
    assert follows.counts(conn, bea) == (1, 0)
    assert follows.counts(conn, ana) == (0, 1)
    assert follows.handles_followed(conn, ana) == ["bea"]
    assert follows.followed_among(conn, ana, [ana, bea, "nobody"]) == {bea}


def test_unfollowing_somebody_twice_is_harmless(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana").account_id, a_person(conn, "bea").account_id
    follows.follow(conn, ana, bea, now=NOON)

    follows.unfollow(conn, ana, bea)
    follows.unfollow(conn, ana, bea)

    assert follows.counts(conn, bea) == (0, 0)


def test_nobody_follows_themselves(conn: Connection) -> None:
    ana = a_person(conn, "ana").account_id

    with pytest.raises(NotOneself):
        follows.follow(conn, ana, ana, now=NOON)


@pytest.mark.parametrize("blocker_first", [True, False])
def test_nobody_follows_across_a_block(conn: Connection, blocker_first: bool) -> None:
    ana, bea = a_person(conn, "ana").account_id, a_person(conn, "bea").account_id
    blocker, blocked = (ana, bea) if blocker_first else (bea, ana)
    blocks.block(conn, blocker, blocked, now=NOON)

    with pytest.raises(Blocked):
        follows.follow(conn, ana, bea, now=NOON)
