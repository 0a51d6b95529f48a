"""Offers and trickle fragments, read.

Plane: media, pure.
Source  SDP: RFC 8866. Offers: RFC 8829 (JSEP), RFC 8843 (BUNDLE), RFC 9725 section 4.2 (WHIP).
        Fragments: RFC 8840. Simulcast (``a=rid``, ``a=simulcast``), Plan B and data channels are
        not answered: their lines are skipped, their sections refused with port 0.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from live.errors import BadFragment, BadSdp

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Setup = Literal["actpass", "active", "passive"]

SIZE_CHARACTERS_MAX = 200_000
SECTIONS_MAX = 16
CODECS_MAX = 128  # per section
FINGERPRINTS_MAX = 8
DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
SETUPS: tuple[Setup, ...] = ("actpass", "active", "passive")
_UFRAG = re.compile(r"[A-Za-z0-9+/=_-]{4,256}\Z")  # ice-char, and what some clients add
_PASSWORD = re.compile(r"[A-Za-z0-9+/=_-]{22,256}\Z")
_MID = re.compile(r"[!-~]{1,32}\Z")


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of an offered section.

    Attributes:
        name: Encoding name in capitals, as in "H264" or "OPUS".
        parameters: The ``fmtp`` line's right side, as offered.
        feedback: ``rtcp-fb`` values, as in "nack" or "nack pli".
        rtx_payload_type: Where its retransmissions go, if offered.
    """

    payload_type: int
    name: str
    clock_rate_hz: int
    channels: int
    parameters: str
    feedback: frozenset[str]
    rtx_payload_type: int | None

    def parameter(self, key: str) -> str | None:
        """Return one ``fmtp`` parameter."""
        for part in self.parameters.split(";"):
            name, _, value = part.strip().partition("=")
            if name.lower() == key:
                return value.strip()
        return None


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line of an offer.

    Attributes:
        formats: The m-line's formats, as text.
        extensions: Header extension ids (1 to 14) by URI.
        is_bundled: It shares the transport of the first section.
    """

    kind: str
    protocol: str
    mid: str
    direction: Direction
    formats: tuple[str, ...]
    codecs: tuple[Codec, ...]
    extensions: dict[str, int]
    has_rtcp_mux: bool
    is_refused: bool
    is_bundled: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything we use of an offer."""

    sections: tuple[Section, ...]
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: Setup


@dataclass(frozen=True, slots=True)
class Fragment:
    """A trickle fragment; ICE-lite needs nothing of it but the credentials it names."""

    ufrag: str | None
    password: str | None
    candidate_count: int
    is_complete: bool


Lines = list[tuple[str, str]]


class Attributes:
    """The ``a=`` lines of a session or a section, sorted once: flags, and values by name."""

    def __init__(self, lines: Lines, session: "Attributes | None" = None) -> None:
        self.flags: list[str] = []
        self._own: dict[str, list[str]] = {}
        self._session = session
        for letter, line in lines:
            if letter == "a":
                name, colon, value = line.partition(":")
                if colon:
                    self._own.setdefault(name, []).append(value)
                else:
                    self.flags.append(name)

    def own(self, name: str) -> list[str]:
        """Return the values of ``a=name:`` lines that stand here."""
        return self._own.get(name, [])

    def all(self, name: str) -> list[str]:
        """Return the session's values and then our own."""
        return (self._session.own(name) if self._session else []) + self.own(name)

    def last(self, name: str) -> str | None:
        """Return the last value: a section's own wins over the session's."""
        values = self.own(name) or self.all(name)
        return values[-1].strip() if values else None


