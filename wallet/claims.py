"""What a purchase's refunds and disputes mean for its coins and its money.

Coins plane, pure. Stripe repeats its webhooks and sends them in any order, so nothing here reacts
to an event: everything Stripe has told us about a purchase is gathered (it only ever grows), what
must be posted for that is computed from all of it, and the difference to what is posted already
becomes events of the ledger. Any order of the same webhooks therefore ends at the same balances.

Rounding  A part of the price takes back floor(coins·part/price) coins and floor(tax·part/price)
          of the tax: in the viewer's favour until the whole price is back, and then exactly all.
Once      Refund and lost dispute of the same money take the larger of the two, never the sum.
Units     ``*_minor``: the currency's smallest unit. Coins: one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from wallet.accounts import AccountName
from wallet.coins import Entries, Freeze, GiveBack, TakeBack, Unfreeze
from wallet.packs import micros

PROVIDER: Final = "stripe"

Stage: TypeAlias = Literal["open", "lost", "won"]
STAGES: Final[tuple[Stage, ...]] = ("open", "lost", "won")
CLOSED: Final[dict[str, Stage]] = {
    "lost": "lost",
    "won": "won",
    "warning_closed": "won",  # an inquiry that became no dispute
    "prevented": "won",  # settled by a refund, which arrives as one
}


def stage_of(status: str) -> Stage:
    """Return how far a dispute with Stripe's ``status`` has come; what we do not know is open."""
    return CLOSED.get(status, "open")


def later(one: Stage, other: Stage) -> Stage:
    """Return the later stage. Won comes after lost: an appeal can turn a loss around."""
    return max(one, other, key=STAGES.index)


@dataclass(frozen=True, slots=True)
class Told:
    """What Stripe has told us about one paid purchase.

    Attributes:
        withdrawn_minor: What its disputes took from us, less what they gave back.
        lost_minor: The sum of its lost disputes.
        is_disputed: Whether a dispute is open.
    """

    refunded_minor: int = 0
    withdrawn_minor: int = 0
    lost_minor: int = 0
    is_disputed: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """What the ledger has of it."""

    refunded_minor: int = 0
    withdrawn_minor: int = 0
    lost_minor: int = 0
    tax_returned_minor: int = 0
    clawed_coins: int = 0
    is_frozen: bool = False


@dataclass(frozen=True, slots=True)
class Sold:
    """What was bought, for how much, and the cost lot it became."""

    lot_id: int
    coins: int
    amount_minor: int
    tax_minor: int
    currency: str

    def coins_for(self, part_minor: int) -> int:
        """Return how many coins a part of the price takes back."""
        return self.coins * min(part_minor, self.amount_minor) // self.amount_minor

    def tax_for(self, part_minor: int) -> int:
        """Return how much of the tax a part of the price takes back."""
        return self.tax_minor * min(part_minor, self.amount_minor) // self.amount_minor

    def micros(self, amount_minor: int) -> int:
        """Return an amount of the purchase's currency as the ledger counts it."""
        return micros(amount_minor, self.currency)


Event: TypeAlias = Entries | TakeBack | GiveBack | Freeze | Unfreeze
Step: TypeAlias = tuple[Event, Posted]


def steps(sold: Sold, told: Told, posted: Posted, note: bytes) -> Iterator[Step]:
    """Yield what has to happen in the ledger, each with what is posted once it has."""
    for step in (withdrawn, refunded, lost, frozen):
        for event, after in step(sold, told, posted, note):
            yield event, after
            posted = after


def withdrawn(sold: Sold, told: Told, posted: Posted, note: bytes) -> Iterator[Step]:
    """Money moved because of a dispute that is not decided: ours to claim back until it is."""
    moved = sold.micros(told.withdrawn_minor - posted.withdrawn_minor)
    if not moved:
        return
    pending, claim = at_provider("psp:pending", sold), at_provider("recv:dispute", sold)
    debit, credit = (claim, pending) if moved > 0 else (pending, claim)
    after = replace(posted, withdrawn_minor=told.withdrawn_minor)
    yield Entries(kind="dispute_money", legs=((debit, credit, abs(moved)),), note=note), after


def refunded(sold: Sold, told: Told, posted: Posted, note: bytes) -> Iterator[Step]:
    """Money given back to the buyer takes its part of the coins with it."""
    paid_back_minor = told.refunded_minor - posted.refunded_minor
    if paid_back_minor <= 0:
        return
    after = with_coins_back(sold, replace(posted, refunded_minor=told.refunded_minor))
    tax_minor = after.tax_returned_minor - posted.tax_returned_minor
    yield (
        TakeBack(
            lot_id=sold.lot_id,
            coins=after.clawed_coins - posted.clawed_coins,
            money_micros=sold.micros(paid_back_minor - tax_minor),
            source=at_provider("psp:pending", sold),
            tax_micros=sold.micros(tax_minor),
            reason="refunded",
            note=note,
        ),
        after,
    )


def lost(sold: Sold, told: Told, posted: Posted, note: bytes) -> Iterator[Step]:
    """A lost dispute takes the coins; one that is won after all brings them back."""
    change_minor = told.lost_minor - posted.lost_minor
    if not change_minor:
        return
    after = with_coins_back(sold, replace(posted, lost_minor=told.lost_minor))
    tax_minor = abs(after.tax_returned_minor - posted.tax_returned_minor)
    kind = TakeBack if change_minor > 0 else GiveBack
    yield (
        kind(
            lot_id=sold.lot_id,
            coins=abs(after.clawed_coins - posted.clawed_coins),
            money_micros=sold.micros(abs(change_minor) - tax_minor),
            source=at_provider("recv:dispute", sold),
            tax_micros=sold.micros(tax_minor),
            reason="clawed",
            note=note,
            kind="clawback" if change_minor > 0 else "restore",
        ),
        after,
    )
    if change_minor < 0 and posted.is_frozen and told.is_disputed:
        # What came back stays frozen: another dispute is open.
        yield Freeze(lot_id=sold.lot_id, note=note), after


def frozen(sold: Sold, told: Told, posted: Posted, note: bytes) -> Iterator[Step]:
    """An open dispute keeps what is left of the purchase from being spent."""
    is_wanted = told.is_disputed and posted.clawed_coins < sold.coins
    if is_wanted and not posted.is_frozen:
        yield Freeze(lot_id=sold.lot_id, note=note), replace(posted, is_frozen=True)
    elif posted.is_frozen and not is_wanted:
        yield Unfreeze(lot_id=sold.lot_id, note=note), replace(posted, is_frozen=False)


def with_coins_back(sold: Sold, posted: Posted) -> Posted:
    """Return ``posted`` with the coins and the tax that its refunds and losses stand for."""
    part_minor = max(posted.refunded_minor, posted.lost_minor)
    clawed_coins = sold.coins_for(part_minor)
    return replace(
        posted,
        clawed_coins=clawed_coins,
        tax_returned_minor=sold.tax_for(part_minor),
        is_frozen=posted.is_frozen and clawed_coins < sold.coins,  # frozen coins are taken first
    )


def at_provider(kind: str, sold: Sold) -> AccountName:
    """Return one of our accounts at Stripe in the purchase's currency."""
    return AccountName(kind, sold.currency, PROVIDER)
