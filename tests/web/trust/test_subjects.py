"""What a report or an action is about."""

import pytest
from sqlalchemy import Connection

from tests.web.people.builders import a_person
from tests.web.trust.builders import a_line, a_room
from web.trust import subjects
from web.trust.errors import SubjectMissing, UnknownSubject
from web.trust.subjects import Subject


def test_a_room_stands_for_its_creator_and_a_message_for_its_author(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    room = a_room(conn, ana)
    line = a_line(conn, room, bea, "Hello.")

    about_room = subjects.find(conn, room_id=room.room_id)
    about_line = subjects.find(conn, message_id=line.message_id)
    about_bea = subjects.find(conn, room_id=room.room_id, handle="@Bea")

    assert about_room == Subject(room.room_id, None, ana.account_id)
    assert about_line == Subject(room.room_id, line.message_id, bea.account_id)
    assert about_bea == Subject(room.room_id, None, bea.account_id)
    assert subjects.find(conn, handle="bea") == Subject(None, None, bea.account_id)


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({"room_id": "none"}, "room_id"),
        ({"message_id": "none"}, "message_id"),
        ({"handle": "nobody"}, "handle"),
        ({"room_id": "none", "handle": "ana"}, "room_id"),
    ],
)
def test_what_does_not_exist_cannot_be_meant(
    conn: Connection, named: dict[str, str], field: str
) -> None:
    a_person(conn, "ana")

    with pytest.raises(UnknownSubject) as refused:
        subjects.find(conn, **named)
    assert refused.value.field == field


def test_a_message_of_another_room_is_not_meant(conn: Connection) -> None:
    ana = a_person(conn, "ana")
    line = a_line(conn, a_room(conn, ana), ana, "Hello.")
    other = a_room(conn, ana, "other")

    with pytest.raises(UnknownSubject):
        subjects.find(conn, room_id=other.room_id, message_id=line.message_id)


def test_something_must_be_meant(conn: Connection) -> None:
    with pytest.raises(SubjectMissing):
        subjects.find(conn)
