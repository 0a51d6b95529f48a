"""Who watches which room right now, and how they clap; in memory only.

BUS plane. A *view* is one person's watching, however it reaches them (socket, WebRTC, HLS); it
counts while something of it was active in the last ``ACTIVE_S`` seconds.

Units   times are monotonic seconds.
Limit   ``views_max`` views per process and ``guest_views_max`` guest views per address; beyond
        either a new view is refused, and views that are already there go on.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from live.errors import TooManyViews

ACTIVE_S: Final = 30.0
VIEWS_MAX: Final = 200_000
GUEST_VIEWS_MAX: Final = 20
LIKES_PER_VIEW_AND_S: Final = 15.0
LIKES_BURST: Final = 50.0


@dataclass(slots=True)
class View:
    """One person's watching.

    Attributes:
        address: Where a guest comes from; ``None`` if nobody counts guests of this address.
        account_id: Whose it is; ``None`` for a guest.
        likes_left: Taps that still count; refilled with time.
    """

    view_id: str
    address: str | None
    account_id: str | None
    active_at: float
    likes_left: float = LIKES_BURST
    liked_at: float = 0.0


@dataclass(slots=True)
class Crowd:
    """The views of one room, the one active longest ago first."""

    views: OrderedDict[str, View] = field(default_factory=OrderedDict)
    new_view_count: int = 0
    like_count: int = 0  # since the last ``take_news``
    likes_total: int = 0
    is_seeded: bool = False
    told_count: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """What happened in a room since it was last asked."""

    room_id: str
    viewer_count: int
    new_view_count: int
    like_count: int


class Audience:
    """Everybody who watches through this process."""

    def __init__(
        self, *, views_max: int = VIEWS_MAX, guest_views_max: int = GUEST_VIEWS_MAX
    ) -> None:
        self._views_max = views_max
        self._guest_views_max = guest_views_max
        self._crowds: dict[str, Crowd] = {}
        self._rooms: dict[str, str] = {}  # view → its room
        self._guests: dict[str, int] = {}  # address → views counted against it
        self._people: dict[str, dict[str, str]] = {}  # account → its views → their rooms

    def admit(
        self,
        room_id: str,
        view_id: str,
        *,
        now: float,
        address: str | None = None,
        account_id: str | None = None,
    ) -> None:
        """Count a view that begins, or goes on after a pause.

        Args:
            address: Counts the view against this address; ``None`` for people with an account and
                for addresses without a limit.
            account_id: Whose view it is; a guest's view becomes a person's when they log in.

        Raises:
            TooManyViews: The process or the address has as many as it may have.
        """
        if self._rooms.get(view_id) == room_id:
            self._touch(self._crowds[room_id], view_id, now)
            self._name(self._crowds[room_id].views[view_id], room_id, account_id)
            return
        assert view_id not in self._rooms, "a view is of one room; its token says so"
        if len(self._rooms) >= self._views_max or (
            address is not None and self._guests.get(address, 0) >= self._guest_views_max
        ):
            self.forget_idle(now)
        if len(self._rooms) >= self._views_max:
            raise TooManyViews("here", self._views_max)
        if address is not None and self._guests.get(address, 0) >= self._guest_views_max:
            raise TooManyViews("from your address", self._guest_views_max)
        crowd = self._crowds.setdefault(room_id, Crowd())
        crowd.views[view_id] = View(view_id, address, None, now)
        self._name(crowd.views[view_id], room_id, account_id)
        crowd.new_view_count += 1
        self._rooms[view_id] = room_id
        if address is not None:
            self._guests[address] = self._guests.get(address, 0) + 1

    def active(self, view_id: str, *, now: float) -> None:
        """Note that a view is alive; one never admitted or long forgotten is left out."""
        room_id = self._rooms.get(view_id)
        if room_id is not None:
            self._touch(self._crowds[room_id], view_id, now)

    def leave(self, view_id: str) -> None:
        """Stop counting a view at once, because its person was removed."""
        room_id = self._rooms.get(view_id)
        if room_id is not None:
            self._drop(self._crowds[room_id], view_id)

    def views_of(self, account_id: str, room_id: str | None = None) -> list[str]:
        """Return every view of a person, or those in one room."""
        theirs = self._people.get(account_id, {})
        return [view for view, room in theirs.items() if room_id in (None, room)]

    def viewer_count(self, room_id: str, *, now: float) -> int:
        """Return how many views of the room were active in the last ``ACTIVE_S`` seconds."""
        crowd = self._crowds.get(room_id)
        if crowd is None:
            return 0
        self._forget_idle_of(crowd, now)
        return len(crowd.views)

    def like(self, room_id: str, view_id: str, count: int, *, now: float) -> int:
        """Count taps and return how many counted; a view taps at a human rate at most."""
        crowd = self._crowds.get(room_id)
        view = None if crowd is None else crowd.views.get(view_id)
        if crowd is None or view is None or count < 1:
            return 0
        refilled = view.likes_left + (now - view.liked_at) * LIKES_PER_VIEW_AND_S
        view.likes_left = min(LIKES_BURST, refilled)
        view.liked_at = now
        counted = min(count, int(view.likes_left))
        view.likes_left -= counted
        crowd.like_count += counted
        crowd.likes_total += counted
        return counted

    def seed_likes(self, room_id: str, stored_total: int) -> None:
        """Start a room's total from what is stored; later calls change nothing."""
        crowd = self._crowds.setdefault(room_id, Crowd())
        if not crowd.is_seeded:
            crowd.is_seeded = True
            crowd.likes_total += stored_total

    def likes_total(self, room_id: str) -> int:
        """Return how often the room was liked, as far as this process knows."""
        crowd = self._crowds.get(room_id)
        return 0 if crowd is None else crowd.likes_total

    def changed_counts(self, *, now: float) -> list[tuple[str, int]]:
        """Return (room, viewers) of the rooms where that changed since this was last asked."""
        self.forget_idle(now)
        changed = []
        for room_id, crowd in self._crowds.items():
            if crowd.told_count != len(crowd.views):
                crowd.told_count = len(crowd.views)
                changed.append((room_id, crowd.told_count))
        return changed

    def take_news(self, *, now: float) -> list[News]:
        """Return what to store per room, and begin anew.

        A room with nobody left is forgotten after its last news.
        """
        self.forget_idle(now)
        news = []
        for room_id, crowd in list(self._crowds.items()):
            news.append(News(room_id, len(crowd.views), crowd.new_view_count, crowd.like_count))
            crowd.new_view_count = crowd.like_count = 0
            if not crowd.views and not crowd.told_count:
                del self._crowds[room_id]
        return news

    def forget_idle(self, now: float) -> None:
        """Stop counting every view that was not active for ``ACTIVE_S`` seconds."""
        for crowd in self._crowds.values():
            self._forget_idle_of(crowd, now)

    def _forget_idle_of(self, crowd: Crowd, now: float) -> None:
        while crowd.views:
            oldest = next(iter(crowd.views.values()))
            if now - oldest.active_at < ACTIVE_S:
                return
            self._drop(crowd, oldest.view_id)

    def _touch(self, crowd: Crowd, view_id: str, now: float) -> None:
        crowd.views[view_id].active_at = now
        crowd.views.move_to_end(view_id)

    def _name(self, view: View, room_id: str, account_id: str | None) -> None:
        if account_id is None or account_id == view.account_id:
            return
        self._unname(view)
        view.account_id = account_id
        self._people.setdefault(account_id, {})[view.view_id] = room_id

    def _unname(self, view: View) -> None:
        if view.account_id is not None:
            theirs = self._people[view.account_id]
            del theirs[view.view_id]
            if not theirs:
                del self._people[view.account_id]

    def _drop(self, crowd: Crowd, view_id: str) -> None:
        view = crowd.views.pop(view_id)
        del self._rooms[view_id]
        self._unname(view)
        if view.address is not None:
            self._guests[view.address] -= 1
            if not self._guests[view.address]:
                del self._guests[view.address]
