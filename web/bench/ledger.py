"""``ovation bench ledger``: durable gifts per second, acknowledged after the disk has them.

Coin plane. The whole gift through the writer as the server sends it: look-up of the key, four
transfers in three assets with a cost lot, journal row with its hash, balances, one fsync per
commit. Senders wait for their acknowledgement before they give again; the books are verified
afterwards. Nothing here is asserted about speed.

Units   ``*_s`` seconds, ``*_ms`` milliseconds; gifts one.
"""

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import uvloop
from sqlalchemy import Engine

from wallet import ledger
from wallet.coins import Gift, Sale
from wallet.journal import write_note
from wallet.ledger import Command, Outcome
from wallet.verify import verify
from wallet.writer import Writer
from web.bench import postgres
from web.bench.measuring import percentile
from web.database import open_engine
from web.migrations import upgrade

FOLDER = Path("var/bench")  # on the disk the server would use, never in memory
SENDERS_COUNT = 1_000
CREATORS_COUNT = 1_000  # when gifts are spread
ROUNDS = 3
GIFTS_PER_ROUND = 20_000
PACED_LOAD_RATIO = 0.7  # of the measured rate: how the acknowledgement feels below the limit
PACED_S = 4.0
PACE_STEP_S = 0.002
TIME_S_MAX = 100.0  # leaves room for verifying and for PostgreSQL's start
MANY_POSTINGS = 1_000_000
PURSE_COINS = 10_000_000


def measure() -> dict[str, Any]:
    """Return figures and conditions for SQLite, and for PostgreSQL where it is installed."""
    started = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        measured = uvloop.run(measure_sqlite(Path(folder), started + TIME_S_MAX))
    figures: dict[str, float | None] = dict(measured.figures)
    postgres_program = postgres.find_program("postgres")
    if postgres_program is not None:
        with postgres.running() as prefix:
            beside = uvloop.run(measure_postgres(f"{prefix}/postgres"))
        figures |= {"postgresql_gifts_per_s": beside}
    return {
        "figures": figures,
        "conditions": {
            "database": "sqlite",
            "journal_mode": "wal",
            "synchronous": "full",
            "fsync": True,
            "gifts": measured.gifts_count,
            "senders": SENDERS_COUNT,
            "creators": 1,
            "creators_when_spread": CREATORS_COUNT,
            "transfers_per_gift": 4,
            "rounds": ROUNDS,
            "ack_load_ratio": PACED_LOAD_RATIO,
            "verified": True,
            "postgresql_fsync": True if postgres_program else None,
        },
        "peer": None,
    }


@dataclass(slots=True)
class Measured:
    """What one database reached."""

    figures: dict[str, float | None]
    gifts_count: int


