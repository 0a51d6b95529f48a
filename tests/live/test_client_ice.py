"""Checks that a server believes, answers that a client believes."""

import pytest
from aioice import stun

from live.client_ice import answered_transaction, binding_request
from live.ice import Credentials, is_authentic, read_check, success

CLIENT = Credentials("ours", "our password", "theirs", "their password")
TRANSACTION = b"transaction!"


def check(*, is_controlling: bool = True, is_nominating: bool = False) -> bytes:
    return binding_request(
        CLIENT,
        TRANSACTION,
        tie_breaker=7,
        is_controlling=is_controlling,
        is_nominating=is_nominating,
    )


def test_another_implementation_reads_the_check_and_finds_it_signed() -> None:
    message = stun.parse_message(check())

    assert message.attributes["USERNAME"] == "theirs:ours"
    assert message.attributes["ICE-CONTROLLING"] == 7
    assert "USE-CANDIDATE" not in message.attributes
    assert message.check_message_integrity(b"their password")


def test_only_the_check_that_nominates_asks_for_its_path() -> None:
    message = stun.parse_message(check(is_nominating=True))

    assert "USE-CANDIDATE" in message.attributes


def test_a_controlled_client_leaves_the_choice_to_the_other_side() -> None:
    message = stun.parse_message(check(is_controlling=False))

    assert message.attributes["ICE-CONTROLLED"] == 7
    assert "USE-CANDIDATE" not in message.attributes


def test_our_own_server_answers_and_the_answer_is_believed() -> None:
    arrived = read_check(check())
    assert arrived is not None
    assert is_authentic(check(), arrived, b"their password")

    answer = success(arrived, ("127.0.0.1", 5_000), b"their password")

    assert answered_transaction(answer, CLIENT) == TRANSACTION


@pytest.mark.parametrize("password", ["somebody else's", ""])
def test_an_answer_signed_with_another_password_is_not_believed(password: str) -> None:
    arrived = read_check(check())
    assert arrived is not None

    answer = success(arrived, ("127.0.0.1", 5_000), password.encode())

    assert answered_transaction(answer, CLIENT) is None


@pytest.mark.parametrize("message", [b"", b"\x01\x01", check(), check()[:-1], bytes(64)])
def test_what_is_not_an_answer_answers_nothing(message: bytes) -> None:
    assert answered_transaction(message, CLIENT) is None
