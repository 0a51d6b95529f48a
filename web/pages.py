"""The pages people see: one endpoint each, rendered for reading before any script runs.

Neither plane: pages read, and everything that changes something goes through the API.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from wallet import accounts
from wallet.days import FIRST_DAY
from web import finance_api, legal, page_facts, wallet_history, words
from web.finance_api import DAYS_SHOWN
from web.operations import person_of
from web.page_shell import Page, Shown, desks_of, is_demo, public_url, render, static_routes
from web.people.errors import UnknownAccount
from web.people.sessions import Person
from web.state import State

DAYS_MAX = 366  # more would not fit a chart; the CSV reaches further

PageRequest = Request[State]
Found = Callable[[PageRequest, Exception], Awaitable[Response]]

# Addresses that programs ask; a refusal there is a problem document.
NOT_PAGES = ("/api/", "/whip", "/whep", "/socket", "/static/", "/media/", "/healthz", "/readyz")

HOME = Page("home", "home.title", ("lists",))
CHANNEL = Page("channel", "channel.title", ("lists", "sheets"), ("people", "report", "channel"))
WATCH = Page(
    "watch",
    "watch.title",
    ("chat", "lanes", "watch"),
    ("watch", "chat", "gift", "buy", "people", "report"),
    sells=True,
)
STUDIO = Page(
    "studio",
    "studio.title",
    ("lists", "chat", "studio"),
    ("studio", "watch", "chat", "gift", "report"),
    films=True,
)
WALLET = Page("wallet", "wallet.title", ("lists", "sheets"), ("wallet", "buy"), sells=True)
ACCOUNT = Page("account", "account.title", ("lists", "sheets"), ("account",))
SIGNUP = Page("signup", "people.signup_title", (), ("people",))
LOGIN = Page("login", "people.login_title", (), ("people",))
FORGOT = Page("forgot", "people.reset_title", (), ("people",))
RESET = Page("reset", "people.reset_title", (), ("people",))
MODERATION = Page("moderation", "moderation.title", ("lists", "sheets"), ("moderation", "report"))
FINANCE = Page("finance", "finance.title", ("lists",))
LEGAL = Page("legal", "error.title", ())
ERROR = Page("error", "error.title", ("lists",))
STATES = Page(
    "states",
    "states.title",
    ("lists", "sheets", "chat", "lanes", "tray", "studio"),
    ("watch", "chat", "gift", "buy", "people", "report", "studio"),
)


async def looked_at(request: PageRequest, page: Page, **shown: Any) -> Shown:
    """Return the page as whoever asks for it sees it."""
    now = request.state["clock"]()
    return Shown(page, await person_of(request, now), now, **shown)


async def home(request: PageRequest) -> Response:
    """Show who is live now; whom one follows comes first."""
    shown = await looked_at(request, HOME)
    viewers = page_facts.viewer_counts(request.state)
    rooms = await request.state["read"](page_facts.live_cards, shown.person, viewers)
    shown.seen = {
        "followed": [card for card in rooms if card.following],
        "others": [card for card in rooms if not card.following],
    }
    return render(request, shown)


async def watch(request: PageRequest) -> Response:
    """Show a room, its chat and its gifts."""
    shown = await looked_at(request, WATCH)
    viewers = page_facts.viewer_counts(request.state)
    room = await request.state["read"](
        page_facts.room_card, request.path_params["room_id"], shown.person, viewers
    )
    if room is None:
        return failed(request, 404)
    shown.seen = {"room": room}
    shown.title = {"title": room.title, "name": room.creator.display_name}
    shown.facts = {
        "room": msgspec.to_builtins(room),
        "gifts": page_facts.gifts(),
        "packs": page_facts.packs(),
    }
    return render(request, shown)


async def channel(request: PageRequest) -> Response:
    """Show a creator, live or not."""
    shown = await looked_at(request, CHANNEL)
    viewers = page_facts.viewer_counts(request.state)
    try:
        profile = await request.state["read"](
            page_facts.profile, request.path_params["handle"], shown.person, viewers
        )
    except UnknownAccount:
        return failed(request, 404)
    shown.seen = {"profile": profile}
    shown.facts = {"profile": msgspec.to_builtins(profile)}
    shown.title = {"name": profile.display_name, "handle": profile.handle}
    return render(request, shown)


async def studio(request: PageRequest) -> Response:
    """Show the creator's own stage."""
    shown = await looked_at(request, STUDIO)
    if shown.person is None:
        return to_login(request)
    viewers = page_facts.viewer_counts(request.state)
    rooms = await request.state["read"](page_facts.open_rooms, shown.person, viewers)
    own_url = f"{public_url(request)}/@{shown.person.handle}"
    shown.seen = {
        "is_adult": shown.person.is_adult(shown.now.date()),
        "channel_url": own_url,
        "channel_code": qr_code(own_url),
    }
    shown.facts = {
        "open_rooms": msgspec.to_builtins(rooms),
        "gifts": page_facts.gifts(),
        "channel_url": own_url,
    }
    return render(request, shown)


def qr_code(url: str) -> Markup:
    """Return ``url`` as a drawing a phone can scan; our own address, so safe to embed."""
    return Markup(segno.make(url, micro=False).svg_inline(border=1, omitsize=True))


async def account(request: PageRequest) -> Response:
    """Show what a person may change about themselves."""
    shown = await looked_at(request, ACCOUNT)
    return to_login(request) if shown.person is None else render(request, shown)


