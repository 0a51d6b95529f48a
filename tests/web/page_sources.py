"""What each page loads, read from the sources, for tests."""

import re
from pathlib import Path

from web import pages
from web.page_shell import STATIC, Page

IMPORT = re.compile(r"""^import (?:[^'"]*? from )?'(\.[^']+)'""", re.MULTILINE)
LATER = re.compile(r"import\('(\.[^']+)'\)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
KEY = re.compile(r"'([a-z]+\.[a-z_0-9]+)'")
EVERY_PAGE = tuple(found for found in vars(pages).values() if isinstance(found, Page))
COMMON_STYLES = ("tokens", "page", "controls")


def scripts(page: Page, *, later: bool = False) -> list[Path]:
    """Return the scripts of a page's first view, each once; ``later`` adds what may follow."""
    waiting = [STATIC / "js" / "pages" / f"{page.name}.js"]
    found: list[Path] = []
    while waiting:
        script = waiting.pop().resolve()
        if script not in found:
            found.append(script)
            source = COMMENT.sub("", script.read_text())
            paths = IMPORT.findall(source) + (LATER.findall(source) if later else [])
            waiting += [script.parent / path for path in paths]
    return found


def styles(page: Page) -> list[Path]:
    """Return the style sheets a page loads."""
    return [STATIC / "css" / f"{name}.css" for name in (*COMMON_STYLES, *page.styles)]


def keys(script: Path) -> set[str]:
    """Return what in a script looks like a key of the catalogue."""
    return set(KEY.findall(script.read_text()))
