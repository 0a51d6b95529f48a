"""Pages as a browser without scripts, a search engine and a stranger get them."""

import json
import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.web.http_people import Guest, a_guest
from web.page_shell import build_id
from web.pages import qr_code

HTML = {"Accept": "text/html"}
FACTS = re.compile(r'<script type="application/json" id="facts"[^>]*>(.*?)</script>', re.DOTALL)


def open_page(client: httpx.Client, path: str, person: Guest | None = None) -> httpx.Response:
    """Open a page as a browser does, as somebody or as a stranger."""
    cookies = f"ovation_session={person.token}" if person else ""
    return client.get(path, headers=HTML | ({"Cookie": cookies} if cookies else {}))


def facts_of(page: httpx.Response) -> dict[str, Any]:
    """Return what the page tells its script."""
    found = FACTS.search(page.text)
    assert found is not None
    facts: dict[str, Any] = json.loads(found[1])
    return facts


@pytest.mark.parametrize(
    "path", ["/", "/signup", "/login", "/password", "/terms", "/privacy", "/contact"]
)
def test_a_stranger_can_read(client: httpx.Client, path: str) -> None:
    page = open_page(client, path)

    assert page.status_code == 200
    assert "<h1>" in page.text or "<h2>" in page.text
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["permissions-policy"].startswith("camera=(), microphone=()")


@pytest.mark.parametrize("path", ["/studio", "/wallet", "/account", "/moderation", "/finance"])
def test_a_stranger_is_asked_in_and_led_back(client: httpx.Client, path: str) -> None:
    page = open_page(client, path)

    assert (page.status_code, page.headers["location"]) == (303, f"/login?next={path}")


@pytest.mark.parametrize("path", ["/studio", "/wallet", "/account"])
def test_whoever_is_logged_in_sees_their_own_pages(client: httpx.Client, path: str) -> None:
    ana = a_guest(client)

    page = open_page(client, path, ana)

    assert page.status_code == 200
    assert facts_of(page)["me"]["handle"] == ana.handle
    assert facts_of(page)["csrf"]


@pytest.mark.parametrize("path", ["/moderation", "/finance"])
def test_desks_are_for_staff(client: httpx.Client, path: str) -> None:
    page = open_page(client, path, a_guest(client))

    assert page.status_code == 403
    assert "This is not for your account" in page.text


def test_only_the_studio_may_use_the_camera(client: httpx.Client) -> None:
    page = open_page(client, "/studio", a_guest(client))

    assert page.headers["permissions-policy"].startswith("camera=(self), microphone=(self)")


def test_the_studio_is_closed_to_people_under_18(client: httpx.Client) -> None:
    page = open_page(client, "/studio", a_guest(client, birth_date="2012-01-01"))

    assert "Going live is for people of 18 and older" in page.text


def test_a_room_can_be_read_before_any_script_runs(client: httpx.Client) -> None:
    ana = a_guest(client)
    room = ana.ask("POST", "/api/rooms", {"title": "Songs & <b>stories</b>"}).json()

    page = open_page(client, f"/rooms/{room['room_id']}")

    assert page.status_code == 200
    assert "Songs &amp; &lt;b&gt;stories&lt;/b&gt;" in page.text
    assert "<b>stories" not in page.text
    assert facts_of(page)["room"]["creator"]["handle"] == ana.handle
    assert len(facts_of(page)["gifts"]) >= 20


def test_a_channel_is_found_by_its_handle(client: httpx.Client) -> None:
    ana = a_guest(client)

    assert open_page(client, f"/@{ana.handle}").status_code == 200
    assert open_page(client, "/@nobody_is_called_so").status_code == 404


def test_people_get_a_page_and_programs_a_problem_when_nothing_is_there(
    client: httpx.Client,
) -> None:
    page = open_page(client, "/rooms/nowhere")
    problem = client.get("/api/rooms/nowhere", headers=HTML)

    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in page.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert client.get("/nothing-of-ours").headers["content-type"] == "application/problem+json"


def test_the_log_in_page_leads_only_to_this_server(client: httpx.Client) -> None:
    assert facts_of(open_page(client, "/login?next=/wallet"))["next"] == "/wallet"
    for goal in ("https://evil.example", "//evil.example", "/\\evil.example", "wallet", "/a\nb"):
        page = open_page(client, f"/login?next={quote(goal)}")

        assert facts_of(page)["next"] == "/"


def test_whoever_is_logged_in_skips_the_log_in_page(client: httpx.Client) -> None:
    page = open_page(client, "/login?next=/wallet", a_guest(client))

    assert (page.status_code, page.headers["location"]) == (303, "/wallet")


def test_a_reset_link_opens_the_page_for_a_new_password(client: httpx.Client) -> None:
    page = open_page(client, "/login?reset=abc")

    assert facts_of(page)["token"] == "abc"
    assert 'id="reset"' in page.text


def test_the_theme_is_in_the_page_before_it_is_drawn(client: httpx.Client) -> None:
    light = client.get("/", headers=HTML | {"Cookie": "ovation_theme=light"})
    strange = client.get("/", headers=HTML | {"Cookie": 'ovation_theme="><script>'})

    assert '<html lang="en" data-theme="light">' in light.text
    assert '<html lang="en">' in strange.text


def test_test_money_is_marked_on_every_page(client: httpx.Client) -> None:
    assert 'class="ribbon"' in open_page(client, "/").text


def test_static_files_are_kept_for_good_under_any_build(client: httpx.Client) -> None:
    for build in (build_id(), "another"):
        style = client.get(f"/static/{build}/css/tokens.css")

        assert style.status_code == 200
        assert style.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path", ["package.json", "node_modules/typescript/package.json", "js/../package.json"]
)
def test_what_is_not_served_on_purpose_is_not_served(client: httpx.Client, path: str) -> None:
    assert client.get(f"/static/{build_id()}/{path}").status_code == 404


def test_the_gallery_is_closed_without_the_demo(client: httpx.Client) -> None:
    assert open_page(client, "/dev/states").status_code == 404


def test_the_studio_draws_a_code_of_the_channel_that_phones_can_scan() -> None:
    drawing = qr_code("https://live.example/@ana")

    assert drawing.startswith("<svg")
    assert "script" not in drawing
