"""What may be written, how fast, and what the log keeps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from live import chat, rooms
from live.chat import Manners, Message, Pace
from live.errors import BadChatText, ChatTooFast

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ANA, BEN = "a" * 32, "b" * 32


def a_room(conn: Connection) -> None:
    rooms.open_room(
        conn, room_id="room", creator_id=ANA, title="Songs", stream_key_hash=None, now=NOON
    )


def a_message(
    message_id: str, *, key: str = "", at: datetime = NOON, shown: bool = True
) -> Message:
    return Message(message_id, "room", BEN, key or message_id, "Hello", at, shown)


# Texts


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  Hello \n there ", "Hello there"),
        ("a\x00b\x07c", "abc"),
        ("ab\u202ecd\u2066ef\ufeff", "abcdef"),
        ("👩\u200d🎤", "👩\u200d🎤"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 4),
        ("x" * 500, "x" * 500),
    ],
)
def test_a_text_becomes_one_clean_line(raw: str, text: str) -> None:
    assert chat.text_of(raw) == text


@pytest.mark.parametrize("raw", ["", "  ", "\u202e\u200b", "x" * 501])
def test_a_text_with_nothing_to_read_or_too_much_is_refused(raw: str) -> None:
    with pytest.raises(BadChatText):
        chat.text_of(raw)


@given(st.text(max_size=700))
def test_a_clean_text_is_within_the_limit_and_stays_as_it_is(raw: str) -> None:
    try:
        text = chat.text_of(raw)
    except BadChatText:
        return

    assert 1 <= len(text) <= chat.TEXT_CHARACTERS_MAX
    assert chat.text_of(text) == text
    assert "\x00" not in text


# Paces


def test_a_person_writes_a_burst_and_then_as_fast_as_tokens_come_back() -> None:
    manners, pace = Manners(), Pace(burst=2, per_s=0.5)

    manners.admit(BEN, pace, 0.0)
    manners.admit(BEN, pace, 0.0)
    with pytest.raises(ChatTooFast) as refused:
        manners.admit(BEN, pace, 1.0)
    manners.admit(BEN, pace, 2.0)

    assert refused.value.retry_after_s == pytest.approx(1.0)
    assert "1.0 s" in str(refused.value)


def test_people_do_not_slow_each_other_down() -> None:
    manners, pace = Manners(), Pace(burst=1, per_s=0.1)

    manners.admit(ANA, pace, 0.0)
    manners.admit(BEN, pace, 0.0)

    with pytest.raises(ChatTooFast):
        manners.admit(ANA, pace, 0.0)


def test_a_room_is_shown_twenty_messages_a_second() -> None:
    manners = Manners()

    shown = sum(manners.shows("room", tick / 100) for tick in range(300))

    assert shown == 20 + 59  # the burst, and 20 a second for 2.99 s
    assert manners.shows("other", 2.99)


def test_the_pace_idle_longest_is_forgotten_first() -> None:
    manners, pace = Manners(people_max=2), Pace(burst=1, per_s=0.001)
    for account_id in ("one", "two", "three"):
        manners.admit(account_id, pace, 0.0)

    manners.admit("one", pace, 0.0)  # forgotten, so nobody remembers it wrote already

    with pytest.raises(ChatTooFast):
        manners.admit("three", pace, 0.0)


# The log


def test_the_same_key_is_the_same_message(conn: Connection) -> None:
    a_room(conn)
    first = chat.append(conn, a_message("m1", key="k"))

    again = chat.append(conn, a_message("m2", key="k"))

    assert again == first
    assert chat.message(conn, "m2") is None


def test_two_people_may_use_the_same_key(conn: Connection) -> None:
    a_room(conn)
    chat.append(conn, a_message("m1", key="k"))

    other = Message("m2", "room", ANA, "k", "Mine", NOON, shown=True)

    assert chat.append(conn, other).message_id == "m2"


def test_the_latest_are_shown_oldest_first_without_the_deleted_and_the_shaped(
    conn: Connection,
) -> None:
    a_room(conn)
    for second in range(5):
        at = NOON + timedelta(seconds=second)
        chat.append(conn, a_message(f"m{second}", at=at, shown=second != 1))
    chat.mark_deleted(conn, "m3", by_id=ANA, now=NOON)

    assert [one.message_id for one in chat.latest(conn, "room")] == ["m0", "m2", "m4"]
    assert [one.message_id for one in chat.latest(conn, "room", limit=1)] == ["m4"]


def test_a_message_is_deleted_once_and_kept_with_who_did_it(conn: Connection) -> None:
    a_room(conn)
    chat.append(conn, a_message("m1"))

    deleted = chat.mark_deleted(conn, "m1", by_id=ANA, now=NOON)

    assert deleted is not None
    assert (deleted.deleted_by_id, deleted.text) == (ANA, "Hello")
    assert chat.mark_deleted(conn, "m1", by_id=BEN, now=NOON) is None
    assert chat.mark_deleted(conn, "nothing", by_id=BEN, now=NOON) is None


def test_what_was_said_around_a_message_includes_the_deleted(conn: Connection) -> None:
    a_room(conn)
    for second in range(4):
        chat.append(conn, a_message(f"m{second}", at=NOON + timedelta(seconds=second)))
    reported = chat.mark_deleted(conn, "m2", by_id=ANA, now=NOON)
    assert reported is not None

    around = chat.around(conn, reported, limit=2)

    assert [one.message_id for one in around] == ["m1", "m2"]


def test_old_messages_are_forgotten_after_thirty_days(conn: Connection) -> None:
    a_room(conn)
    chat.append(conn, a_message("old", at=NOON - timedelta(days=30, seconds=1)))
    chat.append(conn, a_message("new", at=NOON - timedelta(days=30)))

    gone = chat.forget_old(conn, now=NOON)

    assert gone == 1
    assert chat.message(conn, "old") is None
    assert chat.message(conn, "new") is not None


def test_what_a_person_wrote_can_be_read_and_erased(conn: Connection) -> None:
    a_room(conn)
    chat.append(conn, a_message("m1"))
    chat.append(conn, Message("m2", "room", ANA, "k", "Mine", NOON, shown=True))

    assert [one.message_id for one in chat.written_by(conn, BEN)] == ["m1"]
    chat.erase_person(conn, BEN)

    assert chat.message(conn, "m1") is None
    assert chat.message(conn, "m2") is not None


def test_a_message_id_no_database_can_hold_is_unknown(conn: Connection) -> None:
    assert chat.message(conn, "\x00") is None
