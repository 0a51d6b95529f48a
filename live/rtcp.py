"""RTCP as values: what arrives is parsed, what we say is written.

Plane: media, pure.
Units   NTP: 32.32 fixed point seconds since 1900. ``last_report`` is its middle 32 bits, ``delay``
        1/65 536 s. ``fraction_lost`` 1/256. ``bitrate_bps`` bits per second.
Source  RFC 3550 section 6 (SR, RR, SDES, BYE), RFC 4585 section 6 (NACK, PLI), RFC 5104 section
        4.3.1 (FIR), draft-alvestrand-rmcat-remb-03. Extended reports, APP and slice feedback are
        skipped. A report cut short ends the compound; what came before it counts.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from live.errors import NotRtcp

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NACK_FMT, TRANSPORT_FMT = 1, 15
PLI_FMT, FIR_FMT, APP_FMT = 1, 4, 15
NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970
NACKED_MAX = 1024  # sequences taken from one NACK
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class Block:
    """What a receiver says of one stream."""

    ssrc: int
    fraction_lost: int
    lost_count: int
    highest: int
    jitter: int
    last_report: int
    delay: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Ties a stream's RTP timestamps to its sender's wall clock."""

    ssrc: int
    ntp: int
    timestamp: int
    packet_count: int
    octet_count: int
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """Reception as ``ssrc`` sees it."""

    ssrc: int
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Nack:
    """These packets of ``media_ssrc`` are missing."""

    media_ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """PLI or FIR: ``media_ssrc`` cannot be decoded from here."""

    media_ssrc: int


@dataclass(frozen=True, slots=True)
class Remb:
    """The receiver's estimate of what it can take, for all ``ssrcs`` together."""

    bitrate_bps: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """These sources stop."""

    ssrcs: tuple[int, ...]


Report = SenderReport | ReceiverReport | Nack | KeyframeRequest | Remb | Bye


def is_rtcp(datagram: bytes) -> bool:
    """Tell RTCP from RTP by the second byte (RFC 5761 section 4)."""
    return len(datagram) >= 2 and 192 <= datagram[1] <= 223


def read(compound: bytes) -> list[Report]:
    """Parse a compound packet.

    Raises:
        NotRtcp: Not even its first header can be read.
    """
    if len(compound) < 8 or compound[0] >> 6 != 2:
        raise NotRtcp(f"{len(compound)} bytes")
    reports: list[Report] = []
    at = 0
    while at + 4 <= len(compound) and compound[at] >> 6 == 2:
        end = at + 4 + 4 * int.from_bytes(compound[at + 2 : at + 4], "big")
        if end > len(compound):
            break
        body = compound[at + 4 : end]
        if compound[at] & 0x20 and body:
            body = body[: max(len(body) - body[-1], 0)]
        reports += _read_one(compound[at + 1], compound[at] & 0x1F, body)
        at = end
    return reports


def _read_one(kind: int, count: int, body: bytes) -> Iterable[Report]:
    if kind == SR and len(body) >= 24:
        ssrc, ntp, timestamp, packets, octets = struct.unpack_from("!IQIII", body)
        blocks = _read_blocks(body[24:], count)
        return (SenderReport(ssrc, ntp, timestamp, packets, octets, blocks),)
    if kind == RR and len(body) >= 4:
        return (ReceiverReport(int.from_bytes(body[:4], "big"), _read_blocks(body[4:], count)),)
    if kind == BYE:
        return (Bye(_read_words(body[: 4 * count])),)
    if kind == RTPFB and count == NACK_FMT and len(body) >= 12:
        return (_read_nack(body),)
    if kind == PSFB and len(body) >= 8:
        return _read_payload_feedback(count, body)
    return ()


def _read_blocks(body: bytes, count: int) -> tuple[Block, ...]:
    blocks = []
    for at in range(0, min(24 * count, len(body) - 23), 24):
        ssrc, lost, highest, jitter, last_report, delay = _BLOCK.unpack_from(body, at)
        lost_count = (lost & 0xFF_FFFF ^ 0x80_0000) - 0x80_0000  # 24 bits, signed
        blocks.append(Block(ssrc, lost >> 24, lost_count, highest, jitter, last_report, delay))
    return tuple(blocks)


