"""Joining, logging in and out, follows and blocks, on a real server over both databases."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Connection

from tests.conftest import Server
from tests.web.http_people import PASSWORD, a_guest, a_handle, code_of, log_in, sign_up
from tests.web.people.builders import NOON, a_person
from web.accounts_api import open_resets
from web.mail import Letter
from web.people import resets
from web.settings import read_settings

WRONG = "incorrect horse"


def test_somebody_joins_logs_in_and_is_known(client: httpx.Client) -> None:
    handle = a_handle()

    joined = sign_up(client, handle=handle.upper(), display_name="Ana", email="a@example.org")
    logged_in = log_in(client, handle)
    token = logged_in.json()["token"]
    me = client.get("/api/me", headers={"Authorization": f"Bearer {token}"})

    assert joined.status_code == 201
    assert joined.json()["handle"] == handle
    assert logged_in.status_code == 201
    assert me.json() | {"coins": 0} == {
        "account_id": joined.json()["account_id"],
        "handle": handle,
        "display_name": "Ana",
        "roles": [],
        "birth_date": "1990-05-17",
        "email": "a@example.org",
        "csrf_token": logged_in.json()["csrf_token"],
        "coins": 0,
    }


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"handle": "admin"}, (422, "handle_refused")),
        ({"handle": "a b c"}, (422, "handle_refused")),
        ({"handle": "nul\x00"}, (422, "handle_refused")),
        ({"handle": ""}, (422, "bad_request")),
        ({"handle": 7}, (422, "bad_request")),
        ({"password": "short"}, (422, "password_refused")),
        ({"password": "password1"}, (422, "password_refused")),
        ({"email": "nowhere"}, (422, "email_refused")),
        ({"display_name": "\u202eAna"}, (422, "name_refused")),
        ({"birth_date": "yesterday"}, (422, "bad_request")),
        ({"birth_date": None}, (422, "bad_request")),
        ({"birth_date": "1800-01-01"}, (422, "birth_date_refused")),
        ({"birth_date": "2024-01-01"}, (403, "too_young")),
    ],
)
def test_a_bad_application_is_refused_and_nothing_is_kept(
    client: httpx.Client, changes: dict[str, object], refusal: tuple[int, str]
) -> None:
    handle = a_handle()

    refused = sign_up(client, **({"handle": handle} | changes))

    assert code_of(refused) == refusal
    assert client.get(f"/api/accounts/{handle}").status_code == 404


def test_a_handle_is_unique_whatever_its_case(client: httpx.Client) -> None:
    guest = a_guest(client)

    assert code_of(sign_up(client, handle=guest.handle.upper())) == (409, "handle_taken")


def test_of_many_who_want_one_handle_at_once_one_gets_it(module_server: Server) -> None:
    handle = a_handle()

    def join(_: int) -> int:
        with httpx.Client(base_url=module_server.url, timeout=30) as client:
            return sign_up(client, handle=handle).status_code

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(join, range(6))) == [201, 409, 409, 409, 409, 409]


def test_nobody_learns_whether_a_handle_exists_by_logging_in(client: httpx.Client) -> None:
    known = log_in(client, a_guest(client).handle, WRONG)
    unknown = log_in(client, a_handle("nobody"), WRONG)

    assert code_of(known) == code_of(unknown) == (401, "wrong_password")
    assert known.json() == unknown.json()


def test_wrong_passwords_slow_one_handle_down_and_never_lock_it(client: httpx.Client) -> None:
    ana, bea = a_guest(client), a_guest(client)

    answers = [log_in(client, ana.handle, WRONG).status_code for _ in range(8)]
    waiting = log_in(client, ana.handle)

    assert answers == [401] * 8
    assert code_of(waiting) == (429, "too_many")
    assert 1 <= int(waiting.headers["Retry-After"]) <= 11
    assert waiting.json()["retry_after_s"] == int(waiting.headers["Retry-After"])
    assert log_in(client, bea.handle).status_code == 201
    assert ana.ask("GET", "/api/me").status_code == 200


def test_who_logged_out_is_a_stranger(client: httpx.Client) -> None:
    ana = a_guest(client)

    assert ana.ask("DELETE", "/api/sessions/current").status_code == 204
    assert code_of(ana.ask("GET", "/api/me")) == (401, "not_signed_in")
    assert code_of(ana.ask("DELETE", "/api/sessions/current")) == (401, "not_signed_in")


def test_a_cookie_cannot_be_read_by_scripts_and_changes_nothing_without_its_token(
    client: httpx.Client,
) -> None:
    ana = a_guest(client)
    answer = client.post("/api/sessions", json={"handle": ana.handle, "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    csrf = {"X-CSRF-Token": answer.json()["csrf_token"]}

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/api/me").json()["handle"] == ana.handle
    assert code_of(client.patch("/api/me", json={})) == (403, "csrf")
    wrong = {b"X-CSRF-Token": "ü".encode()}
    assert code_of(client.patch("/api/me", json={}, headers=wrong)) == (403, "csrf")
    assert client.patch("/api/me", json={}, headers=csrf).status_code == 200
    assert client.delete("/api/sessions/current", headers=csrf).status_code == 204
    assert client.cookies.get("ovation_session") is None


def test_people_follow_and_unfollow(client: httpx.Client) -> None:
    ana, bea = a_guest(client), a_guest(client, "bea")

    followed = ana.ask("PUT", f"/api/accounts/{bea.handle}/follow")
    again = ana.ask("PUT", f"/api/accounts/@{bea.handle.upper()}/follow")
    seen = ana.ask("GET", f"/api/accounts/{bea.handle}").json()
    left = ana.ask("DELETE", f"/api/accounts/{bea.handle}/follow")

    assert followed.json() == again.json() == {"following": True, "followers": 1}
    assert (seen["followers"], seen["followed_by_you"]) == (1, True)
    assert left.json() == {"following": False, "followers": 0}
    assert code_of(ana.ask("PUT", f"/api/accounts/{ana.handle}/follow")) == (409, "not_oneself")
    assert code_of(ana.ask("PUT", "/api/accounts/no.body/follow")) == (404, "unknown_account")


def test_a_block_ends_following_and_is_taken_back(client: httpx.Client) -> None:
    ana, bea = a_guest(client), a_guest(client, "bea")
    bea.ask("PUT", f"/api/accounts/{ana.handle}/follow")

    assert ana.ask("PUT", f"/api/accounts/{bea.handle}/block").status_code == 204
    (blocked,) = ana.ask("GET", "/api/me/blocks").json()["blocked"]
    refused = bea.ask("PUT", f"/api/accounts/{ana.handle}/follow")
    assert ana.ask("DELETE", f"/api/accounts/{bea.handle}/block").status_code == 204

    assert blocked["handle"] == bea.handle
    assert code_of(refused) == (409, "blocked")
    assert ana.ask("GET", f"/api/accounts/{ana.handle}").json()["followers"] == 0
    assert bea.ask("PUT", f"/api/accounts/{ana.handle}/follow").status_code == 200


def test_a_profile_says_nothing_private(client: httpx.Client) -> None:
    ana = a_guest(client, email="secret@example.org", display_name="Ana")

    profile = client.get(f"/api/accounts/{ana.handle}").json()

    assert profile == {
        "handle": ana.handle,
        "display_name": "Ana",
        "followers": 0,
        "following": 0,
    }


def test_asking_for_a_reset_is_answered_alike_for_everybody(client: httpx.Client) -> None:
    ana = a_guest(client, email="a@example.org")

    answers = [
        client.post("/api/password-resets", json={"handle_or_email": text})
        for text in (ana.handle, "a@example.org", "nobody@example.org", "\x00")
    ]

    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({answer.text for answer in answers}) == 1


def test_a_letter_goes_to_everybody_who_may_be_meant_and_has_an_address(conn: Connection) -> None:
    for handle in ("ana", "bea"):
        a_person(conn, handle, email="a@example.org")
    a_person(conn, "cai")
    settings = read_settings({"OVATION_PUBLIC_URL": "https://live.example"})

    def letters(text: str, *tokens: str) -> list[Letter]:
        return open_resets(conn, text, tokens=tokens, settings=settings, now=NOON)

    both = letters("A@example.org", "one", "two", "three")

    assert [(one.to, one.text.count("https://live.example/login?reset=")) for one in both] == [
        ("a@example.org", 1)
    ] * 2
    assert {resets.owner(conn, token, now=NOON).handle for token in ("one", "two")} == {
        "ana",
        "bea",
    }
    assert letters("cai", "four") == []
    assert letters("nobody@example.org", "five") == []


def test_the_operator_s_link_sets_a_password_once(
    client: httpx.Client, module_server: Server
) -> None:
    ana = a_guest(client)
    printed = module_server.run("accounts", "reset", ana.handle)
    assert printed.returncode == 0, printed.stderr
    path = "/api/password-resets/" + printed.stdout.strip().rpartition("=")[2]

    too_easy = client.post(path, json={"password": ana.handle})
    done = client.post(path, json={"password": "battery staple"})
    again = client.post(path, json={"password": "another one"})

    assert code_of(too_easy) == (422, "password_refused")
    assert done.status_code == 204
    assert code_of(again) == (404, "reset_refused")
    assert code_of(ana.ask("GET", "/api/me")) == (401, "not_signed_in")
    assert log_in(client, ana.handle, "battery staple").status_code == 201
    assert code_of(log_in(client, ana.handle)) == (401, "wrong_password")


def test_sign_ups_behind_a_proxy_are_paced_by_the_client_s_address(client: httpx.Client) -> None:
    def join(address: str) -> httpx.Response:
        wanted = {"handle": "x", "password": PASSWORD, "birth_date": "1990-05-17"}
        headers = {"X-Forwarded-For": address}
        return client.post("/api/accounts", json=wanted, headers=headers)

    answers = [join("203.0.113.7") for _ in range(11)]

    assert [answer.status_code for answer in answers[:10]] == [422] * 10
    assert code_of(answers[10]) == (429, "too_many")
    assert 1 <= int(answers[10].headers["Retry-After"]) <= 5
    assert join("203.0.113.8").status_code == 422
