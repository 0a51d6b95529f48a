"""A till for tests: the payment routes on a real database, on a line that fails when told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import Connection, insert
from starlette.routing import BaseRoute

from wallet.errors import LedgerBroken, WriterStopped
from wallet.stripe_gateway import Carrier, StripeGateway
from wallet.writer import Writer
from web import finance_api, sandbox_api, stripe_sandbox, stripe_webhook, wallet_api
from web.database import PoolWriters, QueuedWrites, Readers, open_engine
from web.limits import Limits
from web.people import accounts, sessions
from web.people.accounts import Application
from web.people.tables import roles
from web.settings import Settings, read_settings
from web.state import State
from web.stripe_sandbox import INSIDE, PATH, carrier, in_process, sandbox_key

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SECRET = "a secret of the test"
PAID_COINS = 700
ROUTES: list[BaseRoute] = [
    *stripe_sandbox.routes,
    *(
        operation.route()
        for module in (wallet_api, sandbox_api, finance_api, stripe_webhook)
        for operation in module.operations
    ),
]


@dataclass
class Line:
    """A line to Stripe on which requests or answers get lost, in turn, as told.

    Attributes:
        faults: What happens to the next requests: "request" or "answer" is lost, "" neither.
        asked: Method, path and key of every request that was sent.
    """

    carry: Carrier
    faults: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[bytes, int, Mapping[str, str]]:
        path = url.removeprefix(f"{INSIDE}{PATH}")
        self.asked.append((method, path, headers.get("Idempotency-Key", "")))
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "request":
            raise OSError("the request was lost")
        answer = self.carry(method, url, headers, body)
        if fault == "answer":
            raise OSError("the answer was lost")
        return answer


class Till:
    """The running payment routes of one database.

    Attributes:
        now: What the clock says.
        line: The line to the sandbox.
        client: An HTTP client on this machine.
    """

    def __init__(self, url: str, **overrides: object) -> None:
        self.now = NOON
        self._engine = open_engine(url)
        self._read_engine = open_engine(url, read_only=True)
        self._writer = Writer(self._engine)
        self.settings: Settings = read_settings({}, database_url=url, **overrides)
        loop = asyncio.get_running_loop()
        self.line = Line(carrier(loop, lambda: self.state))
        gateway = StripeGateway(
            sandbox_key(SECRET),
            api_base=f"{INSIDE}{PATH}",
            carry=self.line,
            network_retries_max=0,
        )
        is_embedded = self.settings.is_embedded
        opened: dict[str, Any] = {
            "settings": self.settings,
            "clock": lambda: self.now,
            "secret": SECRET,
            "engine": self._engine,
            "read": Readers(self._read_engine),
            "write": QueuedWrites(self._writer.run) if is_embedded else PoolWriters(self._engine),
            "writer": self._writer,
            "limits": Limits(lambda: self.now.timestamp()),
            "stripe": gateway,
        }
        self.state = cast(State, opened)
        self.client = in_process(ROUTES, lambda: self.state)

    async def __aenter__(self) -> "Till":
        await self._writer.__aenter__()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.client.aclose()
        await self._writer.close()
        self._engine.dispose()
        self._read_engine.dispose()

    def later(self, **passed: float) -> None:
        """Move the clock."""
        self.now += timedelta(**passed)

    async def person(
        self, handle: str = "ana", *granted: str, birth_date: date | None = date(1990, 1, 1)
    ) -> dict[str, str]:
        """Return the headers of somebody who is logged in."""
        application = Application(handle, birth_date, None, None)
        await self.state["writer"].run(
            lambda conn: joined(conn, application, granted, now=self.now)
        )
        return {"Authorization": f"Bearer {token_of(handle)}"}

    async def ask(self, who: Mapping[str, str], key: str = "k", pack: str = "coins-700") -> Any:
        """Ask to buy a pack; the whole response."""
        return await self.client.post(
            "/api/wallet/purchases", json={"pack_id": pack}, headers={**who, "Idempotency-Key": key}
        )

    async def buy(self, who: Mapping[str, str], card: str = "ok", key: str = "k") -> str:
        """Ask for a pack and let a card do something; the purchase's id."""
        asked = await self.ask(who, key)
        assert asked.status_code == 201, asked.text
        purchase_id = str(asked.json()["purchase_id"])
        played = await self.pay(who, purchase_id, card)
        assert played.status_code == 200, played.text
        return purchase_id

    async def pay(self, who: Mapping[str, str], purchase_id: str, card: str = "ok") -> Any:
        """Let a card do something; the whole response."""
        path = f"/api/sandbox/purchases/{purchase_id}/pay"
        return await self.client.post(path, json={"card": card}, headers=who)

    async def get(self, path: str, who: Mapping[str, str]) -> Any:
        """Return what is at ``path``."""
        response = await self.client.get(path, headers=who)
        assert response.status_code == 200, response.text
        return response.json()

    async def coins(self, who: Mapping[str, str]) -> int:
        """Return what somebody can spend."""
        return int((await self.get("/api/wallet", who))["coins"])

    async def break_books(self) -> None:
        """Stop the writer as contradicting books do; what is read goes on."""
        with pytest.raises(WriterStopped):
            await self.state["writer"].run(contradict)

    async def stripe(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask the sandbox as Stripe's client would."""
        headers = {"Authorization": f"Bearer {sandbox_key(SECRET)}", **more.pop("headers", {})}
        return await self.client.request(method, f"{PATH}{path}", headers=headers, **more)


def contradict(_conn: Connection) -> None:
    """Find the books broken.

    Raises:
        LedgerBroken: Always.
    """
    raise LedgerBroken("a test said so")


def token_of(handle: str) -> str:
    """Return the session token of a test's person."""
    return f"token-of-{handle}"


def joined(
    conn: Connection, application: Application, granted: tuple[str, ...], *, now: datetime
) -> None:
    """Open an account with a session."""
    account_id = application.handle.encode().hex().ljust(32, "0")
    accounts.open_account(conn, application, account_id=account_id, password_hash="unused", now=now)
    sessions.open_session(
        conn,
        account_id,
        session_id=f"session-{application.handle}",
        token=token_of(application.handle),
        device="test",
        now=now,
    )
    for role in granted:
        conn.execute(insert(roles).values(account_id=account_id, role=role, granted_at=now))


@contextlib.asynccontextmanager
async def open_till(url: str, **overrides: object) -> AsyncIterator[Till]:
    """Open the till of a database."""
    async with Till(url, **overrides) as till:
        yield till
