"""Reports: what people, logged in or not, ask us to look at.

A report from somebody who already has the same one open is the same report.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from web.trust.errors import ReportClosed, UnknownReport
from web.trust.subjects import Subject
from web.trust.tables import reports

Reason = Literal[
    "spam",
    "harassment",
    "hate",
    "nudity",
    "violence",
    "self_harm",
    "child_safety",
    "fraud",
    "impersonation",
    "illegal",
    "other",
]
ReportState = Literal["open", "acted", "dismissed"]


@dataclass(frozen=True, slots=True)
class Report:
    """One report, as filed."""

    report_id: str
    state: ReportState
    reporter_id: str | None
    room_id: str | None
    message_id: str | None
    account_id: str | None
    reason: Reason
    detail: str
    reported_at: datetime
    closed_at: datetime | None

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return Subject(self.room_id, self.message_id, self.account_id)


def file_report(
    conn: Connection,
    subject: Subject,
    *,
    report_id: str,
    reporter_id: str | None,
    reason: Reason,
    detail: str,
    now: datetime,
) -> Report:
    """File a report, or return the one this person has open about the same."""
    if reporter_id is not None:
        same = conn.execute(
            select(reports).where(
                reports.c.state == "open",
                reports.c.reporter_id == reporter_id,
                reports.c.room_id.is_not_distinct_from(subject.room_id),
                reports.c.message_id.is_not_distinct_from(subject.message_id),
                reports.c.account_id.is_not_distinct_from(subject.account_id),
            )
        ).first()
        if same is not None:
            return of_row(same)
    row = conn.execute(
        insert(reports)
        .values(
            report_id=report_id,
            state="open",
            reporter_id=reporter_id,
            room_id=subject.room_id,
            message_id=subject.message_id,
            account_id=subject.account_id,
            reason=reason,
            detail=detail,
            reported_at=now,
        )
        .returning(reports)
    ).one()
    return of_row(row)


def report(conn: Connection, report_id: str) -> Report:
    """Return one report.

    Raises:
        UnknownReport: There is none.
    """
    row = conn.execute(select(reports).where(reports.c.report_id == report_id)).first()
    if row is None:
        raise UnknownReport()
    return of_row(row)


def close(
    conn: Connection, report_id: str, state: Literal["acted", "dismissed"], *, now: datetime
) -> None:
    """Take a report off the queue; of two moderators at once, one succeeds.

    Raises:
        ReportClosed: It is off the queue.
    """
    changed = conn.execute(
        update(reports)
        .where(reports.c.report_id == report_id, reports.c.state == "open")
        .values(state=state, closed_at=now)
        .returning(reports.c.report_id)
    ).first()
    if changed is None:
        raise ReportClosed()


def filed_by(conn: Connection, reporter_id: str) -> list[Report]:
    """Return what one person reported, the oldest first."""
    rows = conn.execute(
        select(reports)
        .where(reports.c.reporter_id == reporter_id)
        .order_by(reports.c.reported_at, reports.c.report_id)
    )
    return [of_row(row) for row in rows]


def forget_reporter(conn: Connection, reporter_id: str) -> None:
    """Forget who filed these reports, because their account is closed."""
    conn.execute(
        update(reports).where(reports.c.reporter_id == reporter_id).values(reporter_id=None)
    )


def of_row(row: Row[Any]) -> Report:
    """Return a row of ``trust_reports`` as a report."""
    return Report(**row._mapping)
