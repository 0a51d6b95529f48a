"""Handles, display names and e-mail addresses."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.people import handles
from web.people.errors import EmailRefused, HandleRefused, NameRefused
from web.people.tables import DISPLAY_NAME_CHARACTERS_MAX

GOOD = st.from_regex(r"[a-z0-9_]{3,24}", fullmatch=True)


@pytest.mark.parametrize("text", ["ana", "x_9", "a" * 24, "0_0", "Ana_Lucia"])
def test_a_handle_has_3_to_24_letters_digits_and_underscores(text: str) -> None:
    assert handles.check_handle(text) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ab",
        "a" * 25,
        "ana lucia",
        "ana-lucia",
        "@ana",
        "añа",
        "ana\n",
        "___",
        "ÀNA",
        "K\u212aK",
    ],
)
def test_anything_else_is_no_handle(text: str) -> None:
    with pytest.raises(HandleRefused):
        handles.check_handle(text)


@pytest.mark.parametrize("text", ["admin", "Ovation", "o_v_a_t_i_o_n", "_support_", "closed"])
def test_nobody_is_called_like_us(text: str) -> None:
    with pytest.raises(HandleRefused, match="reserved"):
        handles.check_handle(text)


@given(st.text())
def test_every_text_is_either_a_good_handle_or_refused(text: str) -> None:
    try:
        handle = handles.check_handle(text)
    except HandleRefused:
        return

    assert 3 <= len(handle) <= 24
    assert set(handle) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert handles.check_handle(handle) == handle


@given(GOOD)
def test_a_handle_is_found_in_capitals_and_with_an_at_sign(handle: str) -> None:
    assert handles.fold_handle(f"@{handle.upper()}") == handle


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ana Lucía", "Ana Lucía"),
        ("  Ana \t Lucía ", "Ana Lucía"),
        ("ＡＮＡ", "ANA"),
        ("🌹 Rosa", "🌹 Rosa"),
        ("👩‍🎤", "👩‍🎤"),
        ("नमस्ते", "नमस्ते"),
        ("   ", None),
    ],
)
def test_a_name_is_shown_as_people_write_it(text: str, shown: str | None) -> None:
    assert handles.check_display_name(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Ana\u202egnp.exe",  # turns the rest of the line around
        "Ana\x00",
        "Ana\u200b",  # zero width: a second Ana
        "\u200dAna",
        "Ana\u200d",
        "A\u200d\u200dna",
        "Z" + "\u0335" * 20,  # climbs over its neighbours
        "\u0301",
        "\ud800",
        "a" * 41,
        "👩‍🎤" * 41,
    ],
)
def test_a_name_cannot_hide_turn_or_flood_a_line(text: str) -> None:
    with pytest.raises(NameRefused):
        handles.check_display_name(text)


def test_forty_graphemes_are_a_name() -> None:
    assert handles.check_display_name("ñ" * 40) == "ñ" * 40
    assert handles.check_display_name("👍🏽" * 40) == "👍🏽" * 40


@given(st.text(st.characters(codec="utf-8"), max_size=100))
def test_every_text_is_either_a_name_that_fits_its_column_or_refused(text: str) -> None:
    try:
        name = handles.check_display_name(text)
    except NameRefused:
        return

    if name is not None:
        assert 1 <= len(name) <= DISPLAY_NAME_CHARACTERS_MAX
        assert handles.count_graphemes(name) <= handles.GRAPHEMES_MAX
        assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Zl") for sign in name)


@pytest.mark.parametrize("text", ["ana@example.org", "a.b+c@mail.example.co", " Ana@Example.org "])
def test_an_address_is_kept_in_lower_case(text: str) -> None:
    assert handles.check_email(text) == text.strip().lower()


@pytest.mark.parametrize(
    "text",
    [
        "ana",
        "ana@localhost",
        "ana@@example.org",
        "ana@example.org\nBcc: all@example.org",
        "ana@example.org, bea@example.org",
        "<ana@example.org>",
        "a" * 250 + "@example.org",
        "ana@.org",
    ],
)
def test_mail_is_never_sent_to_something_that_is_no_address(text: str) -> None:
    with pytest.raises(EmailRefused):
        handles.check_email(text)
