"""Everything live refuses, each with the fields a caller needs to say why.

LiveError
├── MediaError
│   ├── BadSdp              the offer cannot be read or cannot work here
│   │   └── BadFragment     the same for a trickle fragment
│   ├── NoCommonCodec       nothing both sides can play
│   ├── IceRestartRefused   a fragment with new credentials; restart is not built
│   ├── Broadcasting        somebody else is on the air in this room
│   ├── NotBroadcasting     nobody is, so there is nothing to watch
│   ├── UnknownResource     no such WHIP or WHEP resource (any more)
│   ├── PlaneFull           no more sessions here for now
│   └── Malformed           a datagram that is not what its first byte promised
│       ├── NotStun
│       ├── NotRtp
│       └── NotRtcp
├── RoomError
│   ├── RoomNotFound
│   ├── RoomEnded
│   ├── TooManyRooms        the creator has as many open as one may have
│   ├── TooManyViews        nobody else is let in here, or from this address
│   ├── BadRoomText         a title, tag or reason breaks its rules
│   └── Banned              from this creator's rooms
└── ChatError
    ├── BadChatText         nothing to read, or too much
    ├── ChatTooFast
    └── Muted               may watch and send gifts, but not chat

Planes: media and bus. Units: seconds end in ``_s``.
"""

from datetime import datetime


class LiveError(Exception):
    """Something outside went against a rule of rooms, chat or media."""


class MediaError(LiveError):
    """Something the media plane refuses."""


class BadSdp(MediaError):
    """The session description cannot be used; ``reason`` is for whoever sent it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class BadFragment(BadSdp):
    """The trickle fragment cannot be read."""


class NoCommonCodec(MediaError):
    """The offer holds no codec of this ``kind`` that we can use."""

    def __init__(self, kind: str, wanted: tuple[str, ...]) -> None:
        self.kind = kind
        self.wanted = wanted

    def __str__(self) -> str:
        return f"no common {self.kind} codec; this side takes {', '.join(self.wanted)}"


class IceRestartRefused(MediaError):
    """The fragment asks for an ICE restart, which is not built yet."""

    def __str__(self) -> str:
        return "ICE restart is not supported; make a new session instead"


class Broadcasting(MediaError):
    """The room has a broadcaster who sent something a moment ago."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return "this room is being broadcast to already"


class NotBroadcasting(MediaError):
    """The room has no media to watch yet."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return "nobody is broadcasting in this room yet"


class UnknownResource(MediaError):
    """No WHIP or WHEP resource has this id, or it has ended."""

    def __init__(self, resource_id: str) -> None:
        self.resource_id = resource_id

    def __str__(self) -> str:
        return "no such session"


class PlaneFull(MediaError):
    """This process takes no more sessions now: too many, too fast, or it is stopping."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return "this server takes no more connections right now"


class Malformed(MediaError):
    """A datagram that is not what it claims to be; dropped and counted."""


class NotStun(Malformed):
    """Not a STUN message we can read."""


class NotRtp(Malformed):
    """Not an RTP packet."""


class NotRtcp(Malformed):
    """Not an RTCP compound."""


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


class TooManyViews(RoomError):
    """No further view is let in; those that are there go on."""

    def __init__(self, where: str, views_max: int) -> None:
        self.where = where
        self.views_max = views_max

    def __str__(self) -> str:
        return f"At most {self.views_max} people can watch {self.where} at once."


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
