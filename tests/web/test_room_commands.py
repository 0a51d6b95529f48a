"""What people do over the room socket, on a real server: coming in, chat, likes, resume."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.conftest import Server
from tests.web.room_people import Member, Message, RoomSocket, open_room, room_socket, sign_up


@dataclass
class Stage:
    """A room with its creator, and how to enter it."""

    url: str
    client: httpx.Client
    creator: Member
    room_id: str
    stack: contextlib.ExitStack

    def connect(self, codec: str = "json") -> RoomSocket:
        """Open a socket that has not said hello."""
        return self.stack.enter_context(room_socket(self.url, codec))

    def enter(self, member: Member | None = None, codec: str = "json") -> RoomSocket:
        """Open a socket in the room."""
        socket = self.connect(codec)
        welcome = socket.hello(self.room_id, member)
        assert welcome["t"] == "welcome", welcome
        return socket

    def someone(self, name: str = "ben") -> Member:
        """Sign up a viewer."""
        return sign_up(self.client, name)


@pytest.fixture
def stage(module_server: Server, client: httpx.Client) -> Iterator[Stage]:
    creator = sign_up(client, "cai")
    with contextlib.ExitStack() as stack:
        room_id = open_room(client, creator)
        yield Stage(module_server.url, client, creator, room_id, stack)


def say(socket: RoomSocket, text: str, key: str | None = None) -> Message:
    return socket.ask({"t": "chat", "key": key or uuid.uuid4().hex, "text": text})


# Coming in


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_a_guest_finds_the_room(stage: Stage, codec: str) -> None:
    welcome = stage.connect(codec).hello(stage.room_id)

    room, you = welcome["room"], welcome["you"]
    assert (welcome["t"], welcome["offset"], welcome["recovered"]) == ("welcome", 0, False)
    assert (room["title"], room["state"], room["viewers"]) == ("Evening songs", "open", 1)
    assert room["creator"]["handle"] == stage.creator.handle
    assert (you["can_chat"], you["can_gift"]) == (False, False)
    assert "handle" not in you


def test_a_person_is_told_what_they_may_do(stage: Stage) -> None:
    ben, minor = stage.someone(), sign_up(stage.client, "kid", birth_date="2011-01-01")

    bens = stage.connect().hello(stage.room_id, ben)["you"]
    creators = stage.connect().hello(stage.room_id, stage.creator)["you"]
    minors = stage.connect().hello(stage.room_id, minor)["you"]

    assert (bens["handle"], bens["can_chat"], bens["can_gift"]) == (ben.handle, True, True)
    assert (creators["creator"], creators["can_gift"]) == (True, False)
    assert (minors["can_chat"], minors["can_gift"]) == (True, False)


def test_a_page_proves_itself_with_cookie_and_csrf_token(stage: Stage) -> None:
    ben = stage.someone()
    me = stage.client.get("/api/me", headers={"Cookie": f"ovation_session={ben.token}"}).json()
    cookie = {"Cookie": f"ovation_session={ben.token}"}

    def greeted(**proof: Any) -> Message:
        with room_socket(stage.url, additional_headers=cookie) as socket:
            return socket.hello(stage.room_id, **proof)

    assert greeted(csrf=me["csrf_token"])["you"]["handle"] == ben.handle
    assert "handle" not in greeted()["you"]
    assert greeted(csrf="forged")["code"] == "csrf"


def test_one_view_on_socket_and_http_is_one_viewer(stage: Stage) -> None:
    view = stage.client.post(f"/api/rooms/{stage.room_id}/views").json()

    welcome = stage.connect().hello(stage.room_id, view_token=view["view_token"])
    stage.connect().hello(stage.room_id, view_token=welcome["you"]["view_token"])

    assert welcome["you"]["view_id"] == view["view_id"]
    assert stage.client.get(f"/api/rooms/{stage.room_id}").json()["viewer_count"] == 1


def test_the_viewer_count_is_told_when_it_changes(stage: Stage) -> None:
    socket = stage.enter()

    stage.enter()

    assert socket.until("viewers") == {"t": "viewers", "count": 2}


def test_who_comes_in_is_announced(stage: Stage) -> None:
    socket, ben = stage.enter(), stage.someone()

    stage.enter(ben)

    assert socket.until("joined")["display_name"] == ben.handle


@pytest.mark.parametrize(
    ("hello", "code", "close_code"),
    [
        ({"room": "nowhere"}, "unknown_room", 4404),
        ({"room": "\x00"}, "unknown_room", 4404),
        ({"token": "forged"}, "not_signed_in", 4401),
        ({"view_token": "forged"}, "bad_view_token", 4401),
    ],
)
def test_a_hello_that_does_not_hold_is_refused_and_closed(
    stage: Stage, hello: dict[str, str], code: str, close_code: int
) -> None:
    socket = stage.connect()

    answer = socket.ask({"t": "hello", "room": stage.room_id, **hello})

    assert (answer["t"], answer["code"]) == ("error", code)
    assert socket.close_code() == close_code


def test_an_ended_room_refuses_joins_chat_and_views(stage: Stage) -> None:
    inside = stage.enter(stage.someone())
    ended = stage.client.post(f"/api/rooms/{stage.room_id}/end", headers=stage.creator.headers)

    assert ended.status_code == 200
    assert inside.until("room")["state"] == "ended"
    assert say(inside, "Wait!")["code"] == "room_ended"
    outside = stage.connect()
    assert outside.hello(stage.room_id)["code"] == "room_ended"
    assert outside.close_code() == 4404
    views = stage.client.post(f"/api/rooms/{stage.room_id}/views")
    assert (views.status_code, views.json()["code"]) == (409, "room_ended")


def test_a_command_before_hello_ends_the_connection(stage: Stage) -> None:
    socket = stage.connect()

    assert say(socket, "Hi")["code"] == "hello_first"
    assert socket.close_code() == 4401


def test_nobody_joins_twice(stage: Stage) -> None:
    assert stage.enter().hello(stage.room_id)["code"] == "already_joined"


# Chat


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_a_message_reaches_everybody_and_its_sender(stage: Stage, codec: str) -> None:
    ben = stage.someone()
    sender, listener = stage.enter(ben, codec), stage.enter()

    answer = say(sender, "  Hello\nthere ")

    heard = listener.until("chat")
    assert heard == answer["message"]
    assert (heard["text"], heard["from"]["handle"]) == ("Hello there", ben.handle)
    assert sender.until("chat") == heard
    assert stage.connect().hello(stage.room_id)["room"]["chat"] == [heard]


def test_the_creator_is_marked(stage: Stage) -> None:
    listener = stage.enter()

    say(stage.enter(stage.creator), "Welcome!")

    assert listener.until("chat")["from"]["creator"] is True


def test_the_same_key_is_the_same_message(stage: Stage) -> None:
    ben = stage.someone()
    socket, listener = stage.enter(ben), stage.enter()
    first = say(socket, "Hello", key="k1")

    again = say(stage.enter(ben), "Hello again", key="k1")
    say(socket, "Bye", key="k2")

    assert again["message"] == first["message"]
    assert [listener.until("chat")["text"] for _ in range(2)] == ["Hello", "Bye"]


def test_a_guest_may_not_chat(stage: Stage) -> None:
    assert say(stage.enter(), "Hi")["code"] == "not_signed_in"


@pytest.mark.parametrize(("text", "code"), [("", "bad_text"), ("x" * 501, "bad_text")])
def test_a_text_outside_the_rules_is_refused(stage: Stage, text: str, code: str) -> None:
    assert say(stage.enter(stage.someone()), text)["code"] == code


def test_who_writes_too_fast_is_told_to_wait(stage: Stage) -> None:
    socket = stage.enter(stage.someone())

    answers = [say(socket, f"message {number}") for number in range(7)]

    assert [answer["t"] for answer in answers[:5]] == ["ok"] * 5
    assert answers[-1]["code"] == "too_fast"
    assert 0 < answers[-1]["retry_after_s"] <= 1.5


def test_a_crowded_room_is_not_shown_everything_but_each_sees_their_own(stage: Stage) -> None:
    talkers = [stage.enter(stage.someone(f"t{number}x")) for number in range(6)]

    answers = [say(talker, "Me!") for _ in range(5) for talker in talkers]

    assert all(answer["t"] == "ok" for answer in answers)
    assert any(answer.get("shown") is False for answer in answers)
    assert say(stage.enter(stage.creator), "Calm down")["t"] == "ok"


def test_who_is_blocked_by_the_creator_may_not_chat(stage: Stage) -> None:
    ben = stage.someone()
    blocked = stage.client.put(f"/api/accounts/{ben.handle}/block", headers=stage.creator.headers)
    assert blocked.status_code == 204

    assert say(stage.enter(ben), "Hi")["code"] == "blocked"


# Likes


def test_likes_add_up_for_everybody(stage: Stage) -> None:
    socket, listener = stage.enter(), stage.enter()

    for _ in range(4):
        socket.send({"t": "like", "count": 3})

    total = 0
    while total < 12:
        total = listener.until("likes")["total"]
    assert total == 12
    assert stage.connect().hello(stage.room_id)["room"]["likes"] == 12


# Gifts


def test_a_gift_without_coins_is_refused_as_over_http(stage: Stage) -> None:
    socket = stage.enter(stage.someone())

    answer = socket.ask(
        {"t": "gift", "key": str(uuid.uuid4()), "gift_id": "rose", "quantity": 1, "coins": 1}
    )

    assert (answer["code"], answer["short_by"]) == ("insufficient_coins", 1)


# Resume


def test_who_comes_back_hears_everything_missed(stage: Stage) -> None:
    ben = stage.someone()
    talker = stage.enter(stage.creator)
    first = stage.connect()
    welcome = first.hello(stage.room_id, ben)
    first.connection.close()
    for text in ("one", "two"):
        say(talker, text)

    again = stage.connect()
    back = again.hello(
        stage.room_id, ben, resume={"epoch": welcome["epoch"], "offset": welcome["offset"]}
    )
    replay = again.receive()

    assert (back["recovered"], back["offset"]) == (True, welcome["offset"])
    assert replay["first"] == welcome["offset"] + 1
    assert [body["text"] for body in replay["numbered"]] == ["one", "two"]
    say(talker, "three")
    assert again.until("chat")["text"] == "three"


@pytest.mark.parametrize("position", [{"epoch": "old", "offset": 0}, {"epoch": "", "offset": 99}])
def test_a_gap_that_cannot_be_filled_is_admitted(stage: Stage, position: dict[str, object]) -> None:
    say(stage.enter(stage.creator), "Hello")

    back = stage.connect().hello(stage.room_id, resume=position)

    assert (back["recovered"], back["offset"]) == (False, 1)
    assert [message["text"] for message in back["room"]["chat"]] == ["Hello"]


# Bad input


def test_unknown_and_broken_frames_are_refused_and_the_connection_goes_on(stage: Stage) -> None:
    socket = stage.enter()

    assert socket.ask({"t": "teleport"})["code"] == "unknown_frame"
    assert socket.ask({"t": "chat", "text": "Hi"})["code"] == "bad_frame"
    assert socket.ask({"t": "ping"})["t"] == "pong"


def test_what_is_no_protocol_of_ours_ends_the_connection(stage: Stage) -> None:
    for codec, raw in (("json", "hello"), ("json", b"{}"), ("msgpack", "{}"), ("msgpack", b"\xc1")):
        socket = stage.connect(codec)
        socket.connection.send(raw)
        assert socket.close_code() == 4400


def test_a_message_longer_than_16_kib_ends_the_connection(stage: Stage) -> None:
    socket = stage.enter()

    socket.connection.send("x" * (16 * 1024 + 1))

    assert socket.close_code() == 1009


def test_fragments_longer_than_16_kib_end_the_connection(stage: Stage) -> None:
    socket = stage.enter()

    socket.connection.send(["x" * 10_000, "x" * 10_000])

    assert socket.close_code() == 1009


def test_who_floods_is_cut_off(stage: Stage) -> None:
    socket = stage.enter()
    with contextlib.suppress(ConnectionClosed):
        for _ in range(200):
            socket.send({"t": "ping", "id": 1})

    assert socket.close_code() == 4429


# Sessions that end


def test_who_logs_out_is_no_longer_heard(stage: Stage) -> None:
    ben = stage.someone()
    socket, other = stage.enter(ben), stage.enter(stage.creator)

    out = stage.client.delete("/api/sessions/current", headers=ben.headers)

    assert out.status_code == 204
    assert socket.until("notice")["code"] == "logged_out"
    assert socket.close_code() == 4401
    assert say(other, "Still here")["t"] == "ok"
