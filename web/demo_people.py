"""Who plays in the demo, and what the cast remembers between two starts.

Neither plane. The password and the stream key are secrets of this demo alone; they lie beside its
database with mode 0600.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec


@dataclass(frozen=True, slots=True)
class Part:
    """One person of the demo.

    Attributes:
        who: What the demo's bar calls them; "" for those nobody can become.
        page: Where they look; None is the room.
    """

    handle: str
    display_name: str
    who: str = ""
    page: str | None = None
    roles: tuple[str, ...] = ()


CREATOR: Final = Part("mira", "Mira Vale", "creator", "/studio")
VIEWER: Final = Part("robin", "Robin", "viewer")
BOTS: Final = (
    Part("ana_lisboa", "Ana"),
    Part("kenji", "Kenji"),
    Part("lu_from_berlin", "Lu"),
    Part("sofia_m", "Sofia"),
    Part("theo", "Théo"),
    Part("amara", "Amara"),
    Part("joaquim", "Joaquim"),
    Part("nils", "Nils"),
)
CAST: Final = (
    CREATOR,
    VIEWER,
    Part("frida", "Frida", "finance", "/finance", ("finance-maker",)),
    Part("noor", "Noor", "moderator", "/moderation", ("moderator",)),
    *BOTS,
)


class Cast(msgspec.Struct):
    """What must be remembered: everybody's password, and the room that goes on."""

    password: str
    room_id: str = ""
    stream_key: str = ""
    is_viewer_rich: bool = False


def read_cast(folder: Path) -> Cast | None:
    """Return what was remembered in ``folder``; None the first time."""
    try:
        return msgspec.json.decode((folder / "cast.json").read_bytes(), type=Cast)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_cast(folder: Path, cast: Cast) -> None:
    """Remember ``cast`` in ``folder``, readable by nobody else."""
    part = folder / "cast.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(cast))
    part.replace(folder / "cast.json")
