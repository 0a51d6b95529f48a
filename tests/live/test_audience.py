"""Who counts as watching, and how hearts add up."""

import pytest

from live.audience import ACTIVE_S, Audience, News
from live.errors import TooManyViews


def test_a_view_counts_for_thirty_seconds_after_it_was_last_active() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0)
    audience.admit("room", "v2", now=0.0)

    audience.active("v2", now=10.0)

    assert audience.viewer_count("room", now=ACTIVE_S - 0.1) == 2
    assert audience.viewer_count("room", now=ACTIVE_S) == 1
    assert audience.viewer_count("room", now=ACTIVE_S + 10.0) == 0
    assert audience.viewer_count("nowhere", now=0.0) == 0


def test_a_view_that_was_forgotten_does_not_come_back_by_itself() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0)

    audience.forget_idle(ACTIVE_S)
    audience.active("v1", now=ACTIVE_S)

    assert audience.viewer_count("room", now=ACTIVE_S) == 0


def test_one_view_on_socket_and_media_counts_once() -> None:
    audience = Audience()

    audience.admit("room", "v1", now=0.0)
    audience.admit("room", "v1", now=5.0)

    assert audience.viewer_count("room", now=5.0) == 1
    assert audience.take_news(now=5.0) == [News("room", 1, 1, 0)]


def test_guests_of_one_address_are_limited_until_one_leaves() -> None:
    audience = Audience(guest_views_max=2)
    audience.admit("room", "v1", now=0.0, address="home")
    audience.admit("other", "v2", now=1.0, address="home")

    with pytest.raises(TooManyViews, match="from your address"):
        audience.admit("room", "v3", now=2.0, address="home")
    audience.admit("room", "v4", now=2.0, address="work")
    audience.admit("room", "v5", now=2.0, address=None)
    audience.leave("v1")
    audience.admit("room", "v3", now=2.0, address="home")

    assert audience.viewer_count("room", now=2.0) == 3


def test_guests_who_fell_silent_make_place() -> None:
    audience = Audience(guest_views_max=1)
    audience.admit("room", "v1", now=0.0, address="home")

    audience.admit("room", "v2", now=ACTIVE_S, address="home")

    assert audience.viewer_count("room", now=ACTIVE_S) == 1


def test_a_full_process_lets_nobody_new_in_and_keeps_who_is_there() -> None:
    audience = Audience(views_max=1)
    audience.admit("room", "v1", now=0.0)

    with pytest.raises(TooManyViews, match="here"):
        audience.admit("room", "v2", now=1.0)
    audience.admit("room", "v1", now=1.0)

    assert audience.viewer_count("room", now=1.0) == 1


def test_a_person_is_found_by_all_their_views_or_those_in_one_room() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0, account_id="ana")
    audience.admit("other", "v2", now=0.0, account_id="ana")
    audience.admit("room", "v3", now=0.0)

    assert audience.views_of("ana") == ["v1", "v2"]
    assert audience.views_of("ana", "other") == ["v2"]
    assert audience.views_of("ben") == []


def test_a_guests_view_becomes_a_persons_when_they_log_in() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0)

    audience.admit("room", "v1", now=1.0, account_id="ana")
    assert audience.views_of("ana") == ["v1"]
    audience.admit("room", "v1", now=2.0, account_id="ben")

    assert audience.views_of("ana") == []
    assert audience.views_of("ben") == ["v1"]


def test_who_was_removed_stops_counting_at_once() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0, account_id="ana")

    audience.leave("v1")
    audience.leave("v1")

    assert audience.viewer_count("room", now=0.0) == 0
    assert audience.views_of("ana") == []


def test_likes_add_up_on_what_was_stored() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0)
    audience.seed_likes("room", 100)
    audience.seed_likes("room", 900)

    counted = audience.like("room", "v1", 5, now=0.0)

    assert counted == 5
    assert audience.likes_total("room") == 105
    assert audience.likes_total("nowhere") == 0


def test_nobody_taps_faster_than_a_person_can() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0)

    assert audience.like("room", "v1", 1_000, now=0.0) == 50
    assert audience.like("room", "v1", 50, now=0.0) == 0
    assert audience.like("room", "v1", 50, now=1.0) == 15


def test_likes_of_nobody_do_not_count() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0)

    assert audience.like("room", "other", 5, now=0.0) == 0
    assert audience.like("nowhere", "v1", 5, now=0.0) == 0
    assert audience.like("room", "v1", -3, now=0.0) == 0


def test_counts_are_told_when_they_change() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0)

    assert audience.changed_counts(now=0.0) == [("room", 1)]
    assert audience.changed_counts(now=1.0) == []
    assert audience.changed_counts(now=ACTIVE_S) == [("room", 0)]


def test_a_deserted_room_is_forgotten_after_its_last_news() -> None:
    audience = Audience()
    audience.admit("room", "v1", now=0.0)
    audience.like("room", "v1", 3, now=0.0)
    audience.changed_counts(now=0.0)

    assert audience.take_news(now=0.0) == [News("room", 1, 1, 3)]
    assert audience.changed_counts(now=ACTIVE_S) == [("room", 0)]
    assert audience.take_news(now=ACTIVE_S) == [News("room", 0, 0, 0)]
    assert audience.take_news(now=ACTIVE_S) == []
