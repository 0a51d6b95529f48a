"""What can be refused about reports and moderators' actions.

TrustError
├── UnknownReport, ReportClosed
├── UnknownSubject, SubjectMissing
└── Protected, CreatorOfRoom
"""

from dataclasses import dataclass


class TrustError(Exception):
    """A report or an action was refused; nothing changed."""


class UnknownReport(TrustError):
    """There is no such report."""

    def __str__(self) -> str:
        return "There is no such report."


class ReportClosed(TrustError):
    """Somebody has dealt with this report already."""

    def __str__(self) -> str:
        return "This report has been dealt with already."


@dataclass
class UnknownSubject(TrustError):
    """What is reported or acted on is not there.

    Attributes:
        field: The member of the request that names it, or that is missing.
    """

    field: str

    def __str__(self) -> str:
        return f"{self.field}: there is no such thing here."


@dataclass
class SubjectMissing(TrustError):
    """The action needs to be told what it is about.

    Attributes:
        field: The member of the request that is missing.
    """

    field: str

    def __str__(self) -> str:
        return f"{self.field} is needed for this action."


class Protected(TrustError):
    """Nobody moderates themselves, and only admins moderate admins."""

    def __str__(self) -> str:
        return "You cannot act on this person."


class CreatorOfRoom(TrustError):
    """Nobody is muted in, or removed from, a room of their own; the room can be ended."""

    def __str__(self) -> str:
        return "This is the room's creator: end the broadcast instead."
