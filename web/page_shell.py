"""The frame around every page: templates, words, facts for scripts, headers, static files.

Neither plane. Pages are rendered here for reading; scripts find what they need in one JSON block
and enhance. Nothing inline runs without the page's nonce, and styles only come from files.

Source  W3C Content Security Policy Level 3; https://docs.stripe.com/security/guide (the hosts
        Stripe's own script needs).
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web import words
from web.demo_people import CAST
from web.people import sessions
from web.people.sessions import Person
from web.state import State

WEB = Path(__file__).parent
STATIC = WEB.parent / "static"
STATIC_FOLDERS = ("css", "js", "art")
STAFF = {
    "moderation": frozenset({"moderator", "admin"}),
    "finance": frozenset({"finance-maker", "finance-checker", "admin"}),
}
EVERYWHERE = ("common", "refused")  # parts of the catalogue every page's script has
THEME_COOKIE = "ovation_theme"
THEMES = frozenset({"dark", "light"})
STRIPE_SCRIPT = "https://js.stripe.com/v3/"
DEMO_PATH = "/demo/become/{who}"
HOST = re.compile(r"[a-z0-9.\-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page is made of besides what it shows.

    Attributes:
        name: Of its template and its script.
        title: Key of its title in the catalogue.
        styles: Its style sheets beyond those every page has.
        words: First parts of the catalogue's keys its script needs.
        sells: Whether it holds the pack sheet, so that Stripe's script may load.
        films: Whether it may use camera and microphone.
    """

    name: str
    title: str
    styles: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    sells: bool = False
    films: bool = False


@dataclass(slots=True)
class Shown:
    """One page as one person sees it.

    Attributes:
        seen: What the template shows.
        facts: What the script is told beyond what every page's is.
        title: Fills in the title's {fields}.
    """

    page: Page
    person: Person | None
    now: datetime
    seen: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    title: Mapping[str, str | int] = field(default_factory=dict)
    status: int = 200


def render(request: Request[State], shown: Shown) -> Response:
    """Return the page as a response."""
    page, nonce = shown.page, secrets.token_urlsafe(16)
    theme = request.cookies.get(THEME_COOKIE)
    html = (
        templates()
        .get_template(f"{page.name}.html")
        .render(
            {
                "page": page,
                "title": words.say(page.title, **shown.title),
                "person": shown.person,
                "desks": desks_of(shown.person),
                "path": request.url.path,
                "nonce": nonce,
                "theme": theme if theme in THEMES else None,
                "is_test_money": request.state["settings"].uses_sandbox,
                "is_demo": is_demo(request),
                "demo_people": [part for part in CAST if part.who],
                "facts": facts_of(request, shown),
                **shown.seen,
            }
        )
    )
    return HTMLResponse(html, shown.status, headers_of(request, page, nonce))


def desks_of(person: Person | None) -> frozenset[str]:
    """Return which pages for staff this person may see."""
    held = person.roles if person else frozenset()
    return frozenset(name for name, roles in STAFF.items() if roles & held)


def facts_of(request: Request[State], shown: Shown) -> dict[str, Any]:
    """Return what the page's script is told."""
    settings, person = request.state["settings"], shown.person
    sells = shown.page.sells and not settings.uses_sandbox
    return {
        "page": shown.page.name,
        "build": build_id(),
        "words": words.starting((*EVERYWHERE, *shown.page.words)),
        "csrf": sessions.csrf_token(person.session_id, request.state["secret"]) if person else "",
        "me": me_of(person, shown.now) if person else None,
        "sandbox": settings.uses_sandbox,
        "demo": is_demo(request),
        "stripe_script": STRIPE_SCRIPT if sells else None,
        "public_url": public_url(request),
        "gifts": [],
        "packs": [],
        "room": None,
        **shown.facts,
    }


