"""Frames become RTP payloads and come back unharmed."""

from hypothesis import given
from hypothesis import strategies as st

from live.client_packets import (
    PAYLOAD_BYTES_MAX,
    AccessUnits,
    RtpPacket,
    is_keyframe,
    join_h264,
    packetise_h264,
    read_rtp,
    split_access_unit,
    write_rtp,
)

IDR = b"\x65"
DELTA = b"\x41"
# A NAL unit's body never holds a start code; what follows the header is never zero at its end.
units = st.binary(min_size=1, max_size=4_000).map(
    lambda body: DELTA + bytes(octet | 1 for octet in body)
)


def packets_of(payloads: list[bytes], first_sequence: int = 65_534) -> list[RtpPacket]:
    last = len(payloads) - 1
    return [
        RtpPacket(102, index == last, first_sequence + index & 0xFFFF, 9_000, 1, payload)
        for index, payload in enumerate(payloads)
    ]


@given(st.lists(units, min_size=1, max_size=5))
def test_every_access_unit_comes_back_as_it_was(access_unit: list[bytes]) -> None:
    payloads = packetise_h264(access_unit)

    assert join_h264(payloads) == access_unit


@given(st.lists(units, min_size=1, max_size=5))
def test_no_payload_is_longer_than_allowed(access_unit: list[bytes]) -> None:
    sizes = [len(payload) for payload in packetise_h264(access_unit)]

    assert max(sizes) <= PAYLOAD_BYTES_MAX


def test_the_pieces_of_a_large_unit_differ_by_one_byte_at_most() -> None:
    sizes = [len(payload) for payload in packetise_h264([DELTA + bytes(6_250)])]

    assert len(sizes) == 6
    assert max(sizes) - min(sizes) <= 1


def test_small_units_travel_together_and_keep_their_order() -> None:
    parameter_sets = [b"\x67\x42", b"\x68\xce"]

    payloads = packetise_h264([*parameter_sets, IDR + b"\x88"])

    assert payloads == [b"\x78\x00\x02\x67\x42\x00\x02\x68\xce\x00\x02\x65\x88"]


def test_start_codes_of_three_and_four_bytes_part_the_units() -> None:
    annex_b = b"\x00\x00\x00\x01\x67\x42\x00\x00\x01\x65\x88\x00\x00\x00\x01\x41\x9a"

    assert split_access_unit(annex_b) == [b"\x67\x42", b"\x65\x88", b"\x41\x9a"]


def test_only_an_access_unit_with_an_idr_picture_is_a_keyframe() -> None:
    assert is_keyframe([b"\x67\x42", IDR])
    assert not is_keyframe([DELTA])


def test_a_unit_is_given_at_its_marker_across_the_wrap_of_sequences() -> None:
    depacketiser = AccessUnits()
    arriving = packets_of(packetise_h264([DELTA + b"\x01" * 3_000]))

    given_units = [depacketiser.add(packet) for packet in arriving]

    assert given_units == [None, None, b"\x00\x00\x00\x01" + DELTA + b"\x01" * 3_000]


def test_a_unit_with_a_missing_packet_is_counted_and_not_given() -> None:
    depacketiser = AccessUnits()
    arriving = packets_of(packetise_h264([DELTA + b"\x01" * 3_000]))

    given_units = [depacketiser.add(packet) for packet in (arriving[0], arriving[2])]

    assert given_units == [None, None]
    assert depacketiser.broken_count == 2  # the half before the gap, the half behind it


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_garbage_never_raises(payloads: list[bytes]) -> None:
    depacketiser = AccessUnits()

    for packet in packets_of(payloads):
        depacketiser.add(packet)

    assert depacketiser.broken_count <= len(payloads)


@given(st.binary(max_size=64))
def test_a_datagram_is_a_packet_or_nothing(datagram: bytes) -> None:
    packet = read_rtp(datagram)

    assert packet is None or len(packet.payload) <= len(datagram) - 12


def test_padding_and_extensions_are_taken_off() -> None:
    plain = write_rtp(b"xyz", payload_type=102, marker=True, sequence=7, timestamp=9, ssrc=1)
    extension = b"\xbe\xde\x00\x01\x10\x61\x00\x00"
    dressed = bytes([plain[0] | 0x30]) + plain[1:12] + extension + b"xyz" + b"\x00\x02"

    assert read_rtp(dressed) == read_rtp(plain) == RtpPacket(102, True, 7, 9, 1, b"xyz")