async def entry(request: PageRequest) -> Response:
    """Show the sign-up or log-in form; whoever is logged in goes on.

    With ``?reset=TOKEN`` it asks for a new password; the token is checked when it is used.
    """
    if token := request.query_params.get("reset"):
        return render(request, await looked_at(request, RESET, facts={"token": token}))
    page = SIGNUP if request.url.path == "/signup" else LOGIN
    shown = await looked_at(request, page)
    goal = local_path(request.query_params.get("next", "/"))
    if shown.person is not None:
        return RedirectResponse(goal, 303)
    shown.seen = shown.facts = {"next": goal}
    return render(request, shown)


async def forgot(request: PageRequest) -> Response:
    """Ask whose password is lost."""
    return render(request, await looked_at(request, FORGOT))


async def moderation(request: PageRequest) -> Response:
    """Show the queue of open reports; the script fills it."""
    return await for_staff(request, MODERATION)


async def wallet(request: PageRequest) -> Response:
    """Show what a person has, and what became of it."""
    shown = await looked_at(request, WALLET)
    if shown.person is None:
        return to_login(request)
    account_id = shown.person.account_id
    shown.seen = {
        "held": await request.state["read"](accounts.holdings, account_id),
        "history": await request.state["read"](wallet_history.page, account_id, ""),
    }
    shown.facts = {"packs": page_facts.packs()}
    return render(request, shown)


async def finance(request: PageRequest) -> Response:
    """Show what is owed, sold and given, for the days in the address."""

    async def show(shown: Shown) -> None:
        first, last = days_asked(request, shown.now.date())
        await finance_api.count_up(request.state)
        overview = await request.state["read"](finance_api.overview, first, last)
        shown.seen = page_facts.finance_days(overview) | {
            "overview": overview,
            "first": first.isoformat(),
            "last": last.isoformat(),
        }

    return await for_staff(request, FINANCE, show)


def days_asked(request: PageRequest, today: date) -> tuple[date, date]:
    """Return the days in the address, or the last ones when it names none that can be shown."""
    try:
        first = date.fromisoformat(request.query_params["from"])
        last = date.fromisoformat(request.query_params["to"])
    except (KeyError, ValueError):
        first, last = date.max, date.min
    is_span = FIRST_DAY <= first <= last and (last - first).days < DAYS_MAX
    return (first, last) if is_span else (today - timedelta(days=DAYS_SHOWN - 1), today)


async def legal_page(request: PageRequest) -> Response:
    """Show terms, privacy or contact as the operator wrote them."""
    name = request.url.path.strip("/")
    blocks = legal.read(request.state["settings"].legal_dir, name)
    title = words.say(f"common.{name}")
    shown = await looked_at(request, LEGAL, seen={"heading": title, "blocks": blocks})
    shown.title = {"title": title}
    return render(request, shown)


async def states(request: PageRequest) -> Response:
    """Show every component in every state; only beside the demo."""
    if not is_demo(request):
        return failed(request, 404)
    shown = await looked_at(request, STATES)
    shown.facts = {"gifts": page_facts.gifts(), "packs": page_facts.packs()}
    return render(request, shown)


async def for_staff(
    request: PageRequest, page: Page, show: Callable[[Shown], Awaitable[None]] | None = None
) -> Response:
    """Return a page for people with one of its roles; ``show`` fills it for them."""
    shown = await looked_at(request, page)
    if shown.person is None:
        return to_login(request)
    if page.name not in desks_of(shown.person):
        return failed(request, 403, shown.person)
    if show is not None:
        await show(shown)
    return render(request, shown)


def to_login(request: PageRequest) -> Response:
    """Return the way to the log-in page and back."""
    return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)


def local_path(goal: str) -> str:
    """Return ``goal`` if it is a path of this server, else the home page's."""
    is_local = goal.startswith("/") and not goal.startswith(("//", "/\\"))
    return goal if is_local and goal.isprintable() else "/"


# Refusals


def failed(request: PageRequest, status: int, person: Person | None = None) -> Response:
    """Return the error page of ``status``."""
    known = str(status) if f"error.{status}" in words.CATALOGUE else "other"
    title = words.say(f"error.{known}")
    now = request.state["clock"]()
    seen = {"heading": title, "why": words.say(f"error.{known}_why"), "status": status}
    return render(request, Shown(ERROR, person, now, seen, title={"title": title}, status=status))


def or_problem(answer: Found) -> Found:
    """Return ``answer`` for programs, and the error page for people looking at a page."""

    async def answer_or_page(request: PageRequest, error: Exception) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "")
        if request.url.path.startswith(NOT_PAGES) or not wants_page:
            return await answer(request, error)
        return failed(request, getattr(error, "status_code", 500))

    return answer_or_page


ENDPOINTS: Mapping[str, Callable[[PageRequest], Awaitable[Response]]] = {
    "/": home,
    "/rooms/{room_id}": watch,
    "/@{handle}": channel,
    "/studio": studio,
    "/wallet": wallet,
    "/account": account,
    "/signup": entry,
    "/login": entry,
    "/password": forgot,
    "/moderation": moderation,
    "/finance": finance,
    "/terms": legal_page,
    "/privacy": legal_page,
    "/contact": legal_page,
    "/dev/states": states,
}

routes: list[BaseRoute] = [
    *(Route(path, endpoint, methods=["GET"]) for path, endpoint in ENDPOINTS.items()),
    *static_routes(),
]
