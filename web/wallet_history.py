"""What happened to somebody's coins and diamonds, in plain words, newest first.

Coins plane, reading only. The journal has what a person asked for; what they were given stands in
other people's entries and is found through ``gifts.received``. Names are looked up now and are
in neither.

Shape   A cursor is two places, ``at.chain.sequence~chain.sequence``: where the last page ended
        among what one asked for and among what one received ("" before the first).
Units   coins, diamonds: one, signed: negative went away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Final, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from gifts import received, sent
from gifts.menu import MENU
from gifts.sent import Sent
from wallet import coins, journal
from wallet.journal import Entry
from wallet.tables import micros_of, moment_of
from web.people import accounts

PAGE_LENGTH: Final = 30
DIGITS_MAX: Final = 18  # fits the database's integers

Kind = Literal[
    "purchase",
    "gift_sent",
    "gift_received",
    "refund",
    "dispute",
    "dispute_won",
    "dispute_lost",
    "promo",
]


class BadCursor(Exception):
    """A cursor that no page of ours ended with."""


class Line(msgspec.Struct, omit_defaults=True):
    """One thing that happened."""

    id: str
    kind: Kind
    at: datetime
    words: str
    coins: int = 0
    diamonds: int = 0
    handle: str | None = None
    display_name: str | None = None
    gift_id: str | None = None
    quantity: int | None = None
    purchase_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines, and the cursor of the next page if there is one."""

    lines: list[Line]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Places:
    """Where a page ended among what one asked for and among what one received."""

    own: journal.Place | None = None
    gifts: received.Place | None = None


def page(conn: Connection, account_id: str, cursor: str, *, length: int = PAGE_LENGTH) -> Page:
    """Return the lines after ``cursor``.

    Raises:
        BadCursor: No page of ours ended with it.
    """
    places = read_cursor(cursor)
    own = journal.history(conn, account_id, before=places.own, limit=length + 1)
    gifts = received.by_creator(conn, account_id, before=places.gifts, limit=length + 1)
    # Merged, not sorted: moments may step back from commit to commit, and a cursor is sure to have
    # everything before it behind it only if each of the two lists keeps its own order.
    both = merge(map(own_found, own), map(received_found, gifts), key=place_of, reverse=True)
    newest = list(both)
    shown = newest[:length]
    names = accounts.names(conn, {one.other_id for one in shown if one.other_id})
    lines = [line_of(one, names) for one in shown]
    after = write_cursor(ended(places, shown)) if len(newest) > length else None
    return Page([line for line in lines if line is not None], after)


class Found(NamedTuple):
    """One thing in the journal.

    Attributes:
        entry: What the person asked for; None for a gift they were given.
        gift: The gift it is; None for everything else.
    """

    at: datetime
    chain: int
    sequence: int
    entry: Entry | None
    gift: Sent | None

    @property
    def other_id(self) -> str | None:
        """Who stands on the other side of a gift."""
        if self.gift is None:
            return None
        return self.gift.sender_id if self.entry is None else self.gift.creator_id


def own_found(entry: Entry) -> Found:
    """Return something the person asked for."""
    is_gift = entry.kind == sent.KIND and not entry.refusal
    gift = sent.read(entry, entry.account_id) if is_gift else None
    return Found(entry.recorded_at, entry.chain, entry.sequence, entry, gift)


def received_found(gift: Sent) -> Found:
    """Return a gift the person was given."""
    return Found(gift.at, gift.chain, gift.sequence, None, gift)


def place_of(one: Found) -> tuple[datetime, int, int]:
    """Return when and where in the journal it stands."""
    return one.at, one.chain, one.sequence


def ended(places: Places, shown: Sequence[Found]) -> Places:
    """Return where the page with ``shown`` ends."""
    own, gifts = places.own, places.gifts
    for one in shown:
        if one.entry is not None:
            own = place_of(one)
        else:
            gifts = (one.chain, one.sequence)
    return Places(own, gifts)


def write_cursor(places: Places) -> str:
    """Return ``places`` as text."""
    own, gifts = "", ""
    if places.own is not None:
        at, chain, sequence = places.own
        own = f"{micros_of(at)}.{chain}.{sequence}"
    if places.gifts is not None:
        gifts = ".".join(map(str, places.gifts))
    return f"{own}~{gifts}"


