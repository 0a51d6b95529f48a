"""Ages: 13 to join, 18 to go live, to buy, and to send or receive gifts.

Units   whole years, counted on the calendar. Born on 29 February: a year older on 1 March.
"""

from datetime import date
from typing import Protocol

from web.people.errors import BirthDateMissing, BirthDateRefused, TooYoung

JOIN_YEARS = 13
ADULT_YEARS = 18
LIFE_YEARS_MAX = 125


class HasBirthDate(Protocol):
    """Anybody whose birth date may be known."""

    @property
    def birth_date(self) -> date | None: ...


def age_on(birth_date: date, today: date) -> int:
    """Return the age in whole years."""
    before_birthday = (today.month, today.day) < (birth_date.month, birth_date.day)
    return today.year - birth_date.year - before_birthday


def is_adult(birth_date: date | None, today: date) -> bool:
    """Say whether somebody is known to be of age."""
    return birth_date is not None and age_on(birth_date, today) >= ADULT_YEARS


def require_adult(person: HasBirthDate, today: date) -> None:
    """Let pass only who is known to be of age.

    Raises:
        BirthDateMissing: It was never said; it can be said once.
        TooYoung: Under 18.
    """
    if person.birth_date is None:
        raise BirthDateMissing()
    if age_on(person.birth_date, today) < ADULT_YEARS:
        raise TooYoung(ADULT_YEARS)


def check_birth_date(birth_date: date, today: date) -> None:
    """Let pass a birth date with which somebody may join.

    Raises:
        BirthDateRefused: In the future, or longer ago than anybody lived.
        TooYoung: Under 13.
    """
    age = age_on(birth_date, today)
    if birth_date > today or age > LIFE_YEARS_MAX:
        raise BirthDateRefused()
    if age < JOIN_YEARS:
        raise TooYoung(JOIN_YEARS)
