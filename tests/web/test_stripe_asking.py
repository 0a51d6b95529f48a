"""Stripe is asked in threads of its own."""

import threading

import pytest

from wallet.errors import StripeUnavailable
from web.stripe_asking import ask_stripe


async def test_a_call_runs_in_a_thread_of_stripes() -> None:
    def asked(first: int, *, second: int) -> tuple[int, str]:
        return first + second, threading.current_thread().name

    total, name = await ask_stripe(asked, 1, second=2)

    assert total == 3
    assert name.startswith("stripe")


async def test_what_the_call_raises_comes_back() -> None:
    def refused() -> None:
        raise StripeUnavailable("no answer")

    with pytest.raises(StripeUnavailable, match="no answer"):
        await ask_stripe(refused)
