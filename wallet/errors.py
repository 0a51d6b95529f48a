"""What the wallet raises. Coin plane.

WalletError
├── LedgerBroken      our own books contradict themselves: the writer stops, reads stay up
├── KeyReused         an idempotency key came back with other terms (a result, so that one bad
│                     command does not harm its batch; raise it where a person waits)
├── NotACommand       a command outside the ledger's limits was built: nothing was asked
├── UnknownAccount    a name outside the chart of accounts
├── BadEncoding       bytes that are no note, refusal, opening or lot movement of ours
└── WriterError
    ├── WriterBusy    too many units wait: nothing was queued, ask again later
    ├── WriterStopped nothing is written any more until a restart
    └── CommitFailed  the transaction's fate is unknown to us: ask again under the same key
"""


class WalletError(Exception):
    """Anything the wallet raises; ``args`` are its fields."""


class LedgerBroken(WalletError):
    """The books contradict themselves; writing must stop before it spreads."""


class KeyReused(WalletError):
    """The idempotency key was used before for other terms."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"key {self.key!r} was used before for something else"


class NotACommand(WalletError):
    """A command's fields are outside their limits."""


class UnknownAccount(WalletError):
    """The chart of accounts has no place for this name."""


class BadEncoding(WalletError):
    """Bytes that our own encoders cannot have written."""


class WriterError(WalletError):
    """The writer could not run or keep a unit of work."""


class WriterBusy(WriterError):
    """So many units wait already that another would only wait for its timeout."""

    def __init__(self, waiting_units_max: int) -> None:
        super().__init__(waiting_units_max)
        self.waiting_units_max = waiting_units_max

    def __str__(self) -> str:
        return f"{self.waiting_units_max} units of work are waiting already"


class WriterStopped(WriterError):
    """The writer was closed, or stopped itself because the books contradict themselves."""


class CommitFailed(WriterError):
    """Nothing was acknowledged; whether it was kept can only be learnt by asking again."""
