"""The published API document against the running server."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_spec_validator import validate
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import Server
from web.app import OPERATIONS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
CASES_PER_OPERATION = 12

api = schemathesis.pytest.from_fixture("api_schema")


@pytest.fixture(scope="module")
def token(module_server: Server) -> str:
    """A session of somebody who may do everything."""
    who = {"handle": "inspector", "password": "only for this test 4711"}
    with httpx.Client(base_url=module_server.url) as http:
        made = http.post("/api/accounts", json=who | {"birth_date": "1980-01-01"})
        assert made.status_code == 201, made.text
        for role in ("moderator", "finance-maker", "admin"):
            granted = module_server.run("accounts", "grant", "inspector", role)
            assert granted.returncode == 0, granted.stderr
        return str(http.post("/api/sessions", json=who).json()["token"])


@pytest.fixture(scope="module")
def api_schema(module_server: Server) -> Any:
    """The document as the server publishes it."""
    return schemathesis.openapi.from_url(f"{module_server.url}/api/openapi.json")


@api.parametrize()
@settings(
    max_examples=CASES_PER_OPERATION,
    deadline=timedelta(seconds=30),
    suppress_health_check=list(HealthCheck),
)
def test_no_request_finds_a_5xx_or_an_undocumented_status(case: Any, token: str) -> None:
    path = case.operation.path
    headers = {} if path.startswith(("/api/me/close", "/api/sessions/current")) else bearer(token)

    case.call_and_validate(headers=headers, checks=CHECKS)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_published_document_is_valid_and_complete(client: httpx.Client) -> None:
    document = client.get("/api/openapi.json").json()

    validate(document)

    published = {
        (method.upper(), path) for path, one in document["paths"].items() for method in one
    }
    assert published == {(op.method, op.path) for op in OPERATIONS}
    assert len({op.name for op in OPERATIONS}) == len(OPERATIONS)


def test_what_is_not_there_is_a_problem_document(client: httpx.Client) -> None:
    missing = client.get("/api/nowhere")
    wrong = client.request("TRACE", "/api/gifts")

    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
