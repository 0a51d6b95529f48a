"""View tokens: signed, of one room, for a while."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import views
from web.views import BadViewToken, View

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("account_id", [None, "a" * 32])
def test_a_token_proves_the_view_it_was_made_for(account_id: str | None) -> None:
    token = views.sign("view", "room", account_id, "secret", now=NOON)

    found = views.read(token, "room", "secret", now=NOON)

    assert found == View("view", "room", account_id, NOON + views.LIFETIME)


def test_a_token_is_of_one_room_one_server_and_one_half_day() -> None:
    token = views.sign("view", "room", None, "secret", now=NOON)

    for room_id, secret, now in (
        ("other", "secret", NOON),
        ("room", "guessed", NOON),
        ("room", "secret", NOON + views.LIFETIME),
    ):
        with pytest.raises(BadViewToken):
            views.read(token, room_id, secret, now=now)
    last = NOON + views.LIFETIME - timedelta(seconds=1)
    assert views.read(token, "room", "secret", now=last).view_id == "view"


@given(st.text(max_size=600))
def test_any_other_text_proves_nothing(token: str) -> None:
    with pytest.raises(BadViewToken, match="new view"):
        views.read(token, "room", "secret", now=NOON)
