"""A room's life, its keys, and who may be in it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from live import rooms
from live.errors import BadRoomText, Banned, RoomEnded, RoomNotFound, TooManyRooms
from live.rooms import Mute, Room

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ANA, BEN, CAI = "a" * 32, "b" * 32, "c" * 32
MINUTE = timedelta(minutes=1)


def a_room(conn: Connection, room_id: str = "room", *, creator_id: str = ANA) -> Room:
    return rooms.open_room(
        conn,
        room_id=room_id,
        creator_id=creator_id,
        title="Evening songs",
        stream_key_hash="k" * 64,
        now=NOON,
        tags=("music",),
    )


# Words


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("  Evening \t songs\n", "Evening songs"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("سلام 👩‍🎤", "سلام 👩‍🎤"),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_title_is_one_printable_line(raw: str, title: str) -> None:
    assert rooms.title_of(raw) == title


@pytest.mark.parametrize("raw", ["", " \n", "\x00", "x" * 101])
def test_a_title_that_is_empty_or_too_long_is_refused(raw: str) -> None:
    with pytest.raises(BadRoomText, match="title"):
        rooms.title_of(raw)


def test_tags_are_lower_case_and_each_stands_once() -> None:
    assert rooms.tags_of(["#Music", "music", "K-Pop"]) == ("music", "k-pop")


@pytest.mark.parametrize("words", [["a b"], [""], ["x" * 25], ["a", "b", "c", "d", "e", "f"]])
def test_tags_beyond_the_rules_are_refused(words: list[str]) -> None:
    with pytest.raises(BadRoomText, match="tags"):
        rooms.tags_of(words)


# Life


def test_a_new_room_is_open_and_waits_for_media(conn: Connection) -> None:
    opened = a_room(conn)

    assert (opened.state, opened.idle_at, opened.live_at) == ("open", NOON, None)
    assert rooms.room(conn, "room") == opened


def test_a_room_nobody_opened_is_not_found(conn: Connection) -> None:
    assert rooms.room(conn, "nowhere") is None
    assert rooms.room(conn, "no\x00where") is None


def test_media_makes_a_room_live_and_its_stop_opens_it_again(conn: Connection) -> None:
    a_room(conn)

    live = rooms.set_state(conn, "room", "live", now=NOON + MINUTE)
    opened = rooms.set_state(conn, "room", "open", now=NOON + 3 * MINUTE)

    assert live is not None
    assert (live.state, live.live_at) == ("live", NOON + MINUTE)
    assert opened is not None
    assert (opened.state, opened.live_ms) == ("open", 120_000)


def test_the_same_state_again_changes_nothing(conn: Connection) -> None:
    a_room(conn)
    rooms.set_state(conn, "room", "live", now=NOON)

    assert rooms.set_state(conn, "room", "live", now=NOON + MINUTE) is None


def test_an_ended_room_stays_ended(conn: Connection) -> None:
    a_room(conn)
    rooms.set_state(conn, "room", "live", now=NOON)

    ended = rooms.end_room(conn, "room", "Good night.", now=NOON + MINUTE)

    assert ended is not None
    assert (ended.state, ended.end_reason, ended.live_ms) == ("ended", "Good night.", 60_000)
    assert rooms.end_room(conn, "room", "Again.", now=NOON + MINUTE) is None
    assert rooms.set_state(conn, "room", "live", now=NOON + MINUTE) is None


def test_a_room_without_media_ends_itself_after_thirty_minutes(conn: Connection) -> None:
    a_room(conn, "early")
    a_room(conn, "live")
    rooms.set_state(conn, "live", "live", now=NOON)

    just_before = rooms.end_idle_rooms(conn, now=NOON + 30 * MINUTE - timedelta(microseconds=1))
    then = rooms.end_idle_rooms(conn, now=NOON + 30 * MINUTE)

    assert just_before == []
    assert [room.room_id for room in then] == ["early"]
    assert rooms.unended(conn, "live").state == "live"


def test_a_process_that_starts_has_no_live_rooms(conn: Connection) -> None:
    a_room(conn)
    rooms.set_state(conn, "room", "live", now=NOON)

    rooms.forget_media(conn, now=NOON + MINUTE)

    assert rooms.unended(conn, "room").idle_at == NOON + MINUTE
    assert rooms.live_rooms(conn) == []


def test_live_rooms_are_listed_newest_first(conn: Connection) -> None:
    for minute, room_id in enumerate(("first", "second")):
        a_room(conn, room_id)
        rooms.set_state(conn, room_id, "live", now=NOON + minute * MINUTE)
    a_room(conn, "waiting")

    assert [room.room_id for room in rooms.live_rooms(conn)] == ["second", "first"]


def test_a_creator_has_a_limited_number_of_rooms_open(conn: Connection) -> None:
    for number in range(rooms.UNENDED_ROOMS_MAX):
        a_room(conn, f"room{number}")

    with pytest.raises(TooManyRooms, match="20"):
        a_room(conn, "onemore")
    rooms.end_room(conn, "room0", "Over.", now=NOON)

    assert a_room(conn, "onemore").state == "open"


def test_title_and_tags_change_until_the_end(conn: Connection) -> None:
    a_room(conn)

    changed = rooms.change_room(conn, "room", title="Night songs")
    rooms.end_room(conn, "room", "Over.", now=NOON)

    assert (changed.title, changed.tags) == ("Night songs", ("music",))
    with pytest.raises(RoomEnded):
        rooms.change_room(conn, "room", tags=("late",))
    with pytest.raises(RoomNotFound):
        rooms.change_room(conn, "nowhere", title="x")


def test_several_rooms_are_read_at_once(conn: Connection) -> None:
    a_room(conn, "one")
    a_room(conn, "two")

    assert set(rooms.rooms(conn, ["one", "two", "three"])) == {"one", "two"}


# Keys


def test_a_stream_key_opens_its_own_room_only(conn: Connection) -> None:
    a_room(conn)

    assert rooms.room_by_stream_key(conn, "room", "k" * 64) is not None
    assert rooms.room_by_stream_key(conn, "room", "x" * 64) is None
    assert rooms.room_by_stream_key(conn, "nowhere", "k" * 64) is None


def test_a_channel_key_opens_every_room_of_its_creator_and_no_other(conn: Connection) -> None:
    a_room(conn, "mine")
    a_room(conn, "other", creator_id=BEN)
    give_channel_key(conn)

    assert rooms.room_by_stream_key(conn, "mine", "c" * 64) is not None
    assert rooms.room_by_stream_key(conn, "other", "c" * 64) is None


def test_a_channel_key_continues_the_open_room(conn: Connection) -> None:
    a_room(conn)
    give_channel_key(conn)

    assert by_channel_key(conn) == rooms.room(conn, "room")


def test_a_channel_key_opens_a_room_like_the_last_one(conn: Connection) -> None:
    a_room(conn)
    give_channel_key(conn)
    rooms.end_room(conn, "room", "Over.", now=NOON)

    opened = by_channel_key(conn)

    assert opened is not None
    assert (opened.room_id, opened.title, opened.tags) == ("fresh", "Evening songs", ("music",))


def test_the_first_room_of_a_channel_gets_the_title_given(conn: Connection) -> None:
    give_channel_key(conn)

    opened = by_channel_key(conn)

    assert opened is not None
    assert opened.title == "Live"


def test_a_rotated_channel_key_works_no_more(conn: Connection) -> None:
    give_channel_key(conn)
    rooms.set_channel_key(conn, creator_id=ANA, key_hash="d" * 64, hint="dddd", now=NOON)

    known = rooms.channel_key(conn, ANA)

    assert by_channel_key(conn) is None
    assert known is not None
    assert known.hint == "dddd"
    assert rooms.channel_owner(conn, "d" * 64) == ANA


def give_channel_key(conn: Connection) -> None:
    rooms.set_channel_key(conn, creator_id=ANA, key_hash="c" * 64, hint="cccc", now=NOON)


def by_channel_key(conn: Connection) -> Room | None:
    return rooms.by_channel_key(conn, "c" * 64, new_room_id="fresh", new_title="Live", now=NOON)


# People


def test_a_ban_holds_in_all_rooms_of_the_creator_and_in_no_other(conn: Connection) -> None:
    a_room(conn, "one")
    a_room(conn, "two")
    a_room(conn, "other", creator_id=CAI)
    rooms.ban(conn, creator_id=ANA, account_id=BEN, by_id=ANA, reason="Spam.", now=NOON)

    for room_id in ("one", "two"):
        with pytest.raises(Banned, match="Spam"):
            rooms.entrance(conn, room_id, BEN)
    assert rooms.entrance(conn, "other", BEN).room_id == "other"
    assert rooms.entrance(conn, "one", CAI).room_id == "one"
    assert rooms.entrance(conn, "one", None).room_id == "one"


def test_a_ban_taken_back_lets_in_again(conn: Connection) -> None:
    a_room(conn)
    rooms.ban(conn, creator_id=ANA, account_id=BEN, by_id=ANA, reason="Spam.", now=NOON)
    rooms.ban(conn, creator_id=ANA, account_id=BEN, by_id=CAI, reason="Again.", now=NOON)
    rooms.unban(conn, creator_id=ANA, account_id=BEN)

    assert rooms.entrance(conn, "room", BEN).state == "open"


def test_an_ended_room_lets_nobody_in(conn: Connection) -> None:
    a_room(conn)
    rooms.end_room(conn, "room", "Over.", now=NOON)

    with pytest.raises(RoomEnded):
        rooms.entrance(conn, "room", None)
    with pytest.raises(RoomNotFound):
        rooms.entrance(conn, "nowhere", None)


def test_a_mute_ends_by_itself_at_its_moment(conn: Connection) -> None:
    mute(conn, until=NOON + MINUTE)

    assert rooms.mute_of(conn, ANA, BEN, now=NOON) == Mute(NOON + MINUTE, "Shouting.")
    assert rooms.mute_of(conn, ANA, BEN, now=NOON + MINUTE) is None
    assert rooms.mute_of(conn, CAI, BEN, now=NOON) is None


def test_a_mute_without_an_end_lasts_until_taken_back(conn: Connection) -> None:
    mute(conn, until=None)

    assert rooms.mute_of(conn, ANA, BEN, now=NOON + 10_000 * MINUTE) is not None
    rooms.unmute(conn, creator_id=ANA, account_id=BEN)
    assert rooms.mute_of(conn, ANA, BEN, now=NOON) is None


def mute(conn: Connection, *, until: datetime | None) -> None:
    rooms.mute(
        conn,
        creator_id=ANA,
        account_id=BEN,
        by_id=ANA,
        reason=" Shouting.\n",
        until=until,
        now=NOON,
    )


@pytest.mark.parametrize("reason", ["", "\x00", "x" * 501])
def test_a_reason_must_say_something(reason: str) -> None:
    with pytest.raises(BadRoomText, match="reason"):
        rooms.reason_of(reason)


def test_a_creators_rooms_are_listed_live_ones_first(conn: Connection) -> None:
    a_room(conn, "open")
    a_room(conn, "live")
    a_room(conn, "over")
    rooms.set_state(conn, "live", "live", now=NOON)
    rooms.end_room(conn, "over", "Over.", now=NOON)

    assert [room.room_id for room in rooms.unended_rooms_of(conn, ANA)] == ["live", "open"]
