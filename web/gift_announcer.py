"""Tells rooms about gifts, after they are committed and from the journal alone. Coin → bus.

The journal is read behind a cursor that is kept apart from the books and moves past what was told
within ``MARK_S`` or ``UNMARKED_MAX`` entries, in the writer's next transaction: a crash tells
something twice and never leaves it out. Bus and clients drop repeats by the gift's id.

After a start, gifts that a crash kept from being told, and those of the last ``RETELL_MAX``, whose
frames may have died on their way, are held per room until somebody has been back in it for
``SETTLE_S``, at most ``HOLD_S_MAX``: told at once, they would be told to nobody. A new gift in the
room lets them go first, so that a room's order stays the journal's.

Units   seconds, monotonic; coins are whole ones.
Limit   combo counts are rebuilt, and gifts told again, from the last ``RETOLD_GIFTS_MAX`` gifts;
        of what is held for one room the newest ``HELD_FRAMES_MAX`` are kept.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from gifts import received, sent
from gifts.combos import Combos, Hit
from gifts.sent import KIND, Sent
from live.bus import Frame
from wallet import accounts as coin_accounts
from wallet import journal
from wallet.journal import Entry
from web import frames, room_view
from web.jobs import Job
from web.people import accounts
from web.people.accounts import Name
from web.state import State

READER = "announcer"
ENTRIES_MAX = 500  # read in one go
RETELL_MAX = timedelta(seconds=60)
RETOLD_GIFTS_MAX = 1_000
HELD_FRAMES_MAX = 1_000
HOLD_S_MAX = 30.0
SETTLE_S = 1.0
LOOK_S = 0.25  # while something is held
MARK_S = 0.5
UNMARKED_MAX = 200
BOARD_S = 0.25  # between two boards of supporters
RETRY_S = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class News:
    """What one look at the journal found.

    Attributes:
        entries: All of it, whatever it was.
        names: Of everybody who gave.
        coins: What everybody whose coins moved has now.
        is_all: Whether there is no more.
    """

    entries: Sequence[Entry]
    gifts: Sequence[Sent]
    names: Mapping[str, Name]
    coins: Mapping[str, int]
    is_all: bool


@dataclass(frozen=True, slots=True)
class Told:
    """Gifts the cursor is past, and the names of who gave them."""

    gifts: Sequence[Sent]
    names: Mapping[str, Name]


@dataclass(slots=True)
class Held:
    """Frames that wait for somebody to be in a room again; ``seen_at`` is since when one is."""

    frames: deque[Frame] = field(default_factory=lambda: deque(maxlen=HELD_FRAMES_MAX))
    seen_at: float | None = None


def look(conn: Connection, told: Mapping[int, int]) -> News:
    """Return the oldest news.

    Args:
        told: The last sequence told of each chain, where that is past the cursor.
    """
    found = journal.unread(conn, READER, limit=UNMARKED_MAX + ENTRIES_MAX)
    entries = [entry for entry in found if entry.sequence > told.get(entry.chain, 0)]
    settled = [entry for entry in entries if entry.account_id and not entry.refusal]
    gifts = [sent.read(entry, entry.account_id) for entry in settled if entry.kind == KIND]
    others = {entry.account_id for entry in settled if entry.kind != KIND}
    coins = {gift.sender_id: gift.coins_after for gift in gifts}
    coins |= {account_id: coin_accounts.holdings(conn, account_id).coins for account_id in others}
    senders = {gift.sender_id for gift in gifts}
    names = accounts.names(conn, senders) if senders else {}
    return News(entries, gifts, names, coins, len(found) < UNMARKED_MAX + ENTRIES_MAX)


def boards(conn: Connection, room_ids: Collection[str]) -> dict[str, tuple[frames.Supporter, ...]]:
    """Return the board of supporters of each room."""
    return {room_id: room_view.supporters(conn, room_id) for room_id in room_ids}


def look_back(conn: Connection) -> Told:
    """Return the newest gifts the cursor is past, oldest first."""
    newest = received.newest(conn, RETOLD_GIFTS_MAX)
    unread = journal.unread(conn, READER, limit=1)
    if unread:
        begin = (unread[0].chain, unread[0].sequence)
        newest = [gift for gift in newest if (gift.chain, gift.sequence) < begin]
    return Told(newest, accounts.names(conn, {gift.sender_id for gift in newest}))


def mark(conn: Connection, entries: Sequence[Entry]) -> None:
    """Move the cursor past ``entries``."""
    journal.mark_read(conn, READER, entries)


def shown(conn: Connection, gifts: Sequence[Sent]) -> list[frames.Gift]:
    """Return gifts as a room sees them, without their place in a combo."""
    names = accounts.names(conn, {gift.sender_id for gift in gifts})
    return [body(gift, names, None) for gift in gifts]


def body(gift: Sent, names: Mapping[str, Name], count: int | None) -> frames.Gift:
    """Return one gift as a room sees it; ``count`` is how far its combo has come."""
    return frames.Gift(
        id=gift.posting_id,
        sender=frames.Sender(*room_view.name_in(names, gift.sender_id)),
        gift_id=gift.gift_id,
        quantity=gift.quantity,
        coins=gift.coins,
        tier=gift.tier,
        combo=None if count is None else frames.Combo(gift.combo_id, count),
        at=gift.at,
    )


class Announcer:
    """What one run of the server remembers while it tells."""

    def __init__(self, state: State, monotonic: Callable[[], float]) -> None:
        self._state = state
        self._monotonic = monotonic
        self._news = asyncio.Event()
        self._combos = Combos()
        self._held: dict[str, Held] = {}
        self._began_at: datetime = state["clock"]()
        self._hold_until = monotonic() + HOLD_S_MAX
        self._has_looked_back = False
        self._unmarked: list[Entry] = []
        self._mark_at = 0.0
        self._stale_boards: set[str] = set()
        self._boards_at = 0.0

    def wake(self) -> None:
        """Look at the journal soon; called after every commit."""
        self._news.set()

    async def catch_up(self) -> None:
        """Tell everything there is to tell by now."""
        if not self._has_looked_back:
            await self._look_back()
        self._news.clear()
        while not await self._tell_news():
            pass
        now = self._monotonic()
        self._release_due(now)
        if self._stale_boards and now >= self._boards_at:
            await self._tell_boards(now)
        if self._unmarked and now >= self._mark_at:
            await self._mark()

    async def rest(self) -> None:
        """Return when there is news, or something else to do."""
        now = self._monotonic()
        dues = [LOOK_S] if self._held else []
        dues += [max(0.0, self._boards_at - now)] if self._stale_boards else []
        dues += [max(0.0, self._mark_at - now)] if self._unmarked else []
        try:
            async with asyncio.timeout(min(dues, default=None)):
                await self._news.wait()
        except TimeoutError:
            return

    async def _look_back(self) -> None:
        """Learn how far combos have come; hold what may have died on its way."""
        told = await self._state["read"](look_back)
        for gift in told.gifts:
            frame = self._frame(gift, told.names)
            if self._began_at - gift.at <= RETELL_MAX:
                self._hold(gift.room_id, frame)
        self._has_looked_back = True

    async def _tell_news(self) -> bool:
        """Tell what is unread; return whether that was all."""
        told = {entry.chain: entry.sequence for entry in self._unmarked}
        news = await self._state["read"](look, told)
        for gift in news.gifts:
            self._tell(gift, self._frame(gift, news.names))
            self._stale_boards.add(gift.room_id)
        for account_id, coins in news.coins.items():
            self._state["bus"].direct(account_id, frames.balance(coins))
        if news.entries and not self._unmarked:
            self._mark_at = self._monotonic() + MARK_S
        self._unmarked += news.entries
        if len(self._unmarked) >= UNMARKED_MAX:
            await self._mark()
        return news.is_all

    async def _mark(self) -> None:
        """Move the cursor past what was told."""
        await self._state["write"](mark, self._unmarked)
        self._unmarked = []

    async def _tell_boards(self, now: float) -> None:
        """Tell rooms who gave most, where that may have changed."""
        stale, self._stale_boards = self._stale_boards, set()
        self._boards_at = now + BOARD_S
        for room_id, board in (await self._state["read"](boards, stale)).items():
            self._state["bus"].publish(room_id, frames.supporters(board))

    def _tell(self, gift: Sent, frame: Frame) -> None:
        """Tell a new gift; hold one from before this run."""
        if gift.at <= self._began_at and self._monotonic() < self._hold_until:
            self._hold(gift.room_id, frame)
            return
        self._release(gift.room_id)
        self._state["bus"].publish(gift.room_id, frame)

    def _frame(self, gift: Sent, names: Mapping[str, Name]) -> Frame:
        """Return what a room is told of ``gift``, counted into its combo; once per gift."""
        count = None
        if gift.combo_id:
            hit = (gift.sender_id, gift.room_id, gift.gift_id, gift.combo_id)
            count = self._combos.count(Hit(*hit, gift.quantity, gift.at))
        return frames.gift(body(gift, names, count), cursor=gift.posting_id)

    # Holding

    def _hold(self, room_id: str, frame: Frame) -> None:
        self._held.setdefault(room_id, Held()).frames.append(frame)

    def _release(self, room_id: str) -> None:
        held = self._held.pop(room_id, None)
        for frame in held.frames if held is not None else ():
            self._state["bus"].publish(room_id, frame)

    def _release_due(self, now: float) -> None:
        """Let go what is held for rooms that people are back in, or for too long."""
        for room_id, held in list(self._held.items()):
            if held.seen_at is None and self._state["audience"].viewer_count(room_id, now=now):
                held.seen_at = now
            is_settled = held.seen_at is not None and now - held.seen_at >= SETTLE_S
            if is_settled or now >= self._hold_until:
                self._release(room_id)


async def announce(state: State) -> None:
    """Tell rooms about gifts until the server stops; what fails is tried again."""
    announcer = Announcer(state, time.monotonic)
    state["writer"].after_commit(announcer.wake)
    while True:
        try:
            await announcer.catch_up()
            await announcer.rest()
        except Exception:
            log.exception("announcing gifts failed")
            await asyncio.sleep(RETRY_S)


jobs: list[Job] = [Job("announce gifts", 0.0, announce)]
