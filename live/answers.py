"""Answers to WHIP and WHEP offers: which codec, which stream, and the text.

One codec per section, so that a broadcaster sends exactly what all viewers get. We are ICE-lite,
bundle everything, mux RTCP, and name every address once.

Plane: media, pure.
Source  RFC 8829 section 5.3 (answers), RFC 8843 section 7.3, RFC 8839 section 5 (candidates),
        RFC 6184 section 8.2.2 (H.264 in answers), RFC 4588 section 8 (RTX), RFC 5576 (ssrc).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from live.errors import BadSdp, NoCommonCodec
from live.sdp import Codec, Direction, Offer, Section

VIDEO_CODECS = ("H264", "VP8", "VP9", "AV1")  # in order of preference
AUDIO_CODECS = ("OPUS",)
PREFERENCES: Mapping[str, tuple[str, ...]] = {"video": VIDEO_CODECS, "audio": AUDIO_CODECS}
CLOCK_RATES_HZ = {"video": 90_000, "audio": 48_000}
H264_PROFILES = ("42e0", "4200", "4d00", "6400")  # what most viewers decode comes first
SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_SEQUENCE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
FEEDBACK_IN = ("ccm fir", "nack", "nack pli", "transport-cc")
FEEDBACK_OUT = ("ccm fir", "goog-remb", "nack", "nack pli")


@dataclass(frozen=True, slots=True)
class Stream:
    """What one section carries.

    Attributes:
        section_index: Which m-line of the offer.
        transport_sequence_id: Extension id of transport-cc, towards us.
        send_time_id: Extension id of abs-send-time, towards a viewer.
    """

    kind: str
    section_index: int
    codec: Codec
    transport_sequence_id: int | None = None
    send_time_id: int | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """How our stream is announced to a viewer."""

    ssrc: int
    rtx_ssrc: int
    cname: str


@dataclass(frozen=True, slots=True)
class LocalEnd:
    """Our side of the session."""

    session_id: int
    ufrag: str
    password: str
    fingerprint: str
    hosts: tuple[str, ...]
    port: int


def agree_published(offer: Offer, current: Mapping[str, str]) -> dict[str, Stream]:
    """Choose what the broadcaster shall send, by kind.

    Attributes:
        current: Codec the room has now, by kind; it is kept where the offer allows.

    Raises:
        BadSdp: Nothing is sent in this offer.
        NoCommonCodec: A sent section has no codec of ours.
    """
    streams: dict[str, Stream] = {}
    for index, section in _usable(offer, ("sendonly", "sendrecv")):
        if section.kind in streams:
            continue
        codec = _published_codec(section, current.get(section.kind))
        transport_id = section.extensions.get(TRANSPORT_SEQUENCE)
        streams[section.kind] = Stream(
            section.kind, index, codec, transport_sequence_id=transport_id
        )
    if not streams:
        raise BadSdp("the offer sends neither audio nor video")
    return streams


def agree_watched(
    offer: Offer, current: Mapping[str, str], h264_profile: str | None
) -> dict[str, Stream]:
    """Choose how a viewer gets what the room has, by kind.

    Raises:
        BadSdp: Nothing is received in this offer.
        NoCommonCodec: The viewer cannot play the room's codec.
    """
    streams: dict[str, Stream] = {}
    sections = list(_usable(offer, ("recvonly", "sendrecv")))
    if not sections:
        raise BadSdp("the offer receives neither audio nor video")
    for index, section in sections:
        name = current.get(section.kind)
        if name is None or section.kind in streams:
            continue
        codec = _best(section, name, h264_profile)
        if codec is None:
            raise NoCommonCodec(section.kind, (name,))
        streams[section.kind] = Stream(
            section.kind, index, codec, send_time_id=section.extensions.get(SEND_TIME)
        )
    if not streams:
        raise BadSdp("the room has nothing of what this offer receives")
    return streams


def _usable(offer: Offer, directions: Sequence[Direction]) -> list[tuple[int, Section]]:
    """Return the sections that can carry media the wanted way."""
    found: list[tuple[int, Section]] = []
    for index, section in enumerate(offer.sections):
        if section.kind not in PREFERENCES or section.is_refused:
            continue
        if section.direction not in directions:
            continue
        if "RTP/SAVPF" not in section.protocol:
            raise BadSdp(f"{section.protocol[:30]} is not encrypted RTP with feedback")
        if not section.has_rtcp_mux:
            raise BadSdp("rtcp-mux is needed")
        if found and not section.is_bundled:
            raise BadSdp("all sections must be in one BUNDLE group")
        found.append((index, section))
    return found


def _published_codec(section: Section, current: str | None) -> Codec:
    preferences = PREFERENCES[section.kind]
    if current is not None:
        preferences = (current, *preferences)
    for name in preferences:
        codec = _best(section, name, None)
        if codec is not None:
            return codec
    raise NoCommonCodec(section.kind, PREFERENCES[section.kind])


def _best(section: Section, name: str, h264_profile: str | None) -> Codec | None:
    """Return the offered payload type that fits ``name`` best."""
    fitting = [codec for codec in section.codecs if codec.name == name and _is_forwardable(codec)]
    if name != "H264":
        return fitting[0] if fitting else None
    order = ((h264_profile,) if h264_profile else ()) + H264_PROFILES
    ranked = {profile: rank for rank, profile in reversed(list(enumerate(order)))}
    return min(fitting, key=lambda codec: ranked.get(profile_of(codec), 99), default=None)


def profile_of(codec: Codec) -> str:
    """Return profile and constraints of an H.264 codec, as in "42e0"."""
    return (codec.parameter("profile-level-id") or "420010").lower()[:4]


def _is_forwardable(codec: Codec) -> bool:
    if codec.clock_rate_hz != (48_000 if codec.name == "OPUS" else 90_000):
        return False
    if codec.name == "H264":  # mode 0 cannot carry a slice larger than a packet
        return codec.parameter("packetization-mode") == "1"
    if codec.name == "VP9":  # profiles 1 to 3 are decoded nearly nowhere
        return codec.parameter("profile-id") in (None, "0")
    if codec.name == "AV1":
        return codec.parameter("profile") in (None, "0")
    return True


def setup_for(offer: Offer) -> str:
    """Answer "passive" (we are DTLS server) unless the offer wants that role itself."""
    return "active" if offer.setup == "passive" else "passive"


def write_answer(
    offer: Offer,
    streams: Mapping[str, Stream],
    local: LocalEnd,
    outgoing: Mapping[str, Outgoing] | None = None,
) -> str:
    """Write the answer; with ``outgoing`` we send, without we receive."""
    by_index = {stream.section_index: stream for stream in streams.values()}
    mids = [offer.sections[index].mid for index in sorted(by_index)]
    lines = [
        "v=0",
        f"o=- {local.session_id} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
    ]
    if all(mids):
        lines.append("a=group:BUNDLE " + " ".join(mids))
        lines.append("a=msid-semantic: WMS *")
    for index, section in enumerate(offer.sections):
        stream = by_index.get(index)
        if stream is None:
            lines += _refused(section)
        else:
            lines += _accepted(offer, section, stream, local, (outgoing or {}).get(stream.kind))
    return "\r\n".join(lines) + "\r\n"


def _refused(section: Section) -> list[str]:
    lines = [
        f"m={section.kind} 0 {section.protocol} {section.formats[0]}",
        "c=IN IP4 0.0.0.0",
        "a=inactive",
    ]
    return [*lines, f"a=mid:{section.mid}"] if section.mid else lines


def _accepted(
    offer: Offer, section: Section, stream: Stream, local: LocalEnd, outgoing: Outgoing | None
) -> list[str]:
    codec = stream.codec
    payload_types = str(codec.payload_type)
    if codec.rtx_payload_type is not None:
        payload_types += f" {codec.rtx_payload_type}"
    lines = [
        f"m={section.kind} {local.port} {section.protocol} {payload_types}",
        f"c=IN {_family(local.hosts[0])} {local.hosts[0]}",
        f"a=rtcp:{local.port}",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        f"a=setup:{setup_for(offer)}",
    ]
    if section.mid:
        lines.append(f"a=mid:{section.mid}")
    lines += _extension_lines(stream)
    lines.append("a=sendonly" if outgoing else "a=recvonly")
    lines += ["a=rtcp-mux", "a=rtcp-rsize"]
    lines += _codec_lines(codec, FEEDBACK_OUT if outgoing else FEEDBACK_IN)
    if outgoing is not None:
        lines += _source_lines(stream, outgoing)
    lines += _candidates(local)
    return lines


def _family(host: str) -> str:
    return "IP6" if ":" in host else "IP4"


def _extension_lines(stream: Stream) -> list[str]:
    lines = []
    if stream.transport_sequence_id is not None:
        lines.append(f"a=extmap:{stream.transport_sequence_id} {TRANSPORT_SEQUENCE}")
    if stream.send_time_id is not None:
        lines.append(f"a=extmap:{stream.send_time_id} {SEND_TIME}")
    return lines


def _codec_lines(codec: Codec, feedback: Sequence[str]) -> list[str]:
    number, rate_hz = codec.payload_type, codec.clock_rate_hz
    name = "opus" if codec.name == "OPUS" else codec.name
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{number} {name}/{rate_hz}{channels}"]
    lines += [f"a=rtcp-fb:{number} {value}" for value in feedback if value in codec.feedback]
    if codec.parameters:
        lines.append(f"a=fmtp:{number} {codec.parameters}")
    if codec.rtx_payload_type is not None:
        lines.append(f"a=rtpmap:{codec.rtx_payload_type} rtx/{rate_hz}")
        lines.append(f"a=fmtp:{codec.rtx_payload_type} apt={number}")
    return lines


def _source_lines(stream: Stream, outgoing: Outgoing) -> list[str]:
    """Name our SSRCs; Chromium takes the first one it reads for the media itself."""
    lines = [
        f"a=msid:{outgoing.cname} {stream.kind}",
        f"a=ssrc:{outgoing.ssrc} cname:{outgoing.cname}",
    ]
    if stream.codec.rtx_payload_type is not None:
        lines.append(f"a=ssrc:{outgoing.rtx_ssrc} cname:{outgoing.cname}")
        lines.append(f"a=ssrc-group:FID {outgoing.ssrc} {outgoing.rtx_ssrc}")
    return lines


def _candidates(local: LocalEnd) -> list[str]:
    """Name every host; loopback last, so that a machine's own address is tried first."""
    lines = []
    for index, host in enumerate(local.hosts):
        priority = 126 << 24 | (65_535 - index) << 8 | 255
        lines.append(f"a=candidate:{index + 1} 1 udp {priority} {host} {local.port} typ host")
    return [*lines, "a=end-of-candidates"]
