"""Reports and what moderators do about them, on a real server over both databases."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.conftest import Server
from tests.web.http_people import Guest, a_guest, code_of, log_in

HEAR_S_MAX = 20.0  # long enough for a busy machine; nothing here measures it


def a_moderator(client: httpx.Client, server: Server, role: str = "moderator") -> Guest:
    moderator = a_guest(client, "mod")
    granted = server.run("accounts", "grant", moderator.handle, role)
    assert granted.returncode == 0, granted.stderr
    return moderator


def a_room(creator: Guest) -> str:
    opened = creator.ask("POST", "/api/rooms", {"title": "A room"})
    assert opened.status_code == 201, opened.text
    return str(opened.json()["room_id"])


def reports_on(moderator: Guest, handle: str) -> list[dict[str, object]]:
    """Return the open reports about one person, from every page of the queue."""
    found: list[dict[str, object]] = []
    cursor: str | None = ""
    while cursor is not None:
        path = "/api/moderation/reports" + (f"?cursor={cursor}" if cursor else "")
        page = moderator.ask("GET", path).json()
        found += [one for one in page["reports"] if one["account"]["handle"] == handle]
        cursor = page["cursor"]
    return found


def test_anybody_reports_a_room_and_a_moderator_ends_it(
    client: httpx.Client, module_server: Server
) -> None:
    ana, moderator = a_guest(client), a_moderator(client, module_server)
    room_id = a_room(ana)

    filed = client.post(
        "/api/reports", json={"room_id": room_id, "reason": "fraud", "detail": "A casino.\x00"}
    )
    (queued,) = reports_on(moderator, ana.handle)
    ended = moderator.ask(
        "POST",
        "/api/moderation/actions",
        {"action": "end_room", "report_id": filed.json()["report_id"], "reason": "Gambling."},
    )

    assert filed.status_code == 201
    assert queued["report_id"] == filed.json()["report_id"]
    assert (queued["reason"], queued["detail"]) == ("fraud", "A casino.")
    assert queued["reporter"] is None
    assert queued["room"] == {
        "room_id": room_id,
        "title": "A room",
        "state": "open",
        "creator": {"handle": ana.handle, "display_name": ana.handle},
    }
    assert ended.status_code == 201
    assert client.get(f"/api/rooms/{room_id}").json()["state"] == "ended"
    assert reports_on(moderator, ana.handle) == []
    (notice,) = ana.ask("GET", "/api/me/notices").json()["notices"]
    assert (notice["kind"], notice["reason"]) == ("end_room", "Gambling.")


def test_a_suspension_is_in_force_when_it_is_answered(
    client: httpx.Client, module_server: Server
) -> None:
    ana, moderator = a_guest(client), a_moderator(client, module_server)
    room_id = a_room(ana)

    suspended = moderator.ask(
        "POST",
        "/api/moderation/actions",
        {"action": "suspend", "handle": ana.handle, "reason": "Spam."},
    )

    assert suspended.status_code == 201
    assert code_of(ana.ask("GET", "/api/me")) == (401, "not_signed_in")
    assert code_of(log_in(client, ana.handle)) == (403, "suspended")
    assert client.get(f"/api/rooms/{room_id}").json()["state"] == "ended"


def test_a_report_is_dealt_with_once(client: httpx.Client, module_server: Server) -> None:
    ana, moderator = a_guest(client), a_moderator(client, module_server)
    report_id = ana.ask(
        "POST", "/api/reports", {"handle": moderator.handle, "reason": "other"}
    ).json()["report_id"]
    about_oneself = {"action": "dismiss", "report_id": report_id, "reason": "It was me."}
    other = a_moderator(client, module_server, "admin")

    refused = moderator.ask("POST", "/api/moderation/actions", about_oneself)
    dismissed = other.ask("POST", "/api/moderation/actions", about_oneself)
    again = other.ask("POST", "/api/moderation/actions", about_oneself)

    assert code_of(refused) == (403, "protected")
    assert dismissed.status_code == 201
    assert code_of(again) == (409, "report_closed")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"reason": "spam"}, (422, "subject_missing")),
        ({"reason": "spam", "room_id": "nowhere"}, (404, "unknown_subject")),
        ({"reason": "spam", "message_id": "none"}, (404, "unknown_subject")),
        ({"reason": "spam", "handle": "no\x00body"}, (404, "unknown_subject")),
        ({"reason": "spam", "room_id": "\x00"}, (422, "bad_request")),
        ({"reason": "boring", "handle": "ana"}, (422, "bad_request")),
        ({"reason": "spam", "handle": "ana", "detail": "x" * 1001}, (422, "bad_request")),
    ],
)
def test_a_report_on_nothing_is_refused(
    client: httpx.Client, body: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert code_of(client.post("/api/reports", json=body)) == refusal


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"action": "dismiss", "reason": "No.", "handle": "OTHER"}, (422, "subject_missing")),
        ({"action": "dismiss", "reason": "No.", "report_id": "none"}, (404, "unknown_report")),
        ({"action": "mute", "reason": "No.", "handle": "OTHER"}, (422, "subject_missing")),
        ({"action": "suspend", "reason": " ", "handle": "OTHER"}, (422, "bad_request")),
        ({"action": "suspend", "reason": "No.", "handle": "nobody_"}, (404, "unknown_subject")),
        ({"action": "pardon", "reason": "No.", "handle": "OTHER"}, (422, "bad_request")),
        ({"action": "end_room", "reason": "No.", "room_id": "nowhere"}, (404, "unknown_subject")),
    ],
)
def test_an_action_that_makes_no_sense_is_refused(
    client: httpx.Client,
    module_server: Server,
    body: dict[str, str],
    refusal: tuple[int, str],
) -> None:
    moderator, other = a_moderator(client, module_server), a_guest(client)
    if body.get("handle") == "OTHER":
        body = body | {"handle": other.handle}

    assert code_of(moderator.ask("POST", "/api/moderation/actions", body)) == refusal
    assert other.ask("GET", "/api/me/notices").json() == {"notices": []}


def test_only_moderators_see_the_queue_and_act(client: httpx.Client) -> None:
    ana = a_guest(client)
    order = {"action": "suspend", "handle": ana.handle, "reason": "No."}

    for method, path, body in (
        ("GET", "/api/moderation/reports", None),
        ("POST", "/api/moderation/actions", order),
    ):
        assert code_of(ana.ask(method, path, body)) == (403, "role_required")
        assert code_of(client.request(method, path, json=body)) == (401, "not_signed_in")


def test_the_command_line_acts_beside_the_running_server(
    client: httpx.Client, module_server: Server
) -> None:
    ana = a_guest(client)
    room_id = a_room(ana)

    ended = module_server.run("rooms", "end", room_id, "--reason", "A law was broken.")

    assert ended.returncode == 0, ended.stderr
    assert client.get(f"/api/rooms/{room_id}").json()["state"] == "ended"
    (notice,) = ana.ask("GET", "/api/me/notices").json()["notices"]
    assert notice["reason"] == "A law was broken."


@contextmanager
def join(server: Server, room_id: str, token: str | None = None) -> Iterator[ClientConnection]:
    """Hear a room over a socket of one's own."""
    url = server.url.replace("http", "ws") + "/socket"
    protocol = Subprotocol("ovation.v1.json")
    hello = {"t": "hello", "id": 1, "room": room_id} | ({"token": token} if token else {})
    with connect(url, subprotocols=[protocol], compression=None) as socket:
        socket.send(json.dumps(hello))
        assert heard(socket, "welcome")["id"] == 1
        yield socket


