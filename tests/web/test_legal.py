"""Operators' texts become blocks; nothing in them becomes markup."""

from pathlib import Path

import pytest

from web import legal
from web.legal import TEXT_BYTES_MAX, Block, Span

TEXT = """# Terms

## Be kind

No **spam**, see [the rules](https://example.org/rules).

- One
- Two <script>
"""


def test_headings_lists_and_paragraphs_are_told_apart() -> None:
    assert list(legal.blocks(TEXT)) == [
        Block("h2", ((Span("Be kind"),),)),
        Block(
            "p",
            (
                (
                    Span("No "),
                    Span("spam", is_strong=True),
                    Span(", see "),
                    Span("the rules", address="https://example.org/rules"),
                    Span("."),
                ),
            ),
        ),
        Block("ul", ((Span("One"),), (Span("Two <script>"),))),
    ]


def test_the_first_heading_is_the_pages_own() -> None:
    assert list(legal.blocks("# Terms")) == []
    assert list(legal.blocks("Words\n\n# Later")) == [
        Block("p", ((Span("Words"),),)),
        Block("h2", ((Span("Later"),),)),
    ]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//evil.example"])
def test_an_address_that_could_run_something_stays_text(address: str) -> None:
    (block,) = legal.blocks(f"[click]({address})")

    assert block.lines == ((Span(f"[click]({address})"),),)


def test_plain_text_and_markdown_are_found_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "privacy.txt").write_text("We keep little.")

    assert legal.read(str(tmp_path), "privacy") == [Block("p", ((Span("We keep little."),),))]
    assert legal.read(str(tmp_path), "terms") is None
    assert legal.read("", "terms") is None


def test_a_huge_file_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "terms.md").write_text("a" * (TEXT_BYTES_MAX + 10))

    (block,) = legal.read(str(tmp_path), "terms") or []

    assert len(block.lines[0][0].text) == TEXT_BYTES_MAX
