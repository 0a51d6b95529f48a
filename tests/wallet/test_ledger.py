"""Posting: every key is answered once, whatever happens beside it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.wallet.books import (
    CREATOR,
    NOON,
    OTHER,
    PENDING,
    VIEWER,
    a_gift,
    a_lot,
    a_sale,
    asked,
    coins_of,
    diamonds_of,
    posted,
    results,
)
from wallet import journal, ledger
from wallet.accounts import COIN, DIA, AccountName
from wallet.coins import DIAMOND_MINT, Grant
from wallet.errors import BadEncoding, KeyReused, NotACommand
from wallet.journal import write_note
from wallet.ledger import Book, Command, Outcome, Refusal, Settled, Transfer
from wallet.verify import verify

EARNED = AccountName("creator:pending", DIA, CREATOR)


def custom(
    settle: Callable[[Book], Settled | Refusal], *touches: AccountName, key: str = "custom"
) -> Command:
    """Return a command that settles as told."""
    return Command(VIEWER, "test", key, b"", "custom", touches, settle, NOON)


def test_nothing_asked_is_nothing_answered(conn: Connection) -> None:
    assert ledger.post(conn, []) == []


def test_the_same_key_gets_the_first_answer_and_moves_nothing(conn: Connection) -> None:
    a_lot(conn)
    gift = asked(a_gift(100), "gift-1")

    (first,) = results(conn, gift)
    (again,) = results(conn, gift)

    assert isinstance(first, Outcome)
    assert isinstance(again, Outcome)
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.note, again.answer, again.sequence) == (first.note, first.answer, first.sequence)
    assert again.recorded_at == first.recorded_at
    assert coins_of(conn) == 900


def test_the_same_key_twice_in_one_batch_moves_once(conn: Connection) -> None:
    a_lot(conn)
    gift = asked(a_gift(100), "gift-1")

    first, again = results(conn, gift, gift)

    assert isinstance(first, Outcome)
    assert isinstance(again, Outcome)
    assert (first.repeated, again.repeated) == (False, True)
    assert first.sequence == again.sequence
    assert coins_of(conn) == 900


def test_a_refusal_is_repeated_even_when_it_would_succeed_now(conn: Connection) -> None:
    gift = asked(a_gift(100), "gift-1")

    (first,) = results(conn, gift)
    a_lot(conn)
    (again,) = results(conn, gift)

    assert isinstance(first, Outcome)
    assert isinstance(again, Outcome)
    assert first.refusal == again.refusal == Refusal("insufficient_coins", {"short_by": 100})
    assert coins_of(conn) == 1_000


def test_a_key_reused_for_other_terms_harms_only_itself(conn: Connection) -> None:
    a_lot(conn)
    results(conn, asked(a_gift(1), "gift-1", terms=b"one rose"))

    reused, other = results(
        conn,
        asked(a_gift(2), "gift-1", terms=b"two roses"),
        asked(a_gift(3), "gift-2", terms=b"three roses"),
    )

    assert isinstance(reused, KeyReused)
    assert str(reused) == "key 'gift-1' was used before for something else"
    assert isinstance(other, Outcome)
    assert coins_of(conn) == 1_000 - 1 - 3


@pytest.mark.parametrize(("account_id", "route"), [(OTHER, "test"), (VIEWER, "elsewhere")])
def test_a_key_belongs_to_an_account_and_a_route(
    conn: Connection, account_id: str, route: str
) -> None:
    a_lot(conn)
    elsewhere = asked(a_gift(1), "same", terms=b"x", account_id=account_id, route=route)

    first, second = results(conn, asked(a_gift(1), "same"), elsewhere)

    assert isinstance(first, Outcome)
    assert isinstance(second, Outcome)
    assert not second.repeated
    assert coins_of(conn) == 998


def test_commands_see_what_those_before_them_did(conn: Connection) -> None:
    outcomes = posted(conn, a_gift(5), a_sale(5), a_gift(5), a_gift(1))

    assert [outcome.refusal is None for outcome in outcomes] == [False, True, True, False]
    assert coins_of(conn) == 0
    assert verify(conn).ok


def test_an_exact_purse_is_emptied_by_one_batch_to_the_coin(conn: Connection) -> None:
    posted(conn, Grant(VIEWER, 3), a_sale(3), a_sale(4))

    outcomes = posted(conn, *[a_gift(2) for _ in range(6)])

    assert sum(outcome.refusal is None for outcome in outcomes) == 5
    assert (coins_of(conn), diamonds_of(conn)) == (0, 10)
    assert verify(conn).ok


def test_a_bound_that_settle_forgot_is_kept_by_the_ledger(conn: Connection) -> None:
    def overspend(book: Book) -> Settled:
        return Settled((book.transfer(DIAMOND_MINT, EARNED, 1),))

    (outcome,) = results(conn, custom(overspend))

    assert isinstance(outcome, Outcome)
    assert outcome.refusal == Refusal("account_bound", {"short_by": 1})
    assert verify(conn).ok


def test_an_account_opened_by_a_refused_command_is_not_opened(conn: Connection) -> None:
    def open_and_refuse(book: Book) -> Settled | Refusal:
        book.account(EARNED)
        return Refusal("not_today")

    results(conn, custom(open_and_refuse, EARNED))
    posted(conn, a_sale(1), a_gift(1))

    assert verify(conn).ok
    assert diamonds_of(conn) == 1


@pytest.mark.parametrize(
    "amount", [0, -1, 2**53 + 1], ids=["nothing", "a negative amount", "more than is allowed"]
)
def test_a_transfer_outside_its_limits_is_a_bug_of_ours(conn: Connection, amount: int) -> None:
    def settle(book: Book) -> Settled:
        return Settled((book.transfer(EARNED, DIAMOND_MINT, amount),))

    with pytest.raises(NotACommand):
        results(conn, custom(settle, EARNED, DIAMOND_MINT))


def test_a_transfer_between_assets_is_a_bug_of_ours(conn: Connection) -> None:
    def settle(book: Book) -> Settled:
        return Settled((Transfer(DIA, book.account(EARNED).id, book.account(PENDING).id, 1),))

    with pytest.raises(NotACommand):
        results(conn, custom(settle, EARNED, PENDING))


def test_a_transfer_between_buckets_is_a_bug_of_ours(conn: Connection) -> None:
    spent = AccountName("spent", COIN, "", "PROMO")
    mint = AccountName("mint", COIN, "", "PAID.web")

    with pytest.raises(NotACommand):
        results(conn, custom(lambda book: Settled((book.transfer(spent, mint, 1),))))


def test_accounts_nobody_said_would_be_touched_are_found_all_the_same(conn: Connection) -> None:
    a_lot(conn)
    gift = a_gift(1)
    command = Command(VIEWER, "test", "quiet", b"", "gift", (), gift.settle, NOON)

    (outcome,) = results(conn, command)

    assert isinstance(outcome, Outcome)
    assert outcome.refusal is None
    assert coins_of(conn) == 999
    assert verify(conn).ok


@pytest.mark.parametrize(
    ("key", "account_id", "route"),
    [
        ("", VIEWER, "test"),
        ("k" * 256, VIEWER, "test"),
        ("k\x00", VIEWER, "test"),
        ("k", "", "test"),
        ("k", "v" * 65, "test"),
        ("k", VIEWER, ""),
        ("k", VIEWER, "r" * 65),
    ],
)
def test_a_command_outside_its_limits_cannot_be_made(key: str, account_id: str, route: str) -> None:
    with pytest.raises(NotACommand):
        asked(a_gift(1), key, account_id=account_id, route=route)


def test_a_key_may_have_255_characters_of_any_script(conn: Connection) -> None:
    key = "ключ→" * 51

    (first,) = results(conn, asked(a_sale(1), key))
    (again,) = results(conn, asked(a_sale(1), key))

    assert len(key) == 255
    assert isinstance(first, Outcome)
    assert isinstance(again, Outcome)
    assert again.repeated
    assert verify(conn).ok


def test_both_clocks_are_kept(conn: Connection) -> None:
    earlier, later = NOON - timedelta(hours=2), NOON + timedelta(seconds=1)
    sale = ledger.ask(
        a_sale(1),
        account_id=VIEWER,
        route="test",
        key="k",
        terms=b"",
        asked_at=NOON,
        effective_at=earlier,
    )

    ledger.post(conn, [sale], now=later)
    (entry,) = journal.history(conn, VIEWER, limit=1)

    assert (entry.effective_at, entry.recorded_at) == (earlier, later)


def test_notes_and_answers_come_back_byte_for_byte(conn: Connection) -> None:
    note, answer = write_note(room="abc", quantity=2), bytes(range(256))
    command = custom(lambda _book: Settled((), note, answer))

    results(conn, command)
    (again,) = results(conn, command)

    assert isinstance(again, Outcome)
    assert (again.note, again.answer) == (note, answer)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_refusal_are_told_apart(encoded: bytes) -> None:
    try:
        refusal = ledger.decode_refusal(encoded)
    except BadEncoding:
        return
    assert ledger.decode_refusal(ledger.encode_refusal(refusal)) == refusal


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=9), st.integers(-(2**70), 2**70)))
def test_refusals_survive_their_encoding(code: str, numbers: dict[str, int]) -> None:
    refusal = Refusal(code, numbers)

    assert ledger.decode_refusal(ledger.encode_refusal(refusal)) == refusal
