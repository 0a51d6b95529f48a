"""What can be refused about people.

PeopleError
├── HandleRefused, HandleTaken, NameRefused, EmailRefused, PasswordRefused
├── BirthDateRefused, BirthDateMissing, BirthDateAlreadySet, TooYoung
├── WrongPassword, OldPasswordWrong, Suspended, LogInTooFast
├── ResetRefused
└── UnknownAccount, UnknownSession, UnknownRole, NotOneself, Blocked
"""

from dataclasses import dataclass


class PeopleError(Exception):
    """Something about an account was refused; nothing changed."""


@dataclass
class HandleRefused(PeopleError):
    """The handle cannot be used by anybody."""

    why: str

    def __str__(self) -> str:
        return self.why


class HandleTaken(PeopleError):
    """Somebody has this handle, or had it."""

    def __str__(self) -> str:
        return "This handle is taken."


@dataclass
class NameRefused(PeopleError):
    """The display name cannot be shown."""

    why: str

    def __str__(self) -> str:
        return self.why


class EmailRefused(PeopleError):
    """The e-mail address cannot be one."""

    def __str__(self) -> str:
        return "This is not an e-mail address."


@dataclass
class PasswordRefused(PeopleError):
    """The password is too easy to guess."""

    why: str

    def __str__(self) -> str:
        return self.why


class BirthDateRefused(PeopleError):
    """Nobody alive was born on that day."""

    def __str__(self) -> str:
        return "Check the birth date."


class BirthDateMissing(PeopleError):
    """The birth date must be said before this is possible."""

    def __str__(self) -> str:
        return "Say your birth date first."


class BirthDateAlreadySet(PeopleError):
    """A birth date is said once."""

    def __str__(self) -> str:
        return "The birth date can be set only once."


@dataclass
class TooYoung(PeopleError):
    """Not old enough for this.

    Attributes:
        age_years_min: The age that is needed.
    """

    age_years_min: int

    def __str__(self) -> str:
        return f"You must be at least {self.age_years_min} years old."


class WrongPassword(PeopleError):
    """Handle and password do not belong together; which of them is wrong is not said."""

    def __str__(self) -> str:
        return "Handle and password do not match."


class OldPasswordWrong(PeopleError):
    """The password that confirms a change is wrong."""

    def __str__(self) -> str:
        return "This is not your password."


@dataclass
class Suspended(PeopleError):
    """The account is suspended.

    Attributes:
        reason: As the moderator wrote it, for the person to read.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class LogInTooFast(PeopleError):
    """Too many wrong passwords lately; the next try must wait.

    Attributes:
        retry_after_s: When a try is accepted again.
    """

    retry_after_s: int

    def __str__(self) -> str:
        return "Too many wrong passwords. Wait a moment, then try again."


class ResetRefused(PeopleError):
    """The reset link is unknown, used or older than an hour."""

    def __str__(self) -> str:
        return "This link no longer works. Ask for a new one."


@dataclass
class UnknownAccount(PeopleError):
    """Nobody has this handle."""

    handle: str = ""

    def __str__(self) -> str:
        return "Nobody here has this handle."


class UnknownSession(PeopleError):
    """This person has no such session."""

    def __str__(self) -> str:
        return "No such session."


@dataclass
class UnknownRole(PeopleError):
    """There is no such role."""

    role: str

    def __str__(self) -> str:
        return f"There is no role {self.role!r}."


class NotOneself(PeopleError):
    """Following, blocking or moderating oneself means nothing."""

    def __str__(self) -> str:
        return "You cannot do this to yourself."


class Blocked(PeopleError):
    """One of the two has blocked the other."""

    def __str__(self) -> str:
        return "You cannot interact with this person."
