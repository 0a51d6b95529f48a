"""Ages: who may join, and who is of age."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.people import ages
from web.people.errors import BirthDateMissing, BirthDateRefused, TooYoung

TODAY = date(2026, 3, 1)


@dataclass(frozen=True)
class Somebody:
    birth_date: date | None


@pytest.mark.parametrize(
    ("birth_date", "age"),
    [
        (date(2008, 3, 1), 18),
        (date(2008, 3, 2), 17),
        (date(2008, 2, 29), 18),
        (date(2026, 3, 1), 0),
    ],
)
def test_one_is_a_year_older_on_the_birthday(birth_date: date, age: int) -> None:
    assert ages.age_on(birth_date, TODAY) == age


def test_born_on_a_leap_day_means_a_year_older_on_1_march() -> None:
    assert ages.age_on(date(2008, 2, 29), date(2026, 2, 28)) == 17


def test_18_is_of_age_and_a_day_less_is_not() -> None:
    ages.require_adult(Somebody(date(2008, 3, 1)), TODAY)

    with pytest.raises(TooYoung) as refused:
        ages.require_adult(Somebody(date(2008, 3, 2)), TODAY)
    assert refused.value.age_years_min == 18


def test_who_never_said_their_birth_date_is_not_of_age() -> None:
    with pytest.raises(BirthDateMissing):
        ages.require_adult(Somebody(None), TODAY)
    assert ages.is_adult(None, TODAY) is False


def test_13_is_enough_to_join_and_a_day_less_is_not() -> None:
    ages.check_birth_date(date(2013, 3, 1), TODAY)

    with pytest.raises(TooYoung) as refused:
        ages.check_birth_date(date(2013, 3, 2), TODAY)
    assert refused.value.age_years_min == 13


@pytest.mark.parametrize("birth_date", [TODAY + timedelta(days=1), date(1900, 1, 1), date.max])
def test_nobody_was_born_tomorrow_or_126_years_ago(birth_date: date) -> None:
    with pytest.raises(BirthDateRefused):
        ages.check_birth_date(birth_date, TODAY)


@given(st.dates(max_value=TODAY))
def test_nobody_gets_younger(birth_date: date) -> None:
    assert ages.age_on(birth_date, TODAY) >= ages.age_on(birth_date, TODAY - timedelta(days=1))
