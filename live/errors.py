"""Everything the media plane refuses, each with the fields a caller needs to say why.

    MediaError
    ├── BadSdp              the offer cannot be read or cannot work here
    │   └── BadFragment     the same for a trickle fragment
    ├── NoCommonCodec       nothing both sides can play
    ├── IceRestartRefused   a fragment with new credentials; restart is not built
    ├── Broadcasting        somebody else is on the air in this room
    ├── NotBroadcasting     nobody is, so there is nothing to watch
    ├── UnknownResource     no such WHIP or WHEP resource (any more)
    ├── PlaneFull           as many peers as one process takes
    └── Malformed           a datagram that is not what its first byte promised
        ├── NotStun
        ├── NotRtp
        └── NotRtcp

Plane: media. Units: seconds end in ``_s``.
"""


class MediaError(Exception):
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
    """This process already serves ``peers_max`` peers."""

    def __init__(self, peers_max: int) -> None:
        self.peers_max = peers_max

    def __str__(self) -> str:
        return f"this server already serves {self.peers_max} connections"


class Malformed(MediaError):
    """A datagram that is not what it claims to be; dropped and counted."""


class NotStun(Malformed):
    """Not a STUN message we can read."""


class NotRtp(Malformed):
    """Not an RTP packet."""


class NotRtcp(Malformed):
    """Not an RTCP compound."""
