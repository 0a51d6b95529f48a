"""People over HTTP, for tests: signed up and logged in with one call."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Guest:
    """Somebody logged in with a bearer token."""

    client: httpx.Client
    handle: str
    token: str

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Send one request as this person."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is None:
            return self.client.request(method, path, headers=headers)
        return self.client.request(method, path, headers=headers, json=body)


def a_handle(start: str = "ana") -> str:
    """Return a handle nobody has: tests of a module share one server."""
    return f"{start}_{secrets.token_hex(4)}"


def sign_up(client: httpx.Client, **changes: object) -> httpx.Response:
    """Try to join."""
    wanted = {"handle": a_handle(), "password": PASSWORD, "birth_date": "1990-05-17"}
    return client.post("/api/accounts", json=wanted | changes)


def log_in(client: httpx.Client, handle: str, password: str = PASSWORD) -> httpx.Response:
    """Try to log in; the cookie that comes back is not kept."""
    answer = client.post("/api/sessions", json={"handle": handle, "password": password})
    client.cookies.clear()
    return answer


def a_guest(client: httpx.Client, start: str = "ana", **changes: object) -> Guest:
    """Sign somebody up and log them in."""
    joined = sign_up(client, handle=a_handle(start), **changes)
    assert joined.status_code == 201, joined.text
    handle = joined.json()["handle"]
    logged_in = log_in(client, handle)
    assert logged_in.status_code == 201, logged_in.text
    return Guest(client, handle, logged_in.json()["token"])


def code_of(answer: httpx.Response) -> tuple[int, Any]:
    """Return the status and the stable code of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]
