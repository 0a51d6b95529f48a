"""Handles and display names: what may be written on somebody's door.

A handle is 3 to 24 of ``[a-z0-9_]``; capitals are folded, so that it is unique whatever the
case. A display name is free text of at most 40 graphemes that cannot break a line of chat,
reverse it, or be empty to the eye.

Source  Unicode Standard Annex 15 (NFKC) and 29 (grapheme clusters; ours are approximate: marks,
        joiners and what they join count with the sign before).
"""

import re
import unicodedata

from web.people.errors import EmailRefused, HandleRefused, NameRefused
from web.people.tables import (
    DISPLAY_NAME_CHARACTERS_MAX,
    EMAIL_CHARACTERS_MAX,
    HANDLE_CHARACTERS_MAX,
)

HANDLE_CHARACTERS_MIN = 3
GRAPHEMES_MAX = 40
MARKS_PER_SIGN_MAX = 6  # beyond it text climbs over its neighbours
ZERO_WIDTH_JOINER = "\u200d"
HANDLE = re.compile(r"[a-z0-9_]+")
EMAIL = re.compile(
    r"[^\s@<>(),;:\\\"\[\]\x00-\x1f\x7f]+@(?:[^\s@.<>(),;:\\\"\[\]]+\.)+[^\s@.\d]{2,}"
)

# Names with which somebody could pass for us, and words that stand for nobody.
RESERVED_WORDS = """
    abuse account accounts admin administrator admins anonymous api billing closed contact everyone
    healthz help house legal login logout mail moderation moderator moderators nobody noreply null
    official operator ovation owner payments postmaster press privacy readyz root safety security
    settings signup staff static status stripe support system team terms trust undefined verified
    verify wallet webmaster www
"""
RESERVED = frozenset(RESERVED_WORDS.split())


def fold_handle(text: str) -> str:
    """Return ``text`` as it is looked up: without @ before it, in lower case.

    What cannot be a handle becomes "", which nobody has, and never reaches a database.
    """
    handle = text.strip().removeprefix("@").lower()
    return handle if HANDLE.fullmatch(handle) else ""


def check_handle(text: str) -> str:
    """Return ``text`` as a handle.

    Raises:
        HandleRefused: Says which rule it breaks.
    """
    handle = text.lower() if text.isascii() else text
    if not HANDLE_CHARACTERS_MIN <= len(handle) <= HANDLE_CHARACTERS_MAX:
        raise HandleRefused(
            f"A handle has {HANDLE_CHARACTERS_MIN} to {HANDLE_CHARACTERS_MAX} characters."
        )
    if not HANDLE.fullmatch(handle):
        raise HandleRefused("A handle holds only letters a to z, digits and _.")
    if not any(sign.isalnum() for sign in handle):
        raise HandleRefused("A handle holds at least one letter or digit.")
    if handle.replace("_", "") in RESERVED:
        raise HandleRefused("This handle is reserved.")
    return handle


def check_display_name(text: str) -> str | None:
    """Return ``text`` as a display name, or None when nothing is left of it.

    Raises:
        NameRefused: Too long, or holds signs that are not for showing.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    for at, sign in enumerate(name):
        if not _shows(name, at, sign):
            raise NameRefused("The name holds a character that cannot be shown.")
    if not any(unicodedata.category(sign)[0] in "LNPS" for sign in name):
        if name:
            raise NameRefused("The name cannot be seen.")
        return None
    if len(name) > DISPLAY_NAME_CHARACTERS_MAX or count_graphemes(name) > GRAPHEMES_MAX:
        raise NameRefused(f"A name has at most {GRAPHEMES_MAX} characters.")
    return name


def check_email(text: str) -> str:
    """Return ``text`` as an e-mail address, in lower case.

    Mailboxes that differ only by case are allowed by RFC 5321 and exist nowhere.

    Raises:
        EmailRefused: Mail could not be sent there.
    """
    email = text.strip().lower()
    if len(email) > EMAIL_CHARACTERS_MAX or not EMAIL.fullmatch(email):
        raise EmailRefused()
    return email


def count_graphemes(text: str) -> int:
    """Count what a reader would call characters."""
    count, joined = 0, False
    for sign in text:
        if sign == ZERO_WIDTH_JOINER:
            joined = True
        elif not (joined or _is_mark(sign)):
            count += 1
        else:
            joined = False
    return count


def _shows(name: str, at: int, sign: str) -> bool:
    if sign == ZERO_WIDTH_JOINER:
        # Joins emoji and some scripts; at the start or end, or doubled, it only hides.
        return 0 < at < len(name) - 1 and name[at - 1] != sign
    if _is_mark(sign):
        return not all(map(_is_mark, name[max(0, at - MARKS_PER_SIGN_MAX) : at + 1]))
    return sign == " " or sign.isprintable()


def _is_mark(sign: str) -> bool:
    is_skin_tone = "\U0001f3fb" <= sign <= "\U0001f3ff"
    return is_skin_tone or unicodedata.category(sign) in ("Mn", "Me", "Mc")
