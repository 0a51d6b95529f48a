"""Gifts over HTTP: the menu, exactly once per key, and every refusal."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gifts.menu import QUANTITY_MAX
from gifts.sent import Sent
from tests.gifts.builders import NOON
from tests.web.gift_people import a_key, a_stage, a_viewer, give, keyed, wallet_of
from tests.web.http_people import Guest, a_guest, code_of
from web.errors import Problem
from web.gifts_api import CURSOR, REFUSED, journal_key, place_of, receipt

COMBO = "01890a5d-ac96-774b-bcce-b302099a8057"
SIMULTANEOUS = 24


def test_the_menu_holds_a_one_coin_rose(client: httpx.Client) -> None:
    menu = client.get("/api/gifts").json()

    rose = {"gift_id": "rose", "name": "Rose", "coins": 1, "tier": 1}
    assert rose | {"art": "art/gifts/rose.svg"} in menu["gifts"]
    assert menu["version"] >= 1


def test_a_gift_is_answered_with_itself_and_the_balance(client: httpx.Client) -> None:
    creator, room_id = a_stage(client)
    viewer = a_viewer(client)

    answer = give(viewer, room_id, "coffee", quantity=2, coins=5, combo_id=COMBO)

    assert answer.status_code == 201
    gift = answer.json()["gift"]
    assert {name: gift[name] for name in ("gift_id", "quantity", "unit_coins", "coins")} == {
        "gift_id": "coffee",
        "quantity": 2,
        "unit_coins": 5,
        "coins": 10,
    }
    assert (gift["room_id"], gift["tier"], gift["combo_id"]) == (room_id, 1, COMBO)
    assert answer.json()["balance"] == {"coins": 60}
    assert (wallet_of(viewer)["coins"], wallet_of(creator)["diamonds"]) == (60, 10)


def test_many_simultaneous_sends_under_one_key_are_one_gift(client: httpx.Client) -> None:
    creator, room_id = a_stage(client)
    viewer, key = a_viewer(client), a_key()

    with ThreadPoolExecutor(SIMULTANEOUS) as crowd:
        sending = [
            crowd.submit(give, viewer, room_id, "coffee", key=key) for _ in range(SIMULTANEOUS)
        ]
        answers = [sent.result() for sent in sending]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (wallet_of(viewer)["coins"], wallet_of(creator)["diamonds"]) == (65, 5)


def test_simultaneous_sends_spend_no_coin_twice(client: httpx.Client) -> None:
    creator, room_id = a_stage(client)
    viewer = a_viewer(client)  # with 70 coins

    with ThreadPoolExecutor(SIMULTANEOUS) as crowd:
        sending = [crowd.submit(give, viewer, room_id, "balloon") for _ in range(SIMULTANEOUS)]
        statuses = [sent.result().status_code for sent in sending]

    assert (statuses.count(201), statuses.count(402)) == (7, SIMULTANEOUS - 7)
    assert (wallet_of(viewer)["coins"], wallet_of(creator)["diamonds"]) == (0, 70)


def test_too_few_coins_are_refused_with_how_many_are_missing(client: httpx.Client) -> None:
    _, room_id = a_stage(client)
    viewer, key = a_viewer(client), a_key()

    refused = give(viewer, room_id, "microphone", key=key)

    assert code_of(refused) == (402, "insufficient_coins")
    assert refused.json()["short_by"] == 30
    assert give(viewer, room_id, "microphone", key=key).content == refused.content
    assert wallet_of(viewer)["coins"] == 70


def test_a_key_used_for_another_order_is_refused(client: httpx.Client) -> None:
    _, room_id = a_stage(client)
    viewer, key = a_viewer(client), a_key()
    give(viewer, room_id, key=key)

    assert code_of(give(viewer, room_id, "heart", key=key)) == (409, "key_reused")
    assert wallet_of(viewer)["coins"] == 69


def test_any_printable_key_of_255_characters_works_as_well_as_a_uuid(client: httpx.Client) -> None:
    _, room_id = a_stage(client)
    viewer, key = a_viewer(client), "Ana's gift! " + "x" * 243

    first, second = give(viewer, room_id, key=key), give(viewer, room_id, key=key)

    assert (first.status_code, first.content) == (201, second.content)
    assert wallet_of(viewer)["coins"] == 69


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "key_missing"),
        ({"Idempotency-Key": ""}, "key_missing"),
        ({"Idempotency-Key": "x" * 256}, "key_invalid"),
    ],
)
def test_a_gift_without_a_good_key_is_refused(
    client: httpx.Client, headers: dict[str, str], code: str
) -> None:
    _, room_id = a_stage(client)
    viewer = a_guest(client)

    answer = client.post(
        f"/api/rooms/{room_id}/gifts",
        json={"gift_id": "rose"},
        headers={"Authorization": f"Bearer {viewer.token}", **headers},
    )

    assert code_of(answer) == (400, code)


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"gift_id": "unicorn"}, 404, "unknown_gift"),
        ({"gift_id": ""}, 422, "bad_request"),
        ({"gift_id": "rose", "quantity": 0}, 422, "bad_request"),
        ({"gift_id": "rose", "quantity": QUANTITY_MAX + 1}, 422, "bad_request"),
        ({"gift_id": "rose", "quantity": 1.5}, 422, "bad_request"),
        ({"gift_id": "rose", "coins": 0}, 422, "bad_request"),
        ({"gift_id": "rose", "combo_id": "Ana Maria"}, 422, "bad_request"),
        ({"quantity": 1}, 422, "bad_request"),
        ([], 422, "bad_request"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(
    client: httpx.Client, order: Any, status: int, code: str
) -> None:
    _, room_id = a_stage(client)
    viewer = a_guest(client)

    answer = keyed(viewer, f"/api/rooms/{room_id}/gifts", order)

    assert code_of(answer) == (status, code)


def test_a_gift_dearer_than_believed_is_refused_with_its_price(client: httpx.Client) -> None:
    _, room_id = a_stage(client)
    viewer = a_viewer(client)

    refused = give(viewer, room_id, "coffee", coins=4)

    assert code_of(refused) == (409, "price_changed")
    assert refused.json()["coins"] == 5


def test_creators_give_nothing_to_themselves(client: httpx.Client) -> None:
    creator, room_id = a_stage(client)

    assert code_of(give(creator, room_id)) == (409, "gift_to_oneself")


def test_a_gift_to_no_room_is_refused(client: httpx.Client) -> None:
    viewer = a_guest(client)

    assert code_of(give(viewer, "nosuchroom22")) == (404, "unknown_room")


def test_an_ended_room_takes_no_gift_but_repeats_its_answers(client: httpx.Client) -> None:
    creator, room_id = a_stage(client)
    viewer, key = a_viewer(client), a_key()
    sent = give(viewer, room_id, key=key)
    creator.ask("POST", f"/api/rooms/{room_id}/end", {})

    assert code_of(give(viewer, room_id)) == (409, "room_ended")
    assert give(viewer, room_id, key=key).content == sent.content


def test_who_was_banned_cannot_give(client: httpx.Client) -> None:
    creator, room_id = a_stage(client)
    viewer = a_viewer(client)
    banned = creator.ask("PUT", f"/api/rooms/{room_id}/bans/{viewer.handle}", {"reason": "Spam"})
    assert banned.is_success, banned.text

    assert code_of(give(viewer, room_id)) == (403, "not_welcome")


def test_who_is_muted_can_give(client: httpx.Client) -> None:
    creator, room_id = a_stage(client)
    viewer = a_viewer(client)
    muted = creator.ask("PUT", f"/api/rooms/{room_id}/mutes/{viewer.handle}", {"reason": "Loud"})
    assert muted.is_success, muted.text

    assert give(viewer, room_id).status_code == 201


@pytest.mark.parametrize("is_viewer_blocking", [True, False])
def test_a_block_stands_between_two_people_either_way(
    client: httpx.Client, is_viewer_blocking: bool
) -> None:
    creator, room_id = a_stage(client)
    viewer = a_viewer(client)
    one, other = (viewer, creator) if is_viewer_blocking else (creator, viewer)
    blocked = one.ask("PUT", f"/api/accounts/{other.handle}/block")
    assert blocked.is_success, blocked.text

    assert code_of(give(viewer, room_id)) == (403, "not_welcome")


def test_who_is_under_age_cannot_give(client: httpx.Client) -> None:
    _, room_id = a_stage(client)
    young = a_guest(client, birth_date=f"{NOON.year - 14}-01-01")

    assert code_of(give(young, room_id)) == (403, "too_young")


def test_strangers_cannot_give(client: httpx.Client) -> None:
    _, room_id = a_stage(client)

    answer = client.post(
        f"/api/rooms/{room_id}/gifts",
        json={"gift_id": "rose"},
        headers={"Idempotency-Key": a_key()},
    )

    assert code_of(answer) == (401, "not_signed_in")


def test_a_rooms_gifts_are_read_on_from_a_cursor(client: httpx.Client) -> None:
    _, room_id = a_stage(client)
    viewer = a_viewer(client)
    ids = [give(viewer, room_id).json()["gift"]["id"] for _ in range(3)]

    whole = read_gifts(client, room_id)
    rest = read_gifts(client, room_id, after=ids[0])

    assert [gift["id"] for gift in whole["gifts"]] == ids
    assert [gift["id"] for gift in rest["gifts"]] == ids[1:]
    assert whole["cursor"] == rest["cursor"] == ids[-1]
    assert whole["gifts"][0]["from"]["handle"] == viewer.handle


def read_gifts(client: httpx.Client, room_id: str, **query: str) -> dict[str, Any]:
    """Return a page of a room's gifts."""
    page = client.get(f"/api/rooms/{room_id}/gifts", params=query)
    assert page.status_code == 200, page.text
    found: dict[str, Any] = page.json()
    return found


