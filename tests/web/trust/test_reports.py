"""Reports."""

import pytest
from sqlalchemy import Connection

from tests.web.people.builders import NOON, a_person
from tests.web.trust.builders import a_report, a_room
from web.trust import reports
from web.trust.errors import ReportClosed, UnknownReport
from web.trust.subjects import Subject


def test_the_same_report_by_the_same_person_is_one_report(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    room = a_room(conn, ana)
    subject = Subject(room.room_id, None, ana.account_id)

    first = a_report(conn, subject, reporter=bea)

    assert a_report(conn, subject, reporter=bea) == first
    assert a_report(conn, subject) != first
    assert a_report(conn, Subject(None, None, ana.account_id), reporter=bea) != first
    reports.close(conn, first.report_id, "dismissed", now=NOON)
    assert a_report(conn, subject, reporter=bea) != first


def test_a_report_is_closed_once(conn: Connection) -> None:
    filed = a_report(conn, Subject(account_id=a_person(conn, "ana").account_id))

    reports.close(conn, filed.report_id, "acted", now=NOON)

    assert reports.report(conn, filed.report_id).state == "acted"
    with pytest.raises(ReportClosed):
        reports.close(conn, filed.report_id, "dismissed", now=NOON)
    with pytest.raises(UnknownReport):
        reports.report(conn, "none")


def test_who_reported_is_forgotten_and_the_report_stays(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    filed = a_report(conn, Subject(account_id=ana.account_id), reporter=bea)
    assert reports.filed_by(conn, bea.account_id) == [filed]

    reports.forget_reporter(conn, bea.account_id)

    assert reports.filed_by(conn, bea.account_id) == []
    assert reports.report(conn, filed.report_id).reporter_id is None
