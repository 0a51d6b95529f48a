"""Who people are and what they say is in no ledger table, export, log or metric.

Distinctive texts are planted wherever people can leave one, everything is used, kill -9 included,
and then the books, what they are handed out as, the log and the metrics are searched for every one
of them: as it is, and in the clothes in which bytes hide (base64 at each offset, hex, URL).
"""

import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx
from sqlalchemy import MetaData, select

from live.client_api import Account, Room, sign_up
from live.client_keys import new_key
from live.client_socket import SocketClient, room_socket
from tests.conftest import Server
from wallet import exports
from web.database import open_engine

PASSWORD = "planted-password-Zq1"
PLANTED_MIN = 20


@dataclass
class Garden:
    """What was planted, by what it is."""

    planted: dict[str, str] = field(default_factory=dict)

    def plant(self, what: str, form: str = "{}") -> str:
        """Return a text nobody else writes, and remember it."""
        self.planted[what] = form.format("zq" + secrets.token_hex(6))
        return self.planted[what]

    def found_in(self, place: bytes) -> list[str]:
        """Return what of all that was planted stands in ``place``, in whatever clothes."""
        folded = place.lower()
        return [
            what
            for what, text in self.planted.items()
            if any(dress in place for dress in cased(text.encode()))
            or any(dress.lower() in folded for dress in caseless(text))
        ]


def cased(text: bytes) -> Iterator[bytes]:
    """Yield the base64 of ``text`` at each offset it can have in a longer text."""
    for encode in (b64encode, urlsafe_b64encode):
        for offset in range(3):
            whole = encode(b"\0" * offset + text).rstrip(b"=")
            yield whole[4 if offset else 0 : -1]


def caseless(text: str) -> Iterator[bytes]:
    """Yield ``text`` as it is, in hexadecimal, escaped and in other widths."""
    yield text.encode()
    yield text.encode().hex().encode()
    yield quote(text, safe="").encode()
    yield text.encode("utf-16-le")


def test_a_planted_text_is_found_in_every_dress() -> None:
    garden = Garden()
    text = garden.plant("a name", "Ünï {}").encode()
    dresses: list[Callable[[bytes], bytes]] = [
        bytes,
        bytes.upper,
        lambda b: b.hex().encode(),
        lambda b: quote(b).encode(),
        lambda b: b64encode(b"x" + b + b"yz"),
        lambda b: urlsafe_b64encode(b"xy" + b + b"z"),
        lambda b: b64encode(b),
    ]

    assert [garden.found_in(b"before " + dress(text)) for dress in dresses] == [["a name"]] * 7
    assert garden.found_in(b"before and after") == []


async def test_nobody_is_named_in_books_exports_log_and_metrics(module_server: Server) -> None:
    garden = Garden()
    agent = garden.plant("user agent", "Agent/{}")
    async with httpx.AsyncClient(
        base_url=module_server.url, timeout=30, headers={"User-Agent": agent}
    ) as http:
        await live(module_server, http, garden)
        metrics = (await http.get("/metrics")).content

    assert len(garden.planted) >= PLANTED_MIN
    assert b"ovation_writer_" in metrics
    assert garden.found_in(metrics) == []
    log = module_server.log.read_bytes()
    assert b"socket joined" in log
    assert garden.found_in(log) == []
    books = ledger_rows(module_server)
    assert len(books) > 1_000
    assert garden.found_in(books) == []
    for form in exports.FORMS:
        exported = module_server.run("ledger", "export", "--format", form)
        assert exported.returncode == 0, exported.stderr
        assert exported.stdout
        assert garden.found_in(exported.stdout.encode()) == [], form


async def live(server: Server, http: httpx.AsyncClient, garden: Garden) -> None:
    """Do what people do here, and leave a planted text wherever one can be left."""
    creator = await sign_up(
        http, garden.plant("creator's handle"), PASSWORD, display_name=garden.plant("stage name")
    )
    viewer = await sign_up(
        http, garden.plant("viewer's handle"), PASSWORD, display_name=garden.plant("display name")
    )
    garden.planted |= {"password": PASSWORD, "session": viewer.token, "other": creator.token}
    changes = {
        "email": garden.plant("e-mail", "{}@planted.example"),
        "display_name": garden.plant("name with letters", "Zoë {}"),
    }
    await viewer.ask("PATCH", "/api/me", changes)
    opened = await creator.ask(
        "POST", "/api/rooms", {"title": garden.plant("title"), "tags": [garden.plant("tag")]}
    )
    room = Room(opened["room_id"], opened["stream_key"])
    garden.planted["stream key"] = room.stream_key
    garden.planted["channel key"] = (await creator.ask("POST", "/api/channel/key"))["channel_key"]
    path = f"/api/rooms/{room.room_id}"
    await creator.ask("PATCH", path, {"title": garden.plant("new title", "Ünï {}")})
    await trade(viewer, room)
    url = f"ws://127.0.0.1:{server.port}/socket"
    async with room_socket(url, room.room_id, token=viewer.token) as socket:
        await talk(socket, viewer, creator, room, garden)
    await stumble(http, viewer, room, garden)
    server.kill()
    server.start()
    await trade(viewer, room)
    await recover(server, http, viewer, garden)
    await creator.ask("POST", f"{path}/end")
    assert (await creator.ask("GET", "/api/wallet"))["diamonds"] > 0
    await creator.ask("POST", "/api/me/close", {"password": PASSWORD})


