"""The moderators' queue."""

import pytest
from sqlalchemy import Connection

from tests.web.people.builders import NOON, a_person
from tests.web.trust.builders import a_line, a_report, a_room
from web.people import accounts
from web.trust import actions, cases
from web.trust.actions import Order
from web.trust.errors import UnknownReport
from web.trust.subjects import Subject


def test_a_case_shows_what_was_said_before_and_what_was_done_before(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    room = a_room(conn, ana)
    before = a_line(conn, room, ana, "Welcome.", seconds=1)
    line = a_line(conn, room, bea, "Buy followers!", seconds=2)
    a_line(conn, room, ana, "Please do not.", seconds=3)
    about_bea = Subject(room.room_id, None, bea.account_id)
    muted = actions.take(conn, Order("mute", "Spam.", about_bea), actor_id=None, now=NOON)
    filed = a_report(conn, Subject(room.room_id, line.message_id, bea.account_id), reporter=ana)

    (case,), cursor = cases.queue(conn)

    assert case.report == filed
    assert case.room == room
    assert case.account == bea
    assert case.lines == [before, line]
    assert case.history == [muted]
    assert case.open_count == 1
    assert {name.handle for name in case.names.values()} == {"ana", "bea"}
    assert cursor is None


def test_a_report_on_a_room_shows_its_latest_lines(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    room = a_room(conn, ana)
    lines = [a_line(conn, room, ana, f"Line {n}.", seconds=n) for n in range(cases.LINES_MAX + 1)]
    a_report(conn, Subject(room.room_id, None, ana.account_id))

    (case,), _ = cases.queue(conn)

    assert case.lines == lines[1:]


def test_a_report_on_a_closed_account_can_still_be_read(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    a_report(conn, Subject(account_id=ana.account_id))
    accounts.close(conn, ana.account_id, now=NOON)

    (case,), _ = cases.queue(conn)

    assert case.account is not None
    assert case.account.is_closed
    assert case.names[ana.account_id].handle == "closed"


def test_the_queue_is_read_page_by_page_the_oldest_first(conn: Connection) -> None:
    subject = Subject(account_id=a_person(conn, "ana").account_id)
    filed = [a_report(conn, subject, seconds=n // 2) for n in range(cases.PAGE_MAX + 3)]
    assert filed == sorted(filed, key=lambda one: (one.reported_at, one.report_id))

    first, cursor = cases.queue(conn)
    second, end = cases.queue(conn, after=cursor)

    assert [case.report for case in [*first, *second]] == filed
    assert len(first) == cases.PAGE_MAX
    assert end is None
    with pytest.raises(UnknownReport):
        cases.queue(conn, after="none")


def test_what_is_dealt_with_is_off_the_queue(conn: Connection) -> None:
    filed = a_report(conn, Subject(account_id=a_person(conn, "ana").account_id))
    order = Order("dismiss", "Nothing wrong.", Subject(), report_id=filed.report_id)
    actions.take(conn, order, actor_id=None, now=NOON)

    assert cases.queue(conn) == ([], None)
    (case,), _ = cases.queue(conn, "dismissed")
    assert case.report.report_id == filed.report_id
