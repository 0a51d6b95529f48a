"""The finance desk: who may look, what it adds up to, and what the last proof said."""

import csv
import io
from collections.abc import AsyncIterator

import pytest

from tests.web.payments import Till, open_till
from wallet import ledger
from wallet.coins import Gift
from wallet.tables import verifications
from web import finance_api


@pytest.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    """Payment routes on a database of the test's own."""
    async with open_till(database_url) as found:
        yield found


async def give(till: Till, sender: str, coins: int) -> None:
    """Let somebody give coins to a creator."""
    sender_id = sender.encode().hex().ljust(32, "0")
    gift = Gift(
        viewer_id=sender_id,
        creator_id="c" * 32,
        coins=coins,
        diamonds=coins,
        held_micros=coins * 5_000,
        currency="EUR",
    )
    command = ledger.ask(
        gift, account_id=sender_id, route="gift", key="k", terms=b"", asked_at=till.now
    )
    await till.state["writer"].run(lambda conn: ledger.post(conn, [command]))


async def overview(till: Till, who: dict[str, str], **query: str) -> dict[str, object]:
    """Return the overview."""
    response = await till.client.get("/api/finance/overview", params=query, headers=who)
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found


@pytest.mark.parametrize("role", ["finance-maker", "finance-checker", "admin"])
async def test_finance_staff_may_look(till: Till, role: str) -> None:
    fin = await till.person("fin", role)

    shown = await overview(till, fin)

    assert (shown["owed_viewers_minor"], shown["owed_creators_minor"]) == (0, 0)
    assert (shown["currency"], shown["last_verification"]) == ("EUR", None)
    assert len(shown["days"]) == 30  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/api/finance/overview", "/api/finance/days.csv"])
async def test_nobody_else_may(till: Till, path: str) -> None:
    ana, mod = await till.person("ana"), await till.person("mod", "moderator")

    codes = [(await till.client.get(path, headers=who)).status_code for who in ({}, ana, mod)]

    assert codes == [401, 403, 403]


async def test_what_is_owed_sold_and_given_is_what_the_ledger_has(till: Till) -> None:
    fin, ana = await till.person("fin", "finance-maker"), await till.person("ana")
    await till.buy(ana)
    await give(till, "ana", 350)

    shown = await overview(till, fin, **{"from": "2026-01-02", "to": "2026-01-02"})

    assert shown == {
        "owed_viewers_minor": 485,  # half of €9.69, rounded half up
        "owed_creators_minor": 175,
        "currency": "EUR",
        "days": [
            {
                "day": "2026-01-02",
                "sales_minor": 969,
                "coins_sold": 700,
                "gifts": 1,
                "coins_gifted": 350,
            }
        ],
        "last_verification": None,
    }


@pytest.mark.parametrize("path", ["/api/finance/overview", "/api/finance/days.csv"])
async def test_the_desk_stays_open_when_broken_books_have_stopped_the_writer(
    till: Till, path: str
) -> None:
    fin, ana = await till.person("fin", "finance-maker"), await till.person("ana")
    await till.buy(ana)
    await till.break_books()

    response = await till.client.get(path, headers=fin)

    assert response.status_code == 200


async def test_the_days_are_a_table_for_a_spreadsheet(till: Till) -> None:
    fin, ana = await till.person("fin", "finance-checker"), await till.person("ana")
    await till.buy(ana)

    response = await till.client.get(
        "/api/finance/days.csv", params={"from": "2026-01-01", "to": "2026-01-02"}, headers=fin
    )

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "ovation-days-2026-01-01-2026-01-02.csv" in response.headers["content-disposition"]
    assert list(csv.reader(io.StringIO(response.text))) == [
        ["day", "currency", "sales_minor", "coins_sold", "gifts", "coins_gifted"],
        ["2026-01-01", "EUR", "0", "0", "0", "0"],
        ["2026-01-02", "EUR", "969", "700", "0", "0"],
    ]


async def test_no_cell_of_the_table_can_become_a_formula(till: Till) -> None:
    fin = await till.person("fin", "admin")

    table = (await till.client.get("/api/finance/days.csv", headers=fin)).text

    cells = [cell for row in csv.reader(io.StringIO(table)) for cell in row]
    assert len(cells) == 31 * 6
    assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in cells)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from": "2026-01-02", "to": "2026-01-01"}, "bad_span"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "bad_span"),
        ({"from": "1969-12-31", "to": "1970-01-01"}, "bad_span"),
        ({"to": "0001-01-01"}, "bad_span"),
        ({"from": "yesterday"}, "bad_query"),
    ],
)
async def test_no_such_span(till: Till, query: dict[str, str], code: str) -> None:
    fin = await till.person("fin", "admin")

    for path in ("/api/finance/overview", "/api/finance/days.csv"):
        refused = await till.client.get(path, params=query, headers=fin)
        assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_the_books_are_proved_once_an_hour_and_the_verdict_is_shown(till: Till) -> None:
    fin, ana = await till.person("fin", "admin"), await till.person("ana")
    await till.buy(ana)

    await finance_api.verify_now_and_then(till.state)
    first = (await overview(till, fin))["last_verification"]
    till.later(minutes=59)
    await finance_api.verify_now_and_then(till.state)
    still = (await overview(till, fin))["last_verification"]
    till.later(minutes=1)
    await finance_api.verify_now_and_then(till.state)
    second = (await overview(till, fin))["last_verification"]

    # The journal's rows: its chain was opened, then the pack was sold.
    assert first == {"at": "2026-01-02T12:00:00Z", "ok": True, "postings": 2}
    assert still == first
    assert second == {"at": "2026-01-02T13:00:00Z", "ok": True, "postings": 2}


async def test_books_that_do_not_hold_are_shown_as_such(till: Till) -> None:
    fin, ana = await till.person("fin", "admin"), await till.person("ana")
    await till.buy(ana)
    await till.state["writer"].run(
        lambda conn: conn.exec_driver_sql("UPDATE ledger_accounts SET balance = balance + 1")
    )

    await finance_api.verify_books(till.state)

    shown = (await overview(till, fin))["last_verification"]
    assert isinstance(shown, dict)
    assert shown["ok"] is False
    complaints = await till.state["read"](
        lambda conn: conn.scalar(
            verifications.select().with_only_columns(verifications.c.complaints)
        )
    )
    assert complaints


async def test_the_newest_verdict_counts(till: Till) -> None:
    for hour, ok in ((1, True), (3, False), (2, True)):
        at = till.now.replace(hour=hour)
        await till.state["write"](finance_api.keep_verification, ok, hour, "", now=at)

    last = await till.state["read"](finance_api.last_verification)

    assert last == finance_api.Verification(till.now.replace(hour=3), False, 3)
