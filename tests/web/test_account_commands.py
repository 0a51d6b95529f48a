"""The operator's commands, on the database of a server that may be running."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from live import rooms
from tests.web.people.builders import a_person, a_session
from tests.web.trust.builders import a_room
from web import account_commands
from web.people import accounts, resets, roles, sessions
from web.trust import actions

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of the group on the test's own database."""
    monkeypatch.setenv("OVATION_DATABASE_URL", database_url)

    def run(*words: str) -> Result:
        group = {"accounts": account_commands.accounts, "rooms": account_commands.rooms}[words[0]]
        return CliRunner().invoke(group, list(words[1:]))

    return run


def test_a_role_is_granted_listed_and_revoked(run: Run, engine: Engine) -> None:
    with engine.begin() as conn:
        ana = a_person(conn, "ana")

    assert run("accounts", "grant", "ANA", "finance-maker").output == "@ana is now finance-maker.\n"
    assert run("accounts", "grant", "ana", "finance-maker").output.endswith(
        "already finance-maker.\n"
    )
    assert run("accounts", "list").output == f"ana\t{ana.account_id}\tfinance-maker\n"
    assert run("accounts", "list", "--role", "admin").output == ""
    assert "no longer" in run("accounts", "revoke", "ana", "finance-maker").output
    assert "was not" in run("accounts", "revoke", "ana", "finance-maker").output
    with engine.begin() as conn:
        assert roles.held_by(conn, ana.account_id) == frozenset()


def test_a_suspension_is_written_down_with_its_reason(run: Run, engine: Engine) -> None:
    with engine.begin() as conn:
        ana = a_person(conn, "ana")
        a_session(conn, ana, "token")

    suspended = run("accounts", "suspend", "ana", "--reason", "Spam.")
    restored = run("accounts", "restore", "@ana")

    assert (suspended.exit_code, restored.exit_code) == (0, 0)
    with engine.begin() as conn:
        written = actions.since(conn, 0, limit=10)
        assert [(one.kind, one.actor_id, one.reason) for one in written] == [
            ("suspend", None, "Spam."),
            ("restore", None, account_commands.BY_OPERATOR),
        ]
        assert accounts.by_id(conn, ana.account_id).is_suspended is False
        assert sessions.listing(conn, ana.account_id, now=datetime.now(UTC)) == []


def test_a_printed_link_resets_the_password(run: Run, engine: Engine) -> None:
    with engine.begin() as conn:
        ana = a_person(conn, "ana")

    link = run("accounts", "reset", "ana").output.strip()

    start, _, token = link.rpartition("=")
    assert start == "http://127.0.0.1:8000/login?reset"
    with engine.begin() as conn:
        assert resets.owner(conn, token, now=datetime.now(UTC)) == ana


def test_a_room_is_ended_once(run: Run, engine: Engine) -> None:
    with engine.begin() as conn:
        room = a_room(conn, a_person(conn, "ana"))

    ended = run("rooms", "end", room.room_id, "--reason", "A law was broken.")
    again = run("rooms", "end", room.room_id)

    assert ended.output == f"Room {room.room_id} has ended.\n"
    assert again.exit_code == 1
    with engine.begin() as conn:
        found = rooms.room(conn, room.room_id)
        assert found is not None
        assert found.end_reason == "A law was broken."
        assert [one.kind for one in actions.since(conn, 0, limit=10)] == ["end_room"]


@pytest.mark.parametrize(
    "words",
    [
        ("accounts", "grant", "nobody", "admin"),
        ("accounts", "suspend", "nobody"),
        ("accounts", "reset", "nobody"),
        ("rooms", "end", "nowhere"),
    ],
)
def test_whoever_does_not_exist_is_named_in_one_line(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


def test_a_role_that_does_not_exist_is_refused(run: Run) -> None:
    assert run("accounts", "grant", "ana", "emperor").exit_code == 2


def test_a_database_that_was_never_made_is_left_alone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_factory.mktemp("empty") / "ovation.db"
    monkeypatch.setenv("OVATION_DATABASE_URL", f"sqlite:///{path}")

    result = CliRunner().invoke(account_commands.accounts, ["list"])

    assert result.exit_code == 1
    assert "ovation migrate" in result.output


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVATION_DATABASE_URL", "mysql://nowhere")

    result = CliRunner().invoke(account_commands.accounts, ["list"])

    assert result.exit_code == 2
    assert "OVATION_DATABASE_URL" in result.output
