"""The demo's script shows everything soon and never says the same thing twice in a row."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from gifts.menu import MENU
from web.demo_script import GIFTS_BY_TIER, LINES, Act, cheer, script, thanks

VIEWERS = 8


def acts_within(seconds: float, seed: int = 1) -> list[Act]:
    """Return what happens in the first ``seconds``."""
    found: list[Act] = []
    now = 0.0
    for act in script(VIEWERS, Random(seed)):
        now += act.wait_s
        if now > seconds:
            return found
        found.append(act)
    return found


def tier(act: Act) -> int:
    return next(tier for tier, gifts in GIFTS_BY_TIER.items() if act.words in gifts)


def test_every_gift_of_the_script_is_on_the_menu_and_has_the_tier_it_is_listed_under() -> None:
    for listed, gift_ids in GIFTS_BY_TIER.items():
        assert {MENU.gift(gift_id).tier for gift_id in gift_ids} == {listed}


@pytest.mark.parametrize("seed", range(20))
def test_a_newcomer_sees_gifts_of_all_tiers_within_half_a_minute(seed: int) -> None:
    tiers = {tier(act) for act in acts_within(30, seed) if act.kind == "gift"}

    assert tiers == {1, 2, 3, 4}


@pytest.mark.parametrize("seed", range(20))
def test_the_pace_can_be_followed(seed: int) -> None:
    kinds = Counter(act.kind for act in acts_within(120, seed))

    assert 30 <= kinds["chat"] <= 75
    assert 15 <= kinds["gift"] <= 60


def test_every_line_comes_once_before_any_comes_again() -> None:
    chat = (act.words for act in script(VIEWERS, Random(3)) if act.kind == "chat")

    first_round = list(islice(chat, len(LINES)))

    assert sorted(first_round) == sorted(LINES)


def test_time_never_goes_back_and_everybody_takes_part() -> None:
    acts = list(islice(script(VIEWERS, Random(4)), 500))

    assert min(act.wait_s for act in acts) >= 0
    assert {act.viewer for act in acts} == set(range(VIEWERS))
    assert min(act.count for act in acts) >= 1


def test_the_same_seed_gives_the_same_evening() -> None:
    assert acts_within(60, seed=5) == acts_within(60, seed=5)


def test_thanks_and_cheers_name_who_is_meant() -> None:
    assert "Ana" in cheer("Ana", Random(1))
    assert "Ana" in thanks("Ana", "Castle", Random(1))
    assert "Castle" in thanks("Ana", "Castle", Random(1))
