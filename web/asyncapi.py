"""``GET /api/asyncapi.json``: every websocket frame described to machines.

BUS plane. Generated from the models in ``web.frames``, so that it cannot differ from them.

Source  https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from web import frames
from web.state import State

MEDIA_TYPE = "application/json"
SCHEMAS = "#/components/schemas/{name}"


async def asyncapi(_request: Request[State]) -> Response:
    """Answer the document."""
    return Response(msgspec.json.encode(document()), media_type=MEDIA_TYPE)


def document() -> dict[str, Any]:
    """Return the AsyncAPI document."""
    kinds = (*frames.SENDABLE, *frames.SERVER_FRAMES, *frames.BODIES)
    _, schemas = msgspec.json.schema_components(kinds, ref_template=SCHEMAS)
    for part in ("numbered", "unnumbered"):
        bodies = {"oneOf": [reference("schemas", kind.__name__) for kind in frames.BODIES]}
        schemas["BatchFrame"]["properties"][part] = {"type": "array", "items": bodies}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ovation's room socket",
            "version": "1",
            "description": "One connection joins one room. web/PROTOCOL.md tells the whole story.",
        },
        "channels": {
            "socket": {
                "address": "/socket",
                "description": "Subprotocols " + " (text) and ".join(frames.CODECS) + " (binary).",
                "messages": {name_of(kind): reference("messages", name_of(kind)) for kind in kinds},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "send": operation("receive", "What a client sends.", frames.SENDABLE),
            "receive": operation(
                "send",
                "What a client hears; bodies come in batches, or alone if for one person.",
                (*frames.SERVER_FRAMES, *frames.BODIES),
            ),
        },
        "components": {
            "messages": {name_of(kind): message(kind) for kind in kinds},
            "schemas": schemas,
        },
    }


def operation(action: str, summary: str, kinds: Iterable[type[Struct]]) -> dict[str, Any]:
    """Return one direction of the channel, as the server sees it."""
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/socket"},
        "messages": [{"$ref": f"#/channels/socket/messages/{name_of(kind)}"} for kind in kinds],
    }


def message(kind: type[Struct]) -> dict[str, Any]:
    """Return one kind of message."""
    summary = (kind.__doc__ or "").strip().splitlines()[0]
    return {
        "name": str(kind.__struct_config__.tag),
        "title": kind.__name__,
        "summary": summary,
        "contentType": MEDIA_TYPE,
        "payload": reference("schemas", kind.__name__),
    }


def name_of(kind: type[Struct]) -> str:
    """Return a message's name within the channel; clients and rooms both say ``chat``."""
    return kind.__name__


def reference(part: str, name: str) -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{part}/{name}"}


routes: list[BaseRoute] = [Route("/api/asyncapi.json", asyncapi, methods=["GET"])]
