"""The catalogue: every word is there, for every page that says it."""

import re

import pytest

from tests.web.page_sources import EVERY_PAGE, keys, scripts
from web import words
from web.page_shell import EVERYWHERE, WEB, Page
from web.words import CATALOGUE

PARTS = {key.partition(".")[0] for key in CATALOGUE}
SAID = re.compile(r"""say\("([a-z0-9_.]+)"[,)]""")


def test_fields_are_filled_in_and_counts_are_set_apart() -> None:
    assert words.say("gift.short", n=1_200) == "Not enough coins: 1,200 more needed"
    assert words.say("people.welcome", name="{n} <b>") == "Welcome, {n} <b>"


def test_one_has_words_of_its_own() -> None:
    assert words.say("common.coins", n=1) == "1 coin"
    assert words.say("common.coins", n=2) == "2 coins"


def test_words_that_do_not_exist_are_an_error() -> None:
    with pytest.raises(KeyError):
        words.say("common.no_such_words")


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (999, "999"), (1_000, "1k"), (1_250, "1.2k"), (12_000, "12k"), (2_500_000, "2.5m")],
)
def test_big_numbers_are_shortened(count: int, shown: str) -> None:
    assert words.shortened(count) == shown


@pytest.mark.parametrize(
    ("amount_minor", "currency", "shown"),
    [
        (99, "EUR", "€0.99"),
        (449_999, "EUR", "€4,499.99"),
        (-5, "USD", "-$0.05"),
        (120, "JPY", "JPY 120"),
        (1_050, "CHF", "CHF 10.50"),
    ],
)
def test_money_is_written_as_people_write_it(amount_minor: int, currency: str, shown: str) -> None:
    assert words.money(amount_minor, currency) == shown


def test_a_page_is_told_only_its_own_parts() -> None:
    assert {key.partition(".")[0] for key in words.starting(("common", "home"))} == {
        "common",
        "home",
    }


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.name)
def test_every_word_a_script_says_is_given_to_its_page(page: Page) -> None:
    given = words.starting((*EVERYWHERE, *page.words))

    said = {
        key
        for script in scripts(page, later=True)
        for key in keys(script)
        if key.partition(".")[0] in PARTS and not key.endswith(".js")
    }

    assert said - given.keys() == set()


@pytest.mark.parametrize("template", sorted((WEB / "templates").glob("*.html")), ids=str)
def test_every_word_a_template_says_exists(template: object) -> None:
    said = set(SAID.findall(template.read_text()))  # type: ignore[attr-defined]

    assert said - CATALOGUE.keys() == set()
