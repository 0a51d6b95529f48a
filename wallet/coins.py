"""What can happen to coins, and what each happening posts (the table of ``LEDGER.md``).

Coin plane. Each event is a value with ``touches`` and ``settle``; ``ledger.ask`` makes a command
of it. Nothing here reads a clock or a database.

Units   coins, diamonds: one. ``*_micros``: 10⁻⁶ of the currency's major unit.
Sign    A debit raises a balance, a credit lowers it; legs stand as (debit, credit, amount).
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import msgspec

from wallet.accounts import COIN, DEBT, DIA, PAID, PROMO, AccountName, purse
from wallet.book import Book, Transfer
from wallet.errors import NotACommand
from wallet.ledger import Outcome, Refusal, Settled
from wallet.lots import LOT_KINDS, Lot, LotChange, LotMoved

NUMBER = struct.Struct(">q")
TWO_NUMBERS = struct.Struct(">qq")
INSUFFICIENT_COINS = "insufficient_coins"


def deferred(currency: str, channel: str) -> AccountName:
    """Return what we owe in services for coins that are not spent yet."""
    return AccountName("coins:deferred", currency, channel)


def coins_of(person: str, bucket: str) -> AccountName:
    """Return a viewer's spendable coins of one bucket."""
    return AccountName("viewer:coins", COIN, person, bucket)


class Sale(msgspec.Struct, frozen=True):
    """A viewer bought coins: one cost lot is opened. ``sold_lot`` reads its id from the outcome.

    Attributes:
        cost_micros: What the coins cost without tax; the lot releases exactly this.
        tax_micros: Tax collected with it.
    """

    viewer_id: str
    coins: int
    cost_micros: int
    currency: str
    tax_micros: int = 0
    channel: str = "web"
    provider: str = "stripe"
    note: bytes = b""
    kind: str = "purchase"
    lot_ids: tuple[int, ...] = ()

    @property
    def touches(self) -> tuple[AccountName, ...]:
        """The accounts a sale needs."""
        bucket = PAID + self.channel
        names = [
            AccountName("psp:pending", self.currency, self.provider),
            deferred(self.currency, self.channel),
            coins_of(self.viewer_id, bucket),
            AccountName("mint", COIN, "", bucket),
        ]
        if self.tax_micros:
            names.append(AccountName("tax:vat", self.currency))
        return tuple(names)

    def settle(self, book: Book) -> Settled:
        """Post row 1: money gross, coins into the viewer's bucket, a lot that knows their cost."""
        bucket = PAID + self.channel
        pending = AccountName("psp:pending", self.currency, self.provider)
        owed = deferred(self.currency, self.channel)
        coins = coins_of(self.viewer_id, bucket)
        lot = book.new_lot(coins, owed, self.coins, self.cost_micros)
        legs = (
            (pending, owed, self.cost_micros),
            (pending, AccountName("tax:vat", self.currency), self.tax_micros),
            (coins, AccountName("mint", COIN, "", bucket), self.coins),
        )
        return Settled(posted(book, legs), self.note, NUMBER.pack(lot.id), (lot,))


class Grant(msgspec.Struct, frozen=True):
    """Promotional coins for a viewer: they cost nobody anything until they are given."""

    viewer_id: str
    coins: int
    note: bytes = b""
    kind: str = "grant"
    lot_ids: tuple[int, ...] = ()

    @property
    def touches(self) -> tuple[AccountName, ...]:
        """The accounts a grant needs."""
        return coins_of(self.viewer_id, PROMO), AccountName("mint", COIN, "", PROMO)

    def settle(self, book: Book) -> Settled:
        """Post row 4, first half."""
        mint = AccountName("mint", COIN, "", PROMO)
        return Settled(
            posted(book, ((coins_of(self.viewer_id, PROMO), mint, self.coins),)), self.note
        )


