"""What people see and change of themselves, on a real server over both databases."""

import httpx

from tests.conftest import Server
from tests.web.http_people import PASSWORD, Guest, a_guest, code_of, log_in, sign_up


def test_a_profile_is_changed_and_emptied(client: httpx.Client) -> None:
    ana = a_guest(client)

    changed = ana.ask("PATCH", "/api/me", {"display_name": "Ana", "email": "A@example.org"})
    emptied = ana.ask("PATCH", "/api/me", {"display_name": None})

    assert (changed.json()["display_name"], changed.json()["email"]) == ("Ana", "a@example.org")
    assert emptied.json()["display_name"] == ana.handle
    assert emptied.json()["email"] == "a@example.org"
    assert code_of(ana.ask("PATCH", "/api/me", {"email": "x"})) == (422, "email_refused")
    assert code_of(ana.ask("PATCH", "/api/me", {"display_name": "\x00"})) == (422, "name_refused")


def test_a_birth_date_cannot_be_changed(client: httpx.Client) -> None:
    ana = a_guest(client)

    refused = ana.ask("PUT", "/api/me/birth-date", {"birth_date": "1980-01-01"})

    assert code_of(refused) == (409, "birth_date_set")
    assert ana.ask("GET", "/api/me").json()["birth_date"] == "1990-05-17"


def test_a_new_password_ends_every_other_session(client: httpx.Client) -> None:
    ana = a_guest(client)
    elsewhere = Guest(client, ana.handle, log_in(client, ana.handle).json()["token"])
    new = "battery staple"

    wrong = ana.ask("POST", "/api/me/password", {"old": "wrong horse", "new": new})
    too_easy = ana.ask("POST", "/api/me/password", {"old": PASSWORD, "new": "12345678"})
    done = ana.ask("POST", "/api/me/password", {"old": PASSWORD, "new": new})

    assert code_of(wrong) == (403, "wrong_password")
    assert code_of(too_easy) == (422, "password_refused")
    assert done.status_code == 204
    assert ana.ask("GET", "/api/me").status_code == 200
    assert code_of(elsewhere.ask("GET", "/api/me")) == (401, "not_signed_in")
    assert log_in(client, ana.handle, new).status_code == 201


def test_sessions_are_listed_and_ended_elsewhere(client: httpx.Client) -> None:
    ana, bea = a_guest(client), a_guest(client)
    elsewhere = Guest(client, ana.handle, log_in(client, ana.handle).json()["token"])

    listed = ana.ask("GET", "/api/me/sessions").json()["sessions"]
    (other,) = [one["session_id"] for one in listed if not one["current"]]
    foreign = bea.ask("DELETE", f"/api/me/sessions/{other}")
    done = ana.ask("DELETE", f"/api/me/sessions/{other}")

    assert len(listed) == 2
    assert all(one["device"].startswith("python-httpx") for one in listed)
    assert code_of(foreign) == (404, "unknown_session")
    assert done.status_code == 204
    assert code_of(elsewhere.ask("GET", "/api/me")) == (401, "not_signed_in")
    assert code_of(ana.ask("DELETE", "/api/me/sessions/%00")) == (404, "not_found")


def test_everything_kept_about_a_person_is_handed_out(client: httpx.Client) -> None:
    ana = a_guest(client, email="a@example.org")

    answer = ana.ask("GET", "/api/me/download")

    assert answer.headers["content-disposition"].startswith(
        f'attachment; filename="ovation-{ana.handle}'
    )
    found = answer.json()
    assert found["account"]["email"] == "a@example.org"
    assert len(found["sessions"]) == 1
    assert (found["wallet"], found["messages"], found["moderation"]) == ([], [], [])


def test_a_closed_account_is_gone_and_its_handle_with_it(client: httpx.Client) -> None:
    ana = a_guest(client, email="a@example.org")
    room_id = ana.ask("POST", "/api/rooms", {"title": "A room"}).json()["room_id"]

    wrong = ana.ask("POST", "/api/me/close", {"password": "wrong horse"})
    closed = ana.ask("POST", "/api/me/close", {"password": PASSWORD})

    assert code_of(wrong) == (403, "wrong_password")
    assert closed.status_code == 204
    assert code_of(ana.ask("GET", "/api/me")) == (401, "not_signed_in")
    assert code_of(log_in(client, ana.handle)) == (401, "wrong_password")
    assert client.get(f"/api/accounts/{ana.handle}").status_code == 404
    assert code_of(sign_up(client, handle=ana.handle)) == (409, "handle_taken")
    assert client.get(f"/api/rooms/{room_id}").json()["state"] == "ended"


def test_a_suspended_person_is_logged_out_and_told_why(
    client: httpx.Client, module_server: Server
) -> None:
    ana = a_guest(client)

    module_server.run("accounts", "suspend", ana.handle, "--reason", "Spam.")
    gone = ana.ask("GET", "/api/me")
    refused = log_in(client, ana.handle)
    module_server.run("accounts", "restore", ana.handle)
    back = Guest(client, ana.handle, log_in(client, ana.handle).json()["token"])

    assert code_of(gone) == (401, "not_signed_in")
    assert code_of(refused) == (403, "suspended")
    assert refused.json()["reason"] == "Spam."
    notices = back.ask("GET", "/api/me/notices").json()["notices"]
    assert [(one["kind"], one["reason"]) for one in notices] == [
        ("restore", "By the operator."),
        ("suspend", "Spam."),
    ]
