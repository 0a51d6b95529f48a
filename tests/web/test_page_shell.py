"""The frame of every page: policy, facts, static files, weight."""

import json

import pytest

from tests.web.page_sources import EVERY_PAGE, scripts, styles
from web import page_shell
from web.page_shell import STATIC, Page

WEIGHT_BYTES_MAX = 100_000  # of a page's own styles and scripts, uncompressed


def test_nothing_runs_but_our_own_files_and_what_carries_the_nonce() -> None:
    policy = page_shell.content_security_policy("abc", "ovation.example:8000", sells=False)

    assert "script-src 'self' 'nonce-abc';" in policy
    assert "style-src 'self';" in policy
    assert "connect-src 'self' ws://ovation.example:8000 wss://ovation.example:8000;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "stripe" not in policy
    assert "unsafe" not in policy


def test_stripe_is_let_in_where_coins_are_sold() -> None:
    policy = page_shell.content_security_policy("abc", "ovation.example", sells=True)

    assert "script-src 'self' 'nonce-abc' https://js.stripe.com" in policy
    assert "https://hooks.stripe.com" in policy
    assert "https://api.stripe.com" in policy


@pytest.mark.parametrize("host", ["", "a; script-src *", "evil host", "x\r\ny"])
def test_a_strange_host_adds_nothing_to_the_policy(host: str) -> None:
    policy = page_shell.content_security_policy("abc", host, sells=False)

    assert "connect-src 'self';" in policy


def test_facts_cannot_end_the_script_they_stand_in() -> None:
    name = "</script><script>alert(1)</script>&<!--"

    text = str(page_shell.script_json({"name": name}))

    assert "<" not in text
    assert json.loads(text) == {"name": name}


def test_a_persons_colour_is_the_same_everywhere() -> None:
    assert page_shell.hue("ana") == f"hue-{(97 + 110 + 97) % 8}"


def test_the_builds_name_is_part_of_every_static_address() -> None:
    assert page_shell.static_url("css/page.css") == f"/static/{page_shell.build_id()}/css/page.css"


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.name)
def test_a_page_is_light(page: Page) -> None:
    weight = sum(file.stat().st_size for file in (*scripts(page), *styles(page)))

    assert weight <= WEIGHT_BYTES_MAX


@pytest.mark.parametrize(
    "script", sorted((STATIC / "js").rglob("*.js")), ids=lambda script: script.name
)
def test_scripts_write_text_and_never_markup(script: object) -> None:
    source = script.read_text()  # type: ignore[attr-defined]

    assert not {
        word
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
        if word in source
    }
