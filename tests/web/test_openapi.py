"""The published API document against the running server."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import Server
from web.app import OPERATIONS
from web.operations import Operation

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
CASES_PER_OPERATION = 5

ENDS_THE_SESSION = ("/api/me/close", "/api/sessions/current", "/api/me/password")


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
def real(module_server: Server, token: str) -> dict[str, str]:
    """Names of things that exist, by path parameter."""
    with httpx.Client(
        base_url=module_server.url, headers={"Authorization": f"Bearer {token}"}
    ) as http:
        other = {"handle": "bystander", "password": "only for this test 4712"}
        assert http.post("/api/accounts", json=other | {"birth_date": "1980-01-01"}).is_success
        room = http.post("/api/rooms", json={"title": "Open for inspection"}).json()
        bought = http.post(
            "/api/wallet/purchases",
            json={"pack_id": http.get("/api/wallet/packs").json()["packs"][0]["pack_id"]},
            headers={"Idempotency-Key": "inspection"},
        ).json()
    return {
        "room_id": room["room_id"],
        "handle": "bystander",
        "purchase_id": bought["purchase_id"],
    }


@pytest.fixture(scope="module")
def api_schema(module_server: Server) -> Any:
    """The document as the server publishes it."""
    return schemathesis.openapi.from_url(f"{module_server.url}/api/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name)
def test_no_request_finds_a_5xx_or_an_undocumented_status(
    op: Operation, mode: GenerationMode, api_schema: Any, token: str, real: dict[str, str]
) -> None:
    headers = {} if op.path in ENDS_THE_SESSION else {"Authorization": f"Bearer {token}"}
    cases = api_schema[op.path][op.method].as_strategy(generation_mode=mode)

    @given(case=cases, known=st.booleans())
    @settings(
        max_examples=CASES_PER_OPERATION,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, known: bool) -> None:
        if known:  # past the 404s
            case.path_parameters.update(
                {name: real[name] for name in case.path_parameters if name in real}
            )
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing to break: it takes no parameters


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
