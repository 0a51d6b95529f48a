"""``ovation bench``: one JSON object, or a table for people."""

import importlib
import json
from typing import Any

import pytest
from click.testing import CliRunner

from web.bench import NAMES, bench

MEASURED: dict[str, Any] = {
    "figures": {"us_per_packet": 4.25, "viewers": 200},
    "conditions": {"network": "loopback"},
    "peer": {"name": "Janus", "us_per_packet": 17.0},
}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure in no time."""
    relay = importlib.import_module("web.bench.relay")
    monkeypatch.setattr(relay, "measure", lambda: MEASURED)


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_that_is_offered_exists(name: str) -> None:
    assert callable(importlib.import_module(f"web.bench.{name}").measure)


@pytest.mark.usefixtures("measured")
def test_json_is_one_object_with_the_machine_in_it() -> None:
    result = CliRunner().invoke(bench, ["relay", "--json"])

    report = json.loads(result.stdout)
    assert report.keys() == {"bench", "figures", "conditions", "peer", "machine"}
    assert report["bench"] == "relay"
    assert report["figures"] == MEASURED["figures"]
    assert report["peer"] == MEASURED["peer"]
    assert report["machine"]["cores"] >= 1


@pytest.mark.usefixtures("measured")
def test_people_get_a_table() -> None:
    result = CliRunner().invoke(bench, ["relay"])

    assert result.exit_code == 0
    assert "us_per_packet" in result.stdout
    assert "4.25" in result.stdout
    assert "Janus" in result.stdout


def test_what_is_no_benchmark_is_refused() -> None:
    result = CliRunner().invoke(bench, ["everything"])

    assert result.exit_code == 2
    assert "relay" in result.output
