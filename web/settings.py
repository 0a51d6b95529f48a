"""Every setting of a running server, read from the environment once, here and nowhere else.

Each field documents itself: the environment name is ``OVATION_`` plus the field's name in
capitals, and ``ovation serve --help`` prints them all.

Units   Ports are UDP or TCP port numbers; nothing else here has a unit.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

PREFIX = "OVATION_"
LIVE_KEY_PREFIXES = ("sk_live_", "rk_live_")


class BadSettings(Exception):
    """The environment holds values the server cannot start with.

    Attributes:
        complaints: One sentence for each wrong or missing setting, all of them at once.
    """

    def __init__(self, complaints: list[str]) -> None:
        super().__init__(complaints)
        self.complaints = complaints

    def __str__(self) -> str:
        return "\n".join(self.complaints)


def setting(default: object, doc: str) -> Any:
    """Declare a field that is read from the environment."""
    return field(metadata={"default": default, "doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked; values only, nothing is opened here."""

    host: str = setting("127.0.0.1", "address the HTTP server listens on")
    port: int = setting(8000, "TCP port of the HTTP server; 0 takes a free one")
    media_host: tuple[str, ...] = setting(
        (),
        "comma-separated addresses put into SDP; default: the host's own, "
        "plus 127.0.0.1 when listening on loopback",
    )
    media_port: int = setting(8000, "UDP port of the media plane; one per process from here up")
    database_url: str = setting(
        "sqlite:///var/ovation.db", "sqlite:///PATH or postgresql://USER@HOST/NAME"
    )
    redis_url: str = setting("", "reserved for many nodes; must be unset in this version")
    processes: int = setting(1, "server processes; more than 1 needs PostgreSQL and Redis")
    storage_url: str = setting("file://var/media", "where recorded files go")
    stripe_secret_key: str = setting("", "Stripe's secret key; unset: the sandbox, test money")
    stripe_webhook_secret: str = setting("", "signing secret of the Stripe webhook endpoint")
    stripe_publishable_key: str = setting("", "Stripe's publishable key, sent to browsers")
    stripe_api_base: str = setting("", "address of Stripe's API when it is not Stripe's own")
    secret_key: str = setting("", "signs tokens; default: made once, kept beside the database")
    public_url: str = setting("", "address people use: links, WHIP, Secure cookies, Origin check")
    trusted_proxies: tuple[str, ...] = setting(
        ("127.0.0.0/8", "::1/128"),
        "comma-separated networks whose X-Forwarded-For is believed",
    )
    smtp_url: str = setting("", "smtp://USER:PASSWORD@HOST:PORT for password resets")
    legal_dir: str = setting("", "folder with terms.md, privacy.md and contact.md")
    sandbox: bool = setting(False, "1: the sandbox also answers to hosts other than loopback")

    @property
    def livemode(self) -> bool:
        """Whether real money moves: the Stripe key is a live one."""
        return self.stripe_secret_key.startswith(LIVE_KEY_PREFIXES)

    @property
    def uses_sandbox(self) -> bool:
        """Whether payments go to the built-in sandbox because no Stripe key is set."""
        return not self.stripe_secret_key

    @property
    def secure(self) -> bool:
        """Whether people reach the server by https."""
        return self.public_url.startswith("https://")

    @property
    def is_embedded(self) -> bool:
        """Whether the database is the embedded one (SQLite)."""
        return self.database_url.startswith("sqlite")

    @property
    def var_dir(self) -> Path:
        """The folder for what the server makes itself: the database's, or ``var``."""
        path = urlsplit(self.database_url).path
        return Path(path.removeprefix("/")).parent if self.is_embedded and path else Path("var")


def documented() -> Iterator[tuple[str, str, str]]:
    """Yield (environment name, default, meaning) of every setting."""
    for one in fields(Settings):
        default = one.metadata["default"]
        shown = ",".join(default) if isinstance(default, tuple) else str(default)
        yield PREFIX + one.name.upper(), shown, one.metadata["doc"]


