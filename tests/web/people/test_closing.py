"""Closing an account: what is forgotten, and what stays."""

from sqlalchemy import Connection

from live import chat, rooms
from tests.web.people.builders import NOON, a_person
from tests.web.trust.builders import a_line, a_report, a_room
from web.people import accounts, closing
from web.trust import reports
from web.trust.subjects import Subject


def test_closing_forgets_what_was_said_and_ends_what_is_open(conn: Connection) -> None:
    ana, bea = a_person(conn, "ana"), a_person(conn, "bea")
    room = a_room(conn, ana)
    line = a_line(conn, room, ana, "My address is …")
    other = a_line(conn, room, bea, "Hello.")
    filed = a_report(conn, Subject(account_id=bea.account_id), reporter=ana)
    rooms.set_channel_key(conn, creator_id=ana.account_id, key_hash="hash", hint="hint", now=NOON)

    ended = closing.close(conn, ana.account_id, now=NOON)

    assert [(one.room_id, one.state) for one in ended] == [(room.room_id, "ended")]
    assert accounts.by_id(conn, ana.account_id).is_closed
    assert chat.message(conn, line.message_id) is None
    assert chat.message(conn, other.message_id) == other
    assert reports.report(conn, filed.report_id).reporter_id is None
    assert rooms.channel_owner(conn, "hash") is None
