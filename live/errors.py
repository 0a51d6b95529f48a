"""Every error the live package raises.

LiveError
├── RoomError
│   ├── RoomNotFound
│   ├── RoomEnded
│   ├── TooManyRooms
│   ├── BadRoomText
│   └── Banned
└── ChatError
    ├── BadChatText
    ├── ChatTooFast
    └── Muted
"""

from datetime import datetime


class LiveError(Exception):
    """Something outside went against a rule of rooms, chat or media."""


class RoomError(LiveError):
    """A rule about rooms."""


class RoomNotFound(RoomError):
    """There is no such room."""

    def __init__(self, room_id: str) -> None:
        self.room_id = room_id

    def __str__(self) -> str:
        return f"There is no room {self.room_id}."


class RoomEnded(RoomError):
    """The room has ended for good."""

    def __init__(self, room_id: str) -> None:
        self.room_id = room_id

    def __str__(self) -> str:
        return f"Room {self.room_id} has ended."


class TooManyRooms(RoomError):
    """The creator has as many rooms open as one may have."""

    def __init__(self, rooms_max: int) -> None:
        self.rooms_max = rooms_max

    def __str__(self) -> str:
        return f"At most {self.rooms_max} rooms can be open at once."


class BadRoomText(RoomError):
    """A room's title or tag breaks the rules for it."""

    def __init__(self, field: str, rule: str) -> None:
        self.field = field
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}."


class Banned(RoomError):
    """The person is banned from this creator's rooms."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return f"Removed from this room: {self.reason}"


class ChatError(LiveError):
    """A rule about chat."""


class BadChatText(ChatError):
    """A chat message is empty or too long."""

    def __init__(self, rule: str) -> None:
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.rule}."


class ChatTooFast(ChatError):
    """The person writes faster than allowed."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"Too fast; try again in {self.retry_after_s:.1f} s."


class Muted(ChatError):
    """The person may watch and send gifts, but not chat."""

    def __init__(self, until: datetime | None, reason: str) -> None:
        self.until = until
        self.reason = reason

    def __str__(self) -> str:
        return f"Muted here: {self.reason}"
