"""Terms, privacy and contact: plain text or a little Markdown, as blocks a template can show.

Neither plane. Understood are headings, lists, paragraphs and, inside them, **strong** and
[words](address); everything else stays as it was typed, so nothing can become markup.

Limit   ``TEXT_BYTES_MAX`` of a file is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TEXT_BYTES_MAX = 256 * 1024
ENDINGS = (".md", ".txt")
ADDRESS = r"(?:[^()\s]|\([^()\s]*\))+"  # may hold brackets in pairs
INLINE = re.compile(rf"\*\*(?P<strong>[^*]+)\*\*|\[(?P<words>[^\]]+)\]\((?P<address>{ADDRESS})\)")
SAFE_ADDRESS = re.compile(r"(https?://|mailto:|tel:|/(?!/)).*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Words of a block.

    Attributes:
        address: Where they lead, or nothing.
    """

    text: str
    is_strong: bool = False
    address: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph or a list; a list has an item per line."""

    kind: Literal["h2", "h3", "p", "ul"]
    lines: tuple[tuple[Span, ...], ...]


def read(folder: str, name: str) -> list[Block] | None:
    """Return the page ``name`` of ``folder``, or None where nobody wrote one."""
    for ending in ENDINGS:
        file = Path(folder) / f"{name}{ending}"
        if folder and file.is_file():
            with file.open("rb") as opened:
                text = opened.read(TEXT_BYTES_MAX).decode("utf-8", "replace")
            return list(blocks(text))
    return None


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of ``text``; the page shows its own title, so a first one is left out."""
    for index, lump in enumerate(re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())):
        lines = [line.strip() for line in lump.splitlines() if line.strip()]
        while lines and (heading := re.match(r"(#{1,6})\s+(.*)", lines[0])):
            lines.pop(0)
            level, words = len(heading[1]), heading[2]
            if index > 0 or level > 1:
                yield Block("h2" if level <= 2 else "h3", (spans(words),))
        if lines and all(line.startswith(("- ", "* ")) for line in lines):
            yield Block("ul", tuple(spans(line[2:]) for line in lines))
        elif lines:
            yield Block("p", (spans(" ".join(lines)),))


def spans(line: str) -> tuple[Span, ...]:
    """Return a line as plain, strong and linking words."""
    found: list[Span] = []
    at = 0
    for match in INLINE.finditer(line):
        found.append(Span(line[at : match.start()]))
        if match["strong"]:
            found.append(Span(match["strong"], is_strong=True))
        elif SAFE_ADDRESS.fullmatch(match["address"]):
            found.append(Span(match["words"], address=match["address"]))
        else:
            found.append(Span(match[0]))
        at = match.end()
    found.append(Span(line[at:]))
    return tuple(span for span in found if span.text)
