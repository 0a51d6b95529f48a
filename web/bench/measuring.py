"""What every benchmark measures with: another process's CPU and memory, percentiles, the machine.

Units   seconds of CPU (user and system, all threads), bytes, milliseconds.
Source  clock_getcpuclockid(3): the CPU clock of process p is ((~p) << 3) | 2 on Linux. proc(5).
"""

import math
import os
import platform
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CPU_CLOCK_OF_ALL_THREADS = 2  # CPUCLOCK_SCHED in the kernel's posix-timers.h


def cpu_s(pid: int) -> float:
    """User and system CPU that process ``pid`` has used since it started."""
    return time.clock_gettime(~pid << 3 | CPU_CLOCK_OF_ALL_THREADS)


def resident_bytes(pid: int) -> int:
    """Private memory of process ``pid`` that is in RAM."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values`` that at least ``share`` (0 to 1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on at this moment, neither by TCP nor by UDP."""
    ports: list[int] = []
    while len(ports) < count:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in ports:
                ports.append(port)
    return ports


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_1m": os.getloadavg()[0],
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
