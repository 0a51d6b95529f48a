"""A process that posts gifts until it is killed; it prints each key once it is acknowledged.

Run as ``python gift_poster.py DATABASE_URL NEXT_NUMBER…``, one number per viewer: a viewer's
gifts are numbered, and the first asks again for what may or may not have been kept.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime

from wallet import ledger
from wallet.coins import Gift, Sale
from wallet.ledger import Event, Outcome
from wallet.writer import Writer
from web.database import open_engine

COINS_EACH = 100_000
CREATOR = "c" * 32


def viewer_id(place: int) -> str:
    """Return the account id of one of the viewers."""
    return f"{place:032x}"


async def ask(writer: Writer, viewer: str, key: str, event: Event) -> None:
    """Post an event and print its key, unbuffered, as soon as it is acknowledged."""
    command = ledger.ask(
        event, account_id=viewer, route="test", key=key, terms=b"", asked_at=datetime.now(UTC)
    )
    outcome = await writer.batch(ledger.post, command)
    assert isinstance(outcome, Outcome)
    assert outcome.refusal is None
    os.write(1, f"{viewer} {key}\n".encode())


async def give_without_end(writer: Writer, viewer: str, number: int) -> None:
    """Buy once, then give one coin after another."""
    await ask(writer, viewer, "purchase", Sale(viewer, COINS_EACH, COINS_EACH * 13_000, "USD"))
    while True:
        await ask(writer, viewer, f"gift-{number}", Gift(viewer, CREATOR, 1, 1, 5_000, "USD"))
        number += 1


async def post_gifts(url: str, numbers: list[int]) -> None:
    """Let every viewer give at once."""
    async with Writer(open_engine(url)) as writer, asyncio.TaskGroup() as tasks:
        for place, number in enumerate(numbers):
            tasks.create_task(give_without_end(writer, viewer_id(place), number))


if __name__ == "__main__":
    asyncio.run(post_gifts(sys.argv[1], [int(number) for number in sys.argv[2:]]))