def me_of(person: Person, now: datetime) -> dict[str, Any]:
    """Return what a page's script knows about whoever looks at it."""
    return {
        "handle": person.handle,
        "display_name": person.display_name,
        "adult": person.is_adult(now.date()),
        "birth_date": person.birth_date.isoformat() if person.birth_date else None,
        "roles": sorted(person.roles),
    }


def headers_of(request: Request[State], page: Page, nonce: str) -> dict[str, str]:
    """Return the headers that keep a page to itself."""
    sells = page.sells and not request.state["settings"].uses_sandbox
    devices = "(self)" if page.films else "()"
    return {
        "Content-Security-Policy": content_security_policy(
            nonce, request.headers.get("host", ""), sells=sells
        ),
        "Permissions-Policy": f"camera={devices}, microphone={devices}, geolocation=(), usb=()",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin-allow-popups" if sells else "same-origin",
        "Cache-Control": "no-store",
        "Vary": "Cookie",
    }


def content_security_policy(nonce: str, host: str, *, sells: bool) -> str:
    """Return a page's policy; ``sells`` lets Stripe's script and frames in."""
    # Not every browser counts the websocket of the same host as 'self'.
    sockets = f" ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
    stripe = "https://js.stripe.com https://*.js.stripe.com"
    rules = {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce}'" + (f" {stripe}" if sells else ""),
        "style-src": "'self'",
        "img-src": "'self' data: blob:" + (" https://*.stripe.com" if sells else ""),
        "media-src": "'self' blob:",
        "connect-src": "'self'" + sockets + (" https://api.stripe.com" if sells else ""),
        "frame-src": f"{stripe} https://hooks.stripe.com" if sells else "'none'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def is_demo(request: Request[State]) -> bool:
    """Return whether this server lets people switch who they are."""
    return any(getattr(route, "path", "") == DEMO_PATH for route in request.app.routes)


def public_url(request: Request[State]) -> str:
    """Return the address people use, without a slash at its end."""
    return request.state["settings"].public_url.rstrip("/") or str(request.base_url).rstrip("/")


# Templates


@cache
def templates() -> Environment:
    """Return the templates; what they get is escaped, and a missing value is an error."""
    found = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {
        "say": words.say,
        "counted": words.counted,
        "shortened": words.shortened,
        "money": words.money,
        "static": static_url,
        "icon": icon,
        "hue": hue,
        "json": script_json,
    }
    return found


def icon(name: str) -> Markup:
    """Return the icon ``name`` of the sprite; decoration only, so nothing is read out."""
    return Markup('<svg aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        static_url("art/icons.svg"), name
    )


def hue(handle: str) -> str:
    """Return the class of the colour that goes with ``handle``, the same on every page."""
    return f"hue-{sum(handle.encode()) % 8}"


def script_json(value: object) -> Markup:
    """Return ``value`` as JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, escaped)
    return Markup(text)


# Static files


class Kept(StaticFiles):
    """Files whose address changes with their content, so that browsers keep them."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the file, kept for a year."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, or refuse; scripts are never served as anything else."""
        response = await super().get_response(path, scope)
        if path.endswith(".svg"):
            response.headers["Content-Security-Policy"] = "default-src 'none'"
        return response


@cache
def build_id() -> str:
    """Return a name for the static files as they are: it changes when one of them does."""
    digest = hashlib.sha256()
    for folder in STATIC_FOLDERS:
        for file in sorted((STATIC / folder).rglob("*")):
            if file.is_file():
                digest.update(file.relative_to(STATIC).as_posix().encode() + b"\0")
                digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def static_url(path: str) -> str:
    """Return where the static file ``path`` is."""
    return f"/static/{build_id()}/{path}"


def static_routes() -> list[BaseRoute]:
    """Return the mounts of the static files: the build's segment is ignored."""
    return [
        Mount(f"/static/{{build}}/{folder}", Kept(directory=STATIC / folder), name=folder)
        for folder in STATIC_FOLDERS
    ]
