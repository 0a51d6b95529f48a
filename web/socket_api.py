"""``GET /socket``: the handshake of a viewer's websocket, then the hand-over.

BUS plane. Whoever may not connect is refused before the upgrade, with a status: 400 without one of
our subprotocols, 403 from a foreign page, 429 too often from one address, 503 when the server is
full or stops.
"""

from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from web import frames
from web.errors import Problem
from web.handover import protocol_in
from web.limits import Pace, client_address
from web.people import sessions
from web.settings import Settings
from web.state import State
from web.viewer_socket import ViewerSocket

HANDSHAKES = Pace("socket", burst=60, per_s=2, loopback_burst=20_000, loopback_per_s=2_000)
RETRY_AFTER_S = 5


async def open_socket(websocket: WebSocket[State]) -> None:
    """Refuse the handshake, or accept it and give the connection to a ``ViewerSocket``."""
    try:
        protocol_name = admit(websocket)
    except Problem as problem:
        await websocket.send_denial_response(problem.response())
        return
    handed_by = protocol_in(websocket.scope)
    if handed_by is None:
        await websocket.send_denial_response(Response("no websocket here", 501))
        return
    state = websocket.state
    successor = ViewerSocket(
        owner=state["sockets"],
        codec=frames.CODECS[protocol_name],
        address=client_address(websocket, state["settings"].trusted_proxies),
        cookie=websocket.cookies.get(sessions.COOKIE),
    )
    await websocket.accept(protocol_name)
    if not handed_by.hand_over(successor):
        await websocket.close(frames.BAD_FRAME)


def admit(websocket: WebSocket[State]) -> str:
    """Return the subprotocol to speak.

    Raises:
        Problem: Nobody connects like this, from there, or now.
    """
    state = websocket.state
    settings = state["settings"]
    if not is_own_page(websocket, settings):
        raise Problem(403, "foreign_origin", "This page may not connect here")
    state["limits"].spend(HANDSHAKES, client_address(websocket, settings.trusted_proxies))
    if state["draining"].is_set() or state["sockets"].is_full:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        raise Problem(503, "full", "No place right now", headers=headers)
    for name in websocket.scope["subprotocols"]:
        if name in frames.CODECS:
            return str(name)
    known = ", ".join(frames.CODECS)
    raise Problem(400, "no_subprotocol", "Name a subprotocol", f"One of {known}.")


def is_own_page(websocket: WebSocket[State], settings: Settings) -> bool:
    """Say whether the page that connects is ours; programs send no Origin and have no cookies.

    A page is ours if it comes from the public address, or from the very host it connects to.
    """
    origin = websocket.headers.get("origin")
    if origin is None:
        return True
    try:
        page = urlsplit(origin)
    except ValueError:  # brackets without an address
        return False
    public = urlsplit(settings.public_url)
    if settings.public_url and (page.scheme, page.netloc) == (public.scheme, public.netloc):
        return True
    return page.scheme in ("http", "https") and page.netloc == websocket.headers.get("host")


routes: list[BaseRoute] = [WebSocketRoute("/socket", open_socket, name="socket")]
