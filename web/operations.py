"""How an API route is declared: one decorator says what it takes, answers and refuses.

The same declaration decodes and checks the request and feeds the OpenAPI document, so that
the two cannot differ. Endpoints get a ``Call`` and return an ``Answer``; everything that goes
wrong is raised and becomes a problem document in ``web.errors``.

Source  RFC 9110 (statuses), RFC 9457 (problem documents), RFC 6750 (bearer tokens).
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, cast

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from web.errors import Problem, problem_of
from web.limits import Pace, client_address
from web.people import sessions
from web.people.sessions import Person
from web.state import State

BODY_BYTES_MAX = 64 * 1024
KEY_CHARACTERS_MAX = 255
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

B = TypeVar("B")
Access = Literal["none", "optional", "required"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answers: a status, a body and headers.

    Attributes:
        status: HTTP status.
        body: A msgspec struct (sent as JSON), ready-made bytes, or None for no body.
    """

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Call(Generic[B]):
    """One decoded, authorised request."""

    request: Request[State]
    body: B
    path: Mapping[str, str]
    query: Mapping[str, Any]
    key: str
    now: datetime
    address: str
    signed_in: Person | None

    @property
    def state(self) -> State:
        """What the running server holds."""
        return self.request.state

    @property
    def person(self) -> Person:
        """Who calls; only for operations that require somebody."""
        assert self.signed_in is not None, "declare person='required'"
        return self.signed_in