async def trade(viewer: Account, room: Room) -> None:
    """Buy, be refused, and give."""
    await viewer.buy("coins-70")
    await viewer.gift(room.room_id, "rose", quantity=3)
    refused = await viewer.http.post(
        f"/api/rooms/{room.room_id}/gifts",
        json={"gift_id": "rose", "quantity": 500},
        headers={"Authorization": f"Bearer {viewer.token}", "Idempotency-Key": new_key()},
    )
    assert refused.status_code == 402


async def talk(
    socket: SocketClient, viewer: Account, creator: Account, room: Room, garden: Garden
) -> None:
    """Chat, report, mute, ban."""
    said = await socket.chat(garden.plant("message"))
    await socket.chat(garden.plant("another message", "Ça va {} ?"))
    message_id, path = said["message"]["id"], f"/api/rooms/{room.room_id}"
    report = {"message_id": message_id, "reason": "spam", "detail": garden.plant("report's detail")}
    await creator.ask("POST", "/api/reports", report)
    await creator.ask("DELETE", f"{path}/messages/{message_id}")
    muted, banned = garden.plant("why muted"), garden.plant("why banned")
    await creator.ask("PUT", f"{path}/mutes/{viewer.handle}", {"reason": muted})
    await creator.ask("PUT", f"{path}/bans/{viewer.handle}", {"reason": banned})
    await creator.ask("DELETE", f"{path}/bans/{viewer.handle}")


async def stumble(http: httpx.AsyncClient, viewer: Account, room: Room, garden: Garden) -> None:
    """Ask for what is refused, with planted texts in every corner of the request."""
    odd = garden.plant("path")
    bearer = {"Authorization": f"Bearer {viewer.token}"}
    refused = [
        await http.get(f"/{odd}", params={"q": garden.plant("query")}),
        await http.get(f"/api/rooms/{odd}%00"),
        await http.post("/api/sessions", json={"handle": odd, "password": garden.plant("guess")}),
        await http.post("/api/sessions", content=odd.encode() + b"\xff\x00"),
        await http.post("/api/accounts", json={"handle": viewer.handle, "password": PASSWORD}),
        await http.post("/api/rooms", json={"title": odd * 50}, headers=bearer),
        await http.post("/api/stripe/webhook", json={odd: odd}, headers={"Stripe-Signature": odd}),
        await http.post(
            f"/whip/{room.room_id}",
            content=f"v=0\r\ns={garden.plant('SDP session name')}\r\n",
            headers={
                "Authorization": f"Bearer {room.stream_key}",
                "Content-Type": "application/sdp",
            },
        ),
        await http.get("/api/me", headers={"Authorization": f"Bearer {garden.plant('bad token')}"}),
    ]
    assert [answer.status_code // 100 for answer in refused] == [4] * len(refused)


async def recover(server: Server, http: httpx.AsyncClient, viewer: Account, garden: Garden) -> None:
    """Lose the password and set a new one, then be suspended with a reason."""
    printed = server.run("accounts", "reset", viewer.handle)
    assert printed.returncode == 0, printed.stderr
    link = next(word for word in printed.stdout.split() if word.startswith("http"))
    token = link.rpartition("=")[2]
    garden.planted["reset token"] = token
    assert (await http.get(link)).status_code == 200
    password = garden.plant("new password", "a good {}")
    changed = await http.post(f"/api/password-resets/{token}", json={"password": password})
    assert changed.status_code == 204
    why = garden.plant("why suspended")
    suspended = server.run("accounts", "suspend", viewer.handle, "--reason", why)
    assert suspended.returncode == 0, suspended.stderr


def ledger_rows(server: Server) -> bytes:
    """Return every value of every ledger table as bytes."""
    in_file = f"sqlite:///{server.folder / 'var' / 'ovation.db'}"
    engine = open_engine(server.environ.get("OVATION_DATABASE_URL", in_file))
    found: list[bytes] = []
    metadata = MetaData()
    metadata.reflect(engine)
    tables = [table for table in metadata.sorted_tables if table.name.startswith("ledger_")]
    assert tables
    with engine.connect() as conn:
        for table in tables:
            for row in conn.execute(select(table)):
                found += [
                    value if isinstance(value, bytes) else str(value).encode() for value in row
                ]
    engine.dispose()
    return b"\n".join(found)
