"""Health is proved through the real paths of a running server."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from web.health_api import is_counter


def test_the_process_answers(client: httpx.Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.text) == (200, "ok\n")


def test_database_bus_and_media_prove_themselves(client: httpx.Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"database": "ok", "bus": "ok", "media": "ok"}


def test_metrics_are_what_prometheus_reads(client: httpx.Client) -> None:
    text = client.get("/metrics").text

    names = {family.name for family in text_string_to_metric_families(text)}

    assert {"ovation_media_views", "ovation_bus_subscribers", "ovation_writer_units"} <= names
    assert "process_cpu_seconds" in names


def test_what_only_grows_is_a_counter() -> None:
    assert is_counter("units_total")
    assert is_counter("dropped_stun")
    assert not is_counter("views")
