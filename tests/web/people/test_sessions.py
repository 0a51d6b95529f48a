"""Sessions: who a token proves to be, for how long, and how it ends."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, select

from tests.web.people.builders import NOON, a_person, a_session, logged_in
from web.people import roles, sessions, tables
from web.people.errors import UnknownSession


def test_a_token_tells_who_asks(conn: Connection) -> None:
    ana = a_person(conn, "ana", display_name="Ana")
    roles.grant(conn, ana.account_id, "moderator", now=NOON)

    person = logged_in(conn, ana, "token")

    assert (person.handle, person.display_name) == ("ana", "Ana")
    assert person.roles == {"moderator"}
    assert person.is_adult(NOON.date())
    assert not person.is_adult(date(2000, 1, 1))
    assert person.suspended is False


@pytest.mark.parametrize("token", ["", "other", "x" * 65, "\ud800"[:0]])
def test_any_other_token_tells_nothing(conn: Connection, token: str) -> None:
    a_session(conn, a_person(conn, "ana"), "token")

    assert sessions.person_by_token(conn, token, now=NOON) is None


def test_of_a_token_only_its_hash_is_stored(conn: Connection) -> None:
    a_session(conn, a_person(conn, "ana"), "token")

    row = conn.execute(select(tables.sessions)).one()

    assert bytes(row.token_hash) == sessions.hash_token("token")
    assert "token" not in [value for value in row if isinstance(value, str)]


def test_a_session_ends_30_days_after_its_last_use(conn: Connection) -> None:
    session = a_session(conn, a_person(conn, "ana"), "token")
    last_moment = NOON + sessions.LIFETIME - timedelta(microseconds=1)

    assert sessions.person_by_token(conn, "token", now=last_moment) is not None
    assert sessions.person_by_token(conn, "token", now=NOON + sessions.LIFETIME) is None

    sessions.renew(conn, session.session_id, now=last_moment)
    assert sessions.person_by_token(conn, "token", now=NOON + timedelta(days=59)) is not None


def test_a_session_asks_to_be_renewed_once_a_day(conn: Connection) -> None:
    session = a_session(conn, a_person(conn, "ana"), "token")
    tomorrow = NOON + timedelta(days=1, seconds=1)

    today = sessions.person_by_token(conn, "token", now=NOON + timedelta(hours=23))
    later = sessions.person_by_token(conn, "token", now=tomorrow)
    sessions.renew(conn, session.session_id, now=tomorrow)
    renewed = sessions.person_by_token(conn, "token", now=tomorrow)

    assert [person and person.renewal_due for person in (today, later, renewed)] == [
        False,
        True,
        False,
    ]


def test_sessions_are_listed_and_ended_one_by_one(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    first = a_session(conn, ana, "first")
    second = a_session(conn, ana, "second", now=NOON + timedelta(hours=1))
    foreign = a_session(conn, bea, "foreign")

    assert sessions.listing(conn, ana.account_id, now=NOON) == [second, first]
    sessions.revoke(conn, ana.account_id, first.session_id)

    assert sessions.person_by_token(conn, "first", now=NOON) is None
    for session_id in (first.session_id, foreign.session_id, "none"):
        with pytest.raises(UnknownSession):
            sessions.revoke(conn, ana.account_id, session_id)
    assert sessions.person_by_token(conn, "foreign", now=NOON) is not None


def test_all_other_sessions_end_at_once(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    kept = a_session(conn, ana, "kept")
    a_session(conn, ana, "other")

    sessions.revoke_all(conn, ana.account_id, but=kept.session_id)
    assert sessions.listing(conn, ana.account_id, now=NOON) == [kept]

    sessions.revoke_all(conn, ana.account_id)
    assert sessions.listing(conn, ana.account_id, now=NOON) == []


def test_the_oldest_sessions_go_when_there_are_too_many(conn: Connection) -> None:
    ana = a_person(conn, "ana")

    for number in range(sessions.SESSIONS_PER_PERSON_MAX + 2):
        a_session(conn, ana, f"token {number}", now=NOON + timedelta(seconds=number))

    assert len(sessions.listing(conn, ana.account_id, now=NOON)) == sessions.SESSIONS_PER_PERSON_MAX
    assert sessions.person_by_token(conn, "token 1", now=NOON) is None
    assert sessions.person_by_token(conn, "token 2", now=NOON) is not None


def test_ended_sessions_are_forgotten(conn: Connection) -> None:
    a_session(conn, a_person(conn, "ana"), "token")

    sessions.forget_expired(conn, now=NOON + sessions.LIFETIME)

    assert conn.execute(select(tables.sessions)).all() == []


def test_a_csrf_token_belongs_to_one_session_and_one_secret() -> None:
    token = sessions.csrf_token("one", "secret")

    assert token == sessions.csrf_token("one", "secret")
    assert token != sessions.csrf_token("two", "secret")
    assert token != sessions.csrf_token("one", "other secret")
