"""The demo's recording is drawn once and closes its loop."""

from pathlib import Path

import pytest

from live.client_pattern import Pattern
from live.client_source import Recording
from web import demo_pattern
from web.demo_pattern import demo_recording, pattern

TINY = Pattern("testsrc2=size=64x64:rate=30", "sine", width=64, height=64, video_bps=50_000)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw something that takes no time."""
    monkeypatch.setattr(demo_pattern, "pattern", lambda: TINY)


def kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.usefixtures("tiny")
def test_a_second_start_reads_what_the_first_drew(tmp_path: Path) -> None:
    first = demo_recording(tmp_path)
    (path,) = kept(tmp_path)
    drawn_at = path.stat().st_mtime_ns

    second = demo_recording(tmp_path)

    assert second == first
    assert path.stat().st_mtime_ns == drawn_at


@pytest.mark.usefixtures("tiny")
def test_a_file_that_was_cut_short_is_drawn_again(tmp_path: Path) -> None:
    first = demo_recording(tmp_path)
    (path,) = kept(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])

    assert demo_recording(tmp_path) == first


def test_another_drawing_is_not_taken_for_the_one_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("testsrc2=size=64x64:rate=30", "smptehdbars=size=64x64:rate=30"):
        drawn = Pattern(name, "sine", width=64, height=64, video_bps=50_000)
        monkeypatch.setattr(demo_pattern, "pattern", lambda drawn=drawn: drawn)
        demo_recording(tmp_path)

    assert len(kept(tmp_path)) == 2


def test_the_real_drawing_is_upright_and_plays_all_its_frames(tmp_path: Path) -> None:
    recording: Recording = demo_recording(tmp_path)

    video = [frame for frame in recording.frames if frame.kind == "video"]
    audio = [frame for frame in recording.frames if frame.kind == "audio"]
    assert pattern().height > pattern().width
    assert (len(video), len(audio)) == (12 * 30, 12 * 50)
    assert 300_000 < recording.bits_per_s() < 1_500_000
