"""Blocks."""

import pytest
from sqlalchemy import Connection

from tests.web.people.builders import NOON, a_person
from web.people import blocks, follows
from web.people.errors import NotOneself


def test_a_block_ends_following_both_ways_and_leaves_others_alone(conn: Connection) -> None:
    ana, bea, cai = (a_person(conn, handle).account_id for handle in ("ana", "bea", "cai"))
    follows.follow(conn, ana, bea, now=NOON)
    follows.follow(conn, bea, ana, now=NOON)
    follows.follow(conn, cai, ana, now=NOON)

    blocks.block(conn, ana, bea, now=NOON)
    blocks.block(conn, ana, bea, now=NOON)

    assert follows.counts(conn, ana) == (1, 0)
    assert blocks.handles_blocked(conn, ana) == [("bea", NOON)]
    assert blocks.has_blocked(conn, ana, bea)
    assert not blocks.has_blocked(conn, bea, ana)
    assert blocks.stand_between(conn, bea, ana)
    assert not blocks.stand_between(conn, ana, cai)


def test_a_block_is_taken_back(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana").account_id, a_person(conn, "bea").account_id
    blocks.block(conn, ana, bea, now=NOON)

    blocks.unblock(conn, ana, bea)
    blocks.unblock(conn, ana, bea)

    assert not blocks.stand_between(conn, ana, bea)


def test_nobody_blocks_themselves(conn: Connection) -> None:
    ana = a_person(conn, "ana").account_id

    with pytest.raises(NotOneself):
        blocks.block(conn, ana, ana, now=NOON)
