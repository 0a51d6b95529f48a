"""Taking an accepted websocket's transport away from uvicorn.

BUS plane. uvicorn and Starlette do what they are good at: HTTP, routing, cookies, the handshake.
Afterwards an ASGI connection costs a task, a queue and a parser for as long as it is open; ours
costs one object. The only file that touches uvicorn's insides, which is why uvicorn is pinned and
``tests/web/test_handover.py`` holds the contract.

Source  uvicorn 0.54, ``uvicorn/protocols/websockets/websockets_sansio_impl.py``
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any, Final, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION: Final = "ovation.handover"


class Successor(Protocol):
    """A protocol that goes on with an accepted connection.

    Attributes:
        connections: Where it has to strike itself off when the connection is lost; uvicorn waits
            for this to be empty when it stops.
    """

    connections: set[Any]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        ...

    def shutdown(self) -> None:
        """Close, because the server stops."""
        ...


class Relinquished(asyncio.Transport):
    """What uvicorn is left with: when the endpoint returns, it closes its transport."""

    def close(self) -> None:
        """Leave the connection alone: it is somebody else's."""

    def is_closing(self) -> bool:
        """Say that nothing can be sent through here."""
        return True


class HandoverProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, which can be asked to step aside.

    It negotiates no extensions, whatever uvicorn is configured to: a successor reads plain frames.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.available_extensions = []

    def handle_connect(self, event: Request) -> None:
        """Let the application find this protocol in its scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # not when the handshake itself was refused
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = self

    def hand_over(self, successor: Successor) -> bool:
        """Give the open connection to ``successor``; ``False`` if it broke meanwhile.

        The handshake's answer has been written in this very turn of the loop, so nothing can have
        been received since; what came *before* it broke the protocol.
        """
        is_early = not self.queue.empty() or bool(self.conn.reader.buffer)
        if self.disconnected or self.transport.is_closing() or is_early:
            return False
        self.stop_keepalive()
        transport, self.transport = self.transport, Relinquished()
        self.connections.discard(self)
        self.connections.add(successor)  # type: ignore[arg-type]
        successor.connections = self.connections
        transport.set_protocol(successor)  # type: ignore[arg-type]
        successor.connection_made(transport)
        return True


def protocol_in(scope: MutableMapping[str, Any]) -> HandoverProtocol | None:
    """Return the protocol behind an ASGI scope; ``None`` under another server."""
    found = scope.get("extensions", {}).get(EXTENSION)
    return found if isinstance(found, HandoverProtocol) else None