def test_a_cursor_that_is_none_of_ours_is_refused(client: httpx.Client) -> None:
    _, room_id = a_stage(client)

    answer = client.get(f"/api/rooms/{room_id}/gifts", params={"after": "yesterday"})

    assert code_of(answer) == (422, "bad_query")


def test_a_suspended_creator_receives_nothing(client: httpx.Client, module_server: Any) -> None:
    creator, room_id = a_stage(client)
    viewer = a_viewer(client)
    stopped = module_server.run("accounts", "suspend", creator.handle)
    assert stopped.returncode == 0, stopped.stderr

    assert code_of(give(viewer, room_id))[0] == 409
    assert wallet_of(viewer)["coins"] == 70


def test_who_collects_refusals_without_end_is_slowed_down(client: httpx.Client) -> None:
    _, room_id = a_stage(client)
    poor = a_guest(client)

    with ThreadPoolExecutor(SIMULTANEOUS) as crowd:
        asking = [crowd.submit(give, poor, room_id) for _ in range(REFUSED.burst + 200)]
        answers = [asked.result() for asked in asking]

    slowed = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {402, 429}
    assert code_of(slowed[0]) == (429, "too_many")
    assert int(slowed[0].headers["retry-after"]) >= 1


SENT = Sent(
    chain=3,
    sequence=41,
    at=NOON,
    sender_id="v" * 32,
    room_id="roomroomroom",
    creator_id="c" * 32,
    gift_id="rose",
    quantity=2,
    unit_coins=1,
    menu_version=1,
    diamonds=2,
    held_micros=10_000,
    stream_ms=0,
    combo_id="",
    coins_after=68,
)


