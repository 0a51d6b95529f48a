"""What the media plane says when it refuses."""

import pytest

from live import errors


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (errors.BadSdp("no fingerprint"), "no fingerprint"),
        (errors.NoCommonCodec("video", ("H264", "VP8")), "no common video codec"),
        (errors.IceRestartRefused(), "make a new session"),
        (errors.Broadcasting(2), "being broadcast"),
        (errors.NotBroadcasting(2), "nobody is broadcasting"),
        (errors.UnknownResource("x"), "no such session"),
        (errors.PlaneFull(2), "no more connections"),
    ],
)
def test_every_refusal_says_why(refusal: errors.MediaError, text: str) -> None:
    assert text in str(refusal)
