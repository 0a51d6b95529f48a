"""What people type becomes one line that cannot disturb others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.lines import clean_line


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("  Hello \n there ", "Hello there"),
        ("a\x00b\x07c", "abc"),
        ("ab\u202ecd\u2066ef\ufeff", "abcdef"),
        ("👩\u200d🎤", "👩\u200d🎤"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 4),
        ("\ud800", ""),
    ],
)
def test_a_line_keeps_what_can_be_read(raw: str, line: str) -> None:
    assert clean_line(raw) == line


@given(st.text(st.characters(), max_size=200))
def test_a_clean_line_is_one_line_and_stays_as_it_is(raw: str) -> None:
    line = clean_line(raw)

    assert clean_line(line) == line
    assert line.splitlines() in ([], [line])
    line.encode()  # nothing that UTF-8 or a database cannot hold
    assert "\x00" not in line
