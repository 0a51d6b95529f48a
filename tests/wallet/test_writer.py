"""What the writer promises those who wait for it, on both databases."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from tests.wallet.books import VIEWER, a_gift, a_sale, asked, coins_of
from wallet import ledger
from wallet.errors import CommitFailed, LedgerBroken, WriterBusy, WriterStopped
from wallet.verify import verify
from wallet.writer import Writer
from web.database import open_engine

WAIT_S_MAX = 30.0


@pytest.fixture
async def writer(engine: Engine) -> AsyncIterator[Writer]:
    """A writer on a database with a table of scratch numbers."""
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE scratch (n integer PRIMARY KEY)"))
    async with Writer(engine) as running:
        yield running


def put(n: int) -> Callable[[Connection], int]:
    """Return a unit that writes ``n`` and answers it."""

    def unit(conn: Connection) -> int:
        conn.execute(text("INSERT INTO scratch (n) VALUES (:n)"), {"n": n})
        return n

    return unit


def put_all(conn: Connection, numbers: Sequence[int]) -> list[int]:
    """A batch function: write all numbers; a repeated one makes the whole batch fail."""
    for n in numbers:
        put(n)(conn)
    return [len(numbers)] * len(numbers)


def kept(engine: Engine) -> list[int]:
    """Return the numbers that were committed."""
    with engine.connect() as conn:
        return list(conn.scalars(text("SELECT n FROM scratch ORDER BY n")))


@asynccontextmanager
async def held_up(writer: Writer) -> AsyncIterator[None]:
    """Keep the writer's thread inside a unit, so that everything asked meanwhile waits."""
    entered, release = threading.Event(), threading.Event()

    def unit(_conn: Connection) -> None:
        entered.set()
        assert release.wait(WAIT_S_MAX)

    asking = start(writer.run(unit))
    assert await asyncio.to_thread(entered.wait, WAIT_S_MAX)
    try:
        yield
        await asyncio.sleep(0)  # let what was started inside reach the queue
    finally:
        release.set()
        await asking


async def together(*asking: asyncio.Future[object]) -> list[object]:
    """Return what became of several requests, errors as values."""
    return await asyncio.gather(*asking, return_exceptions=True)


def start(coroutine: object) -> asyncio.Future[object]:
    """Start asking; the request is in the queue once the loop has turned."""
    return asyncio.ensure_future(coroutine)  # type: ignore[call-overload, no-any-return]


async def test_an_answer_means_that_everybody_can_read_it(writer: Writer, engine: Engine) -> None:
    answer = await writer.run(put(1))

    assert answer == 1
    assert kept(engine) == [1]


async def test_what_waits_together_is_committed_together(writer: Writer, engine: Engine) -> None:
    async with held_up(writer):
        asking = [start(writer.batch(put_all, n)) for n in range(5)]
        asking.append(start(writer.run(put(9))))
    answers = await together(*asking)

    assert answers == [5, 5, 5, 5, 5, 9]
    assert kept(engine) == [0, 1, 2, 3, 4, 9]
    assert writer.counters()["commits_total"] == 2


async def test_a_lone_unit_does_not_wait_for_others(writer: Writer) -> None:
    for n in range(3):
        await writer.run(put(n))

    assert writer.counters()["commits_total"] == 3


async def test_a_unit_that_fails_harms_no_other(writer: Writer, engine: Engine) -> None:
    async with held_up(writer):
        asking = [start(writer.run(put(n))) for n in (1, 1, 2)]
    first, second, third = await together(*asking)

    assert (first, third) == (1, 2)
    assert isinstance(second, IntegrityError)
    assert kept(engine) == [1, 2]


async def test_a_lone_unit_that_fails_leaves_nothing(writer: Writer, engine: Engine) -> None:
    def half_done(conn: Connection) -> None:
        put(1)(conn)
        raise ValueError("after the first half")

    with pytest.raises(ValueError, match="after the first half"):
        await writer.run(half_done)

    assert kept(engine) == []


async def test_one_bad_item_does_not_fail_its_batch(writer: Writer, engine: Engine) -> None:
    async with held_up(writer):
        asking = [start(writer.batch(put_all, n)) for n in (1, 2, 2, 3)]
    answers = await together(*asking)

    assert [type(answer) for answer in answers] == [int, int, IntegrityError, int]
    assert kept(engine) == [1, 2, 3]