def read_offer(text: str) -> Offer:
    """Read an offer.

    Raises:
        BadSdp: It cannot be read, or cannot work with an ICE-lite, bundled, muxed, encrypted side.
    """
    lines = list(_split(text, BadSdp))
    if not lines or lines[0][0] != "v":
        raise BadSdp("an offer starts with v=0")
    head, *blocks = _blocks(lines)
    if not blocks:
        raise BadSdp("no media section")
    if len(blocks) > SECTIONS_MAX:
        raise BadSdp(f"more than {SECTIONS_MAX} media sections")
    session = Attributes(head)
    if "ice-lite" in session.flags:
        raise BadSdp("both sides are ICE-lite: nobody would start")
    bundle = _bundle(session)
    attributes = [Attributes(block, session) for block in blocks]
    first = attributes[0]
    return Offer(
        sections=tuple(
            _section(block[0][1], own, session, bundle)
            for block, own in zip(blocks, attributes, strict=True)
        ),
        ufrag=_required(first, "ice-ufrag", _UFRAG),
        password=_required(first, "ice-pwd", _PASSWORD),
        fingerprints=_fingerprints(first),
        setup=_setup(first),
    )


def read_fragment(text: str) -> Fragment:
    """Read a trickle fragment (RFC 8840 section 9).

    Raises:
        BadFragment: It is not made of the lines such a fragment may hold.
    """
    lines = list(_split(text, BadFragment))
    candidates = 0
    for letter, value in lines:
        if letter not in "am":
            raise BadFragment(f"a fragment has no {letter}= lines")
        if letter == "a" and value.startswith("candidate:"):
            _check_candidate(value)
            candidates += 1
    attributes = Attributes(lines)
    ufrag, password = attributes.last("ice-ufrag"), attributes.last("ice-pwd")
    is_complete = "end-of-candidates" in attributes.flags
    if (ufrag is None) != (password is None):
        raise BadFragment("ice-ufrag and ice-pwd come together")
    if not candidates and not is_complete and ufrag is None:
        raise BadFragment("neither candidates nor credentials")
    return Fragment(ufrag, password, candidates, is_complete)


def _check_candidate(value: str) -> None:
    """RFC 8839 section 5.1: foundation component transport priority address port typ type."""
    parts = value.removeprefix("candidate:").split()
    numbers = [parts[at] for at in (1, 3, 5)] if len(parts) >= 8 else ["-"]
    if not all(number.isascii() and number.isdigit() for number in numbers) or parts[6] != "typ":
        raise BadFragment("malformed candidate")


def _split(text: str, error: type[BadSdp]) -> Iterator[tuple[str, str]]:
    if len(text) > SIZE_CHARACTERS_MAX:
        raise error(f"more than {SIZE_CHARACTERS_MAX} characters")
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        letter, equals, value = line.partition("=")
        if not equals or len(letter) != 1 or not line.isprintable():
            raise error(f"not an SDP line: {line[:40]!r}")
        yield letter, value.strip()


def _blocks(lines: Lines) -> list[Lines]:
    """Cut lines into the session's and one block per m-line."""
    blocks: list[Lines] = [[]]
    for line in lines:
        if line[0] == "m":
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def _required(attributes: Attributes, name: str, shape: re.Pattern[str]) -> str:
    value = attributes.last(name)
    if value is None:
        raise BadSdp(f"no {name}")
    if not shape.match(value):
        raise BadSdp(f"malformed {name}")
    return value


def _bundle(session: Attributes) -> frozenset[str]:
    for group in session.own("group"):
        kind, *mids = group.split()
        if kind == "BUNDLE":
            return frozenset(mids)
    return frozenset()


def _fingerprints(attributes: Attributes) -> tuple[tuple[str, str], ...]:
    found = []
    for value in attributes.all("fingerprint")[:FINGERPRINTS_MAX]:
        algorithm, _, digest = value.partition(" ")
        found.append((algorithm.lower(), digest.strip().upper()))
    if not found:
        raise BadSdp("no fingerprint")
    return tuple(dict.fromkeys(found))


def _setup(attributes: Attributes) -> Setup:
    value = attributes.last("setup") or "actpass"
    for setup in SETUPS:
        if value == setup:
            return setup
    raise BadSdp(f"setup:{value[:20]} cannot be answered")


