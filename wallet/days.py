"""Sales and gifts per day (UTC): a projection of the journal for the finance pages.

Coins plane, reading the journal and writing ``wallet_days`` only. ``count_on`` goes on where it
stopped, some rows at a time, so that nothing scans a long journal while people wait; counting
everything again from the first row gives the same numbers.

Units   ``sales_micros``: 10⁻⁶ of the currency's major unit, gross, tax included, of the one
        currency that is sold. Coins: one. ``day``: days since 1970-01-01.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import BigInteger, Connection, case, delete, func, select, type_coerce, update

from wallet import accounts
from wallet.accounts import COIN, PAID, PROMO, AccountName
from wallet.packs import CURRENCY
from wallet.purchases import insert_once
from wallet.tables import chains, cursors, days, journal, transfers

READER: Final = "days"
ROWS_AT_ONCE_MAX: Final = 5_000  # tens of milliseconds of the writer's time
DAY_MICROSECONDS: Final = 86_400 * 1_000_000
FIRST_DAY: Final = date(1970, 1, 1)

PENDING: Final = AccountName("psp:pending", CURRENCY, "stripe")
MINT: Final = AccountName("mint", COIN, "", f"{PAID}web")
SPENT: Final = (
    AccountName("spent", COIN, "", f"{PAID}web"),
    AccountName("spent", COIN, "", PROMO),
)


@dataclass(frozen=True, slots=True)
class Day:
    """What was sold and given on one day."""

    day: date
    sales_micros: int = 0
    coins_sold: int = 0
    gifts_count: int = 0
    coins_gifted: int = 0


def count_on(conn: Connection, *, rows_max: int = ROWS_AT_ONCE_MAX) -> bool:
    """Count journal rows that were not counted yet; return whether some may be left."""
    read = select(cursors.c.chain, cursors.c.sequence).where(cursors.c.reader == READER).subquery()
    done = func.coalesce(read.c.sequence, 0)
    behind = conn.execute(
        select(chains.c.chain, done, chains.c.head_sequence)
        .outerjoin(read, read.c.chain == chains.c.chain)
        .where(chains.c.head_sequence > done)
        .order_by(chains.c.chain)
        .limit(1)
    ).first()
    if behind is None:
        return False
    chain, first, head = behind
    last = min(first + rows_max, head)
    for day in counted(conn, chain, first, last):
        add(conn, day)
    insert_once(conn, cursors, {"reader": READER, "chain": chain, "sequence": 0})
    conn.execute(
        update(cursors)
        .where(cursors.c.reader == READER, cursors.c.chain == chain)
        .values(sequence=last)
    )
    return True


def counted(conn: Connection, chain: int, after: int, last: int) -> list[Day]:
    """Return what the rows of one chain after ``after`` up to ``last`` add to each day."""
    ids = {account.name: account.id for account in accounts.load(conn, (PENDING, MINT, *SPENT))}
    spent_ids = [ids[name] for name in SPENT if name in ids]
    day = type_coerce(journal.c.recorded_at, BigInteger) // DAY_MICROSECONDS
    here = (journal.c.chain == chain) & (journal.c.sequence > after) & (journal.c.sequence <= last)
    gifts = (
        select(day, func.count())
        .where(here, journal.c.kind == "gift", journal.c.refusal == b"")
        .group_by(day)
    )
    amount = transfers.c.amount
    is_sale, is_gift = journal.c.kind == "purchase", journal.c.kind == "gift"
    sums = (
        select(
            day,
            func.sum(case((is_sale & (transfers.c.debit_id == ids.get(PENDING)), amount), else_=0)),
            func.sum(case((is_sale & (transfers.c.credit_id == ids.get(MINT)), amount), else_=0)),
            func.sum(case((is_gift & transfers.c.debit_id.in_(spent_ids), amount), else_=0)),
        )
        .join(
            transfers,
            (transfers.c.chain == journal.c.chain) & (transfers.c.sequence == journal.c.sequence),
        )
        .where(here, is_sale | is_gift)
        .group_by(day)
    )
    gifts_count = {row[0]: row[1] for row in conn.execute(gifts)}
    return [
        Day(
            FIRST_DAY + timedelta(days=number),
            int(sales),
            int(sold),
            gifts_count.get(number, 0),
            int(gifted),
        )
        for number, sales, sold, gifted in conn.execute(sums)
    ]


def add(conn: Connection, counted_day: Day) -> None:
    """Add to what is known of a day."""
    number = (counted_day.day - FIRST_DAY).days
    none = {"sales_micros": 0, "coins_sold": 0, "gifts_count": 0, "coins_gifted": 0}
    insert_once(conn, days, {"day": number, **none})
    conn.execute(
        update(days)
        .where(days.c.day == number)
        .values(
            sales_micros=days.c.sales_micros + counted_day.sales_micros,
            coins_sold=days.c.coins_sold + counted_day.coins_sold,
            gifts_count=days.c.gifts_count + counted_day.gifts_count,
            coins_gifted=days.c.coins_gifted + counted_day.coins_gifted,
        )
    )


def between(conn: Connection, first: date, last: date) -> list[Day]:
    """Return every day from ``first`` to ``last``, empty ones included."""
    numbers = ((first - FIRST_DAY).days, (last - FIRST_DAY).days)
    rows = conn.execute(select(days).where(days.c.day.between(*numbers)))
    known = {
        row.day: Day(
            FIRST_DAY + timedelta(days=row.day),
            row.sales_micros,
            row.coins_sold,
            row.gifts_count,
            row.coins_gifted,
        )
        for row in rows
    }
    return [
        known.get(number) or Day(FIRST_DAY + timedelta(days=number))
        for number in range(numbers[0], numbers[1] + 1)
    ]


def forget(conn: Connection) -> None:
    """Delete what was counted, to count it again from the first row."""
    conn.execute(delete(days))
    conn.execute(delete(cursors).where(cursors.c.reader == READER))
