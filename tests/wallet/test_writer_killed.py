"""Killed with SIGKILL at random moments, the writer loses and repeats nothing."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.wallet import gift_poster
from tests.wallet.gift_poster import COINS_EACH, CREATOR, viewer_id
from wallet import accounts
from wallet.verify import verify
from web.database import open_engine

KILLS = 10
VIEWERS = 8
ACKNOWLEDGED_MAX = 400  # before the kill; some kills come while the first batch is written
ROOT = Path(__file__).parents[2]


def post_until_killed(url: str, numbers: list[int], kill_after: int) -> list[str]:
    """Post gifts in another process, kill it, and return what it had acknowledged."""
    lines = []
    with subprocess.Popen(
        [sys.executable, gift_poster.__file__, url, *map(str, numbers)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if len(lines) == kill_after:
                process.kill()
    assert process.returncode == -9, "it ended before it was killed"
    return [line.rstrip("\n") for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("kills", [KILLS, pytest.param(1_000, marks=pytest.mark.soak)])
def test_every_acknowledged_gift_is_kept_exactly_once(sqlite_url: str, kills: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown if the test fails
    dice = random.Random(seed)
    acknowledged: set[str] = set()
    numbers = [0] * VIEWERS

    for _ in range(kills):
        acknowledged.update(
            post_until_killed(sqlite_url, numbers, dice.randrange(1, ACKNOWLEDGED_MAX))
        )
        numbers = [gifts_of(acknowledged, viewer_id(place)) for place in range(VIEWERS)]

    engine = open_engine(sqlite_url)
    with engine.connect() as conn:
        report = verify(conn)
        kept = Counter(
            f"{account_id} {key}"
            for account_id, key in conn.exec_driver_sql(
                "SELECT account_id, key FROM ledger_journal WHERE key <> ''"
            )
        )
        gifts_count = sum(count for asked, count in kept.items() if "gift-" in asked)
        diamonds = accounts.holdings(conn, CREATOR).diamonds
        coins = [accounts.holdings(conn, viewer_id(place)).coins for place in range(VIEWERS)]
    engine.dispose()

    assert report.findings == []
    assert acknowledged <= kept.keys()
    assert set(kept.values()) == {1}
    assert diamonds == gifts_count
    assert sum(coins) == sum("purchase" in asked for asked in kept) * COINS_EACH - gifts_count
    # Each kill may leave one gift per viewer that was kept and never acknowledged.
    assert len(kept) - len(acknowledged) <= VIEWERS


def gifts_of(acknowledged: set[str], viewer: str) -> int:
    """Return how many of a viewer's gifts were acknowledged."""
    return sum(asked.startswith(f"{viewer} gift-") for asked in acknowledged)
