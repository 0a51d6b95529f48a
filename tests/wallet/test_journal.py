"""The record: its hashes, its chains, and how it is read again."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tests.wallet.books import NOON, OTHER, VIEWER, a_gift, a_lot, a_sale, asked, posted, results
from tests.wallet.test_coins import LEDGER_MD
from wallet import journal
from wallet.book import Transfer
from wallet.errors import BadEncoding, LedgerBroken
from wallet.journal import CONNECTION_CHAIN, NO_HASH, Chain, Head
from wallet.tables import micros_of
from wallet.verify import verify

ROW = (
    *(3, 2, micros_of(NOON), micros_of(NOON - timedelta(minutes=1))),
    *("gift", VIEWER, "gifts", "k-1", bytes(32), b"", b'{"coins":100}', b"", b"", b""),
)
LEGS = (Transfer("COIN", 5, 1, 100),)


# Hashing


def test_the_hash_is_the_one_that_the_ledger_document_works_out() -> None:
    assert journal.row_hash(NO_HASH, ROW, LEGS).hex() in LEDGER_MD


def changed(value: object) -> object:
    """Return another value of the same type."""
    match value:
        case int():
            return value + 1
        case str():
            return value + "x"
        case bytes():
            return value + b"x"
    raise TypeError(value)


@pytest.mark.parametrize("place", range(len(ROW)))
def test_every_column_changes_the_hash(place: int) -> None:
    other = (*ROW[:place], changed(ROW[place]), *ROW[place + 1 :])

    assert journal.row_hash(NO_HASH, other, LEGS) != journal.row_hash(NO_HASH, ROW, LEGS)


def test_bytes_moved_from_one_column_to_the_next_change_the_hash() -> None:
    one = (*ROW[:9], b"ab", b"c", b"", b"", b"")
    other = (*ROW[:9], b"a", b"bc", b"", b"", b"")

    assert journal.row_hash(NO_HASH, one, ()) != journal.row_hash(NO_HASH, other, ())


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (Transfer("DIA", 5, 1, 100),),
        (Transfer("COIN", 1, 5, 100),),
        (Transfer("COIN", 5, 1, 101),),
        LEGS * 2,
    ],
)
def test_every_leg_changes_the_hash(legs: tuple[Transfer, ...]) -> None:
    assert journal.row_hash(NO_HASH, ROW, legs) != journal.row_hash(NO_HASH, ROW, LEGS)


def test_the_row_before_changes_the_hash() -> None:
    assert journal.row_hash(bytes(31) + b"1", ROW, LEGS) != journal.row_hash(NO_HASH, ROW, LEGS)


def test_a_column_of_another_type_is_no_row_of_ours() -> None:
    with pytest.raises(BadEncoding):
        journal.row_hash(NO_HASH, (*ROW[:4], b"gift", *ROW[5:]), LEGS)


# Notes and heads


def test_a_note_holds_ids_and_numbers() -> None:
    note = journal.write_note(room="abcdefghijkl", gift="rose", quantity=3)

    assert journal.read_note(note) == {"room": "abcdefghijkl", "gift": "rose", "quantity": 3}
    assert journal.read_note(b"") == {}


@pytest.mark.parametrize("value", ["Ada Lovelace", "ada@example.org", "böse", "x" * 65, "Hi!"])
def test_a_note_takes_no_names_messages_or_addresses(value: str) -> None:
    with pytest.raises(BadEncoding, match="note field sender is no id"):
        journal.write_note(sender=value)


@given(st.binary(max_size=80))
def test_bytes_that_are_no_note_are_told_apart(note: bytes) -> None:
    with contextlib.suppress(BadEncoding):
        assert isinstance(journal.read_note(note), dict)


@given(st.binary(max_size=80))
def test_bytes_that_name_no_heads_are_told_apart(note: bytes) -> None:
    with pytest.raises(BadEncoding):
        journal.decode_heads(note)


@given(st.lists(st.builds(Head, st.integers(0), st.integers(0), st.binary(max_size=32))))
def test_heads_survive_their_encoding(heads: list[Head]) -> None:
    assert journal.decode_heads(journal.encode_heads(heads)) == heads


# Chains


def heads_of(conn: Connection) -> dict[int, tuple[int, int]]:
    """Return each chain's head sequence and named sequence."""
    rows = conn.execute(text("SELECT chain, head_sequence, named_sequence FROM ledger_chains"))
    return {chain: (head, named) for chain, head, named in rows}