def test_the_bytes_of_an_answer_never_change() -> None:
    """Old keys must be answered as they were: change this only by adding to the contract."""
    assert msgspec.json.encode(receipt(SENT)) == (
        b'{"gift":{"id":"3-41","room_id":"roomroomroom","gift_id":"rose","quantity":2,'
        b'"unit_coins":1,"coins":2,"tier":1,"combo_id":null,"at":"2026-01-02T12:00:00Z"},'
        b'"balance":{"coins":68}}'
    )


def test_the_journal_keeps_a_uuid_and_hides_any_other_key() -> None:
    assert journal_key(COMBO) == COMBO
    assert journal_key("Ana") == journal_key("Ana") != journal_key("Ben")
    assert "Ana" not in journal_key("Ana")


@given(st.text(max_size=300))
def test_every_key_fits_the_journal(key: str) -> None:
    assert 0 < len(journal_key(key)) <= 71
    assert journal_key(key).isascii()


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_a_cursor_names_a_place(chain: int, sequence: int) -> None:
    assert place_of(f"{chain}-{sequence}") == (chain, sequence)


@given(st.text(min_size=1, max_size=60).filter(lambda text: not CURSOR.fullmatch(text)))
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(Problem) as refused:
        place_of(text)

    assert (refused.value.status, refused.value.code) == (422, "bad_query")


def a_crowd(client: httpx.Client, count: int) -> list[Guest]:
    """Return several viewers with 70 coins each."""
    return [a_viewer(client) for _ in range(count)]


def test_gifts_of_several_viewers_make_the_board(client: httpx.Client) -> None:
    _, room_id = a_stage(client)
    one, other = a_crowd(client, 2)
    give(one, room_id, "rose")
    give(other, room_id, "coffee")

    board = client.get(f"/api/rooms/{room_id}/supporters").json()["supporters"]

    assert [(place["handle"], place["coins"]) for place in board] == [
        (other.handle, 5),
        (one.handle, 1),
    ]
