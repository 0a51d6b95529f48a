"""What a client makes of a refusal."""

import httpx
import pytest

from live.client_errors import (
    BadAnswer,
    HandshakeFailed,
    NoPath,
    Refused,
    SocketClosed,
    refusal,
)

PROBLEM = {"type": "about:blank", "title": "x", "status": 409, "code": "busy", "detail": "Wait"}


def test_a_problem_document_becomes_its_code_and_its_patience() -> None:
    refused = refusal(httpx.Response(409, json=PROBLEM, headers={"Retry-After": "2"}))

    assert (refused.status, refused.code, refused.detail, refused.retry_after_s) == (
        409,
        "busy",
        "Wait",
        2.0,
    )


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway", b"[1]", b'{"code": 7}', b"\xff"])
def test_what_is_no_problem_document_is_still_a_refusal(body: bytes) -> None:
    refused = refusal(httpx.Response(502, content=body))

    assert (refused.status, refused.code, refused.retry_after_s) == (502, "unknown", None)


def test_a_date_to_retry_after_is_not_taken_for_seconds() -> None:
    headers = {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}

    assert refusal(httpx.Response(503, headers=headers)).retry_after_s is None


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BadAnswer("DTLS fingerprint"), "The other end's SDP has no DTLS fingerprint."),
        (
            NoPath((("127.0.0.1", 1), ("10.0.0.1", 2))),
            "None of 127.0.0.1:1, 10.0.0.1:2 answered a connectivity check.",
        ),
        (HandshakeFailed("silence"), "The DTLS handshake failed: silence."),
        (Refused(402, "insufficient_coins", "5 short"), "402 insufficient_coins: 5 short"),
        (SocketClosed(4008), "The socket was closed with code 4008."),
    ],
)
def test_errors_say_what_happened(error: Exception, sentence: str) -> None:
    assert str(error) == sentence
