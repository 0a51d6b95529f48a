"""One batch in memory: what is loaded, opened and moved before anything is written."""

import pytest
from sqlalchemy import Connection

from tests.wallet.books import CREATOR, PENDING, VIEWER, a_lot, a_sale, posted
from wallet import ledger
from wallet.accounts import COIN, DIA, AccountName
from wallet.book import Book, Short, Transfer
from wallet.coins import DIAMOND_MINT
from wallet.errors import LedgerBroken, NotACommand, UnknownAccount
from wallet.lots import LotMoved, LotOpened

COINS = AccountName("viewer:coins", COIN, VIEWER, "PAID.web")
SPENT = AccountName("spent", COIN, "", "PAID.web")
EARNED = AccountName("creator:pending", DIA, CREATOR)


def a_book(conn: Connection, *names: AccountName, lot_ids: tuple[int, ...] = ()) -> Book:
    """Return a book that has loaded ``names``."""
    return Book(conn, names, lot_ids, ledger.last_ids(conn))


def test_transfers_move_balances_that_the_next_command_sees(conn: Connection) -> None:
    book = a_book(conn, EARNED)

    short = book.apply([book.transfer(EARNED, DIAMOND_MINT, 5)], [])

    assert short is None
    assert (book.balance(EARNED), book.balance(DIAMOND_MINT)) == (5, -5)


def test_an_account_past_its_bound_moves_nothing_and_is_named(conn: Connection) -> None:
    book = a_book(conn, EARNED)
    book.apply([book.transfer(EARNED, DIAMOND_MINT, 5)], [])

    short = book.apply([book.transfer(DIAMOND_MINT, EARNED, 7)], [])

    assert short == Short(DIAMOND_MINT, 2)
    assert (book.balance(EARNED), book.balance(DIAMOND_MINT)) == (5, -5)


def test_a_bad_transfer_takes_back_those_before_it(conn: Connection) -> None:
    book = a_book(conn, EARNED)
    good = book.transfer(EARNED, DIAMOND_MINT, 5)

    with pytest.raises(NotACommand):
        book.apply([good, Transfer("USD", good.debit_id, good.credit_id, 1)], [])

    assert book.balance(EARNED) == 0


def test_dropped_accounts_give_their_ids_to_the_next(conn: Connection) -> None:
    book = a_book(conn)
    first = book.account(EARNED).id

    book.drop_opened()

    assert book.account(PENDING).id == first
    assert [account.name for account in book.keep_opened()] == [PENDING]


def test_an_account_outside_the_chart_is_not_opened(conn: Connection) -> None:
    with pytest.raises(UnknownAccount):
        a_book(conn).account(AccountName("offshore", "USD"))


def test_lots_come_oldest_first_whichever_way_they_were_loaded(conn: Connection) -> None:
    first, second, third = a_lot(conn), a_lot(conn), a_lot(conn)

    by_account = a_book(conn, COINS)
    by_lot = a_book(conn, lot_ids=(third,))
    later = a_book(conn)
    later.lot(second)

    for book in (by_account, by_lot, later):
        assert [lot.id for lot in book.open_lots(COINS)] == [first, second, third]


def test_coins_that_their_lots_do_not_explain_break_the_books(conn: Connection) -> None:
    a_lot(conn, coins=10)
    book = a_book(conn, COINS, SPENT)

    with pytest.raises(LedgerBroken, match="holds 9 coins, its lots 10"):
        book.apply([book.transfer(SPENT, COINS, 1)], [])


def test_a_lot_cannot_give_more_than_it_has(conn: Connection) -> None:
    lot_id = a_lot(conn, coins=10)
    posted(conn, a_sale(5))
    book = a_book(conn, COINS, SPENT)

    with pytest.raises(NotACommand, match=f"lot {lot_id} cannot move"):
        book.apply([book.transfer(SPENT, COINS, 11)], [LotMoved(lot_id, spent=11)])


def test_lots_are_opened_in_their_order(conn: Connection) -> None:
    book = a_book(conn, COINS)
    next_id = book.new_lot(COINS, PENDING, 1, 1).id

    with pytest.raises(NotACommand, match="opens no lot"):
        book.apply([], [LotOpened(next_id + 1, 1, 2, 5, 5)])


def test_a_book_writes_net_changes_only(conn: Connection) -> None:
    book = a_book(conn, EARNED)
    book.apply([book.transfer(EARNED, DIAMOND_MINT, 5)], [])
    book.apply([book.transfer(EARNED, DIAMOND_MINT, 6)], [])
    book.keep_opened()

    book.store()

    assert a_book(conn, EARNED).balance(EARNED) == 11
