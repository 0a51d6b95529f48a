"""The relay benchmark measures a real server; its figures are never judged here."""

from web.bench import relay
from web.bench.relay import Load

SMALL = Load(viewer_count=4, witness_count=2, window_count=1, settle_s=0.2, with_peer=False)
CONTRACT = {
    "us_per_packet",
    "packets_per_burst",
    "lost_ratio",
    "viewers",
    "ingress_egress_p50_ms",
    "ingress_egress_p99_ms",
}


def test_every_figure_of_the_contract_comes_from_packets_that_were_compared() -> None:
    report = relay.measure(SMALL)

    figures, conditions = report["figures"], report["conditions"]
    assert figures.keys() >= CONTRACT
    assert figures["us_per_packet"] > 0
    assert figures["viewers"] == 4
    assert conditions["packets_compared"] > 0
    assert conditions["frames_decoded"] > 0
    assert 5 <= conditions["video_packets_per_frame"] <= 6
    assert conditions["audio_packets_per_s"] == 50
    assert 1.3e6 < conditions["bits_per_s"] < 1.7e6
    assert report["peer"] is None
