"""Who is here, and how many more may come."""

import pytest

from live.aiortc_private import Identity
from live.answers import agree_published
from live.errors import PlaneFull, UnknownResource
from live.ingest import Ingest
from live.roster import JOINS_PER_S_MAX, Roster
from live.sdp import read_offer
from live.sessions import Broadcast
from tests.live.media_builders import publish_offer

IDENTITY = Identity()
OFFER = read_offer(publish_offer())


def with_a_broadcast() -> tuple[Roster, Broadcast]:
    roster = Roster(IDENTITY)
    streams = agree_published(OFFER, {})
    room = roster.new_room("room", streams, lambda *_: None)  # type: ignore[arg-type]
    peer = roster.new_peer(OFFER, now=1.0)
    room.broadcast = Broadcast(room, peer, Ingest(streams, room.relay, ssrc=1))
    roster.add(room.broadcast)
    return roster, room.broadcast


def test_a_session_is_found_until_it_ends() -> None:
    roster, broadcast = with_a_broadcast()
    resource_id = broadcast.peer.resource_id
    assert roster.session(resource_id) is broadcast

    assert roster.remove(broadcast)
    assert not roster.remove(broadcast)

    with pytest.raises(UnknownResource):
        roster.session(resource_id)
    assert len(roster.doors) == 0
    assert not roster.shaking


def test_joins_are_limited_per_second() -> None:
    roster = Roster(IDENTITY)
    for _ in range(JOINS_PER_S_MAX):
        roster.spend_join()
    with pytest.raises(PlaneFull):
        roster.spend_join()

    roster.earn_joins(0.01)

    roster.spend_join()


def test_names_and_secrets_are_never_the_same_twice() -> None:
    roster = Roster(IDENTITY)
    one, other = (roster.new_peer(OFFER, now=1.0) for _ in range(2))

    assert one.resource_id != other.resource_id
    assert one.credentials.ufrag != other.credentials.ufrag
    assert one.credentials.password != other.credentials.password


def test_what_was_counted_stays_counted_when_a_room_closes() -> None:
    roster, broadcast = with_a_broadcast()
    broadcast.ingest.dropped["repeated"] += 2
    broadcast.room.relay.dropped["too_late"] += 3
    broadcast.room.relay.keyframe_request_count += 4
    before = roster.counters()

    roster.remove(broadcast)
    roster.close_room("room")

    after = roster.counters()
    counted = ("dropped_repeated", "dropped_too_late", "keyframe_requests")
    assert [before[name] for name in counted] == [after[name] for name in counted] == [2, 3, 4]
    assert (before["peers"], before["broadcasts"], before["views"]) == (1, 1, 0)
    assert (after["peers"], after["rooms"]) == (0, 0)
    assert roster.close_room("room") is None