Endpoint = Callable[[Call[Any]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A declared API route; see ``operation`` for the fields."""

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    body: Any
    answers: Mapping[int, Any]
    problems: frozenset[int]
    person: Access
    roles: frozenset[str]
    query: Mapping[str, Any]
    idempotent: bool
    pace: Pace | None
    body_bytes_max: int
    media_types: Mapping[int, str]

    def route(self) -> Route:
        """Return the Starlette route that runs this operation."""

        async def run(request: Request[State]) -> Response:
            try:
                return respond(await self.endpoint(await self.admit(request)))
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                problem = problem_of(error)
                if problem is None:
                    raise
                return problem.response()

        return Route(self.path, run, methods=[self.method], name=self.name)

    @property
    def name(self) -> str:
        """The operation's unique name in the OpenAPI document."""
        return self.endpoint.__name__

    async def admit(self, request: Request[State]) -> Call[Any]:
        """Return the call, or raise the first reason not to run it."""
        state = request.state
        if any("\x00" in str(part) for part in request.path_params.values()):
            raise Problem(404, "not_found", "Not Found")  # PostgreSQL takes no NUL
        now = state["clock"]()
        address = client_address(request, state["settings"].trusted_proxies)
        if self.pace is not None:
            state["limits"].spend(self.pace, address)
        person = await self.find_person(request, now)
        return Call(
            request=request,
            body=await self.read_body(request),
            path=request.path_params,
            query=self.read_query(request),
            key=self.read_key(request),
            now=now,
            address=address.text,
            signed_in=person,
        )

    async def find_person(self, request: Request[State], now: datetime) -> Person | None:
        """Return who calls, refusing strangers and people without the role."""
        if self.person == "none":
            return None
        person = await person_of(request, now)
        if self.person == "required" and person is None:
            raise Problem(
                401,
                "not_signed_in",
                "Log in first",
                headers={"WWW-Authenticate": 'Bearer realm="ovation"'},
            )
        if self.roles and person is not None and not self.roles & person.roles:
            raise Problem(403, "role_required", "Your account may not do this")
        return person

    async def read_body(self, request: Request[State]) -> Any:
        """Return the decoded body, or None where the operation takes none."""
        if self.body is None:
            return None
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise Problem(415, "not_json", "Send application/json")
        raw = await read_at_most(request, self.body_bytes_max)
        try:
            return msgspec.json.decode(raw, type=self.body)
        except msgspec.ValidationError as error:
            raise Problem(422, "bad_request", "The request is not valid", str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, "bad_json", "The body is not JSON", str(error)) from None

    def read_query(self, request: Request[State]) -> dict[str, Any]:
        """Return the declared query parameters that were given, converted."""
        found: dict[str, Any] = {}
        for name, kind in self.query.items():
            values = request.query_params.getlist(name)
            if not values:
                continue
            try:
                if len(values) > 1:
                    raise ValueError("given twice")
                if "\x00" in values[0]:
                    raise ValueError("holds a NUL character")
                found[name] = msgspec.convert(values[0], kind, strict=False)
            except ValueError as error:
                raise Problem(422, "bad_query", f"{name} is not valid", str(error)) from None
        return found

    def read_key(self, request: Request[State]) -> str:
        """Return the Idempotency-Key of an operation that needs one."""
        if not self.idempotent:
            return ""
        key = request.headers.get("idempotency-key", "")
        if not key:
            raise Problem(400, "key_missing", "Send an Idempotency-Key header")
        if len(key) > KEY_CHARACTERS_MAX or not key.isprintable():
            raise Problem(
                400, "key_invalid", f"The key has more than {KEY_CHARACTERS_MAX} characters"
            )
        return key


def operation(
    method: str,
    path: str,
    *,
    answers: Mapping[int, Any],
    body: Any = None,
    problems: tuple[int, ...] = (),
    person: Access = "required",
    roles: tuple[str, ...] = (),
    query: Mapping[str, Any] | None = None,
    idempotent: bool = False,
    pace: Pace | None = None,
    body_bytes_max: int = BODY_BYTES_MAX,
    media_types: Mapping[int, str] | None = None,
) -> Callable[[Callable[[Call[B]], Awaitable[Answer]]], Operation]:
    """Declare an API route; the function's first docstring line becomes its summary.

    Args:
        answers: Status → msgspec type of the body, or None for an empty one.
        body: msgspec type of the JSON body; None takes no body.
        problems: Statuses beyond the ones every such route can answer (see ``statuses``).
        person: "required": 401 for strangers; "optional": who calls, if anybody; "none".
        roles: Any one of these is needed; implies a person.
        query: Query parameters and their types.
        idempotent: Whether an Idempotency-Key header is needed.
        pace: A limit per client address; 429 beyond it.
        media_types: Statuses whose body is not JSON.
    """

    def declare(endpoint: Callable[[Call[B]], Awaitable[Answer]]) -> Operation:
        return Operation(
            method=method,
            path=path,
            endpoint=cast(Endpoint, endpoint),
            summary=(endpoint.__doc__ or endpoint.__name__).strip().splitlines()[0],
            body=body,
            answers=answers,
            problems=frozenset(problems),
            person="required" if roles else person,
            roles=frozenset(roles),
            query=query or {},
            idempotent=idempotent,
            pace=pace,
            body_bytes_max=body_bytes_max,
            media_types=media_types or {},
        )

    return declare


def statuses(op: Operation) -> dict[int, str]:
    """Return every refusal ``op`` can answer, with what it means."""
    found = dict.fromkeys(op.problems, "Refused; `code` says why")
    if op.body is not None:
        found |= {400: "Not JSON", 413: "Too large", 415: "Not application/json"}
        found[422] = "The body breaks a rule"
    if op.query:
        found[422] = "A query parameter or the body breaks a rule"
    if op.idempotent:
        found[400] = "The Idempotency-Key is missing or too long, or the body is not JSON"
    if op.person == "required":
        found[401] = "Nobody is logged in"
    if op.person != "none" and op.method not in SAFE_METHODS:
        found[403] = "The CSRF token is missing, or the account may not do this"
    if op.roles:
        found[403] = "The account lacks the role"
    if "{" in op.path:
        found[404] = "There is nothing of that name"
    if op.pace is not None:
        found[429] = "Too many; Retry-After says when"
    found[503] = "The server is stopping or overloaded, or its database does not answer"
    return found


async def person_of(request: Request[State], now: datetime) -> Person | None:
    """Return who sent ``request``: by bearer token, or by cookie with its CSRF token.

    Raises:
        Problem: 403 when a cookie comes with an unsafe method but without its CSRF token.
    """
    state = request.state
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    is_bearer = scheme.lower() == "bearer"
    token = token.strip() if is_bearer else request.cookies.get(sessions.COOKIE, "")
    if not token:
        return None
    person = await state["read"](sessions.person_by_token, token, now=now)
    if person is None:
        return None
    if not is_bearer and request.method not in SAFE_METHODS:
        expected = sessions.csrf_token(person.session_id, state["secret"])
        given = request.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise Problem(403, "csrf", "The page is out of date: reload it")
    if person.renewal_due:
        await state["write"](sessions.renew, person.session_id, now=now)
    return person


async def read_at_most(request: Request[State], limit_bytes: int) -> bytes:
    """Return the body.

    Raises:
        Problem: 413 when it is longer than ``limit_bytes``; the rest is not read.
    """
    chunks: list[bytes] = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit_bytes:
            raise Problem(413, "too_large", f"The body is longer than {limit_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def respond(answer: Answer) -> Response:
    """Return ``answer`` as a response; answers about a person are never cached."""
    headers = {"Cache-Control": "no-store", **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    body = answer.body
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(content, answer.status, headers, answer.media_type)
