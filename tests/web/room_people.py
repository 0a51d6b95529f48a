"""People, rooms and sockets for tests, made through the real API of a running server."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

ANSWER_S_MAX = 20.0  # far beyond any answer; only a hang is cut off by it
RUN = os.urandom(3).hex()
numbers = itertools.count(1)

Message = dict[str, Any]


@dataclass(frozen=True)
class Member:
    """Somebody with an account."""

    handle: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What proves who they are."""
        return {"Authorization": f"Bearer {self.token}"}


def sign_up(client: httpx.Client, name: str = "ana", *, birth_date: str = "1990-05-17") -> Member:
    """Open an account and log in."""
    handle = f"{name}{RUN}{next(numbers)}"
    password = f"a long password of {handle[::-1]}"
    account = {"handle": handle, "password": password, "birth_date": birth_date}
    made = client.post("/api/accounts", json=account)
    assert made.status_code == 201, made.text
    session = client.post("/api/sessions", json={"handle": handle, "password": password})
    assert session.status_code == 201, session.text
    client.cookies.clear()
    return Member(handle, session.json()["token"])


def open_room(client: httpx.Client, creator: Member, title: str = "Evening songs") -> str:
    """Open a room and return its id."""
    opened = client.post("/api/rooms", json={"title": title}, headers=creator.headers)
    assert opened.status_code == 201, opened.text
    return str(opened.json()["room_id"])


class RoomSocket:
    """A plain client of the room socket: what is sent, what comes, nothing hidden."""

    def __init__(self, connection: ClientConnection, codec: str) -> None:
        self.connection = connection
        self.codec = codec
        self._ids = itertools.count(1)
        self._kept: list[Message] = []

    def send(self, message: Message) -> None:
        """Send one object."""
        if self.codec == "json":
            self.connection.send(msgspec.json.encode(message).decode())
        else:
            self.connection.send(msgspec.msgpack.encode(message))

    def receive(self) -> Message:
        """Return the next message."""
        raw = self.connection.recv(timeout=ANSWER_S_MAX)
        if self.codec == "json":
            assert isinstance(raw, str)
            return dict(msgspec.json.decode(raw))
        assert isinstance(raw, bytes)
        return dict(msgspec.msgpack.decode(raw))

    def ask(self, message: Message) -> Message:
        """Send one object with an id and return what answers it; the rest is kept."""
        number = next(self._ids)
        self.send({**message, "id": number})
        while True:
            answer = self.receive()
            if answer.get("id") == number and answer["t"] != "chat":
                return answer
            self._kept.append(answer)

    def hello(self, room_id: str, member: Member | None = None, **more: Any) -> Message:
        """Say hello and return the answer."""
        who = {} if member is None else {"token": member.token}
        return self.ask({"t": "hello", "room": room_id, **who, **more})

    def until(self, kind: str) -> Message:
        """Return the next message or body of a kind; what comes before it is let go."""
        while True:
            message = self._kept.pop(0) if self._kept else self.receive()
            if message["t"] == kind:
                return message
            if message["t"] == "batch":
                for body in (*message["numbered"], *message["unnumbered"]):
                    if body["t"] == kind:
                        return dict(body)

    def close_code(self) -> int:
        """Return why the server closed, after reading what it said before."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self._kept.append(self.receive())
        code = self.connection.close_code
        assert code is not None
        return code


@contextmanager
def room_socket(url: str, codec: str = "json", **options: Any) -> Iterator[RoomSocket]:
    """Connect to the server at ``url``."""
    with connect(
        url.replace("http", "ws", 1) + "/socket",
        subprotocols=[Subprotocol(f"ovation.v1.{codec}")],
        compression=None,
        **options,
    ) as connection:
        yield RoomSocket(connection, codec)
