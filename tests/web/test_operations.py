"""What a declared operation takes, answers and refuses before its endpoint runs."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from openapi_spec_validator import validate
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette

from web import openapi
from web.errors import Problem
from web.limits import Limits, Pace
from web.operations import Answer, Call, Operation, operation, statuses
from web.people import sessions
from web.people.sessions import Person
from web.settings import read_settings

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ANA = Person("a" * 32, "ana", "Ana", frozenset({"moderator"}), None, "session", suspended=False)


class Shout(msgspec.Struct):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=10)]


@operation("POST", "/shout", body=Shout, answers={200: Shout}, person="none", body_bytes_max=100)
async def shout(call: Call[Shout]) -> Answer:
    """Shout."""
    return Answer(200, Shout(call.body.text.upper()))


@operation("PUT", "/mine", answers={204: None})
async def mine(call: Call[None]) -> Answer:
    """Touch what is mine."""
    assert call.person.handle == "ana"
    return Answer(204)


@operation("POST", "/kept", answers={200: Shout}, person="none", idempotent=True)
async def kept(call: Call[None]) -> Answer:
    """Keep a key."""
    return Answer(200, Shout(call.key))


@operation("GET", "/judged", answers={204: None}, roles=("finance-maker",))
async def judged(_call: Call[None]) -> Answer:
    """Need a role."""
    return Answer(204)


@operation("GET", "/page", answers={200: Shout}, person="none", query={"size": int})
async def page(call: Call[None]) -> Answer:
    """Take a number."""
    return Answer(200, Shout(str(call.query.get("size", 0))))


@operation("GET", "/rare", answers={204: None}, person="none", pace=Pace("rare", 1, 1, 1, 1))
async def rare(_call: Call[None]) -> Answer:
    """Be slow."""
    return Answer(204)


@operation("GET", "/gone", answers={204: None}, person="none", problems=(410,))
async def gone(_call: Call[None]) -> Answer:
    """Refuse."""
    raise Problem(410, "gone", "It is gone", fields={"short_by": 3})


@operation("GET", "/named/{name}", answers={204: None}, person="none")
async def named(_call: Call[None]) -> Answer:
    """Take a name."""
    return Answer(204)


@operation("GET", "/kept_away", answers={204: None}, person="none")
async def kept_away(_call: Call[None]) -> Answer:
    """Ask a database that does not answer."""
    raise OperationalError("SELECT secret", {}, Exception("connection refused\nhost 10.0.0.7"))


ALL = (shout, mine, kept, judged, page, rare, gone, named, kept_away)


async def read(_fn: object, token: str, *, now: datetime) -> Person | None:
    """Stand where the database would: one token is known."""
    assert now == NOON
    return ANA if token == "good" else None


@contextlib.asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {
        "settings": read_settings({}),
        "clock": lambda: NOON,
        "secret": "secret",
        "read": read,
        "limits": Limits(lambda: 0.0),
    }


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[op.route() for op in ALL], lifespan=lifespan)
    async with lifespan(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            await app(scope | {"state": dict(state)}, receive, send)

        transport = httpx.ASGITransport(app=with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


def code_of(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    return str(response.json()["code"])


async def test_a_good_body_arrives_typed(http: httpx.AsyncClient) -> None:
    response = await http.post("/shout", json={"text": "hey"})

    assert response.json() == {"text": "HEY"}


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b'{"text": ""}', "application/json", 422, "bad_request"),
        (b'{"text": 1}', "application/json", 422, "bad_request"),
        (b"{", "application/json", 400, "bad_json"),
        (b'{"text": "\xff"}', "application/json", 400, "bad_json"),
        (b'{"text": "a"}', "text/plain", 415, "not_json"),
        (b" " * 101, "application/json", 413, "too_large"),
        (b"[" * 100, "application/json", 422, "bad_request"),
    ],
)
async def test_a_bad_body_is_refused_by_its_own_code(
    http: httpx.AsyncClient, content: bytes, content_type: str, status: int, code: str
) -> None:
    response = await http.post("/shout", content=content, headers={"Content-Type": content_type})

    assert (response.status_code, code_of(response)) == (status, code)


async def test_a_path_with_a_nul_leads_nowhere(http: httpx.AsyncClient) -> None:
    response = await http.get("/named/a%00b")

    assert (response.status_code, code_of(response)) == (404, "not_found")


async def test_a_database_that_does_not_answer_is_no_bug_and_tells_nothing(
    http: httpx.AsyncClient,
) -> None:
    response = await http.get("/kept_away")

    assert (response.status_code, code_of(response)) == (503, "database_unavailable")
    assert response.headers["retry-after"] == "5"
    assert "secret" not in response.text


async def test_strangers_are_told_how_to_log_in(http: httpx.AsyncClient) -> None:
    response = await http.put("/mine", headers={"Authorization": "Bearer bad"})

    assert (response.status_code, code_of(response)) == (401, "not_signed_in")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_bearer_token_needs_no_csrf_token(http: httpx.AsyncClient) -> None:
    response = await http.put("/mine", headers={"Authorization": "Bearer good"})

    assert response.status_code == 204


async def test_a_cookie_needs_its_csrf_token_for_unsafe_methods(http: httpx.AsyncClient) -> None:
    cookie = {"Cookie": f"{sessions.COOKIE}=good"}
    token = {"X-CSRF-Token": sessions.csrf_token("session", "secret")}

    refused = await http.put("/mine", headers=cookie)
    allowed = await http.put("/mine", headers=cookie | token)

    assert (refused.status_code, code_of(refused)) == (403, "csrf")
    assert allowed.status_code == 204


async def test_a_role_is_needed_where_one_is_named(http: httpx.AsyncClient) -> None:
    response = await http.get("/judged", headers={"Authorization": "Bearer good"})

    assert (response.status_code, code_of(response)) == (403, "role_required")


@pytest.mark.parametrize(("key", "status"), [("k" * 255, 200), ("k" * 256, 400), ("", 400)])
async def test_an_idempotency_key_has_1_to_255_characters(
    http: httpx.AsyncClient, key: str, status: int
) -> None:
    response = await http.post("/kept", headers={"Idempotency-Key": key} if key else {})

    assert response.status_code == status


@pytest.mark.parametrize(
    ("query", "status"), [("", 200), ("?size=3", 200), ("?size=x", 422), ("?size=1&size=2", 422)]
)
async def test_query_parameters_are_converted_or_refused(
    http: httpx.AsyncClient, query: str, status: int
) -> None:
    response = await http.get(f"/page{query}")

    assert response.status_code == status


async def test_a_pace_answers_429_with_the_time_to_wait(http: httpx.AsyncClient) -> None:
    await http.get("/rare")

    response = await http.get("/rare")

    assert (response.status_code, code_of(response)) == (429, "too_many")
    assert response.headers["retry-after"] == "1"


async def test_a_problem_carries_its_fields(http: httpx.AsyncClient) -> None:
    response = await http.get("/gone")

    assert response.json()["short_by"] == 3


def test_the_document_made_of_the_declarations_is_valid_openapi() -> None:
    document = openapi.describe(ALL)

    validate(document)

    assert set(document["paths"]) == {op.path for op in ALL}


@pytest.mark.parametrize("op", ALL, ids=lambda op: op.name)
def test_every_refusal_of_an_operation_is_documented(op: Operation) -> None:
    responses = openapi.describe([op])["paths"][op.path][op.method.lower()]["responses"]

    assert {str(status) for status in (*op.answers, *statuses(op))} == set(responses)