def test_a_connection_goes_on_with_its_chain(conn: Connection) -> None:
    a_lot(conn)
    posted(conn, a_gift(1), a_gift(1))

    assert list(heads_of(conn).values()) == [(4, 0)]


def test_a_restart_opens_a_chain_that_names_the_heads_it_saw(conn: Connection) -> None:
    a_lot(conn)
    conn.info.pop(CONNECTION_CHAIN)
    posted(conn, a_gift(1))
    conn.info.pop(CONNECTION_CHAIN)
    posted(conn, a_gift(1))

    first, second, third = sorted(heads_of(conn))
    notes = conn.scalars(text("SELECT note FROM ledger_journal WHERE sequence = 1 ORDER BY chain"))
    named = [[head.chain for head in journal.decode_heads(bytes(note))] for note in notes]
    assert named == [[], [first], [second]]
    assert heads_of(conn) == {first: (2, 2), second: (2, 2), third: (2, 0)}
    assert verify(conn).ok


def test_a_chain_whose_opening_was_rolled_back_is_opened_again(conn: Connection) -> None:
    savepoint = conn.begin_nested()
    a_lot(conn)
    savepoint.rollback()

    a_lot(conn)

    assert verify(conn).ok
    assert len(heads_of(conn)) == 1


def test_two_writers_on_one_chain_cannot_both_write(conn: Connection) -> None:
    a_lot(conn)
    chain = journal.chain_of(conn, NOON)
    posted(conn, a_gift(1))
    stale = Chain(chain.head)
    row = (*ROW[2:5], VIEWER, "test", "stale", *ROW[8:])
    stale.append(row, ())

    savepoint = conn.begin_nested()
    with pytest.raises((LedgerBroken, DBAPIError)):
        stale.write(conn)
    savepoint.rollback()

    assert verify(conn).ok


# Reading again


def test_history_is_read_newest_first_in_pages(conn: Connection) -> None:
    for minute in range(5):
        results(conn, asked(a_sale(1), now=NOON + timedelta(minutes=minute)))
    results(conn, asked(a_sale(1, viewer=OTHER), account_id=OTHER))

    first = journal.history(conn, VIEWER, limit=3)
    last = first[-1]
    place = (last.recorded_at, last.chain, last.sequence)
    second = journal.history(conn, VIEWER, before=place, limit=3)

    times = [entry.recorded_at for entry in (*first, *second)]
    assert times == [NOON + timedelta(minutes=minute) for minute in (4, 3, 2, 1, 0)]


def test_history_parts_what_was_recorded_in_the_same_instant(conn: Connection) -> None:
    posted(conn, *[a_sale(1) for _ in range(4)])

    first = journal.history(conn, VIEWER, limit=2)
    place = (first[-1].recorded_at, first[-1].chain, first[-1].sequence)
    second = journal.history(conn, VIEWER, before=place, limit=2)

    sequences = [entry.sequence for entry in (*first, *second)]
    assert sequences == sorted(set(sequences), reverse=True)
    assert len(sequences) == 4


def test_a_reader_goes_on_where_it_stopped_across_chains(conn: Connection) -> None:
    a_lot(conn)
    before_restart = journal.unread(conn, "announcer", limit=1)
    journal.mark_read(conn, "announcer", before_restart)
    conn.info.pop(CONNECTION_CHAIN)
    posted(conn, a_gift(1), a_gift(2))

    left = journal.unread(conn, "announcer", limit=10)
    journal.mark_read(conn, "announcer", left)

    assert [entry.kind for entry in left] == ["purchase", "chain", "gift", "gift"]
    assert journal.unread(conn, "announcer", limit=10) == []
    assert len(journal.unread(conn, "somebody else", limit=10)) == 5


def test_a_cursor_never_goes_back(conn: Connection) -> None:
    a_lot(conn)
    first, *_ = entries = journal.unread(conn, "announcer", limit=10)

    journal.mark_read(conn, "announcer", entries)
    journal.mark_read(conn, "announcer", [first])

    assert journal.unread(conn, "announcer", limit=10) == []


def test_the_transfers_of_one_posting_are_found(conn: Connection) -> None:
    a_lot(conn)
    (gift,) = posted(conn, a_gift(100))

    legs = journal.entry_legs(conn, gift.chain, gift.sequence)

    assert [(debit.kind, credit.kind) for debit, credit, _ in legs] == [
        ("spent", "viewer:coins"),
        ("coins:deferred", "creator:held"),
        ("coins:deferred", "gift:fee"),
        ("creator:pending", "diamond:mint"),
    ]
