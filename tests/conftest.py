"""Fixtures shared by all tests: real databases and a real server, all our own.

PostgreSQL is started once per run from the binaries on the PATH, in a temporary folder, on a
free port; every test gets a transaction that is rolled back, or a database of its own.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Engine

from web.bench.measuring import free_ports
from web.bench.postgres import find_program, running
from web.database import open_engine
from web.migrations import upgrade

# No test depends on time: a busy machine is no failure.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
START_S_MAX = 60.0


def free_port() -> int:
    """Return a port nobody uses right now."""
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL started for this run, up to the database's name."""
    if find_program("postgres") is None:
        pytest.fail("PostgreSQL is missing: `make test` installs it on Debian")
    with running(["fsync=off"]) as prefix:
        yield prefix


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """The name of a migrated database that others are copied from."""
    execute(f"{postgres}/postgres", "CREATE DATABASE template_ovation")
    upgrade(f"{postgres}/template_ovation")
    return "template_ovation"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "ovation.db"
    upgrade(f"sqlite:///{path}")
    return path


def execute(url: str, statement: str) -> None:
    """Run one statement outside a transaction."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement.encode())


def copy_sqlite(template: Path, target: Path) -> str:
    """Return the URL of a copy of the migrated file."""
    shutil.copy(template, target)
    return f"sqlite:///{target}"


def copy_postgres(request: pytest.FixtureRequest) -> str:
    """Return the URL of a copy of the migrated database, under a name of its own."""
    prefix = request.getfixturevalue("postgres")
    template = request.getfixturevalue("postgres_template")
    name = f"test_{os.urandom(6).hex()}"
    execute(f"{prefix}/postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{prefix}/{name}"


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """One migrated database per kind for all tests that roll back."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        url = copy_sqlite(template, tmp_path_factory.mktemp("shared") / "ovation.db")
    else:
        url = copy_postgres(request)
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def conn(shared_engine: Engine) -> Iterator[Connection]:
    """A connection inside a transaction that is rolled back; SQLite, then PostgreSQL."""
    with shared_engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of the test's own; SQLite, then PostgreSQL."""
    yield from new_database(request, tmp_path, request.param)


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated SQLite database of the test's own."""
    yield from new_database(request, tmp_path, "sqlite")


def new_database(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> Iterator[str]:
    """Yield the URL of a fresh migrated database, dropped afterwards."""
    if kind == "sqlite":
        yield copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "ovation.db")
        return
    url = copy_postgres(request)
    yield url
    prefix, _, name = url.rpartition("/")
    execute(f"{prefix}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database of the test's own."""
    found = open_engine(database_url)
    yield found
    found.dispose()


@dataclass
class Server:
    """A real ``ovation serve`` in a process of its own.

    Attributes:
        folder: Its working folder; ``var/`` lies in it.
        environ: Its environment beyond the defaults.
    """

    folder: Path
    port: int
    environ: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ("serve",)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it has printed."""
        return self.folder / "server.log"

    def full_environ(self) -> dict[str, str]:
        """Return the environment the server and its command line run in."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OVATION_")}
        return {
            **kept,
            "OVATION_PORT": str(self.port),
            "OVATION_MEDIA_PORT": "0",
            **self.environ,
        }

    def start(self) -> "Server":
        """Start it and return when ``/readyz`` is green."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "web", *self.command],
                cwd=self.folder,
                env=self.full_environ() | {"PYTHONPATH": str(Path.cwd())},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_S_MAX
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``ovation`` with ``arguments`` in the server's environment."""
        return subprocess.run(
            [sys.executable, "-m", "web", *arguments],
            cwd=self.folder,
            env=self.full_environ() | {"PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            check=False,
        )

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it with SIGTERM, then SIGKILL if it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server on SQLite; its books are verified when the test is over."""
    running = Server(tmp_path, free_port()).start()
    yield running
    running.stop()
    verified = running.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One running server for a module's tests; on SQLite, then on PostgreSQL."""
    folder = tmp_path_factory.mktemp("server")
    environ = {}
    if request.param == "postgresql":
        environ["OVATION_DATABASE_URL"] = copy_postgres(request)
    running = Server(folder, free_port(), environ).start()
    yield running
    running.stop()
    verified = running.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture
def client(module_server: Server) -> Iterator[httpx.Client]:
    """An HTTP client of the module's server, without cookies."""
    with httpx.Client(base_url=module_server.url, timeout=30) as found:
        yield found
