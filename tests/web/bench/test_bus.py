"""What the bus benchmark reads, and that it measures at all."""

import socket
from datetime import UTC, datetime

import msgspec
import pytest

from live.bus import Batch
from web import wire
from web.bench import bus
from web.bench.bus import Viewer
from web.bench.bus_subject import a_frame


def a_message(*numbers: int) -> bytes:
    """Return frames of the benchmark as one batch on the wire."""
    return wire.seal("json", Batch("e", 1, "", tuple(map(a_frame, numbers)), ()))


@pytest.mark.parametrize("count", [0, 1, 300])
def test_messages_of_any_length_are_taken_out_whole(count: int) -> None:
    wire = a_message(*range(1, count + 1))
    unread = bytearray(wire + wire + wire[:-1])

    taken = list(bus.messages(unread))

    assert [len(msgspec.json.decode(message)["numbered"]) for message in taken] == [count] * 2
    assert unread == wire[:-1]


def test_pings_are_no_messages() -> None:
    unread = bytearray(b"\x89\x00" + a_message(1))

    assert len(list(bus.messages(unread))) == 1


def test_a_viewer_who_looks_notes_gifts_and_how_old_they_were() -> None:
    with socket.socket() as connection:
        viewer = Viewer(connection, is_looking=True)
        viewer.unread += a_message(0, 1, 2)

        bus.look(viewer)

    assert viewer.gifts == {"gift00000000"}
    assert viewer.heard == 3
    assert all(0 <= late < 60_000 for late in viewer.latencies_ms)


def test_a_frame_is_chat_of_150_bytes_and_now_and_then_a_gift() -> None:
    kinds = [msgspec.json.decode(a_frame(number).json)["t"] for number in range(20)]

    assert kinds == ["gift", *["chat"] * 19]
    assert len(msgspec.json.decode(a_frame(1).json)["text"]) >= 150
    said_at = datetime.fromisoformat(msgspec.json.decode(a_frame(1).json)["at"])
    assert said_at <= datetime.now(UTC)


def test_a_small_run_gives_every_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, small in {
        "SINGLE_VIEWERS": 4, "SINGLE_FRAMES": 10, "CROWD_VIEWERS": 10, "CROWD_S": 0.2, "LOOKING": 2,
    }.items():  # fmt: skip
        monkeypatch.setattr(bus, name, small)

    measured = bus.measure()

    assert measured["figures"].keys() == {
        "us_per_frame", "logical_deliveries_per_s", "publish_receive_p99_ms",
        "kb_per_idle_connection", "p0_lost",
    }  # fmt: skip
    assert measured["figures"]["p0_lost"] == 0
    assert measured["peer"]["us_per_frame"] > 0
