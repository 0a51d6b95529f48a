"""Deleting, muting and banning: by the creator, by a moderator, felt at once."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.conftest import Server
from tests.web.room_people import Member, Message, RoomSocket, open_room, room_socket, sign_up


@dataclass
class Stage:
    """A room with its creator, a viewer inside, and a moderator of the whole place."""

    client: httpx.Client
    room_id: str
    creator: Member
    ben: Member
    moderator: Member
    bens_socket: RoomSocket
    listener: RoomSocket
    url: str

    def change(self, who: Member, method: str, path: str, **body: object) -> httpx.Response:
        """Ask for something about this room."""
        url = f"/api/rooms/{self.room_id}/{path}"
        return self.client.request(method, url, headers=who.headers, json=body or None)

    def by(self, role: str) -> Member:
        """Return who acts."""
        return self.creator if role == "creator" else self.moderator

    def say(self, text: str = "Hello") -> Message:
        """Let the viewer write."""
        return self.bens_socket.ask({"t": "chat", "key": uuid.uuid4().hex, "text": text})


@pytest.fixture
def stage(module_server: Server, client: httpx.Client) -> Iterator[Stage]:
    creator, ben, moderator = (sign_up(client, name) for name in ("cai", "ben", "mod"))
    granted = module_server.run("accounts", "grant", moderator.handle, "moderator")
    assert granted.returncode == 0, granted.stderr
    room_id = open_room(client, creator)
    with contextlib.ExitStack() as stack:
        inside, listener = (stack.enter_context(room_socket(module_server.url)) for _ in range(2))
        assert inside.hello(room_id, ben)["t"] == "welcome"
        assert listener.hello(room_id)["t"] == "welcome"
        yield Stage(client, room_id, creator, ben, moderator, inside, listener, module_server.url)


ROLES = pytest.mark.parametrize("role", ["creator", "moderator"])


@ROLES
def test_a_deleted_message_leaves_every_screen(stage: Stage, role: str) -> None:
    message_id = stage.say()["message"]["id"]

    deleted = stage.change(stage.by(role), "DELETE", f"messages/{message_id}")

    assert deleted.status_code == 204
    assert stage.listener.until("chat_deleted") == {"t": "chat_deleted", "id": message_id}
    with room_socket(stage.url) as late:
        assert late.hello(stage.room_id)["room"]["chat"] == []


@ROLES
def test_who_is_muted_is_told_why_and_cannot_chat(stage: Stage, role: str) -> None:
    path = f"mutes/{stage.ben.handle}"

    muted = stage.change(stage.by(role), "PUT", path, reason="Spam.", minutes=5)

    assert muted.status_code == 204
    assert stage.listener.until("muted")["handle"] == stage.ben.handle
    assert stage.bens_socket.until("notice") == {"t": "notice", "code": "muted", "reason": "Spam."}
    assert stage.say()["code"] == "muted"
    with room_socket(stage.url) as again:
        you = again.hello(stage.room_id, stage.ben)["you"]
    assert (you["can_chat"], you["muted"]["reason"]) == (False, "Spam.")


def test_a_mute_taken_back_lets_chat_again(stage: Stage) -> None:
    path = f"mutes/{stage.ben.handle}"
    stage.change(stage.creator, "PUT", path, reason="Spam.")

    unmuted = stage.change(stage.creator, "DELETE", path)

    assert unmuted.status_code == 204
    assert stage.listener.until("unmuted")["handle"] == stage.ben.handle
    assert stage.say()["t"] == "ok"


@ROLES
def test_who_is_banned_is_told_why_and_gone_at_once(stage: Stage, role: str) -> None:
    path = f"bans/{stage.ben.handle}"

    banned = stage.change(stage.by(role), "PUT", path, reason="Hate.")

    assert banned.status_code == 204
    assert stage.bens_socket.until("notice") == {"t": "notice", "code": "banned", "reason": "Hate."}
    assert stage.bens_socket.until("bye") == {"t": "bye", "code": 4403, "resume": False}
    assert stage.bens_socket.close_code() == 4403
    assert stage.listener.until("removed") == {"t": "removed", "handle": stage.ben.handle}
    views = stage.change(stage.ben, "POST", "views")
    assert (views.status_code, views.json()["code"]) == (403, "banned")
    with room_socket(stage.url) as again:
        answer = again.hello(stage.room_id, stage.ben)
        assert (answer["code"], again.close_code()) == ("banned", 4403)


def test_a_ban_holds_in_the_creators_next_room_and_can_be_taken_back(stage: Stage) -> None:
    path = f"bans/{stage.ben.handle}"
    stage.change(stage.creator, "PUT", path, reason="Hate.")
    next_room_id = open_room(stage.client, stage.creator)

    with room_socket(stage.url) as socket:
        assert socket.hello(next_room_id, stage.ben)["code"] == "banned"
    assert stage.change(stage.creator, "DELETE", path).status_code == 204
    with room_socket(stage.url) as socket:
        assert socket.hello(next_room_id, stage.ben)["t"] == "welcome"


def test_viewers_teach_nobody_manners(stage: Stage) -> None:
    message_id = stage.say()["message"]["id"]
    handle = stage.creator.handle

    answers = [
        stage.change(stage.ben, "DELETE", f"messages/{message_id}"),
        stage.change(stage.ben, "PUT", f"mutes/{handle}", reason="Because."),
        stage.change(stage.ben, "DELETE", f"mutes/{handle}"),
        stage.change(stage.ben, "PUT", f"bans/{handle}", reason="Because."),
        stage.change(stage.ben, "DELETE", f"bans/{handle}"),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(403, "not_your_room")] * 5


def test_some_people_cannot_be_acted_on(stage: Stage) -> None:
    def refusal(who: Member, whom: str) -> tuple[int, str]:
        answer = stage.change(who, "PUT", f"bans/{whom}", reason="Because.")
        return answer.status_code, answer.json()["code"]

    assert refusal(stage.creator, stage.creator.handle) == (409, "not_oneself")
    assert refusal(stage.creator, stage.moderator.handle) == (403, "protected")
    assert refusal(stage.moderator, stage.creator.handle) == (409, "creator_of_room")
    assert refusal(stage.creator, "nobody_at_all") == (404, "unknown_account")


def test_a_message_of_another_room_is_unknown_here(stage: Stage) -> None:
    message_id = stage.say()["message"]["id"]
    other = open_room(stage.client, stage.creator)

    answer = stage.client.delete(
        f"/api/rooms/{other}/messages/{message_id}", headers=stage.creator.headers
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_message")


def test_who_is_suspended_is_gone_everywhere(stage: Stage, module_server: Server) -> None:
    suspended = module_server.run("accounts", "suspend", stage.ben.handle, "--reason", "Fraud.")

    assert suspended.returncode == 0, suspended.stderr
    notice = stage.bens_socket.until("notice")
    assert (notice["code"], notice["reason"]) == ("suspended", "Fraud.")
    assert stage.bens_socket.close_code() == 4403
