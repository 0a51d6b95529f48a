"""What the wallet raises. Coin plane.

WalletError
├── LedgerBroken      our own books contradict themselves: the writer stops, reads stay up
├── KeyReused         an idempotency key came back with other terms (a result, so that one bad
│                     command does not harm its batch; raise it where a person waits)
├── NotACommand       a command outside the ledger's limits was built: nothing was asked
├── UnknownAccount    a name outside the chart of accounts
├── BadEncoding       bytes that are no note, refusal, opening or lot movement of ours
├── WrongMode         a test key on a live database, or the other way round
├── UnknownPack       no such coin pack is sold
├── UnknownPurchase   no such purchase, or somebody else's
├── StripeError
│   ├── BadSignature       a webhook not signed with our secret, or too long ago
│   ├── BadEvent           a signed webhook that is no event as Stripe describes them
│   ├── StripeRefused      Stripe said no; asking again would not change that
│   └── StripeUnavailable  no usable answer: what was asked may or may not have happened
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
    """The writer was closed, or stopped itself because the books contradict themselves.

    ``args`` say why. The text does not: whoever asks reads it, and why may name others' balances.
    """

    def __str__(self) -> str:
        return "nothing is written before the server has been started again"


class CommitFailed(WriterError):
    """Nothing was acknowledged; whether it was kept can only be learnt by asking again.

    ``args`` say why. The text does not: databases repeat in their errors what others asked.
    """

    def __str__(self) -> str:
        return "whether it was kept shows when the same is asked again under the same key"


# purchases


class WrongMode(WalletError):
    """The Stripe key is of the other kind than the database's purchases."""

    def __init__(self, livemode: bool) -> None:
        super().__init__(livemode)
        self.livemode = livemode

    def __str__(self) -> str:
        has, key = ("live", "test") if self.livemode else ("test", "live")
        return f"this database has {has} purchases: it cannot be served with a {key} Stripe key"


class UnknownPack(WalletError):
    """No coin pack of that id is sold."""


class UnknownPurchase(WalletError):
    """There is no such purchase, or it is somebody else's."""


class StripeError(WalletError):
    """Something between Stripe and us went wrong."""


class BadSignature(StripeError):
    """A webhook body was not signed with our secret, or too long ago."""


class BadEvent(StripeError):
    """A signed webhook body is not an event as Stripe describes it."""


class StripeRefused(StripeError):
    """Stripe understood the request and said no; asking again would not change that.

    Attributes:
        status: HTTP status of the refusal.
        code: Stripe's code, or the kind of error where it gives none.
    """

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code

    def __str__(self) -> str:
        return f"{self.status} {self.code}"


class StripeUnavailable(StripeError):
    """No usable answer came: what was asked may or may not have happened."""
