"""What pages show, read in one go each: rooms with their creators, profiles, gifts, packs.

Neither plane. Functions take a read-only connection and return values for templates and scripts.

Units   ``viewers`` counts views active in the last 30 s. ``coins`` are whole coins.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from gifts.menu import MENU
from live import rooms
from live.rooms import Room
from wallet.packs import PACKS
from web import charts
from web.finance_api import Overview
from web.people import accounts, blocks, follows
from web.people.sessions import Person
from web.state import State

ViewerCounts = Callable[[str], int]


class NameShown(msgspec.Struct):
    """How a person is shown to others."""

    handle: str
    display_name: str


class RoomCard(msgspec.Struct):
    """A room as a page shows it.

    Attributes:
        following: Whether whoever looks follows its creator.
        mine: Whether whoever looks is its creator.
    """

    room_id: str
    title: str
    tags: tuple[str, ...]
    state: str
    creator: NameShown
    viewers: int
    following: bool
    mine: bool
    end_reason: str | None


class Profile(msgspec.Struct):
    """A creator's channel."""

    handle: str
    display_name: str
    followers: int
    follows: int
    following: bool
    mine: bool
    blocked: bool
    room: RoomCard | None


def viewer_counts(state: State) -> ViewerCounts:
    """Return a function that tells how many watch a room right now."""
    now = time.monotonic()
    return lambda room_id: state["audience"].viewer_count(room_id, now=now)


def live_cards(
    conn: Connection, person: Person | None, viewers: ViewerCounts
) -> Sequence[RoomCard]:
    """Return who is live, the best attended first."""
    found = cards(conn, rooms.live_rooms(conn), person, viewers)
    return sorted(found, key=lambda card: -card.viewers)


def room_card(
    conn: Connection, room_id: str, person: Person | None, viewers: ViewerCounts
) -> RoomCard | None:
    """Return one room, ended or not, or None if there never was one."""
    room = rooms.room(conn, room_id)
    return None if room is None else cards(conn, [room], person, viewers)[0]


def open_rooms(conn: Connection, person: Person, viewers: ViewerCounts) -> Sequence[RoomCard]:
    """Return the rooms a creator has not ended, live ones first."""
    return cards(conn, rooms.unended_rooms_of(conn, person.account_id), person, viewers)


def profile(conn: Connection, handle: str, person: Person | None, viewers: ViewerCounts) -> Profile:
    """Return a creator's channel.

    Raises:
        UnknownAccount: Nobody is called so.
    """
    owner = accounts.by_handle(conn, handle)
    own_rooms = [
        room for room in rooms.unended_rooms_of(conn, owner.account_id) if room.state == "live"
    ]
    followers, following = follows.counts(conn, owner.account_id)
    shown = cards(conn, own_rooms[:1], person, viewers)
    name = accounts.names(conn, [owner.account_id])[owner.account_id]
    me = person.account_id if person else ""
    return Profile(
        handle=name.handle,
        display_name=name.display_name,
        followers=followers,
        follows=following,
        following=bool(me) and follows.is_following(conn, me, owner.account_id),
        mine=me == owner.account_id,
        blocked=bool(me) and blocks.has_blocked(conn, me, owner.account_id),
        room=shown[0] if shown else None,
    )


def cards(
    conn: Connection, found: Sequence[Room], person: Person | None, viewers: ViewerCounts
) -> list[RoomCard]:
    """Return rooms with their creators' names, as ``person`` sees them."""
    creator_ids = {room.creator_id for room in found}
    names = accounts.names(conn, creator_ids)
    me = person.account_id if person else ""
    followed = follows.followed_among(conn, me, creator_ids) if me else frozenset()
    return [
        RoomCard(
            room_id=room.room_id,
            title=room.title,
            tags=room.tags,
            state=room.state,
            creator=name_shown(names, room.creator_id),
            viewers=viewers(room.room_id),
            following=room.creator_id in followed,
            mine=room.creator_id == me,
            end_reason=room.end_reason,
        )
        for room in found
    ]


def name_shown(names: Mapping[str, accounts.Name], account_id: str) -> NameShown:
    """Return the name of somebody, also of somebody whose account is gone."""
    name = names.get(account_id)
    return NameShown(name.handle, name.display_name) if name else NameShown(*accounts.CLOSED_NAME)


def gifts() -> list[dict[str, Any]]:
    """Return the menu as the scripts get it."""
    return [
        {
            "gift_id": gift.gift_id,
            "name": gift.name,
            "coins": gift.coins,
            "tier": gift.tier,
            "art": gift.art,
        }
        for gift in MENU
    ]


def finance_days(overview: Overview) -> dict[str, Any]:
    """Return the days of an overview as chart, table and totals."""
    days = overview.days
    return {
        "box": charts,
        "chart": charts.days(
            [day.sales_minor for day in days],
            [day.coins_gifted for day in days],
            [f"{day.day:%d.%m.}" for day in days],
        ),
        "busy_days": [day for day in reversed(days) if day.sales_minor or day.gifts],
        "totals": {
            "sales_minor": sum(day.sales_minor for day in days),
            "gifts": sum(day.gifts for day in days),
            "coins_gifted": sum(day.coins_gifted for day in days),
        },
    }


def packs() -> list[dict[str, Any]]:
    """Return the coin packs as the scripts get them, the smallest first."""
    return [
        {
            "pack_id": pack.pack_id,
            "coins": pack.coins,
            "amount_minor": pack.amount_minor,
            "currency": pack.currency,
        }
        for pack in PACKS
    ]