def _section(
    line: str, attributes: Attributes, session: Attributes, bundle: frozenset[str]
) -> Section:
    kind, port, protocol, formats = _media_line(line)
    mid = (attributes.own("mid") or [""])[-1].strip()
    if mid and not _MID.match(mid):
        raise BadSdp("malformed mid")
    if kind in ("audio", "video") and len(formats) > CODECS_MAX:
        raise BadSdp(f"more than {CODECS_MAX} codecs")
    return Section(
        kind=kind,
        protocol=protocol,
        mid=mid,
        direction=_direction(session.flags + attributes.flags),
        formats=formats,
        codecs=tuple(_codecs(attributes, formats)),
        extensions=_extensions(attributes),
        has_rtcp_mux="rtcp-mux" in attributes.flags,
        is_refused=port == "0" and "bundle-only" not in attributes.flags,
        is_bundled=mid in bundle,
    )


def _media_line(value: str) -> tuple[str, str, str, tuple[str, ...]]:
    parts = value.split()
    if len(parts) < 4 or not parts[1].partition("/")[0].isdigit():
        raise BadSdp(f"malformed m-line {value[:40]!r}")
    return parts[0], parts[1], parts[2], tuple(parts[3:])


def _direction(flags: list[str]) -> Direction:
    for flag in reversed(flags):
        for direction in DIRECTIONS:
            if flag == direction:
                return direction
    return "sendrecv"


def _codecs(attributes: Attributes, formats: tuple[str, ...]) -> Iterator[Codec]:
    names = dict(_numbered(attributes, "rtpmap"))
    parameters = dict(_numbered(attributes, "fmtp"))
    feedback: dict[int, set[str]] = {}
    shared = {value[2:] for value in attributes.own("rtcp-fb") if value.startswith("* ")}
    for number, value in _numbered(attributes, "rtcp-fb"):
        feedback.setdefault(number, set()).add(value)
    retransmissions = _retransmissions(names, parameters)
    for text in formats:
        payload_type = _payload_type(text)
        if payload_type is None or payload_type not in names:
            continue
        name, rate_hz, channels = _rtpmap(names[payload_type])
        if name == "RTX":
            continue
        yield Codec(
            payload_type=payload_type,
            name=name,
            clock_rate_hz=rate_hz,
            channels=channels,
            parameters=parameters.get(payload_type, ""),
            feedback=frozenset(feedback.get(payload_type, set()) | shared),
            rtx_payload_type=retransmissions.get(payload_type),
        )


def _payload_type(text: str) -> int | None:
    """RFC 5761 section 4 keeps 64 to 95 free: with rtcp-mux they would look like RTCP."""
    if not text.isascii() or not text.isdigit() or len(text) > 3:
        return None
    number = int(text)
    return number if number < 64 or 96 <= number < 128 else None


def _numbered(attributes: Attributes, name: str) -> Iterator[tuple[int, str]]:
    for value in attributes.own(name):
        number, _, rest = value.partition(" ")
        payload_type = _payload_type(number)
        if payload_type is not None:
            yield payload_type, rest.strip()


def _rtpmap(value: str) -> tuple[str, int, int]:
    name, _, rest = value.partition("/")
    rate, _, channels = rest.partition("/")
    if not rate.isascii() or not rate.isdigit() or len(rate) > 9:
        raise BadSdp(f"malformed rtpmap {value[:40]!r}")
    is_number = channels.isascii() and channels.isdigit() and len(channels) < 4
    return name.upper(), int(rate), int(channels) if is_number else 1


def _retransmissions(names: dict[int, str], parameters: dict[int, str]) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, name in names.items():
        text = parameters.get(number, "").partition("apt=")[2].partition(";")[0].strip()
        original = _payload_type(text)
        if name.upper().startswith("RTX/") and original is not None:
            found.setdefault(original, number)
    return found


def _extensions(attributes: Attributes) -> dict[str, int]:
    """Header extensions by URI; ids above 14 would need two-byte headers and are left out."""
    found: dict[str, int] = {}
    for value in attributes.all("extmap"):
        number, _, rest = value.partition(" ")
        number = number.partition("/")[0]
        uri = rest.split(" ")[0]
        if number.isascii() and number.isdigit() and len(number) < 4 and 1 <= int(number) <= 14:
            found.setdefault(uri, int(number))
    return found