class Gift(msgspec.Struct, frozen=True):
    """A viewer gave coins to a creator. ``coins_after`` reads what the viewer has left.

    Attributes:
        diamonds: What the creator earns.
        held_micros: What those diamonds are worth in ``currency``; owed to the creator from now.
    """

    viewer_id: str
    creator_id: str
    coins: int
    diamonds: int
    held_micros: int
    currency: str
    note: bytes = b""
    kind: str = "gift"
    lot_ids: tuple[int, ...] = ()

    @property
    def touches(self) -> tuple[AccountName, ...]:
        """The accounts a gift usually needs."""
        return (
            *purse(self.viewer_id),
            *earnings(self.creator_id, self.currency),
            *house_accounts(self.currency),
        )

    def settle(self, book: Book) -> Settled | Refusal:
        """Post row 2: promotional coins first, then the oldest lots; the fee is the remainder."""
        pockets = [(name, book.balance(name)) for name in purse(self.viewer_id)]
        has = sum([balance for _, balance in pockets])
        if has < self.coins:
            return Refusal(INSUFFICIENT_COINS, {"short_by": self.coins - has})
        held, earned = earnings(self.creator_id, self.currency)
        money = Money(self, held)
        legs: list[Leg] = []
        moves: list[LotMoved] = []
        left = self.coins
        for name, balance in pockets:
            coins = min(left, balance)
            if coins == 0:
                continue
            left -= coins
            legs.append((spent(name.bucket), name, coins))
            if name.bucket == PROMO:
                money.promised(coins)
                continue
            for lot, used in oldest_first(book, name, coins):
                money.released(book.name_of(lot.deferred_id), used, lot.released_by(used))
                moves.append(LotMoved(lot.id, used))
        legs += money.legs()
        legs.append((earned, DIAMOND_MINT, self.diamonds))
        return Settled(posted(book, legs), self.note, NUMBER.pack(has - self.coins), tuple(moves))


DIAMOND_MINT = AccountName("diamond:mint", DIA)
NAMES_KEPT_MAX = 10_000  # building a name costs more than finding it


@lru_cache(maxsize=NAMES_KEPT_MAX)
def earnings(creator_id: str, currency: str) -> tuple[AccountName, AccountName]:
    """Return the accounts of what a creator is owed in money, and of their diamonds."""
    return (
        AccountName("creator:held", currency, creator_id),
        AccountName("creator:pending", DIA, creator_id),
    )


@lru_cache(maxsize=NAMES_KEPT_MAX)
def spent(bucket: str) -> AccountName:
    """Return where given coins of one bucket go."""
    return AccountName("spent", COIN, "", bucket)


@lru_cache(maxsize=NAMES_KEPT_MAX)
def gift_fee(currency: str) -> AccountName:
    """Return our income from gifts."""
    return AccountName("gift:fee", currency)


Leg = tuple[AccountName, AccountName, int]


@lru_cache(maxsize=NAMES_KEPT_MAX)
def house_accounts(currency: str) -> tuple[AccountName, ...]:
    """Return the accounts that every gift in one currency shares."""
    return (
        gift_fee(currency),
        deferred(currency, "web"),
        spent(PAID + "web"),
        DIAMOND_MINT,
    )


class Money:
    """The money side of one gift: what is released, and who it is now owed to."""

    def __init__(self, gift: Gift, held: AccountName) -> None:
        self._gift = gift
        self._held = held
        self._coins = self._owed = 0  # seen so far
        self._sums: dict[AccountName, tuple[int, int]] = {}  # released, owed to the creator

    def promised(self, coins: int) -> None:
        """Promotional coins released nothing: we pay the creator for them."""
        share = self._share(coins)
        self._add(AccountName("promo:creator", self._gift.currency), share, share)

    def released(self, source: AccountName, coins: int, micros: int) -> None:
        """Paid coins released ``micros`` from ``source``."""
        self._add(source, micros, self._share(coins))

    def _add(self, source: AccountName, micros: int, share: int) -> None:
        released, owed = self._sums.get(source, (0, 0))
        self._sums[source] = (released + micros, owed + share)

    def _share(self, coins: int) -> int:
        """Return the next coins' part of what the creator is owed; the parts add up to it all."""
        before = self._owed
        self._coins += coins
        self._owed = self._gift.held_micros * self._coins // self._gift.coins
        return self._owed - before

    def legs(self) -> Iterator[Leg]:
        """Yield the legs, source by source: the creator first, the remainder is the fee."""
        for source, (released, share) in self._sums.items():
            fee = gift_fee(source.asset)
            if source.asset != self._gift.currency:  # paid in another currency than we pay out
                yield source, AccountName("fx", source.asset), released
                yield AccountName("fx", self._gift.currency), self._held, share
                continue
            if released >= share:
                yield source, self._held, share
                yield source, fee, released - share
            else:
                yield source, self._held, released
                yield fee, self._held, share - released