def read_cursor(cursor: str) -> Places:
    """Return the places in ``cursor``; "" is the beginning.

    Raises:
        BadCursor: It is not one of ours.
    """
    try:
        own, gifts = (cursor or "~").split("~")
        own_place = gifts_place = None
        if own:
            at, chain, sequence = map(number, own.split("."))
            own_place = (moment_of(at), chain, sequence)
        if gifts:
            chain, sequence = map(number, gifts.split("."))
            gifts_place = (chain, sequence)
    except (ValueError, OverflowError):
        raise BadCursor(cursor) from None
    return Places(own_place, gifts_place)


def number(text: str) -> int:
    """Return the number ``text``.

    Raises:
        ValueError: It is none, or none the database can hold.
    """
    if not text.isascii() or not text.isdigit() or len(text) > DIGITS_MAX:
        raise ValueError(text)
    return int(text)


def line_of(one: Found, names: Mapping[str, accounts.Name]) -> Line | None:
    """Return what is said about one thing; nothing about our own bookkeeping."""
    if one.gift is not None:
        name = names.get(one.other_id or "")
        return gift_line(one.gift, name, is_sender=one.entry is not None)
    assert one.entry is not None, "what is no gift was asked for by the person"
    return booking(one.entry)


def gift_line(gift: Sent, name: accounts.Name | None, *, is_sender: bool) -> Line:
    """Return the line of a gift; ``name`` is the other person's."""
    kind = MENU.gifts.get(gift.gift_id)
    what = f"{gift.quantity} × {kind.name if kind else gift.gift_id}"
    who = name.display_name if name else "somebody"
    return Line(
        id=gift.posting_id,
        kind="gift_sent" if is_sender else "gift_received",
        at=gift.at,
        words=f"{what} to {who}" if is_sender else f"{what} from {who}",
        coins=-gift.coins if is_sender else 0,
        diamonds=0 if is_sender else gift.diamonds,
        handle=name.handle if name else None,
        display_name=name.display_name if name else None,
        gift_id=gift.gift_id,
        quantity=gift.quantity,
    )


def booking(entry: Entry) -> Line | None:
    """Return the line of what is no gift; refusals and our own bookkeeping have none."""
    if entry.refusal:
        return None
    note = journal.read_note(entry.note)
    bought = int(note.get("coins", 0))
    match entry.kind:
        case "purchase":
            return line(entry, "purchase", bought, f"Bought {bought:,} coins")
        case "refund":
            taken, owed = moved(entry)
            return line(entry, "refund", -taken, "Purchase refunded" + owing(owed))
        case "clawback":
            taken, owed = moved(entry)
            return line(entry, "dispute_lost", -taken, "Payment taken back" + owing(owed))
        case "restore":
            taken, _ = moved(entry)
            return line(entry, "dispute_won", taken, "Coins given back")
        case "freeze":
            return line(entry, "dispute", 0, "Payment disputed: its coins wait")
        case "unfreeze":
            return line(entry, "dispute_won", 0, "Dispute over: its coins are free again")
        case "grant":
            return line(entry, "promo", bought, "Bonus coins")
        case _:
            return None


def moved(entry: Entry) -> tuple[int, int]:
    """Return (coins, debt) that a refund, a clawback or their undoing moved."""
    taken, owed = coins.TWO_NUMBERS.unpack(entry.answer)
    return int(taken), int(owed)


def owing(coins_owed: int) -> str:
    """Return what is added where coins were spent already."""
    return f"; {coins_owed:,} coins were spent and are owed" if coins_owed else ""


def line(entry: Entry, kind: Kind, change: int, words: str) -> Line:
    """Return a line about ``entry``."""
    purchase_id = journal.read_note(entry.note).get("purchase_id")
    return Line(
        id=f"{entry.chain}-{entry.sequence}",
        kind=kind,
        at=entry.recorded_at,
        words=words,
        coins=change,
        purchase_id=None if purchase_id is None else str(purchase_id),
    )
