"""Rooms over HTTP: opening, finding, watching, ending, the channel key."""

import httpx
import pytest

from tests.conftest import Server
from tests.web.room_people import Member, open_room, room_socket, sign_up


@pytest.fixture
def creator(client: httpx.Client) -> Member:
    return sign_up(client, "cai")


@pytest.fixture
def room_id(client: httpx.Client, creator: Member) -> str:
    return open_room(client, creator)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_room_is_opened_by_its_creator_and_found_by_anybody(
    client: httpx.Client, creator: Member
) -> None:
    wanted = {"title": " Evening  songs ", "tags": ["#Music"]}
    opened = client.post("/api/rooms", json=wanted, headers=creator.headers)

    assert opened.status_code == 201
    made = opened.json()
    assert made["whip_url"].endswith(f"/whip/{made['room_id']}")
    found = client.get(f"/api/rooms/{made['room_id']}").json()
    assert (found["title"], found["tags"], found["state"]) == ("Evening songs", ["music"], "open")
    assert found["creator"]["handle"] == creator.handle
    assert found["viewer_count"] == 0
    assert made["stream_key"] not in str(found)


def test_only_live_rooms_are_listed(client: httpx.Client, room_id: str) -> None:
    listed = client.get("/api/rooms")

    assert listed.status_code == 200
    assert room_id not in {room["room_id"] for room in listed.json()["rooms"]}


def test_strangers_and_minors_open_no_room(client: httpx.Client) -> None:
    minor = sign_up(client, "kid", birth_date="2011-01-01")
    wanted = {"title": "Songs"}

    assert client.post("/api/rooms", json=wanted).status_code == 401
    refused = client.post("/api/rooms", json=wanted, headers=minor.headers)
    assert code_of(refused) == (403, "too_young")
    keyed = client.post("/api/channel/key", headers=minor.headers)
    assert code_of(keyed) == (403, "too_young")


@pytest.mark.parametrize(
    "wanted", [{"title": ""}, {"title": "x" * 101}, {"title": "a", "tags": ["a b"]}]
)
def test_words_outside_the_rules_are_refused(
    client: httpx.Client, creator: Member, room_id: str, wanted: dict[str, object]
) -> None:
    opened = client.post("/api/rooms", json=wanted, headers=creator.headers)
    changed = client.patch(f"/api/rooms/{room_id}", json=wanted, headers=creator.headers)

    assert code_of(opened) == (422, "bad_room_text")
    assert code_of(changed) == (422, "bad_room_text")


def test_a_room_nobody_opened_is_not_found(client: httpx.Client, creator: Member) -> None:
    for path in ("/api/rooms/nowhere", "/api/rooms/nowhere/supporters"):
        assert code_of(client.get(path)) == (404, "unknown_room")
    for path in ("/api/rooms/nowhere/end", "/api/rooms/nowhere/views"):
        assert code_of(client.post(path, headers=creator.headers)) == (404, "unknown_room")


def test_a_changed_title_is_told_in_the_room(
    client: httpx.Client, creator: Member, room_id: str, module_server: Server
) -> None:
    with room_socket(module_server.url) as socket:
        socket.hello(room_id)

        changed = client.patch(
            f"/api/rooms/{room_id}", json={"title": "Night songs"}, headers=creator.headers
        )

        assert changed.json()["title"] == "Night songs"
        assert socket.until("room")["title"] == "Night songs"


def test_only_its_creator_changes_ends_and_measures_a_room(
    client: httpx.Client, room_id: str
) -> None:
    ben = sign_up(client, "ben")

    answers = [
        client.patch(f"/api/rooms/{room_id}", json={"title": "Mine"}, headers=ben.headers),
        client.post(f"/api/rooms/{room_id}/end", headers=ben.headers),
        client.get(f"/api/rooms/{room_id}/health", headers=ben.headers),
        client.get(f"/api/rooms/{room_id}/summary", headers=ben.headers),
    ]

    assert [code_of(answer) for answer in answers] == [(403, "not_your_room")] * 4
    assert client.get(f"/api/rooms/{room_id}").json()["state"] == "open"


def test_ending_shows_the_summary_and_ending_again_shows_it_again(
    client: httpx.Client, creator: Member, room_id: str, module_server: Server
) -> None:
    with room_socket(module_server.url) as socket:
        socket.hello(room_id, creator)
        socket.ask({"t": "chat", "key": "k", "text": "Hello"})
        socket.send({"t": "like", "count": 5})
        socket.until("likes")

        ended = client.post(f"/api/rooms/{room_id}/end", headers=creator.headers)

    again = client.post(f"/api/rooms/{room_id}/end", headers=creator.headers)
    summary = ended.json()["summary"]
    assert ended.json() == again.json()
    assert (summary["peak_viewer_count"], summary["view_count"]) == (1, 1)
    assert (summary["message_count"], summary["like_count"]) == (1, 5)
    assert (summary["gift_count"], summary["diamonds"], summary["live_ms"]) == (0, 0, 0)
    assert client.get(f"/api/rooms/{room_id}").json()["state"] == "ended"


def test_health_of_a_room_without_media_says_so(
    client: httpx.Client, creator: Member, room_id: str
) -> None:
    health = client.get(f"/api/rooms/{room_id}/health", headers=creator.headers).json()

    assert (health["is_live"], health["bitrate_bps"], health["codecs"]) == (False, 0, {})


def test_a_room_without_gifts_has_no_supporters(client: httpx.Client, room_id: str) -> None:
    assert client.get(f"/api/rooms/{room_id}/supporters").json() == {"supporters": []}


def test_a_view_makes_somebody_a_viewer(client: httpx.Client, room_id: str) -> None:
    opened = client.post(f"/api/rooms/{room_id}/views")

    assert opened.status_code == 201
    assert opened.json().keys() == {"view_id", "view_token", "expires_at"}
    assert client.get(f"/api/rooms/{room_id}").json()["viewer_count"] == 1


def test_guests_of_one_address_are_limited(client: httpx.Client, room_id: str) -> None:
    home = {"X-Forwarded-For": "203.0.113.7"}

    answers = [client.post(f"/api/rooms/{room_id}/views", headers=home) for _ in range(21)]
    ben = sign_up(client, "ben")
    person = client.post(f"/api/rooms/{room_id}/views", headers=home | ben.headers)

    assert [answer.status_code for answer in answers[:20]] == [201] * 20
    assert code_of(answers[20]) == (429, "too_many_views")
    assert person.status_code == 201


def test_a_channel_key_is_shown_once_and_known_by_its_end(
    client: httpx.Client, creator: Member
) -> None:
    before = client.get("/api/channel", headers=creator.headers).json()

    made = client.post("/api/channel/key", headers=creator.headers)
    rotated = client.post("/api/channel/key", headers=creator.headers).json()
    after = client.get("/api/channel", headers=creator.headers).json()

    assert before["stream_key_hint"] is None
    assert made.status_code == 201
    assert made.json()["channel_key"] != rotated["channel_key"]
    assert rotated["channel_key"].endswith(after["stream_key_hint"])
    assert len(after["stream_key_hint"]) == 4
    assert after["whip_url"].endswith("/whip")


def test_a_creator_opens_a_limited_number_of_rooms(client: httpx.Client, creator: Member) -> None:
    for number in range(20):
        open_room(client, creator, f"Room {number}")

    refused = client.post("/api/rooms", json={"title": "More"}, headers=creator.headers)

    assert code_of(refused) == (409, "too_many_rooms")
