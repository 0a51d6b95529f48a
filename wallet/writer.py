"""One thread that writes: everything that waits goes into one transaction. Coin plane.

A unit of work is a synchronous function of a connection. Whoever asked is answered after the
commit and never before. Nobody waits for a batch to fill: the thread takes what is there, so a
lone unit commits at once and a crowd shares one fsync.

When a unit fails         its savepoint is rolled back; the units beside it are kept.
When a batch fails        its items run again one by one, so that only the bad one fails.
When the commit fails     every unit of it fails with ``CommitFailed``: nobody was told yes.
When the books disagree   (``LedgerBroken``) nothing is committed and nothing ever written again
                          until a restart; reads go on.
When the queue is full    ``WriterBusy`` at once; nothing was queued.
When the asker goes away  its unit runs wholly or not at all; its answer is dropped.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from sqlalchemy import Connection, Engine, NestedTransaction
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from wallet.errors import CommitFailed, LedgerBroken, WriterBusy, WriterStopped

T = TypeVar("T")
Item = TypeVar("Item")
Answer = TypeVar("Answer")

WAITING_UNITS_MAX = 20_000
UNITS_PER_COMMIT_MAX = 512  # beyond this a larger batch gains little and everyone waits longer

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Unit:
    """Work that waits, and after it ran what came of it.

    Attributes:
        batched: ``fn`` takes (conn, items) and this unit is one item of it.
    """

    fn: Callable[..., Any]
    item: Any
    batched: bool
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    answer: Any = None
    error: BaseException | None = None


class TransactionLost(Exception):
    """The database ended the transaction under us: no unit in it was kept."""


class Writer:
    """Runs units of work in order on one connection: ``async with Writer(engine) as writer``."""

    def __init__(
        self,
        engine: Engine,
        *,
        waiting_units_max: int = WAITING_UNITS_MAX,
        units_per_commit_max: int = UNITS_PER_COMMIT_MAX,
    ) -> None:
        self._engine = engine
        self._waiting_units_max = waiting_units_max
        self._units_per_commit_max = units_per_commit_max
        self._waiting: deque[Unit] = deque()
        self._wake = threading.Condition()
        self._stopped: str | None = "not started"
        self._connection: Connection | None = None
        self._callbacks: list[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = []
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._commits = self._units = self._failed = self._refused = 0

    async def __aenter__(self) -> Self:
        self._stopped = None
        self._thread.start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Write what waits, then stop."""
        with self._wake:
            self._stopped = self._stopped or "closed"
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)

    async def run(self, fn: Callable[[Connection], T]) -> T:
        """Run ``fn`` in a transaction and return its answer once that is committed.

        Raises:
            WriterBusy: Too many units wait.
            WriterStopped: Nothing is written any more.
            CommitFailed: It may or may not have been kept.
            Exception: Whatever ``fn`` raised; nothing it did was kept.
        """
        answer: T = await self._ask(fn, None, batched=False)
        return answer

    async def batch(
        self, fn: Callable[[Connection, Sequence[Item]], Sequence[Answer]], item: Item
    ) -> Answer:
        """Let ``fn`` take ``item`` with all others that wait for the same ``fn``.

        ``fn`` returns one answer per item, in order. It may run twice over an item, the first
        time in vain, if another item made it fail. Raises as ``run`` does.
        """
        answer: Answer = await self._ask(fn, item, batched=True)
        return answer

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` in this event loop after every commit, when its answers are out."""
        self._callbacks.append((asyncio.get_running_loop(), callback))

    def counters(self) -> dict[str, int]:
        """Return what the writer has done so far."""
        return {
            "waiting_units": len(self._waiting),
            "commits_total": self._commits,
            "units_total": self._units,
            "failed_units_total": self._failed,
            "refused_units_total": self._refused,
            "stopped": int(self._stopped is not None),
        }

    # Asking, in the event loop

    def _ask(self, fn: Callable[..., Any], item: Any, *, batched: bool) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        unit = Unit(fn, item, batched, loop.create_future(), loop)
        with self._wake:
            if self._stopped is not None:
                raise WriterStopped(self._stopped)
            if len(self._waiting) >= self._waiting_units_max:
                self._refused += 1
                raise WriterBusy(self._waiting_units_max)
            self._waiting.append(unit)
            self._wake.notify()
        return unit.future

    # Working, in the thread

    def _work(self) -> None:
        try:
            while units := self._take():
                self._write(units)
        finally:
            self._leave()
            if self._connection is not None:
                self._connection.close()

    def _leave(self) -> None:
        """Let nobody wait for a thread that is gone, whatever ended it."""
        with self._wake:
            self._stopped = self._stopped or "the writer broke"
            left = list(self._waiting)
            self._waiting.clear()
        if left:
            fail(left, WriterStopped, RuntimeError(self._stopped))
            self._answer(left)

    def _take(self) -> list[Unit]:
        """Return what waits, up to the limit; nothing once the writer was closed."""
        with self._wake:
            while not self._waiting and self._stopped is None:
                self._wake.wait()
            count = min(len(self._waiting), self._units_per_commit_max)
            return [self._waiting.popleft() for _ in range(count)]

    def _write(self, units: list[Unit]) -> None:
        """Run ``units`` in one transaction and answer them."""
        units = [unit for unit in units if not unit.future.cancelled()]
        if not units:
            return
        failure: tuple[str, BaseException] | None = None
        try:
            self._run_all(units)
            self._commits += 1
        except LedgerBroken as error:
            self._stop(units, error)
        except (SQLAlchemyError, TransactionLost) as error:
            self._discard()
            fail(units, CommitFailed, error)
            failure = ("writer_commit_failed", error)
        except BaseException as error:  # a bug of ours: the asker must still be answered
            self._discard()
            fail(units, CommitFailed, error)
            failure = ("writer_bug", error)
        self._units += len(units)
        self._failed += sum(unit.error is not None for unit in units)
        self._answer(units)
        if failure is not None:  # last, because the log may lie on the disk that is full
            log.error(failure[0], exc_info=failure[1])

    def _run_all(self, units: list[Unit]) -> None:
        conn = self._begun()
        try:
            for group in grouped(units):
                run_group(conn, group, alone=len(group) == len(units))
        except BaseException:
            self._roll_back(conn)
            raise
        if len(units) == 1 and units[0].error is not None:
            self._roll_back(conn)  # it ran without a savepoint: the transaction is its savepoint
        else:
            conn.commit()

    def _begun(self) -> Connection:
        """Return the connection inside a new transaction; a lost one is replaced once."""
        for last in (False, True):
            try:
                if self._connection is None:
                    self._connection = self._engine.connect()
                self._connection.begin()
                if self._engine.dialect.name != "sqlite":  # there the driver begins lazily
                    self._connection.exec_driver_sql("SELECT 1")
                return self._connection
            except DBAPIError as error:
                self._discard()
                if last or not error.connection_invalidated:
                    raise
        raise AssertionError("unreachable")

    def _roll_back(self, conn: Connection) -> None:
        """Roll the transaction back; a connection that cannot do even that is replaced."""
        try:
            conn.rollback()
        except SQLAlchemyError as error:
            log.warning("writer_rollback_failed", reason=type(error).__name__)
            self._discard()

    def _discard(self) -> None:
        """Give the connection up for good: a failed commit can leave its transaction open."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                connection.invalidate()
                connection.close()
            except SQLAlchemyError as error:
                log.warning("writer_connection_lost", reason=type(error).__name__)

    def _stop(self, units: list[Unit], error: LedgerBroken) -> None:
        """Write nothing any more; fail what runs and what waits."""
        log.critical("writer_stopped", reason=str(error))
        with self._wake:
            self._stopped = str(error)
            units += self._waiting
            self._waiting.clear()
        fail(units, WriterStopped, error)

    def _answer(self, units: list[Unit]) -> None:
        """Hand the answers to the loops that wait for them, in one go each."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Unit]] = {}
        for unit in units:
            by_loop.setdefault(unit.loop, []).append(unit)
        for loop, answered in by_loop.items():
            call_in(loop, deliver, answered)
        for loop, callback in self._callbacks:
            call_in(loop, callback)


def call_in(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: Any) -> None:
    """Call back in ``loop``, unless it is closed: then nobody waits there any more."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        log.warning("writer_loop_closed")


def deliver(units: list[Unit]) -> None:
    """Resolve the futures of units whose asker is still there."""
    for unit in units:
        if unit.future.done():
            continue
        if unit.error is None:
            unit.future.set_result(unit.answer)
        else:
            unit.future.set_exception(unit.error)


def fail(units: list[Unit], kind: type[Exception], cause: BaseException) -> None:
    """Give every unit an error of its own, so that tracebacks do not pile up on one."""
    for unit in units:
        unit.error = kind(f"{type(cause).__name__}: {cause}")
        unit.error.__cause__ = cause


def grouped(units: list[Unit]) -> list[list[Unit]]:
    """Return the units in the order they came, items of one batch function together."""
    groups: dict[Any, list[Unit]] = {}
    for unit in units:
        groups.setdefault(unit.fn if unit.batched else unit, []).append(unit)
    return list(groups.values())


def run_group(conn: Connection, group: list[Unit], *, alone: bool) -> None:
    """Run one unit, or a batch of items; each unit gets its answer or its error.

    Raises:
        LedgerBroken, TransactionLost: The whole transaction must go.
    """
    if len(group) == 1:
        run_one(conn, group[0], alone=alone)
        return
    fn = group[0].fn
    savepoint = conn.begin_nested()
    try:
        answers = fn(conn, [unit.item for unit in group])
        for unit, answer in zip(group, answers, strict=True):
            unit.answer = answer
        savepoint.commit()
    except LedgerBroken:
        raise
    except Exception:
        undo(savepoint)
        for unit in group:
            run_one(conn, unit, alone=False)


def run_one(conn: Connection, unit: Unit, *, alone: bool) -> None:
    """Run one unit in a savepoint of its own, or alone in its transaction."""
    savepoint = None if alone else conn.begin_nested()
    try:
        if unit.batched:
            (unit.answer,) = unit.fn(conn, [unit.item])
        else:
            unit.answer = unit.fn(conn)
        if savepoint is not None:
            savepoint.commit()
    except LedgerBroken:
        raise
    except Exception as error:
        if savepoint is not None:
            undo(savepoint)
        unit.answer, unit.error = None, error
        if isinstance(error, OperationalError):  # a lost connection, a full disk: not the unit's
            fail([unit], CommitFailed, error)


def undo(savepoint: NestedTransaction) -> None:
    """Roll back to ``savepoint``.

    Raises:
        TransactionLost: It is gone, and the transaction with it (a full disk does that).
    """
    try:
        savepoint.rollback()
    except SQLAlchemyError as error:
        raise TransactionLost(str(error)) from error
