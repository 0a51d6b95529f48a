"""Every error a client of the server raises.

ClientError
├── BadAnswer
├── NoPath
├── HandshakeFailed
├── Refused
└── SocketClosed
"""

import httpx
import msgspec


class ClientError(Exception):
    """Something between us and the server went wrong."""


class BadAnswer(ClientError):
    """The other end's SDP lacks something without which no media can flow."""

    def __init__(self, missing: str) -> None:
        self.missing = missing

    def __str__(self) -> str:
        return f"The other end's SDP has no {self.missing}."


class NoPath(ClientError):
    """No candidate of the other end answered a connectivity check in time."""

    def __init__(self, addresses: tuple[tuple[str, int], ...]) -> None:
        self.addresses = addresses

    def __str__(self) -> str:
        tried = ", ".join(f"{host}:{port}" for host, port in self.addresses)
        return f"None of {tried} answered a connectivity check."


class HandshakeFailed(ClientError):
    """DTLS did not end in keys: wrong fingerprint, no common profile, or silence."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return f"The DTLS handshake failed: {self.reason}."


class Refused(ClientError):
    """The server answered a request with an error.

    Attributes:
        status: HTTP status; 0 for an error frame of the room socket.
        code: The problem document's stable code, or the socket error frame's.
        retry_after_s: When the server says to ask again, if it does.
    """

    def __init__(
        self, status: int, code: str, detail: str = "", retry_after_s: float | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.detail}"


class _Problem(msgspec.Struct):
    """What we read of a problem document (RFC 9457)."""

    code: str = "unknown"
    detail: str = ""


def refusal(answer: httpx.Response) -> Refused:
    """Return what an HTTP error ``answer`` says."""
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem(detail=answer.text[:200])
    wait = answer.headers.get("Retry-After", "")
    return Refused(
        answer.status_code, problem.code, problem.detail, float(wait) if wait.isdigit() else None
    )


class SocketClosed(ClientError):
    """The server closed the room socket.

    Attributes:
        code: Websocket close code; web/PROTOCOL.md says what each means.
    """

    def __init__(self, code: int) -> None:
        self.code = code

    def __str__(self) -> str:
        return f"The socket was closed with code {self.code}."
