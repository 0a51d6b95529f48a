"""The chart: what may exist, what it is called, and what people have."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.wallet.books import CREATOR, OTHER, VIEWER, a_gift, a_lot, posted
from wallet import accounts
from wallet.accounts import (
    CHART,
    COIN,
    Account,
    AccountName,
    Holdings,
    check_name,
    decode_opened,
    encode_opened,
    name_of,
)
from wallet.coins import Grant
from wallet.errors import BadEncoding, UnknownAccount

GOOD = (
    AccountName("psp:pending", "USD", "stripe"),
    AccountName("coins:deferred", "EUR", "web"),
    AccountName("creator:held", "USD", CREATOR),
    AccountName("gift:fee", "JPY"),
    AccountName("viewer:coins", "COIN", VIEWER, "PAID.web"),
    AccountName("viewer:coins", "COIN", VIEWER, "PROMO"),
    AccountName("viewer:debt", "COIN", VIEWER, "DEBT"),
    AccountName("spent", "COIN", "", "PAID.apple"),
    AccountName("diamond:mint", "DIA"),
)
BAD = (
    AccountName("viewer", "COIN", VIEWER, "PROMO"),
    AccountName("psp:pending", "usd", "stripe"),
    AccountName("psp:pending", "COIN", "stripe"),
    AccountName("psp:pending", "USD", "somebody"),
    AccountName("coins:deferred", "USD", VIEWER),
    AccountName("creator:held", "USD", ""),
    AccountName("creator:held", "USD", "Ada Lovelace"),
    AccountName("gift:fee", "USD", VIEWER),
    AccountName("gift:fee", "USD", "", "PROMO"),
    AccountName("viewer:coins", "COIN", VIEWER),
    AccountName("viewer:coins", "COIN", VIEWER, "DEBT"),
    AccountName("viewer:coins", "COIN", VIEWER, "PAID.elsewhere"),
    AccountName("viewer:coins", "DIA", VIEWER, "PROMO"),
    AccountName("viewer:debt", "COIN", VIEWER, "PROMO"),
)


@pytest.mark.parametrize("name", GOOD, ids=lambda name: name.text)
def test_names_in_the_chart_are_spelled_and_read_back(name: AccountName) -> None:
    check_name(name)

    assert name_of(name.text) == name


@pytest.mark.parametrize("name", BAD, ids=lambda name: name.text)
def test_names_outside_the_chart_are_refused(name: AccountName) -> None:
    with pytest.raises(UnknownAccount):
        check_name(name)


@given(st.text(max_size=60) | st.sampled_from(GOOD).map(lambda name: name.text[:-1]))
def test_a_text_that_spells_no_name_is_told_apart(text: str) -> None:
    with contextlib.suppress(BadEncoding, UnknownAccount):
        assert name_of(text).text == text


@given(st.binary(max_size=60))
def test_bytes_that_open_no_accounts_are_told_apart(encoded: bytes) -> None:
    with contextlib.suppress(BadEncoding, UnknownAccount):
        decode_opened(encoded)


def test_opened_accounts_survive_their_encoding() -> None:
    opened = [Account(number, name, 0, None) for number, name in enumerate(GOOD)]

    assert decode_opened(encode_opened(opened)) == list(enumerate(GOOD))
    assert encode_opened([]) == b""


def test_every_viewer_account_has_its_floor_in_the_database_too() -> None:
    viewers = [kind for kind in CHART if kind.startswith("viewer:")]

    assert [CHART[kind].bound for kind in viewers] == [1, 1, 1]


def test_somebody_who_never_did_anything_has_nothing(conn: Connection) -> None:
    assert accounts.holdings(conn, OTHER) == Holdings(0, 0, 0, 0, 0)
    assert accounts.balance(conn, GOOD[4]) == 0


def test_holdings_count_every_bucket_a_person_can_spend(conn: Connection) -> None:
    a_lot(conn, coins=10)
    posted(conn, Grant(VIEWER, 5), a_gift(2, creator=VIEWER, viewer=VIEWER))

    assert accounts.holdings(conn, VIEWER) == Holdings(13, 3, 0, 0, 2)


def test_totals_of_a_kind_are_what_finance_owes(conn: Connection) -> None:
    a_lot(conn, coins=10)
    posted(conn, Grant(OTHER, 5), a_gift(2), a_gift(2, creator=OTHER))

    assert accounts.total(conn, "viewer:coins", COIN) == 11
    assert accounts.total(conn, "creator:held", "USD") == -20_000
    assert accounts.total(conn, "creator:held", "EUR") == 0