async def test_a_batch_takes_at_most_so_many_units(engine: Engine) -> None:
    sizes: list[int] = []

    def note_size(_conn: Connection, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    async with Writer(engine, units_per_commit_max=3) as writer:
        async with held_up(writer):
            asking = [start(writer.batch(note_size, n)) for n in range(7)]
        answers = await together(*asking)

    assert answers == [0, 1, 2, 3, 4, 5, 6]
    assert max(sizes) <= 3


async def test_a_full_queue_refuses_at_once(engine: Engine) -> None:
    async with Writer(engine, waiting_units_max=2) as writer:
        async with held_up(writer):
            asking = [start(writer.run(lambda _conn: None)) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(WriterBusy) as refused:
                await writer.run(lambda _conn: None)
        await asyncio.gather(*asking)

    assert str(refused.value) == "2 units of work are waiting already"
    assert writer.counters()["refused_units_total"] == 1


async def test_whoever_stops_waiting_in_the_queue_is_not_served(
    writer: Writer, engine: Engine
) -> None:
    async with held_up(writer):
        asking = start(writer.run(put(1)))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.sleep(0)
    await writer.run(put(2))

    assert asking.cancelled()
    assert kept(engine) == [2]


async def test_whoever_stops_waiting_while_being_served_is_served_wholly(
    writer: Writer, engine: Engine
) -> None:
    entered, release = threading.Event(), threading.Event()

    def slow(conn: Connection) -> None:
        put(1)(conn)
        entered.set()
        assert release.wait(WAIT_S_MAX)
        put(2)(conn)

    asking = start(writer.run(slow))
    assert await asyncio.to_thread(entered.wait, WAIT_S_MAX)
    asking.cancel()
    release.set()
    await writer.run(put(3))

    assert asking.cancelled()
    assert kept(engine) == [1, 2, 3]


async def test_a_commit_that_fails_tells_nobody_yes(writer: Writer, engine: Engine) -> None:
    await writer.run(add_a_promise_the_commit_checks)

    async with held_up(writer):
        asking = [start(writer.run(put(1))), start(writer.run(break_the_promise))]
    answers = await together(*asking)

    assert [type(answer) for answer in answers] == [CommitFailed, CommitFailed]
    assert not any("promise" in str(answer) for answer in answers)
    assert kept(engine) == []
    assert await writer.run(put(2)) == 2


def add_a_promise_the_commit_checks(conn: Connection) -> None:
    """Make a table whose foreign key is checked at commit and not before."""
    conn.execute(
        text(
            "CREATE TABLE promise (n integer REFERENCES scratch (n) DEFERRABLE INITIALLY DEFERRED)"
        )
    )


def break_the_promise(conn: Connection) -> None:
    """Write what the commit will refuse."""
    conn.execute(text("INSERT INTO promise (n) VALUES (77)"))


async def test_a_log_that_cannot_be_written_costs_nobody_an_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk:
        def error(self, *_event: object, **_about: object) -> None:
            raise OSError("no space left")

    monkeypatch.setattr("wallet.writer.log", FullDisk())
    monkeypatch.setattr(threading, "excepthook", lambda _raised: None)

    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE scratch (n integer PRIMARY KEY)"))
    async with Writer(engine) as writer, asyncio.timeout(WAIT_S_MAX):
        await writer.run(add_a_promise_the_commit_checks)
        with pytest.raises(CommitFailed):
            await writer.run(break_the_promise)
        asking = [start(writer.run(put(n))) for n in range(3)]

        answers = await together(*asking)

    assert {type(answer) for answer in answers} <= {int, WriterStopped}


async def test_a_full_disk_fails_the_unit_and_the_writer_goes_on(
    sqlite_engine: Engine,
) -> None:
    def fill(conn: Connection) -> None:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        conn.exec_driver_sql("CREATE TABLE filling (stuff BLOB)")
        conn.exec_driver_sql("INSERT INTO filling VALUES (zeroblob(1000000))")

    def make_room(conn: Connection) -> None:
        conn.exec_driver_sql("PRAGMA max_page_count = 1000000")

    async with Writer(sqlite_engine) as writer:
        await writer.batch(ledger.post, asked(a_sale(10)))
        async with held_up(writer):
            asking = [
                start(writer.batch(ledger.post, asked(a_gift(1)))),
                start(writer.run(fill)),
            ]
        gift, filling = await together(*asking)
        await writer.run(make_room)
        await writer.batch(ledger.post, asked(a_gift(1)))

    assert isinstance(filling, DBAPIError | CommitFailed)
    with sqlite_engine.connect() as conn:
        assert verify(conn).ok
        acknowledged = 1 if isinstance(gift, CommitFailed) else 2
        assert coins_of(conn) == 10 - acknowledged


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """An engine on SQLite, for what only SQLite can do."""
    found = open_engine(sqlite_url)
    yield found
    found.dispose()


async def test_a_lost_connection_is_replaced(writer: Writer, engine: Engine) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - each driver has its own words for it
        await writer.run(lose_connection)
    await writer.batch(ledger.post, asked(a_sale(10)))

    with engine.connect() as conn:
        assert coins_of(conn, VIEWER) == 10


def lose_connection(conn: Connection) -> None:
    """Lose the connection in the middle of a unit, then use it."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    else:
        conn.connection.driver_connection.close()  # type: ignore[union-attr]
    conn.execute(text("SELECT 1"))


async def test_what_only_the_database_could_not_do_may_be_asked_again(
    writer: Writer, engine: Engine
) -> None:
    def wait_in_vain(conn: Connection) -> None:
        put(1)(conn)
        raise OperationalError("INSERT", {}, Exception("the disk is full"))

    with pytest.raises(CommitFailed):
        await writer.run(wait_in_vain)

    assert kept(engine) == []


async def test_a_connection_lost_while_idle_costs_nobody_an_answer(
    writer: Writer, engine: Engine
) -> None:
    if engine.dialect.name == "postgresql":
        backend = await writer.run(lambda c: c.scalar(text("SELECT pg_backend_pid()")))
        with engine.begin() as conn:
            conn.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})

    assert await writer.run(put(1)) == 1


async def test_books_that_disagree_stop_the_writer_and_leave_reads_up(
    writer: Writer, engine: Engine
) -> None:
    def broken(conn: Connection) -> None:
        put(2)(conn)
        raise LedgerBroken("coins and lots disagree")

    await writer.run(put(1))
    async with held_up(writer):
        asking = [start(writer.run(put(3))), start(writer.run(broken))]
    answers = await together(*asking)

    assert [type(answer) for answer in answers] == [WriterStopped, WriterStopped]
    with pytest.raises(WriterStopped) as stopped:
        await writer.run(put(4))
    assert stopped.value.args == ("coins and lots disagree",)
    assert not any("disagree" in str(answer) for answer in [*answers, stopped.value])
    assert writer.counters()["stopped"] == 1
    assert kept(engine) == [1]


async def test_a_closed_writer_has_written_what_waited_and_takes_nothing_more(
    writer: Writer, engine: Engine
) -> None:
    async with held_up(writer):
        asking = start(writer.run(put(1)))
    await writer.close()

    assert await asking == 1
    with pytest.raises(WriterStopped):
        await writer.run(put(2))
    assert kept(engine) == [1]


async def test_callbacks_hear_of_every_commit(writer: Writer) -> None:
    heard = asyncio.Event()
    writer.after_commit(heard.set)

    await writer.run(put(1))
    await asyncio.wait_for(heard.wait(), WAIT_S_MAX)

    assert heard.is_set()


async def test_gifts_that_wait_together_share_a_commit_and_the_first_wins(
    writer: Writer, engine: Engine
) -> None:
    await writer.batch(ledger.post, asked(a_sale(250)))

    async with held_up(writer):
        asking = [start(writer.batch(ledger.post, asked(a_gift(100)))) for _ in range(3)]
    outcomes = await together(*asking)

    refusals = [outcome.refusal for outcome in outcomes if isinstance(outcome, ledger.Outcome)]
    assert refusals == [None, None, ledger.Refusal("insufficient_coins", {"short_by": 50})]
    with engine.connect() as conn:
        assert coins_of(conn) == 50
        assert verify(conn).ok
