"""What the coin plane must know of rooms and people when it commits gifts. Coin plane, the shell.

Read in the writer's transaction, once for all gifts that wait: whose room it is, whether it has
ended, whether its creator may receive, and whether one of the two keeps the other away.

A mute keeps somebody from chatting, not from giving.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select

from gifts.errors import CreatorUnavailable, GiftRefused, NotWelcome, RoomEnded, SenderSuspended
from gifts.sending import Order
from live.errors import RoomNotFound
from live.tables import bans, rooms
from web.people import ages
from web.people.tables import accounts, blocks


@dataclass(frozen=True, slots=True)
class Intent:
    """What a viewer's client asked for, before anything is looked up."""

    key: str
    sender_id: str
    room_id: str
    gift_id: str
    quantity: int
    believed_coins: int | None
    combo_id: str
    asked_at: datetime


# On the way of every gift: built once, so that running them costs little more than the database.
ROOMS = select(*rooms.c["room_id", "creator_id", "opened_at", "state"]).where(
    rooms.c.room_id.in_(bindparam("room_ids", expanding=True))
)
STANDINGS = select(*accounts.c["account_id", "suspended_at", "closed_at", "birth_date"]).where(
    accounts.c.account_id.in_(bindparam("account_ids", expanding=True))
)
KEPT_AWAY = (
    select(bans.c.creator_id, bans.c.account_id)
    .where(
        bans.c.creator_id.in_(bindparam("creators", expanding=True)),
        bans.c.account_id.in_(bindparam("senders", expanding=True)),
    )
    .union_all(
        select(blocks.c.blocker_id, blocks.c.blocked_id).where(
            blocks.c.blocker_id.in_(bindparam("both", expanding=True)),
            blocks.c.blocked_id.in_(bindparam("both", expanding=True)),
        )
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """What counts about one room."""

    room_id: str
    creator_id: str
    opened_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts about one person: ``is_open`` if neither suspended nor closed."""

    is_open: bool
    birth_date: date | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true now of every room and person that some intents name.

    Attributes:
        kept_away: Pairs of which the first has banned or blocked the second.
    """

    rooms: Mapping[str, Place]
    standings: Mapping[str, Standing]
    kept_away: Collection[tuple[str, str]]

    def objection(self, intent: Intent, room: Place) -> GiftRefused | None:
        """Return why no gift from this sender is taken in ``room``, or None."""
        if room.state == "ended":
            return RoomEnded()
        if not is_open(self.standings.get(intent.sender_id)):
            return SenderSuspended()
        pair = (room.creator_id, intent.sender_id)
        if pair in self.kept_away or pair[::-1] in self.kept_away:
            return NotWelcome()
        creator = self.standings.get(room.creator_id)
        if creator is None or not creator.is_open:
            return CreatorUnavailable()
        if not ages.is_adult(creator.birth_date, intent.asked_at.date()):
            return CreatorUnavailable()
        return None

    def order(self, intent: Intent) -> Order | RoomNotFound:
        """Return ``intent`` with what is known about its room."""
        room = self.rooms.get(intent.room_id)
        if room is None:
            return RoomNotFound(intent.room_id)
        return Order(
            key=intent.key,
            sender_id=intent.sender_id,
            room_id=intent.room_id,
            gift_id=intent.gift_id,
            quantity=intent.quantity,
            believed_coins=intent.believed_coins,
            combo_id=intent.combo_id,
            asked_at=intent.asked_at,
            creator_id=room.creator_id,
            opened_at=room.opened_at,
            objection=self.objection(intent, room),
        )


def is_open(standing: Standing | None) -> bool:
    """Return whether somebody has an account that is neither suspended nor closed."""
    return standing is not None and standing.is_open


def facts(conn: Connection, intents: Sequence[Intent]) -> Facts:
    """Return what is true of the rooms and people that ``intents`` name."""
    found = places(conn, {intent.room_id for intent in intents})
    creators = {room.creator_id for room in found.values()}
    senders = {intent.sender_id for intent in intents}
    return Facts(found, standings(conn, creators | senders), kept_away(conn, creators, senders))


def places(conn: Connection, room_ids: Collection[str]) -> dict[str, Place]:
    """Return the rooms that exist, by id."""
    rows = conn.execute(ROOMS, {"room_ids": list(room_ids)})
    return {row[0]: Place(*row) for row in rows}


def standings(conn: Connection, account_ids: Collection[str]) -> dict[str, Standing]:
    """Return how everybody stands who has an account."""
    rows = conn.execute(STANDINGS, {"account_ids": list(account_ids)})
    return {
        account_id: Standing(suspended_at is None and closed_at is None, birth_date)
        for account_id, suspended_at, closed_at, birth_date in rows
    }


def kept_away(
    conn: Connection, creators: Collection[str], senders: Collection[str]
) -> set[tuple[str, str]]:
    """Return who of these keeps whom away: banned by a creator, or blocked either way."""
    named = {"creators": list(creators), "senders": list(senders), "both": [*creators, *senders]}
    return {(keeper, kept) for keeper, kept in conn.execute(KEPT_AWAY, named)}
