"""``ovation ledger verify`` and ``ovation ledger export``: the books, proved and handed over.

Coin plane. Both only read, in one snapshot, and so run beside a live server.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from sqlalchemy import Connection, inspect

from wallet import exports
from wallet.verify import Report, verify
from web.database import DatabaseMissing, open_engine
from web.settings import BadSettings, read_settings


@click.group()
def ledger() -> None:
    """Prove the books or hand them over."""


@ledger.command("verify")
def verify_command() -> None:
    """Rebuild every balance from the journal and compare; exit 0 only if all of it holds."""
    with snapshot() as conn, progress_on_stderr() as progress:
        task = progress.add_task("postings", total=None)
        started = time.monotonic()
        report = verify(conn, progress=lambda count: progress.advance(task, count))
        took_s = time.monotonic() - started
    for finding in report.findings:
        click.echo(finding, err=True)
    click.echo(summary(report, took_s))
    sys.exit(0 if report.ok else 1)


@ledger.command("export")
@click.option(
    "--format", "form", type=click.Choice(tuple(exports.FORMS)), required=True, help="Which format."
)
def export_command(form: str) -> None:
    """Write the books to standard output."""
    with snapshot() as conn:
        for text in exports.export(conn, form):
            sys.stdout.write(text)


def summary(report: Report, took_s: float) -> str:
    """Return what was read, how fast, and the verdict, in one line."""
    rate = report.postings / took_s if took_s else 0.0
    verdict = "the books hold" if report.ok else f"{report.findings_count} findings"
    return (
        f"{verdict}: {report.postings} postings ({report.refusals} refused), "
        f"{report.transfers} transfers, {report.accounts} accounts, {report.lots} lots, "
        f"{report.keys} keys, {report.chains} chains in {took_s:.1f} s ({rate:.0f} postings/s)"
    )


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Yield a read-only connection that sees one moment of the configured database."""
    try:
        settings = read_settings()
        engine = open_engine(settings.database_url, read_only=True)
    except (BadSettings, DatabaseMissing) as error:
        raise click.ClickException(str(error)) from None
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as conn:
            if not inspect(conn).has_table("ledger_journal"):
                raise click.ClickException("There are no books here: run `ovation migrate`.")
            yield conn
    finally:
        engine.dispose()


def progress_on_stderr() -> Progress:
    """Return a progress line that appears only on a terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