class Freeze(msgspec.Struct, frozen=True):
    """A dispute opened: what is left of that purchase cannot be spent."""

    lot_id: int
    note: bytes = b""
    kind: str = "freeze"

    @property
    def lot_ids(self) -> tuple[int, ...]:
        """The purchase's lot."""
        return (self.lot_id,)

    @property
    def touches(self) -> tuple[AccountName, ...]:
        """Found through the lot."""
        return ()

    def settle(self, book: Book) -> Settled:
        """Post row 7: the unspent coins of the lot are frozen."""
        lot = book.lot(self.lot_id)
        coins, frozen = pockets(book, lot)
        moved = lot.available
        move = LotMoved(lot.id, frozen=moved)
        return Settled(posted(book, ((frozen, coins, moved),)), self.note, lots=changed(move))


class Unfreeze(msgspec.Struct, frozen=True):
    """A dispute was won: what was frozen can be spent again."""

    lot_id: int
    note: bytes = b""
    kind: str = "unfreeze"

    @property
    def lot_ids(self) -> tuple[int, ...]:
        """The purchase's lot."""
        return (self.lot_id,)

    @property
    def touches(self) -> tuple[AccountName, ...]:
        """Found through the lot."""
        return ()

    def settle(self, book: Book) -> Settled:
        """Post row 7d, the coins."""
        lot = book.lot(self.lot_id)
        coins, frozen = pockets(book, lot)
        moved = lot.frozen
        move = LotMoved(lot.id, frozen=-moved)
        return Settled(posted(book, ((coins, frozen, moved),)), self.note, lots=changed(move))


Reason = Literal["refunded", "clawed"]


class TakeBack(msgspec.Struct, frozen=True):
    """A refund or a lost dispute takes back exactly one purchase's coins.

    Frozen coins go first, then unspent ones; what is spent becomes a debt. Never more than the
    lot still has to give: a refund followed by a dispute takes both sums of money but the coins
    only once. ``taken_back`` reads (coins taken, coins owed) from the outcome.

    Attributes:
        coins: At most this many; a whole refund names the lot's size.
        money_micros: What left us without tax.
        source: Where that money left from: ``psp:pending``, ``psp:available`` or ``recv:dispute``.
        reason: Where the coins go.
    """

    lot_id: int
    coins: int
    money_micros: int
    source: AccountName
    tax_micros: int = 0
    reason: Reason = "refunded"
    note: bytes = b""
    kind: str = "refund"

    @property
    def lot_ids(self) -> tuple[int, ...]:
        """The purchase's lot."""
        return (self.lot_id,)

    @property
    def touches(self) -> tuple[AccountName, ...]:
        """The rest is found through the lot."""
        return self.source, AccountName("gift:contra:chargeback", self.source.asset)

    def settle(self, book: Book) -> Settled:
        """Post row 6 or 7c."""
        lot = book.lot(self.lot_id)
        coins, frozen = pockets(book, lot)
        wanted = min(self.coins, lot.untouched_by_refund)
        from_frozen = min(wanted, lot.frozen)
        from_coins = min(wanted - from_frozen, lot.available)
        owed = wanted - from_frozen - from_coins
        taken = from_frozen + from_coins
        gone = AccountName(self.reason, COIN, "", coins.bucket)
        legs = (
            *self._money(book.name_of(lot.deferred_id), lot.released_by(taken)),
            (gone, frozen, from_frozen),
            (gone, coins, from_coins),
            debt_leg(coins.owner, owed),
        )
        move = LotMoved(lot.id, taken=taken, owed=owed, frozen=-from_frozen)
        return Settled(posted(book, legs), self.note, TWO_NUMBERS.pack(taken, owed), changed(move))

    def _money(self, source: AccountName, released: int) -> Iterator[Leg]:
        """Yield what left us: the coins' own deferral first, the rest is our loss."""
        loss = AccountName("gift:contra:chargeback", self.source.asset)
        yield source, self.source, min(released, self.money_micros)
        yield loss, self.source, max(self.money_micros - released, 0)
        yield source, loss, max(released - self.money_micros, 0)
        yield AccountName("tax:vat", self.source.asset), self.source, self.tax_micros


