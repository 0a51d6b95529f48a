"""What people type, as one clean line that cannot disturb what stands around it.

Neither plane, pure. Chat, titles and reasons come through here.

Source  Unicode Standard Annex #9 (directional formatting), https://www.unicode.org/reports/tr9/
"""

import unicodedata
from typing import Final

MARKS_IN_A_ROW_MAX: Final = 4  # enough for every script; more only climbs over other lines

# Format characters that turn, hide or misplace text; joiners and variation selectors stay, since
# emoji and several scripts need them.
_MISLEADING: Final = frozenset(
    map(chr, (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF))
) | {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFFF9, 0xFFFC))}


def clean_line(raw: str) -> str:
    """Return ``raw`` without what cannot be seen or misleads, spaces in between, on one line."""
    signs: list[str] = []
    marks = 0
    for raw_sign in raw:
        sign = " " if raw_sign.isspace() else raw_sign
        category = unicodedata.category(sign)
        if category in ("Cc", "Cs", "Co", "Cn") or sign in _MISLEADING:
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= MARKS_IN_A_ROW_MAX:
            signs.append(sign)
    return " ".join("".join(signs).split())
