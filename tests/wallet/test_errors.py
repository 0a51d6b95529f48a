"""What the wallet's errors say to whoever reads them."""

import pytest

from wallet import errors
from wallet.errors import KeyReused, WalletError, WriterBusy, WriterError


def test_every_error_is_a_wallet_error() -> None:
    found = [value for value in vars(errors).values() if isinstance(value, type)]

    assert all(issubclass(error, WalletError) for error in found)
    assert issubclass(WriterBusy, WriterError)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyReused("k-1"), "key 'k-1' was used before for something else"),
        (WriterBusy(3), "3 units of work are waiting already"),
    ],
)
def test_errors_say_what_happened(error: WalletError, message: str) -> None:
    assert str(error) == message