def heard(socket: ClientConnection, tag: str) -> dict[str, Any]:
    """Return the next frame or body of this kind; fails if none comes."""
    while True:
        frame = json.loads(socket.recv(timeout=HEAR_S_MAX))
        for one in (frame, *frame.get("numbered", ())):
            if one["t"] == tag:
                return dict(one)


def test_what_the_command_line_suspends_leaves_every_socket_and_room(
    client: httpx.Client, module_server: Server
) -> None:
    ana, bea = a_guest(client), a_guest(client, "bea")
    with (
        join(module_server, a_room(ana)) as guest,
        join(module_server, a_room(bea), ana.token) as hers,
        join(module_server, a_room(bea), bea.token) as theirs,
    ):
        module_server.run("accounts", "suspend", ana.handle, "--reason", "Spam.")

        assert heard(guest, "room")["state"] == "ended"
        assert [heard(hers, "notice")["code"] for _ in range(2)] == ["room_ended", "suspended"]
        with pytest.raises(ConnectionClosed) as closed:
            heard(hers, "nothing more")
        theirs.send(json.dumps({"t": "ping", "id": 2}))
        assert heard(theirs, "pong")["id"] == 2

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


def test_a_removed_person_is_told_why_and_cannot_come_back(
    client: httpx.Client, module_server: Server
) -> None:
    ana, bea, moderator = a_guest(client), a_guest(client), a_moderator(client, module_server)
    room_id = a_room(ana)
    order = {"action": "remove", "room_id": room_id, "handle": bea.handle, "reason": "Insults."}
    with join(module_server, room_id, bea.token) as socket:
        assert moderator.ask("POST", "/api/moderation/actions", order).status_code == 201

        assert heard(socket, "notice")["reason"] == "Insults."

    assert bea.ask("POST", f"/api/rooms/{room_id}/views").status_code == 403
