"""Opening the database: one SQLite file on a laptop, PostgreSQL everywhere else.

On SQLite one thread writes (``wallet.writer``) and any number of threads read; the pragmas
below make an acknowledged commit survive a power cut (WAL with ``synchronous=FULL``).

Source  https://sqlite.org/pragma.html#pragma_synchronous
        https://docs.sqlalchemy.org/en/21/dialects/sqlite.html (serializable isolation)
"""

import fcntl
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Concatenate, ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

P = ParamSpec("P")
T = TypeVar("T")

READERS_MAX = 4  # reader threads; more only queue on two cores
BUSY_TIMEOUT_MS = 5_000
POOL_CONNECTIONS_MAX = 16
WRITER_CACHE_KB = 64_000  # the ledger's hot pages stay in memory: a third less time per gift


class DatabaseInUse(Exception):
    """Another server already runs on this SQLite file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"another server already runs on {self.path}"


class DatabaseMissing(Exception):
    """There is no SQLite file to read; reading must not make one."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"there is no database at {self.path}"


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """Return an engine for ``url``; a SQLite file's folder is made if it is to be written.

    Raises:
        DatabaseMissing: A file is to be read and does not exist.
    """
    if url.startswith("sqlite"):
        return open_sqlite(url, read_only=read_only)
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=POOL_CONNECTIONS_MAX,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text goes to the log, where no name belongs
    )
    if read_only:
        return engine.execution_options(postgresql_readonly=True)
    return engine


def open_sqlite(url: str, *, read_only: bool) -> Engine:
    """Return an engine whose transactions begin when we say so, not when pysqlite guesses."""
    database = make_url(url).database
    assert database, "an in-memory database cannot be shared between threads"
    if read_only and not Path(database).exists():
        raise DatabaseMissing(Path(database))
    Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, pool_size=READERS_MAX + 2, max_overflow=4, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "wal_autocheckpoint=4000",
            "query_only=ON" if read_only else f"cache_size=-{WRITER_CACHE_KB}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock at once: upgrading a read lock later can fail with SQLITE_BUSY.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def claim(path: Path) -> IO[str]:
    """Lock ``path``'s database for one server; the lock goes when the file is closed.

    Raises:
        DatabaseInUse: Another server holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path.with_name(path.name + ".lock"), "w")  # noqa: SIM115 - held while we serve
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise DatabaseInUse(path) from None
    return file


class Readers:
    """Runs read-only functions in threads, each in one transaction of its own.

    Callable as ``await read(fn, *args, **kwargs)``; ``fn`` gets the connection first.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._limiter = CapacityLimiter(READERS_MAX)

    async def __call__(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def read() -> T:
            with self._engine.connect() as conn:
                return fn(conn, *args, **kwargs)

        return await anyio.to_thread.run_sync(read, limiter=self._limiter)


class PoolWriters:
    """Runs writing functions on PostgreSQL: a pooled connection and a transaction each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._limiter = CapacityLimiter(POOL_CONNECTIONS_MAX // 2)

    async def __call__(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def write() -> T:
            with self._engine.begin() as conn:
                return fn(conn, *args, **kwargs)

        return await anyio.to_thread.run_sync(write, limiter=self._limiter)


class QueuedWrites:
    """Runs writing functions on SQLite: all of them through the one writer."""

    def __init__(self, run: Callable[[Callable[[Connection], Any]], Any]) -> None:
        self._run = run

    async def __call__(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        answer: T = await self._run(lambda conn: fn(conn, *args, **kwargs))
        return answer
