"""Which RTP payloads begin a keyframe, per codec.

Plane: media, pure.
Shape   every function takes one RTP payload and answers True when a decoder can start with the
        frame this packet belongs to. Payloads cut short answer False.
Source  H.264: RFC 6184 sections 5.6 to 5.8. VP8: RFC 7741 section 4.2. VP9: RFC 9628 section 4.2.
        AV1: RTP Payload Format For AV1, section 4.4. H.264 in MTAP and FU-B is not looked into:
        no browser, OBS or FFmpeg sends it.
"""

from collections.abc import Callable

IDR = 5
SPS = 7
STAP_A = 24
FU_A = 28


def begins_h264(payload: bytes) -> bool:
    """A sequence parameter set or a slice of an IDR picture is in the packet."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind in (IDR, SPS):
        return True
    if kind == STAP_A:
        return any(unit in (IDR, SPS) for unit in _aggregated(payload))
    if kind == FU_A and len(payload) > 1:
        first_fragment = payload[1] & 0x80 != 0
        return first_fragment and payload[1] & 0x1F == IDR
    return False


def _aggregated(payload: bytes) -> list[int]:
    """Return the kinds of the NAL units inside a STAP-A."""
    kinds = []
    at = 1
    while at + 2 < len(payload):
        length = int.from_bytes(payload[at : at + 2], "big")
        kinds.append(payload[at + 2] & 0x1F)
        at += 2 + length
    return kinds


def begins_vp8(payload: bytes) -> bool:
    """First packet of partition 0 whose frame header has the inverse key frame bit clear."""
    if not payload:
        return False
    at = 1
    starts_frame = payload[0] & 0x10 != 0 and payload[0] & 0x07 == 0
    if payload[0] & 0x80:
        if len(payload) < 2:
            return False
        flags = payload[1]
        at += 1
        if flags & 0x80 and len(payload) > at:
            at += 2 if payload[at] & 0x80 else 1  # picture id of 15 or 7 bits
        at += flags >> 6 & 1  # TL0PICIDX
        at += 1 if flags & 0x30 else 0  # TID and KEYIDX share a byte
    return starts_frame and len(payload) > at and payload[at] & 0x01 == 0


def begins_vp9(payload: bytes) -> bool:
    """Start of a frame that is not predicted from others, in the lowest spatial layer."""
    if not payload:
        return False
    first = payload[0]
    predicted, starts_frame = first & 0x40, first & 0x08
    if predicted or not starts_frame:
        return False
    if not first & 0x20:  # no layer indices: one layer
        return True
    at = 1
    if first & 0x80 and len(payload) > at:
        at += 2 if payload[at] & 0x80 else 1
    return len(payload) > at and payload[at] >> 1 & 0x07 == 0


def begins_av1(payload: bytes) -> bool:
    """The aggregation header's N bit: first packet of a coded video sequence."""
    return len(payload) > 1 and payload[0] & 0x08 != 0


BEGINS: dict[str, Callable[[bytes], bool]] = {
    "H264": begins_h264,
    "VP8": begins_vp8,
    "VP9": begins_vp9,
    "AV1": begins_av1,
}
