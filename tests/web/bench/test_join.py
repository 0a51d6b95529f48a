"""The join benchmark measures a real server; its figures are never judged here."""

from web.bench import join
from web.bench.join import Load

SMALL = Load(
    warm_up_count=1, guest_count=5, staying_count=3, pause_s_max=0.01, idle_s=0.2, settle_s=0.1
)


def test_guests_see_a_picture_and_cause_no_keyframe_request() -> None:
    report = join.measure(SMALL)

    figures, conditions = report["figures"], report["conditions"]
    assert figures.keys() == {
        "cpu_ms_per_join",
        "kb_per_viewer",
        "first_frame_p50_ms",
        "first_frame_p99_ms",
        "keyframe_requests",
    }
    assert 0 < figures["first_frame_p50_ms"] <= figures["first_frame_p99_ms"]
    assert figures["keyframe_requests"] == 0
    assert conditions["joins"] == 5
    assert conditions["packets_per_join"] > 0
