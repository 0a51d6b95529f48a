"""The finance desk over HTTP, reading only: what is owed, sold and given, and whether it holds.

Coins plane. Owed sums are balances of the ledger; the days are counted from its journal
(``wallet.days``); the last verification is the newest run of what ``ovation ledger verify`` does.
The CSV holds dates, numbers and a currency code and no text of anybody's, so nothing in it can
become a formula.

Jobs    ``jobs``: "days" counts on; "verification" proves the books every hour, in a process of
        its own because it would keep the interpreter busy.
Units   ``*_minor``: the currency's smallest unit. Days are UTC.
"""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import anyio.to_process
import structlog
from msgspec import Struct
from sqlalchemy import Connection, insert, select

from wallet import accounts, days, packs
from wallet.days import Day
from wallet.errors import WriterError
from wallet.packs import CURRENCY
from wallet.tables import verifications
from wallet.verify import verify
from web.database import open_engine
from web.errors import Problem
from web.jobs import Job
from web.operations import Answer, Call, Operation, operation
from web.state import State

ROLES: Final = ("finance-maker", "finance-checker", "admin")
DAYS_SHOWN: Final = 30
DAYS_MAX: Final = 3 * 366
TURNS_MAX: Final = 40  # of counting while somebody waits
COUNT_EVERY_S: Final = 10.0
LOOK_EVERY_S: Final = 60.0
VERIFY_EVERY: Final = timedelta(hours=1)
COMPLAINTS_MAX: Final = 20
CSV_HEADER: Final = ("day", "currency", "sales_minor", "coins_sold", "gifts", "coins_gifted")

log = structlog.get_logger()


class DayShown(Struct):
    """What was sold and given on one day."""

    day: date
    sales_minor: int
    coins_sold: int
    gifts: int
    coins_gifted: int


class Verification(Struct):
    """When the books were last proved, and whether they held."""

    at: datetime
    ok: bool
    postings: int


class Overview(Struct):
    """What we owe, what was sold and given, and whether the books hold."""

    owed_viewers_minor: int
    owed_creators_minor: int
    currency: str
    days: list[DayShown]
    last_verification: Verification | None


@operation(
    "GET",
    "/api/finance/overview",
    answers={200: Overview},
    roles=ROLES,
    query={"from": date, "to": date},
)
async def finance_overview(call: Call[None]) -> Answer:
    """Show what is owed, sold and given."""
    first, last = span(call)
    await try_to_count_up(call.state)
    return Answer(200, await call.state["read"](overview, first, last))


@operation(
    "GET",
    "/api/finance/days.csv",
    answers={200: bytes},
    roles=ROLES,
    query={"from": date, "to": date},
    media_types={200: "text/csv"},
)
async def finance_days(call: Call[None]) -> Answer:
    """Give the days as a table for a spreadsheet."""
    first, last = span(call)
    await try_to_count_up(call.state)
    found = await call.state["read"](days.between, first, last)
    name = f"ovation-days-{first}-{last}.csv"
    return Answer(
        200,
        as_csv(found).encode(),
        {"Content-Disposition": f'attachment; filename="{name}"'},
        "text/csv; charset=utf-8",
    )


def span(call: Call[None]) -> tuple[date, date]:
    """Return the days asked for; the last ``DAYS_SHOWN`` if none are.

    Raises:
        Problem: 422, no such span.
    """
    last: date = call.query.get("to") or call.now.date()
    try:
        first: date = call.query.get("from") or last - timedelta(days=DAYS_SHOWN - 1)
    except OverflowError:
        first = last
    if first > last or (last - first).days >= DAYS_MAX or first < days.FIRST_DAY:
        raise Problem(422, "bad_span", f"Ask for 1 to {DAYS_MAX} days, the earlier one first")
    return first, last


async def try_to_count_up(state: State) -> None:
    """Count what is new, if it can be written down.

    When broken books have stopped the writer, this desk is where people come to look.
    """
    try:
        await count_up(state)
    except WriterError as error:
        log.warning("days not counted", why=str(error))


def overview(conn: Connection, first: date, last: date) -> Overview:
    """Return what the desk opens with."""
    return Overview(
        owed_viewers_minor=owed_minor(conn, "coins:deferred"),
        owed_creators_minor=owed_minor(conn, "creator:held"),
        currency=CURRENCY,
        days=[shown(day) for day in days.between(conn, first, last)],
        last_verification=last_verification(conn),
    )


def owed_minor(conn: Connection, kind: str) -> int:
    """Return what we owe on all accounts of one kind."""
    return packs.minor(-accounts.total(conn, kind, CURRENCY), CURRENCY)


def shown(day: Day) -> DayShown:
    """Return a day as it is shown."""
    return DayShown(
        day=day.day,
        sales_minor=packs.minor(day.sales_micros, CURRENCY),
        coins_sold=day.coins_sold,
        gifts=day.gifts_count,
        coins_gifted=day.coins_gifted,
    )


def as_csv(found: Sequence[Day]) -> str:
    """Return the days as comma-separated values (RFC 4180)."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(CSV_HEADER)
    for day in map(shown, found):
        rows.writerow(
            (day.day, CURRENCY, day.sales_minor, day.coins_sold, day.gifts, day.coins_gifted)
        )
    return text.getvalue()


# Jobs


async def count_up(state: State) -> None:
    """Count what the journal got since the last time, as far as a few turns go."""
    for _ in range(TURNS_MAX):
        if not await state["writer"].run(days.count_on):
            return


async def verify_now_and_then(state: State) -> None:
    """Prove the books if that was not done for ``VERIFY_EVERY``."""
    last = await state["read"](last_verification)
    if last is None or last.at + VERIFY_EVERY <= state["clock"]():
        await verify_books(state)


async def verify_books(state: State) -> None:
    """Prove the books and keep the verdict."""
    url = state["settings"].database_url
    ok, postings, complaints = await anyio.to_process.run_sync(verified, url, cancellable=True)
    now = state["clock"]()
    await state["write"](keep_verification, ok, postings, complaints, now=now)


def verified(url: str) -> tuple[bool, int, str]:
    """Return whether the books at ``url`` hold, how many postings there are, and what is wrong."""
    engine = open_engine(url, read_only=True)
    if engine.dialect.name == "postgresql":  # SQLite's transactions see one moment anyway
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as conn:
            report = verify(conn)
    finally:
        engine.dispose()
    return report.ok, report.postings, "\n".join(report.findings[:COMPLAINTS_MAX])


def keep_verification(
    conn: Connection, ok: bool, postings: int, complaints: str, *, now: datetime
) -> None:
    """Keep the verdict of one run."""
    conn.execute(
        insert(verifications).values(
            at=now, is_ok=ok, postings_count=postings, complaints=complaints
        )
    )


def last_verification(conn: Connection) -> Verification | None:
    """Return the newest verdict."""
    row = conn.execute(select(verifications).order_by(verifications.c.at.desc()).limit(1)).first()
    return None if row is None else Verification(row.at, row.is_ok, row.postings_count)


operations: list[Operation] = [finance_overview, finance_days]
jobs: tuple[Job, ...] = (
    Job("days", COUNT_EVERY_S, count_up),
    Job("verification", LOOK_EVERY_S, verify_now_and_then),
)