def _read_words(body: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(body[at : at + 4], "big") for at in range(0, len(body) // 4 * 4, 4))


def _read_nack(body: bytes) -> Nack:
    sequences: list[int] = []
    for word in _read_words(body[8:]):
        first, others = word >> 16, word & 0xFFFF
        sequences.append(first)
        sequences += [first + bit + 1 & 0xFFFF for bit in range(16) if others >> bit & 1]
        if len(sequences) >= NACKED_MAX:
            break
    return Nack(int.from_bytes(body[4:8], "big"), tuple(sequences[:NACKED_MAX]))


def _read_payload_feedback(fmt: int, body: bytes) -> Iterable[Report]:
    media_ssrc = int.from_bytes(body[4:8], "big")
    if fmt == PLI_FMT:
        return (KeyframeRequest(media_ssrc),)
    if fmt == FIR_FMT:
        return tuple(KeyframeRequest(ssrc) for ssrc in _read_words(body[8:])[::2])
    if fmt == APP_FMT and body[8:12] == b"REMB" and len(body) >= 16:
        exponent = body[13] >> 2
        mantissa = (body[13] & 0x03) << 16 | body[14] << 8 | body[15]
        return (Remb(mantissa << exponent, _read_words(body[16 : 16 + 4 * body[12]])),)
    return ()


def ntp_time(unix_s: float) -> int:
    """Return seconds since 1970 as a 64-bit NTP time."""
    return int((unix_s + NTP_EPOCH_S) * 4_294_967_296) & 0xFFFF_FFFF_FFFF_FFFF


def unix_time(ntp: int) -> float:
    """Return a 64-bit NTP time as seconds since 1970."""
    return ntp / 4_294_967_296 - NTP_EPOCH_S


def _packet(kind: int, count: int, body: bytes) -> bytes:
    assert len(body) % 4 == 0, len(body)
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(report: SenderReport) -> bytes:
    """Write an SR without report blocks."""
    body = struct.pack(
        "!IQIII",
        report.ssrc,
        report.ntp,
        report.timestamp,
        report.packet_count & 0xFFFF_FFFF,
        report.octet_count & 0xFFFF_FFFF,
    )
    return _packet(SR, 0, body)


def receiver_report(ssrc: int, blocks: Sequence[Block]) -> bytes:
    """Write an RR with at most 31 ``blocks``."""
    body = ssrc.to_bytes(4, "big") + b"".join(
        _BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | block.lost_count & 0xFF_FFFF,
            block.highest & 0xFFFF_FFFF,
            block.jitter,
            block.last_report,
            block.delay,
        )
        for block in blocks[:31]
    )
    return _packet(RR, min(len(blocks), 31), body)


def source_name(ssrcs: Sequence[int], cname: str) -> bytes:
    """Write the SDES packets that say ``ssrcs`` belong together.

    One packet each: aiortc misreads a second chunk and then drops the whole compound.
    """
    item = b"\x01" + bytes((len(cname),)) + cname.encode() + b"\x00"
    item += bytes(-len(item) % 4)
    return b"".join(_packet(SDES, 1, ssrc.to_bytes(4, "big") + item) for ssrc in ssrcs)


def nack(sender_ssrc: int, media_ssrc: int, sequences: Sequence[int]) -> bytes:
    """Ask again for ``sequences`` (extended or not, ascending)."""
    words: list[int] = []
    first = -1
    for sequence in sequences:
        distance = sequence - first - 1
        if first >= 0 and 0 <= distance < 16:
            words[-1] |= 1 << distance
        else:
            words.append((sequence & 0xFFFF) << 16)
            first = sequence
    body = struct.pack(f"!II{len(words)}I", sender_ssrc, media_ssrc, *words)
    return _packet(RTPFB, NACK_FMT, body)


def picture_loss(sender_ssrc: int, media_ssrc: int) -> bytes:
    """Ask for a keyframe (PLI)."""
    return _packet(PSFB, PLI_FMT, struct.pack("!II", sender_ssrc, media_ssrc))


def full_intra_request(sender_ssrc: int, media_ssrc: int, count: int) -> bytes:
    """Ask for a keyframe where PLI was not negotiated (FIR); ``count`` rises with each new one."""
    body = struct.pack("!IIIBBH", sender_ssrc, 0, media_ssrc, count & 0xFF, 0, 0)
    return _packet(PSFB, FIR_FMT, body)


def goodbye(ssrcs: Sequence[int]) -> bytes:
    """Write a BYE."""
    return _packet(BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs))
