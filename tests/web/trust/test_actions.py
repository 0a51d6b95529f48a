"""Actions: carried out, written down for ever, in order."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from live import chat, rooms
from live.errors import RoomEnded
from tests.web.people.builders import NOON, a_person, a_session
from tests.web.trust.builders import a_line, a_report, a_room
from web.people import accounts, roles, sessions
from web.people.accounts import Account
from web.trust import actions, reports, tables
from web.trust.actions import Kind, Order
from web.trust.errors import CreatorOfRoom, Protected, ReportClosed, SubjectMissing
from web.trust.subjects import Subject


def take(
    conn: Connection,
    kind: Kind,
    subject: Subject,
    *,
    actor: Account | None = None,
    report_id: str | None = None,
) -> actions.Action:
    order = Order(kind, "Because.", subject, report_id=report_id)
    return actions.take(conn, order, actor_id=actor.account_id if actor else None, now=NOON)


def test_a_deleted_message_is_marked_with_who_did_it(conn: Connection) -> None:
    ana, mod = a_person(conn, "ana"), a_person(conn, "mod")
    line = a_line(conn, a_room(conn, ana), ana, "Buy followers!")
    subject = Subject(line.room_id, line.message_id, ana.account_id)

    taken = take(conn, "delete_message", subject, actor=mod)
    again = take(conn, "delete_message", subject)

    kept = chat.message(conn, line.message_id)
    assert kept is not None
    assert kept.deleted_by_id == mod.account_id
    assert (taken.sequence, again.sequence) == (1, 2)


def test_a_mute_and_a_ban_hold_in_all_rooms_of_the_creator(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    subject = Subject(a_room(conn, ana).room_id, None, bea.account_id)

    take(conn, "mute", subject)
    take(conn, "remove", subject)

    mute = rooms.mute_of(conn, ana.account_id, bea.account_id, now=NOON)
    assert mute == rooms.Mute(None, "Because.")
    assert rooms.ban_reason(conn, ana.account_id, bea.account_id) == "Because."


def test_a_reason_holds_no_nul_which_postgresql_cannot_keep(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    subject = Subject(a_room(conn, ana).room_id, None, bea.account_id)

    taken = actions.take(conn, Order("mute", "a\x00b ", subject), actor_id=None, now=NOON)

    assert taken.reason == "ab"


def test_a_mute_ends_by_itself_when_it_says_so(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    until_at = NOON + timedelta(minutes=5)
    subject = Subject(a_room(conn, ana).room_id, None, bea.account_id)
    order = Order("mute", "Calm down.", subject, until_at=until_at)

    taken = actions.take(conn, order, actor_id=None, now=NOON)

    assert taken.until_at == until_at
    assert rooms.mute_of(conn, ana.account_id, bea.account_id, now=until_at) is None


def test_a_room_ends_once_and_says_why(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    room = a_room(conn, ana)
    subject = Subject(room.room_id, None, ana.account_id)

    take(conn, "end_room", subject)

    ended = rooms.room(conn, room.room_id)
    assert ended is not None
    assert (ended.state, ended.end_reason) == ("ended", "Because.")
    with pytest.raises(RoomEnded):
        take(conn, "end_room", subject)


def test_a_suspension_ends_sessions_and_every_room(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    a_session(conn, ana, "token")
    opened = [a_room(conn, ana, "one"), a_room(conn, ana, "two")]

    take(conn, "suspend", Subject(account_id=ana.account_id))

    assert sessions.person_by_token(conn, "token", now=NOON) is None
    assert accounts.by_id(conn, ana.account_id).suspended_reason == "Because."
    assert rooms.unended_rooms_of(conn, ana.account_id) == []
    written = actions.since(conn, 0, limit=10)
    assert [action.kind for action in written] == ["end_room", "end_room", "suspend"]
    assert {action.room_id for action in written[:2]} == {room.room_id for room in opened}


def test_a_restored_account_is_as_before(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    subject = Subject(account_id=ana.account_id)
    take(conn, "suspend", subject)

    take(conn, "restore", subject)

    assert accounts.by_id(conn, ana.account_id) == ana


def test_an_action_is_about_what_its_report_is_about(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    line = a_line(conn, a_room(conn, ana), bea, "Buy followers!")
    about = Subject(line.room_id, line.message_id, bea.account_id)
    filed = a_report(conn, about)

    taken = take(conn, "remove", Subject(), report_id=filed.report_id)

    assert (taken.room_id, taken.account_id) == (line.room_id, bea.account_id)
    assert reports.report(conn, filed.report_id).state == "acted"
    with pytest.raises(ReportClosed):
        take(conn, "dismiss", Subject(), report_id=filed.report_id)


def test_a_person_named_beside_the_report_is_meant_in_its_room(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    room = a_room(conn, ana)
    filed = a_report(conn, Subject(room.room_id, None, ana.account_id))

    taken = take(conn, "mute", Subject(account_id=bea.account_id), report_id=filed.report_id)

    assert (taken.room_id, taken.account_id) == (room.room_id, bea.account_id)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("dismiss", "report_id"),
        ("delete_message", "message_id"),
        ("mute", "room_id"),
        ("remove", "room_id"),
        ("end_room", "room_id"),
    ],
)
def test_an_action_must_be_told_what_it_is_about(conn: Connection, kind: Kind, field: str) -> None:
    subject = Subject(account_id=a_person(conn, "ana").account_id)

    with pytest.raises(SubjectMissing) as refused:
        take(conn, kind, subject)
    assert refused.value.field == field
    assert actions.since(conn, 0, limit=1) == []


@pytest.mark.parametrize("kind", ["mute", "remove"])
def test_nobody_is_removed_from_a_room_of_their_own(conn: Connection, kind: Kind) -> None:
    ana = a_person(conn, "ana")

    with pytest.raises(CreatorOfRoom):
        take(conn, kind, Subject(a_room(conn, ana).room_id, None, ana.account_id))


def test_nobody_moderates_themselves_and_only_admins_moderate_admins(conn: Connection) -> None:
    mod, chief, other = (a_person(conn, handle) for handle in ("mod", "chief", "other"))
    for admin in (chief, other):
        roles.grant(conn, admin.account_id, "admin", now=NOON)
    about_chief = Subject(account_id=chief.account_id)

    with pytest.raises(Protected):
        take(conn, "suspend", Subject(account_id=mod.account_id), actor=mod)
    with pytest.raises(Protected):
        take(conn, "suspend", about_chief, actor=mod)
    with pytest.raises(Protected):
        take(conn, "restore", about_chief, actor=chief)

    assert take(conn, "suspend", about_chief, actor=other).actor_id == other.account_id


def test_what_was_done_about_a_person_is_read_the_latest_first(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    subject = Subject(account_id=ana.account_id)
    filed = a_report(conn, subject)
    suspended = take(conn, "suspend", subject)
    restored = take(conn, "restore", subject)
    take(conn, "dismiss", Subject(), report_id=filed.report_id)

    assert actions.about(conn, ana.account_id, limit=10) == [restored, suspended]
    assert actions.about(conn, ana.account_id, limit=1) == [restored]


def test_a_reader_finds_every_action_after_the_last_it_saw(conn: Connection) -> None:
    subject = Subject(account_id=a_person(conn, "ana").account_id)
    taken = [take(conn, "suspend", subject) for _ in range(3)]

    assert actions.since(conn, 1, limit=10) == taken[1:]
    assert actions.since(conn, 0, limit=2) == taken[:2]
    assert actions.head_before(conn, NOON) == 0
    assert actions.head_before(conn, NOON + timedelta(seconds=1)) == 3


@pytest.mark.parametrize(
    "change", [update(tables.actions).values(reason="Never mind."), delete(tables.actions)]
)
def test_the_database_lets_nobody_change_what_was_written(conn: Connection, change: object) -> None:
    taken = take(conn, "suspend", Subject(account_id=a_person(conn, "ana").account_id))

    with pytest.raises(DBAPIError, match="append-only"), conn.begin_nested():
        conn.execute(change)  # type: ignore[call-overload]

    assert actions.since(conn, 0, limit=10) == [taken]


def test_the_database_wants_a_reason(conn: Connection) -> None:
    with pytest.raises(IntegrityError), conn.begin_nested():
        conn.execute(
            insert(tables.actions).values(sequence=9, kind="suspend", reason="", taken_at=NOON)
        )
