"""Password resets: once, within an hour."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from tests.web.people.builders import NOON, a_person, a_session
from web.people import accounts, resets, sessions, tables
from web.people.errors import ResetRefused


def password_hash(conn: Connection, handle: str) -> str | None:
    found = accounts.credentials(conn, handle)
    return found.password_hash if found else None


def test_a_link_sets_the_password_once_and_ends_all_sessions(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    a_session(conn, ana, "thief")
    resets.open_reset(conn, ana.account_id, "link", now=NOON)

    assert resets.owner(conn, "link", now=NOON) == ana
    resets.redeem(conn, "link", "new", now=NOON)

    assert password_hash(conn, "ana") == "new"
    assert sessions.person_by_token(conn, "thief", now=NOON) is None
    with pytest.raises(ResetRefused):
        resets.redeem(conn, "link", "newer", now=NOON)
    assert password_hash(conn, "ana") == "new"


def test_a_link_works_for_an_hour(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    resets.open_reset(conn, ana.account_id, "link", now=NOON)
    too_late = NOON + resets.LIFETIME

    for refused_at, token in ((too_late, "link"), (NOON, "other"), (NOON, "x" * 65)):
        with pytest.raises(ResetRefused):
            resets.owner(conn, token, now=refused_at)
    with pytest.raises(ResetRefused):
        resets.redeem(conn, "link", "new", now=too_late)
    assert resets.owner(conn, "link", now=too_late - timedelta(microseconds=1)) == ana


def test_using_one_link_voids_the_others(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    for token in ("one", "two"):
        resets.open_reset(conn, ana.account_id, token, now=NOON)

    resets.redeem(conn, "one", "new", now=NOON)

    with pytest.raises(ResetRefused):
        resets.owner(conn, "two", now=NOON)


def test_nobody_s_mailbox_is_flooded(conn: Connection) -> None:
    ana = a_person(conn, "ana")

    opened = [resets.open_reset(conn, ana.account_id, str(n), now=NOON) for n in range(5)]

    assert opened == [True, True, True, False, False]
    assert resets.open_reset(conn, ana.account_id, "later", now=NOON + resets.LIFETIME)


def test_the_operator_s_link_works_whatever_was_asked_before(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    for number in range(resets.OPEN_MAX):
        resets.open_reset(conn, ana.account_id, str(number), now=NOON)

    resets.open_reset_by_operator(conn, ana.account_id, "printed", now=NOON)

    assert resets.owner(conn, "printed", now=NOON) == ana
    with pytest.raises(ResetRefused):
        resets.owner(conn, "0", now=NOON)


def test_of_a_link_only_its_hash_is_stored(conn: Connection) -> None:
    resets.open_reset(conn, a_person(conn, "ana").account_id, "link", now=NOON)

    row = conn.execute(select(tables.resets)).one()

    assert bytes(row.token_hash) == sessions.hash_token("link")
