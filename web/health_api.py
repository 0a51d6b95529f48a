"""Whether the server works, for load balancers and dashboards.

``/healthz`` says the process answers; ``/readyz`` proves database, bus and media socket by
sending something through each real path; ``/metrics`` is for Prometheus.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Connection, text
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from web.state import State

PROBE_S_MAX = 2.0


async def healthz(_request: Request[State]) -> Response:
    """Answer that the process is up."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request[State]) -> Response:
    """Answer 200 if everything works, 503 naming what does not."""
    state = request.state
    probes = {
        "database": state["writer"].run(touch),
        "bus": state["bus"].probe(),
        "media": state["media"].probe(),
    }
    outcomes = await asyncio.gather(*(attempt(probe) for probe in probes.values()))
    found = dict(zip(probes, outcomes, strict=True))
    if state["draining"].is_set():
        found["draining"] = "the server is stopping"
    healthy = all(outcome == "ok" for outcome in found.values())
    return Response(
        msgspec.json.encode(found), 200 if healthy else 503, media_type="application/json"
    )


async def attempt(probe: Any) -> str:
    """Return "ok", or what went wrong."""
    try:
        async with asyncio.timeout(PROBE_S_MAX):
            await probe
    except TimeoutError:
        return f"no answer within {PROBE_S_MAX:.0f} s"
    except Exception as error:
        return f"{type(error).__name__}"
    return "ok"


def touch(conn: Connection) -> None:
    """Go all the way to the database and back."""
    conn.execute(text("SELECT 1"))


class ServerCollector(Collector):
    """Reads the counters of a running server when Prometheus asks."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Any:
        """Yield media, bus and writer figures; ids and names never become labels."""
        state = self._state
        parts: dict[str, Mapping[str, float]] = {
            "media": state["media"].counters(),
            "bus": state["bus"].counters(),
            "sockets": state["sockets"].counters(),
            "writer": state["writer"].counters(),
        }
        for part, counted in parts.items():
            for name, value in sorted(counted.items()):
                kind = CounterMetricFamily if is_counter(name) else GaugeMetricFamily
                yield kind(f"ovation_{part}_{name}", name.replace("_", " "), value=value)


def is_counter(name: str) -> bool:
    """Return whether a figure only ever grows."""
    return name.endswith("_total") or name.startswith("dropped_")


def open_metrics(state: State) -> CollectorRegistry:
    """Return a registry of this server's own figures."""
    registry = CollectorRegistry()
    registry.register(ServerCollector(state))
    PlatformCollector(registry)
    ProcessCollector(registry=registry)
    return registry


async def metrics(request: Request[State]) -> Response:
    """Answer every figure in Prometheus' text format."""
    return Response(generate_latest(request.state["metrics"]), media_type=CONTENT_TYPE_LATEST)


routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