def read_settings(environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Return the settings of ``environ`` (the process's own by default).

    Raises:
        BadSettings: Names everything that is wrong at once.
    """
    environ = os.environ if environ is None else environ
    kinds = get_type_hints(Settings)
    complaints: list[str] = []
    values: dict[str, Any] = {}
    for one in fields(Settings):
        name = PREFIX + one.name.upper()
        text = environ.get(name, "").strip()
        try:
            parsed = parse(text, kinds[one.name]) if text else one.metadata["default"]
        except ValueError as error:
            complaints.append(f"{name}: {error}")
            parsed = one.metadata["default"]
        values[one.name] = overrides.get(one.name, parsed)
    known = {PREFIX + one.name.upper() for one in fields(Settings)}
    complaints += [
        f"{name}: no such setting; see `ovation serve --help`"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known
    ]
    settings = Settings(**values)
    complaints += contradictions(settings)
    if complaints:
        raise BadSettings(complaints)
    return settings


def parse(text: str, kind: object) -> object:
    """Return ``text`` as a value of ``kind``.

    Raises:
        ValueError: ``text`` is not one.
    """
    if kind is int:
        return int(text)
    if kind is bool:
        if text.lower() not in ("0", "1", "true", "false"):
            raise ValueError(f"{text!r} is neither 1 nor 0")
        return text.lower() in ("1", "true")
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def contradictions(settings: Settings) -> list[str]:
    """Return a sentence for each combination the server refuses to start with."""
    found: list[str] = []
    if not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        found.append("OVATION_DATABASE_URL: must begin with sqlite:/// or postgresql://")
    found += [
        f"{PREFIX}{name.upper()}: not a port number"
        for name in ("port", "media_port")
        if not 0 <= getattr(settings, name) <= 65_535
    ]
    if settings.processes != 1 and (settings.is_embedded or not settings.redis_url):
        found.append("OVATION_PROCESSES: more than 1 needs PostgreSQL and OVATION_REDIS_URL")
    if settings.processes != 1 or settings.redis_url:
        found.append("OVATION_REDIS_URL, OVATION_PROCESSES: this version runs as one process")
    if settings.public_url and urlsplit(settings.public_url).scheme not in ("http", "https"):
        found.append("OVATION_PUBLIC_URL: must begin with http:// or https://")
    for network in settings.trusted_proxies:
        try:
            ip_network(network)
        except ValueError:
            found.append(f"OVATION_TRUSTED_PROXIES: {network!r} is not a network")
    if settings.stripe_secret_key and not settings.stripe_webhook_secret:
        found.append("OVATION_STRIPE_WEBHOOK_SECRET: needed with OVATION_STRIPE_SECRET_KEY")
    if settings.stripe_secret_key and not settings.stripe_publishable_key:
        found.append("OVATION_STRIPE_PUBLISHABLE_KEY: needed with OVATION_STRIPE_SECRET_KEY")
    return found


def dangers(settings: Settings, media_hosts: tuple[str, ...]) -> list[str]:
    """Return a sentence for each setting that works but is likely to hurt."""
    found: list[str] = []
    if settings.public_url and not any(is_public(host) for host in media_hosts):
        found.append(
            "people come from outside, but every media address is private: set OVATION_MEDIA_HOST"
        )
    if settings.public_url and not settings.secure:
        found.append("OVATION_PUBLIC_URL is http: browsers allow cameras only on https")
    if settings.public_url and settings.uses_sandbox:
        found.append("no Stripe key: coins are test money")
    return found


def is_public(host: str) -> bool:
    """Return whether the address ``host`` is one the whole internet can reach."""
    try:
        return ip_address(host).is_global
    except ValueError:
        return True  # a name: its owner knows


def load_secret(settings: Settings) -> str:
    """Return the key that signs tokens: the one set, or one made once, kept with mode 0600."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.var_dir / "secret-key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
    return path.read_text().strip()
