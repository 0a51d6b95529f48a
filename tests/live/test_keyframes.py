"""Where keyframes begin, per codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.keyframes import BEGINS

CASES = [
    ("H264", b"\x65\x88", True, "IDR slice"),
    ("H264", b"\x67\x42", True, "sequence parameter set"),
    ("H264", b"\x41\x9a", False, "other slice"),
    ("H264", b"\x68\xce", False, "picture parameter set alone"),
    ("H264", b"\x78\x00\x02\x67\x42\x00\x02\x68\xce", True, "STAP-A with SPS"),
    ("H264", b"\x78\x00\x02\x09\x10\x00\x02\x41\x9a", False, "STAP-A without"),
    ("H264", b"\x7c\x85\x00", True, "first FU-A of an IDR slice"),
    ("H264", b"\x7c\x05\x00", False, "later FU-A of an IDR slice"),
    ("H264", b"\x7c\x81\x00", False, "first FU-A of another slice"),
    ("VP8", b"\x10\x00\x00", True, "key frame, short descriptor"),
    ("VP8", b"\x10\x01\x00", False, "interframe"),
    ("VP8", b"\x00\x00\x00", False, "not the start of a partition"),
    ("VP8", b"\x11\x00\x00", False, "partition 1"),
    ("VP8", b"\x90\x80\x81\x02\x00", True, "15-bit picture id"),
    ("VP8", b"\x90\x80\x01\x00", True, "7-bit picture id"),
    ("VP8", b"\x90\xf0\x81\x02\x05\x20\x00", True, "all optional fields"),
    ("VP8", b"\x90\xf0\x81\x02\x05\x20\x01", False, "all optional fields, interframe"),
    ("VP9", b"\x08\x00", True, "start, not predicted"),
    ("VP9", b"\x48\x00", False, "predicted"),
    ("VP9", b"\x00\x00", False, "not a start"),
    ("VP9", b"\xa8\x81\x02\x00", True, "layer 0 behind a 15-bit picture id"),
    ("VP9", b"\xa8\x01\x02", False, "upper spatial layer"),
    ("AV1", b"\x18\x0a", True, "N bit"),
    ("AV1", b"\x10\x0a", False, "no N bit"),
]


@pytest.mark.parametrize(
    ("codec", "payload", "begins"),
    [case[:3] for case in CASES],
    ids=[f"{case[0]} {case[3]}" for case in CASES],
)
def test_a_keyframe_begins_where_the_payload_says_so(
    codec: str, payload: bytes, begins: bool
) -> None:
    assert BEGINS[codec](payload) is begins


@pytest.mark.parametrize("codec", sorted(BEGINS))
@given(payload=st.binary(max_size=12))
def test_payloads_cut_short_raise_nothing(codec: str, payload: bytes) -> None:
    assert BEGINS[codec](payload) in (True, False)
