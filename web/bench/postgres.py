"""A PostgreSQL of one's own: started from the binaries here, gone with its folder afterwards.

For benchmarks and tests; nothing that serves people uses it.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from web.bench.measuring import free_ports

START_S_MAX = 60.0
CONNECTIONS_MAX = 200


def find_program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs, newest version first.

    Debian keeps most of them off the PATH.
    """
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


@contextmanager
def running(options: Sequence[str] = ()) -> Iterator[str]:
    """Run one and yield its URL up to the database's name.

    Args:
        options: Settings such as ``fsync=off``; by default it is durable as it comes.
    """
    folder = Path(tempfile.mkdtemp(prefix="ovation-postgres-"))
    owner: dict[str, Any] = {"cwd": folder}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "nobody")
        owner["user"] = "nobody"
    cluster, (port,) = str(folder / "cluster"), free_ports(1)
    make = [str(find_program("initdb")), "-D", cluster, "-U", "ovation", "-A", "trust"]
    subprocess.run(
        [*make, "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        **owner,
    )
    settings = (
        f"unix_socket_directories={folder}",
        "listen_addresses=127.0.0.1",
        "timezone=UTC",
        f"max_connections={CONNECTIONS_MAX}",
        *options,
    )
    server = subprocess.Popen(
        [
            *(str(find_program("postgres")), "-D", cluster, "-p", str(port)),
            *(part for setting in settings for part in ("-c", setting)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **owner,
    )
    try:
        prefix = f"postgresql://ovation@127.0.0.1:{port}"
        wait_for(f"{prefix}/postgres")
        yield prefix
    finally:
        server.send_signal(signal.SIGINT)  # its fast shutdown: whoever is still connected goes
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(url: str) -> None:
    """Return when PostgreSQL answers."""
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
