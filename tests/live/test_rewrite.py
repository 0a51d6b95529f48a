"""RTP headers: read, renumbered, padded, wrapped for retransmission."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live import rewrite
from live.errors import NotRtp
from live.rewrite import Continuity, Rtp
from tests.live.media_builders import rtp, written


@given(st.binary(max_size=200))
def test_reading_any_bytes_raises_nothing_but_its_own_error(packet: bytes) -> None:
    with contextlib.suppress(NotRtp):
        rewrite.read(packet)


@given(st.binary(max_size=80), st.booleans(), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF))
def test_a_packet_that_was_written_is_read_back(
    payload: bytes, marker: bool, sequence: int, timestamp: int
) -> None:
    packet = rtp(sequence, timestamp, payload=payload, marker=marker)

    assert rewrite.read(written(packet)) == packet


def test_padding_is_removed_when_a_packet_is_read() -> None:
    assert rewrite.read(written(rtp(payload=b"abc"), padding=5)).payload == b"abc"


def test_one_byte_extensions_are_found_by_id() -> None:
    packet = rewrite.read(written(rtp(), extension=b"\x31\x12\x34\x00\x50\x99"))

    assert packet.extensions == {3: b"\x12\x34", 5: b"\x99"}


def test_two_byte_extensions_are_found_by_id() -> None:
    assert rewrite.read_extensions(0x1000, b"\x03\x02\x12\x34\x00\x07\x00") == {
        3: b"\x12\x34",
        7: b"",
    }


def test_an_unknown_extension_profile_is_skipped() -> None:
    assert rewrite.read_extensions(0xABCD, b"\x31\x12\x34") == {}


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        bytes(12),
        b"\x90" + bytes(11),
        b"\x8f" + bytes(20),
        b"\xa0" + bytes(12),
        b"\xa0" + bytes(11) + b"\xff",
    ],
    ids=["empty", "version 0", "no extension", "CSRC cut", "padding of 0", "padding too long"],
)
def test_what_is_shorter_than_it_says_is_not_rtp(packet: bytes) -> None:
    with pytest.raises(NotRtp):
        rewrite.read(packet)


@given(st.integers(-0x7FFF, 0x7FFF), st.integers(0x10000, 1 << 40))
def test_a_sequence_unwraps_to_the_nearest_extended_one(distance: int, reference: int) -> None:
    assert rewrite.unwrap((reference + distance) & 0xFFFF, reference) == reference + distance


def egress(payload: bytes = b"payload", marker: bool = True) -> bytes:
    return rewrite.video_packet(
        rtp(payload=payload, marker=marker), ssrc=7, sequence=0x1_0005, timestamp=99, sent_at=1.5
    )


def test_an_egress_packet_carries_our_numbers_and_the_send_time() -> None:
    packet = rewrite.read(rewrite.patched(egress(), 102, 4))

    assert packet == Rtp(
        True, 102, 5, 99, 7, b"payload", {4: int(1.5 * 262_144).to_bytes(3, "big")}
    )


def test_without_send_time_negotiated_the_extension_is_left_out() -> None:
    packet = rewrite.read(rewrite.patched(egress(), 102, None))

    assert packet == Rtp(True, 102, 5, 99, 7, b"payload")


def test_an_audio_packet_has_no_extension() -> None:
    packet = rewrite.audio_packet(rtp(payload=b"opus"), ssrc=8, sequence=6, timestamp=12)

    assert rewrite.read(rewrite.patched(packet, 111, 4)) == Rtp(False, 111, 6, 12, 8, b"opus")


@given(st.binary(min_size=1, max_size=60), st.integers(1, 255))
def test_padding_makes_a_packet_longer_and_says_the_same(payload: bytes, missing: int) -> None:
    plain = egress(payload)

    grown = rewrite.padded(plain, len(plain) + missing)

    assert len(grown) == len(plain) + missing
    assert rewrite.read(grown).payload == payload


@given(st.binary(min_size=1, max_size=60), st.booleans(), st.sampled_from([None, 4]))
def test_a_retransmission_unwraps_to_the_packet_it_repeats(
    payload: bytes, marker: bool, send_time_id: int | None
) -> None:
    original = rewrite.patched(egress(payload, marker), 102, send_time_id)

    wrapped = rewrite.read(
        rewrite.retransmission(original, payload_type=103, ssrc=9, sequence=70_000)
    )

    assert (wrapped.payload_type, wrapped.ssrc, wrapped.sequence) == (103, 9, 70_000 & 0xFFFF)
    unwrapped = rewrite.unwrapped_retransmission(wrapped, payload_type=102, ssrc=7)
    assert unwrapped == rewrite.read(original)


def test_an_empty_retransmission_is_a_probe_and_carries_nothing() -> None:
    assert rewrite.unwrapped_retransmission(rtp(payload=b""), payload_type=96, ssrc=1) is None


def continuity() -> Continuity:
    return Continuity(90_000, highest=0x10000, timestamp=1000)


def test_the_first_packet_follows_what_was_there_before() -> None:
    stream = continuity()
    stream.restart(500, 7_000, now=1.0)

    assert stream.carry(500, 7_000, 1.0) == (0x10001, 1001)


def test_packets_keep_their_distances() -> None:
    stream = continuity()
    stream.restart(500, 7_000, now=1.0)
    stream.carry(500, 7_000, 1.0)

    assert stream.carry(503, 10_000, 1.1) == (0x10004, 4001)
    assert stream.carry(502, 7_000, 1.1) == (0x10003, 1001)


def test_a_new_source_goes_on_without_a_gap_and_after_the_time_that_passed() -> None:
    stream = continuity()
    stream.restart(500, 7_000, now=1.0)
    stream.carry(500, 7_000, 1.0)

    stream.restart(60_000, 4_000_000_000, now=3.0)

    assert stream.carry(60_000, 4_000_000_000, 3.0) == (0x10002, 1001 + 180_000)


def test_what_is_older_than_a_source_begins_is_refused() -> None:
    stream = continuity()
    stream.restart(500, 7_000, now=1.0)

    assert stream.carry(499, 7_000, 1.0) is None


def test_timestamps_go_on_over_the_wrap_of_the_incoming_ones() -> None:
    stream = continuity()
    stream.restart(1, 0xFFFF_FFFF, now=1.0)
    stream.carry(1, 0xFFFF_FFFF, 1.0)

    assert stream.carry(2, 2999, 1.1) == (0x10002, 1001 + 3000)
