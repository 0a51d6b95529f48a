"""Roles: who may moderate, prepare payouts, approve them, and administer.

Given and taken on the operator's command line only; there is no route that grants one.
"""

from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import Connection, delete, select

from web.people.errors import UnknownRole
from web.people.tables import insert_if_new, roles

Role = Literal["moderator", "finance-maker", "finance-checker", "admin"]
ROLES: Final[tuple[str, ...]] = get_args(Role)


def grant(conn: Connection, account_id: str, role: str, *, now: datetime) -> bool:
    """Give a role; False when it was held already.

    Raises:
        UnknownRole: There is no such role.
    """
    if role not in ROLES:
        raise UnknownRole(role)
    return insert_if_new(conn, roles, account_id=account_id, role=role, granted_at=now)


def revoke(conn: Connection, account_id: str, role: str) -> bool:
    """Take a role; False when it was not held."""
    gone = conn.execute(
        delete(roles)
        .where(roles.c.account_id == account_id, roles.c.role == role)
        .returning(roles.c.role)
    )
    return gone.first() is not None


def held_by(conn: Connection, account_id: str) -> frozenset[str]:
    """Return the roles of one person."""
    return frozenset(conn.scalars(select(roles.c.role).where(roles.c.account_id == account_id)))