class Crowd:
    """Senders with full purses, who give through one writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.senders = [uuid4().hex for _ in range(SENDERS_COUNT)]
        self.creators = [uuid4().hex for _ in range(CREATORS_COUNT)]
        self.gifts_count = 0

    async def buy(self) -> None:
        """Fill every purse."""
        await asyncio.gather(
            *(
                self._writer.batch(ledger.post, purchase_of(sender, number))
                for number, sender in enumerate(self.senders)
            )
        )

    async def give(self, sender: str, creator: str) -> float:
        """Give one rose; return how long the acknowledgement took, in seconds."""
        began = time.perf_counter()
        outcome = await self._writer.batch(ledger.post, rose_for(sender, creator))
        if not isinstance(outcome, Outcome) or outcome.refusal is not None:
            raise RuntimeError(f"a gift was not settled: {outcome}")
        self.gifts_count += 1
        return time.perf_counter() - began

    async def rate(self, creators: list[str], gifts_count: int) -> float:
        """Return gifts per second while every sender gives as fast as they are answered."""
        each = gifts_count // len(self.senders)

        async def give_each(place: int, sender: str) -> None:
            for turn in range(each):
                await self.give(sender, creators[(place + turn) % len(creators)])

        began = time.perf_counter()
        await asyncio.gather(*(give_each(place, who) for place, who in enumerate(self.senders)))
        return each * len(self.senders) / (time.perf_counter() - began)

    async def paced(self, gifts_per_s: float) -> list[float]:
        """Return how long each acknowledgement took at a steady rate, in seconds."""
        asking: list[asyncio.Task[float]] = []
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            while (elapsed := time.perf_counter() - began) < PACED_S:
                while len(asking) < elapsed * gifts_per_s:
                    sender = self.senders[len(asking) % SENDERS_COUNT]
                    asking.append(tasks.create_task(self.give(sender, self.creators[0])))
                await asyncio.sleep(PACE_STEP_S)
        return [task.result() for task in asking]


async def measure_sqlite(folder: Path, deadline: float) -> Measured:
    """Measure one hot creator, many creators, the acknowledgement, and bytes per gift."""
    path = folder / "ledger.db"
    upgrade(f"sqlite:///{path}")
    engine = open_engine(f"sqlite:///{path}")
    async with Writer(engine) as writer:
        crowd = Crowd(writer)
        await crowd.buy()
        hot = crowd.creators[:1]
        await crowd.rate(hot, len(crowd.senders))  # warm
        bytes_before = size_of(engine, path)
        gifts_before = crowd.gifts_count
        rates = [await crowd.rate(hot, GIFTS_PER_ROUND) for _ in range(ROUNDS)]
        bytes_per_gift = (size_of(engine, path) - bytes_before) / (crowd.gifts_count - gifts_before)
        spread = await crowd.rate(crowd.creators, GIFTS_PER_ROUND)
        waits = await crowd.paced(median(rates) * PACED_LOAD_RATIO)
        verify_s = verified(engine)
        after_many = await rate_after_many(crowd, median(rates), verify_s, deadline)
    if after_many is not None:
        verified(engine)
    engine.dispose()
    figures = {
        "gifts_per_s": round(median(rates), 1),
        "gifts_per_s_spread": round(spread, 1),
        "gifts_per_s_at_1m_postings": after_many,
        "ack_p50_ms": round(percentile(waits, 0.50) * 1_000, 2),
        "ack_p99_ms": round(percentile(waits, 0.99) * 1_000, 2),
        "bytes_per_gift": round(bytes_per_gift, 1),
    }
    return Measured(figures, crowd.gifts_count)


async def rate_after_many(
    crowd: Crowd, gifts_per_s: float, verify_s: float, deadline: float
) -> float | None:
    """Return the rate after a million postings, or None if there is no time for them."""
    missing = MANY_POSTINGS - crowd.gifts_count
    growth = MANY_POSTINGS / crowd.gifts_count
    if time.monotonic() + missing / gifts_per_s + verify_s * growth > deadline:
        return None
    await crowd.rate(crowd.creators[:1], missing)
    return round(await crowd.rate(crowd.creators[:1], GIFTS_PER_ROUND), 1)


async def measure_postgres(url: str) -> float:
    """Return gifts per second to one creator on PostgreSQL."""
    upgrade(url)
    engine = open_engine(url)
    async with Writer(engine) as writer:
        crowd = Crowd(writer)
        await crowd.buy()
        await crowd.rate(crowd.creators[:1], len(crowd.senders))
        gifts_per_s = await crowd.rate(crowd.creators[:1], GIFTS_PER_ROUND)
    verified(engine)
    engine.dispose()
    return round(gifts_per_s, 1)


def purchase_of(sender: str, number: int) -> Command:
    """Return the purchase that fills a purse."""
    return ledger.ask(
        Sale(sender, PURSE_COINS, PURSE_COINS * 13_000, "USD"),
        account_id=sender,
        route="purchases",
        key=f"purchase-{number}",
        terms=b"",
        asked_at=datetime.now(UTC),
    )


def rose_for(sender: str, creator: str) -> Command:
    """Return a gift of one coin, with the note and the kind of key that real ones have."""
    key = uuid7()
    note = write_note(
        room="abcdefghijkl", gift="rose", quantity=1, coins=1, menu=1, creator=creator
    )
    return ledger.ask(
        Gift(sender, creator, 1, 1, 5_000, "USD", note),
        account_id=sender,
        route="gifts",
        key=key,
        terms=b"rose 1",
        asked_at=datetime.now(UTC),
    )


def uuid7() -> str:
    """Return a UUIDv7, as clients make them: its first 48 bits are milliseconds."""
    milliseconds = f"{time.time_ns() // 1_000_000:012x}"
    random = os.urandom(9).hex()
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7{random[:3]}-8{random[3:6]}-{random[6:18]}"


def verified(engine: Engine) -> float:
    """Return how long verifying took, in seconds; figures from broken books are worth nothing."""
    began = time.monotonic()
    with engine.connect() as conn:
        report = verify(conn)
    if not report.ok:
        raise RuntimeError(f"the books do not hold: {report.findings[:3]}")
    return time.monotonic() - began


def size_of(engine: Engine, path: Path) -> int:
    """Return the database file's size once all of the log is in it."""
    with engine.connect() as conn:
        raw = conn.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size
