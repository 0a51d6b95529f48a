"""Accounts: joining, looking up, changing, suspending, closing."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from tests.web.people.builders import BORN, NOON, a_person, a_session, logged_in
from web.people import accounts, blocks, follows, resets, roles, sessions, tables
from web.people.accounts import Application
from web.people.errors import (
    BirthDateAlreadySet,
    EmailRefused,
    HandleTaken,
    NameRefused,
    PasswordRefused,
    Suspended,
    TooYoung,
    UnknownAccount,
)

TODAY = NOON.date()


def apply(**changes: object) -> Application:
    wanted: dict[str, object] = {
        "handle": "Ana",
        "password": "correct horse",
        "birth_date": BORN,
        "email": "Ana@Example.org",
        "display_name": " Ana  Lucía ",
        "today": TODAY,
    }
    return accounts.check_application(**(wanted | changes))  # type: ignore[arg-type]


def test_an_application_is_stored_as_it_was_checked() -> None:
    assert apply() == Application("ana", BORN, "ana@example.org", "Ana Lucía")
    assert apply(email=None, display_name="") == Application("ana", BORN, None, None)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"password": "short"}, PasswordRefused),
        ({"email": "nowhere"}, EmailRefused),
        ({"display_name": "\u202eana"}, NameRefused),
        ({"birth_date": date(2013, 1, 3)}, TooYoung),
    ],
)
def test_an_application_that_breaks_a_rule_is_refused(
    changes: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        apply(**changes)


def test_an_account_is_found_by_handle_in_any_case_and_by_id(conn: Connection) -> None:
    ana = a_person(conn, "ana", display_name="Ana Lucía")

    assert accounts.by_handle(conn, "@ANA") == ana
    assert accounts.by_id(conn, ana.account_id) == ana
    assert ana.display_name == "Ana Lucía"
    with pytest.raises(UnknownAccount):
        accounts.by_handle(conn, "bea")


def test_a_handle_belongs_to_one_person(conn: Connection) -> None:
    a_person(conn, "ana")

    with pytest.raises(HandleTaken):
        a_person(conn, "ana")
    assert accounts.is_free(conn, "ana") is False
    assert accounts.is_free(conn, "bea") is True


def test_of_two_people_who_want_one_handle_at_once_one_gets_it(engine: Engine) -> None:
    together = Barrier(2)

    def join(account_id: str) -> bool:
        with engine.connect() as conn:
            assert accounts.is_free(conn, "ana")
        together.wait()
        try:
            with engine.begin() as conn:
                accounts.open_account(
                    conn,
                    Application("ana", BORN, None, None),
                    account_id=account_id,
                    password_hash="x",
                    now=NOON,
                )
        except HandleTaken:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        joined = list(threads.map(join, ["a" * 32, "b" * 32]))

    assert sorted(joined) == [False, True]


def test_the_database_refuses_capitals_and_half_closed_accounts_too(conn: Connection) -> None:
    for row in ({"handle": "Ana"}, {"handle": None}, {"handle": "ana", "closed_at": NOON}):
        with pytest.raises(IntegrityError), conn.begin_nested():
            conn.execute(tables.accounts.insert().values(account_id="a", created_at=NOON, **row))


def test_people_without_a_name_are_shown_by_their_handle(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea", display_name="Bea")
    accounts.close(conn, bea.account_id, now=NOON)

    names = accounts.names(conn, [ana.account_id, bea.account_id, "nobody"])

    assert names[ana.account_id].display_name == "ana"
    assert names[bea.account_id].handle == "closed"
    assert set(names) == {ana.account_id, bea.account_id}


def test_what_a_forgetful_person_writes_may_mean_several(conn: Connection) -> None:
    a_person(conn, "ana", email="a@example.org")
    a_person(conn, "bea", email="a@example.org")

    def meant(text: str, accounts_max: int = 5) -> list[str]:
        found = accounts.by_handle_or_email(conn, text, accounts_max=accounts_max)
        return sorted(account.handle for account in found)

    assert meant("A@example.org ") == ["ana", "bea"]
    assert meant("@Ana") == ["ana"]
    assert len(meant("a@example.org", accounts_max=1)) == 1
    assert meant("nobody@example.org") == []


def test_a_profile_is_changed_and_emptied(conn: Connection) -> None:
    ana = a_person(conn, "ana", email="a@example.org")

    changed = accounts.change(conn, ana.account_id, {"display_name": "Ana", "email": None})
    assert (changed.display_name, changed.email) == ("Ana", None)

    changed = accounts.change(conn, ana.account_id, {"display_name": ""})
    assert changed.display_name == "ana"
    assert accounts.change(conn, ana.account_id, {}) == changed


def test_a_birth_date_is_set_once(conn: Connection) -> None:
    ana = a_person(conn, "ana", birth_date=None)

    accounts.set_birth_date(conn, ana.account_id, BORN, today=TODAY)

    with pytest.raises(BirthDateAlreadySet):
        accounts.set_birth_date(conn, ana.account_id, date(1980, 1, 1), today=TODAY)
    assert accounts.by_id(conn, ana.account_id).birth_date == BORN


def test_a_suspension_ends_every_session_and_says_why(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    a_session(conn, ana, "token")

    accounts.suspend(conn, ana.account_id, "Spam.", now=NOON)

    assert sessions.person_by_token(conn, "token", now=NOON) is None
    assert accounts.by_id(conn, ana.account_id).suspended_reason == "Spam."
    with pytest.raises(Suspended, match="Spam"):
        a_session(conn, ana, "another token")
    accounts.restore(conn, ana.account_id)
    assert accounts.by_id(conn, ana.account_id).is_suspended is False


def test_a_log_in_at_the_very_moment_of_a_suspension_opens_no_session(engine: Engine) -> None:
    with engine.begin() as conn:
        ana = a_person(conn, "ana")
    together = Barrier(2)

    def suspend() -> None:
        together.wait()
        with engine.begin() as conn:
            accounts.suspend(conn, ana.account_id, "Spam.", now=NOON)

    def log_in() -> None:
        together.wait()
        with contextlib.suppress(Suspended), engine.begin() as conn:
            a_session(conn, ana, "token")

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(suspend), threads.submit(log_in)]:
            done.result()

    with engine.connect() as conn:
        assert sessions.listing(conn, ana.account_id, now=NOON) == []


def test_a_closed_account_keeps_its_id_and_nothing_else(conn: Connection) -> None:
    ana = a_person(conn, "ana", email="a@example.org", display_name="Ana")
    bea = a_person(conn, "bea")
    logged_in(conn, ana, "token")
    follows.follow(conn, bea.account_id, ana.account_id, now=NOON)
    blocks.block(conn, ana.account_id, a_person(conn, "cai").account_id, now=NOON)
    roles.grant(conn, ana.account_id, "moderator", now=NOON)
    resets.open_reset(conn, ana.account_id, "reset", now=NOON)

    accounts.close(conn, ana.account_id, now=NOON)

    for table in tables.metadata.sorted_tables:
        left = [row for row in conn.execute(select(table)) if ana.account_id in row]
        assert len(left) == (1 if table is tables.accounts else 0), table.name
    row = conn.execute(
        select(tables.accounts).where(tables.accounts.c.account_id == ana.account_id)
    ).one()
    assert {name for name, value in row._mapping.items() if value is not None} == {
        "account_id",
        "created_at",
        "closed_at",
    }
    with pytest.raises(UnknownAccount):
        accounts.by_handle(conn, "ana")
    with pytest.raises(UnknownAccount):
        accounts.close(conn, ana.account_id, now=NOON)


def test_nobody_can_take_over_a_closed_account_s_handle(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    accounts.close(conn, ana.account_id, now=NOON)

    assert accounts.is_free(conn, "ana") is False
    with pytest.raises(HandleTaken):
        a_person(conn, "ana")


def test_accounts_are_listed_with_their_roles(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    roles.grant(conn, bea.account_id, "admin", now=NOON)

    assert accounts.listing(conn, "admin") == [(bea, frozenset({"admin"}))]
    assert accounts.listing(conn) == [(ana, frozenset()), (bea, frozenset({"admin"}))]
