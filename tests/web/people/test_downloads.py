"""What a person gets when they ask for everything."""

from datetime import timedelta

import msgspec
from sqlalchemy import Connection

from tests.web.people.builders import BORN, NOON, a_person, a_session
from tests.web.trust.builders import a_line, a_report, a_room
from web.people import blocks, downloads, follows, roles
from web.trust import actions
from web.trust.actions import Order
from web.trust.subjects import Subject


def test_a_download_holds_everything_of_one_person_and_nothing_of_others(conn: Connection) -> None:
    ana, bea, cai = (a_person(conn, handle) for handle in ("ana", "bea", "cai"))
    room = a_room(conn, ana)
    a_session(conn, ana, "token")
    a_line(conn, room, ana, "My words.")
    a_line(conn, room, bea, "Other words.")
    follows.follow(conn, ana.account_id, bea.account_id, now=NOON)
    blocks.block(conn, ana.account_id, cai.account_id, now=NOON)
    roles.grant(conn, ana.account_id, "moderator", now=NOON)
    a_report(conn, Subject(account_id=cai.account_id), reporter=ana)
    warned = Order(
        "mute", "Calm down.", Subject(a_room(conn, bea, "b").room_id, None, ana.account_id)
    )
    actions.take(conn, warned, actor_id=bea.account_id, now=NOON)

    found = downloads.collect(conn, ana.account_id, now=NOON + timedelta(days=1))

    assert (found.account.handle, found.account.birth_date) == ("ana", BORN)
    assert found.account.roles == ["moderator"]
    assert [one.device for one in found.sessions] == ["a browser"]
    assert (found.follows, found.blocked) == (["bea"], ["cai"])
    assert [one.room_id for one in found.rooms] == [room.room_id]
    assert [one.text for one in found.messages] == ["My words."]
    assert [one.reason for one in found.reports] == ["spam"]
    assert [one.reason for one in found.moderation] == ["Calm down."]
    assert found.wallet == []
    text = msgspec.json.encode(found).decode()
    assert "token" not in text
    assert bea.account_id not in text
