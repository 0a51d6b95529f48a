"""Benchmarks behind ``ovation bench``: each measures and prints, none asserts.

``web/bench/NAME.py`` has ``measure()``, which answers what ``ovation bench NAME --json`` prints
(``figures``, ``conditions``, ``peer``); what they were measured on is added here.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from web.bench.measuring import machine

NAMES = ("relay", "join", "bus", "ledger", "gifts")


def run(name: str) -> dict[str, Any]:
    """Measure ``name`` and return its report."""
    measured: Mapping[str, Any] = importlib.import_module(f"web.bench.{name}").measure()
    return {
        "bench": name,
        "figures": measured["figures"],
        "conditions": measured["conditions"],
        "peer": measured.get("peer"),
        "machine": machine(),
    }


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def bench(name: str, as_json: bool) -> None:
    """Measure NAME and print figures, conditions, the peer's figures and the machine."""
    if as_json:
        click.echo(msgspec.json.encode(run(name)).decode())
        return
    console = Console()
    with console.status(f"Measuring {name}, at most 120 s …"):
        report = run(name)
    console.print(_table(report))


def _table(report: dict[str, Any]) -> Table:
    table = Table("", "value", title=f"ovation bench {report['bench']}", title_justify="left")
    for part in ("figures", "conditions", "peer", "machine"):
        for label, value in (report[part] or {}).items():
            table.add_row(label, _shown(value))
        table.add_section()
    return table


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{label} {_shown(inner)}" for label, inner in value.items())
    return f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
