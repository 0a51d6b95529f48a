"""WHIP and WHEP over HTTP: who may, what is refused, and how sessions are treated."""

import httpx
import pytest

from tests.live.media_builders import VP8, publish_offer, watch_offer
from tests.web.room_people import Member, sign_up

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
CANDIDATES = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=end-of-candidates\r\n"
RESTART = CANDIDATES.replace("ufrag:abcd", "ufrag:efgh")


@pytest.fixture
def creator(client: httpx.Client) -> Member:
    return sign_up(client, "wip")


@pytest.fixture
def room(client: httpx.Client, creator: Member) -> dict[str, str]:
    opened = client.post("/api/rooms", json={"title": "Songs"}, headers=creator.headers)
    return dict(opened.json())


def broadcast(
    client: httpx.Client, room: dict[str, str], *, key: str | None = None, offer: str | None = None
) -> httpx.Response:
    return client.post(
        f"/whip/{room['room_id']}",
        content=publish_offer() if offer is None else offer,
        headers=SDP | {"Authorization": f"Bearer {key or room['stream_key']}"},
    )


def watch(
    client: httpx.Client, room_id: str, *, token: str = "", offer: str | None = None
) -> httpx.Response:
    headers = SDP | ({"Authorization": f"Bearer {token}"} if token else {})
    content = watch_offer() if offer is None else offer
    return client.post(f"/whep/{room_id}", content=content, headers=headers)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def test_the_holder_of_the_stream_key_gets_a_session(
    client: httpx.Client, room: dict[str, str]
) -> None:
    answer = broadcast(client, room)

    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/sdp"
    assert answer.headers["location"].startswith(f"/whip/{room['room_id']}/")
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
    assert "a=ice-lite" in answer.text
    assert "a=recvonly" in answer.text


def test_a_second_broadcaster_has_to_wait_for_the_first_to_fall_silent(
    client: httpx.Client, room: dict[str, str]
) -> None:
    broadcast(client, room)

    answer = broadcast(client, room)

    assert code_of(answer) == (409, "broadcasting")
    assert answer.headers["retry-after"] == "2"


def test_a_viewer_without_an_account_gets_a_session(
    client: httpx.Client, room: dict[str, str]
) -> None:
    broadcast(client, room)

    answer = watch(client, room["room_id"])

    assert answer.status_code == 201
    assert "a=sendonly" in answer.text
    assert answer.headers["location"].startswith(f"/whep/{room['room_id']}/")


def test_a_view_token_is_good_for_its_own_room_only(
    client: httpx.Client, creator: Member, room: dict[str, str]
) -> None:
    broadcast(client, room)
    other = client.post("/api/rooms", json={"title": "Other"}, headers=creator.headers).json()
    own, foreign = (
        client.post(f"/api/rooms/{room_id}/views").json()["view_token"]
        for room_id in (room["room_id"], other["room_id"])
    )

    assert watch(client, room["room_id"], token=own).status_code == 201
    assert code_of(watch(client, room["room_id"], token=foreign)) == (401, "bad_view_token")
    assert code_of(watch(client, room["room_id"], token="x")) == (401, "bad_view_token")


def test_a_banned_person_may_not_watch(
    client: httpx.Client, creator: Member, room: dict[str, str]
) -> None:
    broadcast(client, room)
    rude = sign_up(client, "rude")
    token = client.post(f"/api/rooms/{room['room_id']}/views", headers=rude.headers).json()
    banned = client.put(
        f"/api/rooms/{room['room_id']}/bans/{rude.handle}",
        json={"reason": "Rude."},
        headers=creator.headers,
    )
    assert banned.status_code == 204

    answer = watch(client, room["room_id"], token=token["view_token"])

    assert code_of(answer) == (403, "banned")


def test_nobody_on_the_air_is_said_with_when_to_ask_again(
    client: httpx.Client, room: dict[str, str]
) -> None:
    answer = watch(client, room["room_id"])

    assert code_of(answer) == (409, "not_broadcasting")
    assert answer.headers["retry-after"] == "2"


def test_keys_are_asked_for_and_looked_at(client: httpx.Client, room: dict[str, str]) -> None:
    path, offer = f"/whip/{room['room_id']}", publish_offer()

    nobody = client.post(path, content=offer, headers=SDP)
    assert code_of(nobody) == (401, "key_missing")
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert code_of(broadcast(client, room, key="wrong")) == (403, "wrong_key")
    nowhere = {"room_id": "a" * 12, "stream_key": room["stream_key"]}
    assert code_of(broadcast(client, nowhere)) == (404, "unknown_room")
    assert code_of(watch(client, "a" * 12)) == (404, "unknown_room")


def test_an_ended_room_takes_nobody_in(
    client: httpx.Client, creator: Member, room: dict[str, str]
) -> None:
    session = broadcast(client, room).headers["location"]
    client.post(f"/api/rooms/{room['room_id']}/end", json={}, headers=creator.headers)

    assert code_of(broadcast(client, room)) == (409, "room_ended")
    assert code_of(watch(client, room["room_id"])) == (409, "room_ended")
    assert code_of(client.get(session)) == (404, "unknown_session")


