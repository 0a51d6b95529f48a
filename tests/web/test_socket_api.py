"""Who may connect at all."""

from collections.abc import Sequence

import httpx
import msgspec
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.conftest import Server
from tests.web.room_people import open_room, room_socket, sign_up


def refusal(
    server: Server, *, subprotocols: Sequence[str] | None, origin: str | None = None
) -> tuple[int, str]:
    """Return status and code a handshake is refused with."""
    with pytest.raises(InvalidStatus) as refused:
        connect(
            server.url.replace("http", "ws") + "/socket",
            subprotocols=None if subprotocols is None else [*map(Subprotocol, subprotocols)],
            origin=None if origin is None else Origin(origin),
        )
    response = refused.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.body is not None
    return response.status_code, msgspec.json.decode(response.body)["code"]


@pytest.mark.parametrize("subprotocols", [None, ["chat"], ["ovation.v2.json"]])
def test_a_client_that_speaks_another_language_is_refused(
    module_server: Server, subprotocols: list[str] | None
) -> None:
    assert refusal(module_server, subprotocols=subprotocols) == (400, "no_subprotocol")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "file://127.0.0.1", "http://["]
)
def test_a_foreign_page_is_refused(module_server: Server, origin: str) -> None:
    outcome = refusal(module_server, subprotocols=["ovation.v1.json"], origin=origin)

    assert outcome == (403, "foreign_origin")


def test_a_page_of_this_server_may_connect(module_server: Server) -> None:
    with room_socket(module_server.url, origin=Origin(module_server.url)) as socket:
        assert socket.ask({"t": "ping"}) == {"t": "pong", "id": 1}


def test_the_first_subprotocol_we_know_is_spoken(module_server: Server) -> None:
    wanted = ["other", "ovation.v1.msgpack", "ovation.v1.json"]
    with connect(
        module_server.url.replace("http", "ws") + "/socket",
        subprotocols=[*map(Subprotocol, wanted)],
    ) as connection:
        assert connection.subprotocol == "ovation.v1.msgpack"
        assert connection.protocol.extensions == []


def test_plain_http_finds_nothing_there(client: httpx.Client) -> None:
    assert client.get("/socket").status_code == 404


def test_a_stopping_server_tells_viewers_to_come_back(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        room_id = open_room(client, sign_up(client))
    with room_socket(server.url) as socket:
        assert socket.hello(room_id)["t"] == "welcome"
        assert server.process is not None

        server.process.terminate()

        assert socket.until("bye") == {"t": "bye", "code": 4001, "resume": True}
        assert socket.close_code() == 4001
    assert server.process.wait(timeout=60) == 0
