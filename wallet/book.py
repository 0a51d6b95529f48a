"""The accounts and lots of one batch, in memory, between loading and storing.

Coin plane. Commands are settled against a book one after another; what one changes the next
sees. Nothing here writes to the database.

Sign    A balance is debits minus credits.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from wallet import accounts, lots
from wallet.accounts import Account, AccountName
from wallet.errors import LedgerBroken, NotACommand
from wallet.lots import Lot, LotChange, LotMoved, LotOpened

AMOUNT_MAX = 2**53  # of one transfer; a thousand of the largest still fit the database's integers


class Transfer(NamedTuple):
    """Move ``amount`` of one asset: ``debit_id``'s balance rises, ``credit_id``'s falls."""

    asset: str
    debit_id: int
    credit_id: int
    amount: int  # smallest unit of the asset, at least 1; the table has the same CHECK


new_transfer = partial(tuple.__new__, Transfer)  # ``Transfer(…)`` takes 230 ns, this 140


class Short(NamedTuple):
    """An account that a posting would have taken ``short_by`` past its bound."""

    name: AccountName
    short_by: int


class Book:
    """What a batch has loaded, opened and changed so far."""

    def __init__(
        self,
        conn: Connection,
        names: Iterable[AccountName],
        lot_ids: Iterable[int],
        last_ids: tuple[int, int],
    ) -> None:
        self._conn = conn
        self._last_account_id, self._last_lot_id = last_ids
        self._by_name: dict[AccountName, Account] = {}
        self._by_id: dict[int, Account] = {}
        self._absent: set[AccountName] = set()
        self._lots: dict[int, Lot] = {}
        self._queues: dict[int, list[Lot]] = {}  # by coin account, oldest first
        self._opened: list[Account] = []  # by the command being settled
        self._changed_lots: dict[int, Lot] = {}
        self._load(names)
        self._queue_lots(self._by_id.values())
        self._keep_lots(lots.load_ids(conn, lot_ids))

    # Reading

    def balance(self, name: AccountName) -> int:
        """Return what is in ``name`` now; 0 if it was never opened."""
        account = self._by_name.get(name) or self._find(name)
        return 0 if account is None else account.balance

    def open_lots(self, name: AccountName) -> Sequence[Lot]:
        """Return the lots in ``name`` that may hold coins to spend, oldest first."""
        account = self._by_name.get(name) or self._find(name)
        return () if account is None else self._queues.get(account.id, ())

    def lot(self, lot_id: int) -> Lot:
        """Return one lot.

        Raises:
            NotACommand: There is none with this id.
        """
        if lot_id not in self._lots:
            self._keep_lots(lots.load_ids(self._conn, [lot_id]))
        try:
            return self._lots[lot_id]
        except KeyError:
            raise NotACommand(f"there is no lot {lot_id}") from None

    def name_of(self, account_id: int) -> AccountName:
        """Return the name of the account with this id."""
        return self._by_id[account_id].name

    # Writing down what a command wants

    def transfer(self, debit: AccountName, credit: AccountName, amount: int) -> Transfer:
        """Return the transfer of ``amount`` between two accounts, opened now if need be."""
        debtor = self._by_name.get(debit) or self.account(debit)
        creditor = self._by_name.get(credit) or self.account(credit)
        return new_transfer((debit.asset, debtor.id, creditor.id, amount))

    def account(self, name: AccountName) -> Account:
        """Return the account called ``name``; the first to need it opens it.

        Raises:
            UnknownAccount: The chart has no place for it.
        """
        found = self._find(name)
        if found is None:
            accounts.check_name(name)
            self._last_account_id += 1
            found = Account(self._last_account_id, name, 0, None)
            self._by_name[name] = self._by_id[found.id] = found
            self._opened.append(found)
        return found

    def new_lot(self, coins: AccountName, deferred: AccountName, size: int, cost: int) -> LotOpened:
        """Return the opening of a lot of ``size`` coins that cost ``cost``."""
        lot_id = self._last_lot_id + 1
        return LotOpened(lot_id, self.account(coins).id, self.account(deferred).id, size, cost)

    # Applying it

    def apply(self, transfers: Sequence[Transfer], changes: Sequence[LotChange]) -> Short | None:
        """Move balances and lots, or move nothing and say which account fell short.

        Raises:
            NotACommand: A transfer or lot change that no command of ours should ask for.
            LedgerBroken: Coins and their lots no longer agree.
        """
        touched = self._move(transfers)
        for account in touched:
            if account.balance * account.bound < 0:
                short = Short(account.name, abs(account.balance))
                self._move_back(transfers)
                return short
        for change in changes:
            self._change_lot(change)
        for account in touched:
            if account.has_lots:
                self._check_lots(account)
        return None

    def keep_opened(self) -> list[Account]:
        """Return the accounts opened since the last call; from now on they stay."""
        opened, self._opened = self._opened, []
        self._absent.difference_update([account.name for account in opened])
        return opened

    def drop_opened(self) -> None:
        """Forget the accounts opened since the last call: their command was refused."""
        for account in self._opened:
            del self._by_name[account.name], self._by_id[account.id]
            self._absent.add(account.name)
        self._last_account_id -= len(self._opened)
        self._opened = []

    def store(self) -> None:
        """Write the net changes of the whole batch."""
        accounts.store(self._conn, self._by_id.values())
        lots.store(self._conn, self._changed_lots.values())

    # Internal

    def _find(self, name: AccountName) -> Account | None:
        """Return an open account, loaded now if the command did not say it touches it."""
        found = self._by_name.get(name)
        if found is None and name not in self._absent:
            self._load([name])
            found = self._by_name.get(name)
            if found is not None:
                self._queue_lots([found])
        return found

    def _load(self, names: Iterable[AccountName]) -> None:
        wanted = set(names)
        for account in accounts.load(self._conn, wanted):
            self._by_name[account.name] = self._by_id[account.id] = account
            wanted.discard(account.name)
        self._absent |= wanted

    def _queue_lots(self, loaded: Iterable[Account]) -> None:
        coins_ids = [account.id for account in loaded if account.has_lots and account.balance]
        self._keep_lots(lots.load_open(self._conn, coins_ids))

    def _keep_lots(self, found: Iterable[Lot]) -> None:
        """Keep lots together with the accounts they stand on."""
        fresh = [lot for lot in found if lot.id not in self._lots]
        for lot in fresh:
            self._lots[lot.id] = lot
        needed = {number for lot in fresh for number in (lot.coins_id, lot.deferred_id)}
        unloaded = accounts.load_ids(self._conn, needed - self._by_id.keys())
        for account in unloaded:
            self._by_name[account.name] = self._by_id[account.id] = account
            self._absent.discard(account.name)
        for lot in fresh:
            queue = self._queues.setdefault(lot.coins_id, [])
            queue.append(lot)
            if len(queue) > 1 and queue[-2].id > lot.id:
                queue.sort(key=lambda one: one.id)
        # A lot asked for by its id brings its account, and with it all the lots beside it.
        if unloaded:
            self._queue_lots(unloaded)

    def _move(self, transfers: Sequence[Transfer]) -> list[Account]:
        """Move balances; return the accounts whose balance moved."""
        touched: list[Account] = []
        for transfer in transfers:
            asset, debit_id, credit_id, amount = transfer
            debit, credit = self._by_id[debit_id], self._by_id[credit_id]
            if (
                not 0 < amount <= AMOUNT_MAX
                or debit is credit
                or not asset == debit.asset == credit.asset
                or debit.bucket != credit.bucket
            ):
                self._move_back(transfers[: len(touched) // 2])
                raise NotACommand(f"{transfer} between {debit.name} and {credit.name}")
            debit.balance += amount
            credit.balance -= amount
            touched += (debit, credit)
        return touched

    def _move_back(self, transfers: Sequence[Transfer]) -> None:
        for transfer in transfers:
            self._by_id[transfer.debit_id].balance -= transfer.amount
            self._by_id[transfer.credit_id].balance += transfer.amount

    def _change_lot(self, change: LotChange) -> None:
        if isinstance(change, LotMoved):
            lot = self._lots[change.id]
            lot.moved(change)
        else:
            if change.size <= 0 or change.cost < 0 or change.id != self._last_lot_id + 1:
                raise NotACommand(f"{change} opens no lot")
            self._last_lot_id = change.id
            lot = self._lots[change.id] = Lot(*change, stored=False)
            self._queues.setdefault(change.coins_id, []).append(lot)
        self._changed_lots[lot.id] = lot

    def _check_lots(self, account: Account) -> None:
        available = sum([lot.available for lot in self._queues.get(account.id, ())])
        if available != account.balance:
            raise LedgerBroken(
                f"{account.name.text} holds {account.balance} coins, its lots {available}"
            )
