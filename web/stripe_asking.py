"""Asking Stripe from the event loop: in threads of its own, so that nothing else waits for it.

Coins plane. A request to Stripe can take a minute with its retries; these threads are the only
ones it can keep busy.

Limit   ``ASKED_AT_ONCE_MAX`` requests at once; further ones wait their turn.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

ASKED_AT_ONCE_MAX: Final = 8

P = ParamSpec("P")
T = TypeVar("T")

threads = ThreadPoolExecutor(ASKED_AT_ONCE_MAX, thread_name_prefix="stripe")


async def ask_stripe(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a blocking call to Stripe returns."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, lambda: call(*args, **kwargs))
