"""Passwords: which are refused, and how they are kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web.people import passwords
from web.people.errors import PasswordRefused
from web.people.passwords import CHEAP, NORMAL


@pytest.mark.parametrize("password", ["correct horse", "a1b2c3d4", "ÿ" * 7 + "x", "x1" * 64])
def test_length_counts_and_composition_does_not(password: str) -> None:
    passwords.check_password(password, "ana")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "seven77",
        "x1" * 64 + "x",
        "password",
        "PASSWORD1",
        "12345678",
        "qwertyuiop",
        "zzzzzzzzz",
    ],
)
def test_short_endless_and_common_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordRefused):
        passwords.check_password(password, "ana")


@pytest.mark.parametrize("password", ["ana_lucia", "ANA_LUCIA", "aicul_ana", "ana_lucia" * 2])
def test_a_handle_is_no_password(password: str) -> None:
    with pytest.raises(PasswordRefused, match="handle"):
        passwords.check_password(password, "ana_lucia")


@settings(deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_only_the_password_itself_is_right(password: str) -> None:
    stored = passwords.hash_password(password, CHEAP)

    assert passwords.verify(stored, password, CHEAP)
    assert passwords.verify(stored, password + "x", CHEAP) is False


def test_one_accent_typed_in_two_ways_is_one_password() -> None:
    stored = passwords.hash_password("caf\u00e9 con leche", CHEAP)

    assert passwords.verify(stored, "cafe\u0301 con leche", CHEAP)


def test_a_surrogate_out_of_json_is_hashed_like_anything_else() -> None:
    assert passwords.verify(passwords.hash_password("\ud800 12345678", CHEAP), "\ud800 12345678")


def test_nobody_has_a_password_and_it_is_looked_up_all_the_same() -> None:
    assert passwords.verify(None, "nobody has this password", CHEAP) is False


def test_a_damaged_hash_lets_nobody_in() -> None:
    assert passwords.verify("not a hash", "not a hash", CHEAP) is False


def test_a_hash_says_that_its_parameters_are_outdated() -> None:
    stored = passwords.hash_password("correct horse", CHEAP)

    assert passwords.is_outdated(stored, NORMAL)
    assert not passwords.is_outdated(stored, CHEAP)
    assert stored.startswith("$argon2id$")
