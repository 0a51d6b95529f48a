"""Meters on other processes, and what stands beside every figure."""

import os
import socket
import subprocess
import sys

import pytest

from web.bench.measuring import cpu_s, free_ports, machine, percentile, resident_bytes


def test_a_process_that_works_uses_cpu_and_one_that_waits_does_not() -> None:
    idle_before, busy_before = cpu_s(os.getppid()), cpu_s(os.getpid())

    total = sum(range(2_000_000))

    assert total
    assert cpu_s(os.getpid()) > busy_before
    assert cpu_s(os.getppid()) >= idle_before


def test_the_memory_of_another_process_is_seen_growing() -> None:
    grow = "import sys; kept = bytearray(b'x') * 50_000_000; print('grown', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", grow], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"grown\n"
        grown = resident_bytes(child.pid)
        child.communicate(b"\n")

    assert 50_000_000 <= grown < 200_000_000


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_free_ports_are_different_and_free_for_both_transports() -> None:
    ports = free_ports(5)

    assert len(set(ports)) == 5
    for port in ports:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(type=kind) as probe:
                probe.bind(("127.0.0.1", port))


def test_the_machine_is_named() -> None:
    assert machine().keys() == {"cpu", "cores", "memory_gb", "kernel", "python", "load_1m"}
