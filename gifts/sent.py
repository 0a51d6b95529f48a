"""A sent gift as a value, and as the note and answer that the journal keeps of it. Coin plane.

The note holds ids and numbers only: who and what things are called is looked up by whoever shows
them. Everything an answer needs is in the journal row, so a repeated answer is the same bytes.

Units   coins, diamonds: whole ones. ``held_micros``: 10⁻⁶ of the payout currency's major unit.
        ``stream_ms``: milliseconds since the room was opened.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gifts.menu import Tier, tier_of
from wallet import journal
from wallet.coins import NUMBER

KIND = "gift"  # of its journal rows


@dataclass(frozen=True, slots=True)
class Sent:
    """A committed gift.

    Attributes:
        unit_coins: What one cost when it was sent.
        diamonds: What the creator earned.
        held_micros: What those are worth.
        combo_id: The streak its sender's client counted it to, or empty.
        coins_after: What the sender had left.
    """

    chain: int
    sequence: int
    at: datetime
    sender_id: str
    room_id: str
    creator_id: str
    gift_id: str
    quantity: int
    unit_coins: int
    menu_version: int
    diamonds: int
    held_micros: int
    stream_ms: int
    combo_id: str
    coins_after: int

    @property
    def posting_id(self) -> str:
        """Its place in the journal: unique for ever, and what clients tell repeats by."""
        return f"{self.chain}-{self.sequence}"

    @property
    def coins(self) -> int:
        """What it cost altogether."""
        return self.unit_coins * self.quantity

    @property
    def tier(self) -> Tier:
        """How big its entrance on stage is."""
        return tier_of(self.unit_coins)


class Row(Protocol):
    """What a journal entry and an outcome have in common."""

    @property
    def chain(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def note(self) -> bytes: ...
    @property
    def answer(self) -> bytes: ...


def write_note(
    *,
    room_id: str,
    creator_id: str,
    gift_id: str,
    quantity: int,
    unit_coins: int,
    menu_version: int,
    diamonds: int,
    held_micros: int,
    stream_ms: int,
    combo_id: str,
) -> bytes:
    """Return the note of a gift.

    Raises:
        BadEncoding: Something that should be an id is none.
    """
    return journal.write_note(
        room=room_id,
        creator=creator_id,
        gift=gift_id,
        quantity=quantity,
        price=unit_coins,
        menu=menu_version,
        diamonds=diamonds,
        held=held_micros,
        stream_ms=stream_ms,
        combo=combo_id,
    )


def read(row: Row, sender_id: str) -> Sent:
    """Return the gift that a settled row of the journal records.

    Raises:
        BadEncoding: Its note is none of ours.
    """
    note = journal.read_note(row.note)
    (coins_after,) = NUMBER.unpack(row.answer)
    return Sent(
        chain=row.chain,
        sequence=row.sequence,
        at=row.recorded_at,
        sender_id=sender_id,
        room_id=str(note["room"]),
        creator_id=str(note["creator"]),
        gift_id=str(note["gift"]),
        quantity=int(note["quantity"]),
        unit_coins=int(note["price"]),
        menu_version=int(note["menu"]),
        diamonds=int(note["diamonds"]),
        held_micros=int(note["held"]),
        stream_ms=int(note["stream_ms"]),
        combo_id=str(note["combo"]),
        coins_after=int(coins_after),
    )
