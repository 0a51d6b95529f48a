"""Idempotency keys: UUIDv7, so that keys made together lie together in the server's index.

Plane   coins, on the client's side. A shell: reads the wall clock and randomness.
Source  RFC 9562 section 5.7.
"""

import secrets
import time
import uuid


def new_key() -> str:
    """Return a key nobody has used; keep it for every retry of the same intent."""
    return str(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))


def uuid7(unix_ms: int, noise: int) -> uuid.UUID:
    """Return the UUIDv7 of a moment and 74 random bits."""
    upper, lower = noise >> 62 & 0xFFF, noise & (1 << 62) - 1
    return uuid.UUID(int=unix_ms << 80 | 7 << 76 | upper << 64 | 2 << 62 | lower)