class GiveBack(msgspec.Struct, frozen=True):
    """The money came back (a refund failed, a lost dispute was won after all): so do the coins.

    The debt is forgiven first, then coins return. ``taken_back`` reads (coins, debt) undone.

    Attributes:
        coins: At most this many.
        money_micros: What came back to us without tax.
        source: Where that money came to.
        reason: Where the coins had gone.
    """

    lot_id: int
    coins: int
    money_micros: int
    source: AccountName
    tax_micros: int = 0
    reason: Reason = "refunded"
    note: bytes = b""
    kind: str = "restore"

    @property
    def lot_ids(self) -> tuple[int, ...]:
        """The purchase's lot."""
        return (self.lot_id,)

    @property
    def touches(self) -> tuple[AccountName, ...]:
        """The rest is found through the lot."""
        return self.source, AccountName("gift:contra:chargeback", self.source.asset)

    def settle(self, book: Book) -> Settled:
        """Post the mirror of ``TakeBack``."""
        lot = book.lot(self.lot_id)
        coins, _ = pockets(book, lot)
        wanted = min(self.coins, lot.taken + lot.owed)
        owed = min(wanted, lot.owed)
        taken = wanted - owed
        restored = -lot.released_by(-taken)
        loss = AccountName("gift:contra:chargeback", self.source.asset)
        deferral = book.name_of(lot.deferred_id)
        owes, creditors, _ = debt_leg(coins.owner, owed)
        legs = (
            (self.source, deferral, min(restored, self.money_micros)),
            (self.source, loss, max(self.money_micros - restored, 0)),
            (loss, deferral, max(restored - self.money_micros, 0)),
            (self.source, AccountName("tax:vat", self.source.asset), self.tax_micros),
            (coins, AccountName(self.reason, COIN, "", coins.bucket), taken),
            (creditors, owes, owed),
        )
        move = LotMoved(lot.id, taken=-taken, owed=-owed)
        return Settled(posted(book, legs), self.note, TWO_NUMBERS.pack(taken, owed), changed(move))


class Entries(msgspec.Struct, frozen=True):
    """Plain legs between accounts that no lot explains: money moving at the payment provider."""

    kind: str
    legs: tuple[Leg, ...]
    note: bytes = b""
    lot_ids: tuple[int, ...] = ()

    @property
    def touches(self) -> tuple[AccountName, ...]:
        """Both sides of every leg."""
        return tuple(name for leg in self.legs for name in leg[:2])

    def settle(self, book: Book) -> Settled:
        """Post the legs as they stand.

        Raises:
            NotACommand: A leg touches an account whose balance lots must explain.
        """
        for name in self.touches:
            if name.kind in LOT_KINDS:
                raise NotACommand(f"{name.text} moves with its lots only")
        return Settled(posted(book, self.legs), self.note)


def posted(book: Book, legs: "tuple[Leg, ...] | list[Leg]") -> tuple[Transfer, ...]:
    """Return the legs as transfers; a leg of nothing is left out."""
    return tuple([book.transfer(debit, credit, n) for debit, credit, n in legs if n])


def changed(move: LotMoved) -> tuple[LotChange, ...]:
    """Return the change, or nothing if it changes nothing."""
    return (move,) if any(move[1:]) else ()


def oldest_first(book: Book, name: AccountName, coins: int) -> Iterator[tuple[Lot, int]]:
    """Yield the lots that ``coins`` are spent from, oldest first, with how many from each."""
    for lot in book.open_lots(name):
        used = min(coins, lot.available)
        if used:
            yield lot, used
            coins -= used
        if not coins:
            return


def pockets(book: Book, lot: Lot) -> tuple[AccountName, AccountName]:
    """Return the accounts a lot's spendable and frozen coins are in."""
    coins = book.name_of(lot.coins_id)
    return coins, coins._replace(kind="viewer:frozen")


def debt_leg(person: str, coins: int) -> Leg:
    """Return the memorandum that ``person`` owes us ``coins`` that are spent."""
    debtor = AccountName("viewer:debt", COIN, person, DEBT)
    return debtor, AccountName("debts", COIN, "", DEBT), coins


def sold_lot(outcome: Outcome) -> int:
    """Return the id of the lot a settled ``Sale`` opened."""
    (lot_id,) = NUMBER.unpack(outcome.answer)
    return int(lot_id)


def coins_after(outcome: Outcome) -> int:
    """Return what the viewer had left after a settled ``Gift``."""
    (coins,) = NUMBER.unpack(outcome.answer)
    return int(coins)


def taken_back(outcome: Outcome) -> tuple[int, int]:
    """Return (coins, debt) that a settled ``TakeBack`` or ``GiveBack`` moved."""
    taken, owed = TWO_NUMBERS.unpack(outcome.answer)
    return int(taken), int(owed)