def test_a_room_that_ended_refuses_guests_however_many_it_has_just_let_in(
    client: httpx.Client, creator: Member, room: dict[str, str]
) -> None:
    broadcast(client, room)
    assert [watch(client, room["room_id"]).status_code for _ in range(3)] == [201, 201, 201]

    client.post(f"/api/rooms/{room['room_id']}/end", json={}, headers=creator.headers)

    assert code_of(watch(client, room["room_id"])) == (409, "room_ended")


def test_a_channel_key_opens_a_room_and_then_continues_it(
    client: httpx.Client, creator: Member
) -> None:
    key = client.post("/api/channel/key", headers=creator.headers).json()["channel_key"]
    headers = SDP | {"Authorization": f"Bearer {key}"}

    first = client.post("/whip", content=publish_offer(), headers=headers)

    assert first.status_code == 201
    room_id = first.headers["location"].split("/")[2]
    shown = client.get(f"/api/rooms/{room_id}").json()
    assert shown["creator"]["handle"] == creator.handle
    client.delete(first.headers["location"])
    again = client.post("/whip", content=publish_offer(), headers=headers)
    assert again.headers["location"].split("/")[2] == room_id
    assert broadcast(client, {"room_id": room_id}, key="other").status_code == 403


def test_a_channel_key_nobody_has_opens_nothing(client: httpx.Client) -> None:
    headers = SDP | {"Authorization": "Bearer nobodys"}

    answer = client.post("/whip", content=publish_offer(), headers=headers)

    assert code_of(answer) == (403, "wrong_key")


def test_bodies_are_refused_before_they_change_anything(
    client: httpx.Client, room: dict[str, str]
) -> None:
    path = f"/whip/{room['room_id']}"
    headers = {"Authorization": f"Bearer {room['stream_key']}"}

    wrong = client.post(path, content=publish_offer(), headers=headers)
    assert code_of(wrong) == (415, "wrong_content_type")
    assert wrong.headers["accept-post"] == "application/sdp"
    long = client.post(path, content="v=0\r\n" * 20_000, headers=headers | SDP)
    assert code_of(long) == (413, "too_large")
    assert code_of(broadcast(client, room, offer="nonsense")) == (400, "bad_sdp")
    binary = client.post(path, content=b"\xff\xfe", headers=headers | SDP)
    assert code_of(binary) == (400, "bad_sdp")
    assert broadcast(client, room).status_code == 201


def test_no_common_codec_says_what_would_do(client: httpx.Client, room: dict[str, str]) -> None:
    broadcast(client, room)

    answer = watch(client, room["room_id"], offer=watch_offer(VP8))

    assert code_of(answer) == (422, "no_common_codec")
    assert answer.json()["wanted"] == ["H264"]


def test_trickle_needs_the_sessions_tag(client: httpx.Client, room: dict[str, str]) -> None:
    made = broadcast(client, room)
    session, tag = made.headers["location"], made.headers["etag"]

    def patch(content: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.patch(session, content=content, headers=FRAGMENT | named)

    assert code_of(patch(CANDIDATES)) == (428, "if_match_missing")
    assert code_of(patch(CANDIDATES, if_match='"other"')) == (412, "other_ice_session")
    assert patch(CANDIDATES, if_match=tag).status_code == 204
    assert patch(CANDIDATES, if_match=f'"x", {tag}').status_code == 204
    assert code_of(patch(RESTART, if_match="*")) == (501, "no_ice_restart")
    assert code_of(patch("v=0", if_match=tag)) == (400, "bad_sdp")
    wrong = client.patch(session, content=CANDIDATES, headers=SDP | {"If-Match": tag})
    assert code_of(wrong) == (415, "wrong_content_type")
    assert wrong.headers["accept-patch"] == "application/trickle-ice-sdpfrag"


def test_a_session_ends_at_once_when_deleted(client: httpx.Client, room: dict[str, str]) -> None:
    session = broadcast(client, room).headers["location"]
    assert client.get(session).status_code == 204
    assert client.get(session).content == b""

    assert client.delete(session).status_code == 200

    assert code_of(client.get(session)) == (404, "unknown_session")
    assert code_of(client.delete(session)) == (404, "unknown_session")
    assert broadcast(client, room).status_code == 201


def test_a_session_is_found_only_under_its_own_room(
    client: httpx.Client, room: dict[str, str]
) -> None:
    session = broadcast(client, room).headers["location"]
    name = session.rsplit("/", 1)[1]

    assert client.delete(f"/whip/{'a' * 12}/{name}").status_code == 404
    assert client.get(session).status_code == 204


def test_pages_of_other_origins_may_broadcast_and_watch(
    client: httpx.Client, room: dict[str, str]
) -> None:
    made = broadcast(client, room)
    for path, accepts in (
        (f"/whip/{room['room_id']}", "accept-post"),
        (f"/whep/{room['room_id']}", "accept-post"),
        ("/whip", "accept-post"),
        (made.headers["location"], "accept-patch"),
    ):
        answer = client.options(path)

        assert answer.status_code == 204
        assert accepts in answer.headers
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        assert "If-Match" in answer.headers["access-control-allow-headers"]
    for answer in (made, watch(client, "a" * 12)):
        exposed = answer.headers["access-control-expose-headers"]
        assert {"Location", "ETag", "Link"} <= set(exposed.split(", "))


def test_other_methods_are_refused(client: httpx.Client, room: dict[str, str]) -> None:
    assert client.put(f"/whip/{room['room_id']}").status_code == 405
    assert client.get(f"/whep/{room['room_id']}").status_code == 405
