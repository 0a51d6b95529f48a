"""The OpenAPI 3.1 document, made from the declared operations and nothing else.

Source  https://spec.openapis.org/oas/v3.1.1
"""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.errors import MEDIA_TYPE, ProblemDocument
from web.operations import KEY_CHARACTERS_MAX, Operation, statuses
from web.people.sessions import COOKIE

REF = "#/components/schemas/{name}"


def describe(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the document for ``operations``."""
    kinds = [ProblemDocument, *types_of(operations)]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REF)
    schema_of = dict(zip(map(key_of, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for op in operations:
        paths.setdefault(op.path, {})[op.method.lower()] = describe_operation(op, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ovation",
            "version": version("ovation-live"),
            "summary": "Live rooms, gifts and their coins.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def types_of(operations: Iterable[Operation]) -> list[Any]:
    """Return every type a body, an answer or a query parameter has, once each."""
    found: dict[str, Any] = {}
    for op in operations:
        for kind in (op.body, *op.answers.values(), *op.query.values()):
            if kind is not None and kind is not bytes:
                found.setdefault(key_of(kind), kind)
    found.pop(key_of(ProblemDocument), None)
    return list(found.values())


def key_of(kind: Any) -> str:
    """Return a name for ``kind`` that is the same for equal types."""
    return repr(kind)


def describe_operation(op: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    """Return the operation object of ``op``."""
    found: dict[str, Any] = {
        "operationId": op.name,
        "summary": op.summary,
        "tags": [op.endpoint.__module__.removeprefix("web.").removesuffix("_api")],
        "parameters": parameters(op, schema_of),
        "responses": responses(op, schema_of),
    }
    if op.body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[key_of(op.body)]}},
        }
    if op.person == "required":
        found["security"] = [{"bearer": []}, {"cookie": []}]
    elif op.person == "optional":
        found["security"] = [{}, {"bearer": []}, {"cookie": []}]
    return found


def parameters(op: Operation, schema_of: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameter objects of ``op``: path, query, headers."""
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)", op.path)
    ]
    found += [
        {"name": name, "in": "query", "schema": schema_of[key_of(kind)]}
        for name, kind in op.query.items()
    ]
    if op.idempotent:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": KEY_CHARACTERS_MAX,
                    "pattern": "^[!-~]+$",
                },
            }
        )
    return found


def responses(op: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    """Return the response objects of ``op``: its answers, then its refusals."""
    found: dict[str, Any] = {}
    for status, kind in op.answers.items():
        found[str(status)] = {"description": op.summary}
        if kind is not None:
            media_type = op.media_types.get(status, "application/json")
            schema = {} if kind is bytes else schema_of[key_of(kind)]
            found[str(status)]["content"] = {media_type: {"schema": schema}}
    refusal = {MEDIA_TYPE: {"schema": {"$ref": REF.format(name="ProblemDocument")}}}
    for status, meaning in sorted(statuses(op).items()):
        found.setdefault(str(status), {"description": meaning, "content": refusal})
    return found


def route(operations: Sequence[Operation]) -> Route:
    """Return the route that serves the document."""
    document = msgspec.json.encode(describe(operations))

    async def openapi(_request: Request[Any]) -> Response:
        return Response(document, media_type="application/json")

    return Route("/api/openapi.json", openapi)
