"""Roles."""

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tests.web.people.builders import NOON, a_person
from web.people import roles, tables
from web.people.errors import UnknownRole


def test_a_role_is_granted_and_revoked_once(conn: Connection) -> None:
    ana = a_person(conn, "ana").account_id

    assert roles.grant(conn, ana, "finance-maker", now=NOON)
    assert not roles.grant(conn, ana, "finance-maker", now=NOON)
    assert roles.held_by(conn, ana) == {"finance-maker"}
    assert roles.revoke(conn, ana, "finance-maker")
    assert not roles.revoke(conn, ana, "finance-maker")
    assert roles.held_by(conn, ana) == frozenset()


def test_code_and_database_know_the_same_roles(conn: Connection) -> None:
    ana = a_person(conn, "ana").account_id

    for role in roles.ROLES:
        roles.grant(conn, ana, role, now=NOON)

    with pytest.raises(UnknownRole):
        roles.grant(conn, ana, "emperor", now=NOON)
    with pytest.raises(IntegrityError), conn.begin_nested():
        conn.execute(tables.roles.insert().values(account_id=ana, role="emperor", granted_at=NOON))
