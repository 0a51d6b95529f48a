"""Connectivity checks: who is answered, and where a peer is believed to be."""

import contextlib
from dataclasses import dataclass, field

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from live.errors import NotStun
from live.ice import ADDRESSES_MAX, Address, Credentials, Doors, read_check, success

PASSWORD, REMOTE_PASSWORD = "p" * 24, "q" * 24
HOME: Address = ("192.0.2.1", 5000)
AWAY: Address = ("198.51.100.7", 6000)


@dataclass(eq=False)
class Somebody:
    credentials: Credentials = field(
        default_factory=lambda: Credentials("ours", PASSWORD, "theirs", REMOTE_PASSWORD)
    )
    address: Address | None = None
    addresses: list[Address] = field(default_factory=list)
    heard_at: float = 0.0
    path_heard_at: float = 0.0


def check(
    username: str = "ours:theirs", password: str = PASSWORD, *, nominated: bool = False
) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    if nominated:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)


def admitted() -> tuple[Doors[Somebody], Somebody]:
    doors: Doors[Somebody] = Doors()
    peer = Somebody()
    doors.admit(peer)
    return doors, peer


def test_a_check_with_the_password_is_answered_with_its_address() -> None:
    doors, _ = admitted()

    answer = doors.check(check(), HOME, now=1.0)

    assert answer is not None
    message = stun.parse_message(answer)
    message.check_message_integrity(PASSWORD.encode())
    assert message.message_class is stun.Class.RESPONSE
    assert message.attributes["XOR-MAPPED-ADDRESS"] == HOME


def test_an_ipv6_address_is_told_back() -> None:
    asked = read_check(check())
    assert asked is not None

    answer = success(asked, ("2001:db8::1", 7000, 0, 0), PASSWORD.encode())

    mapped = stun.parse_message(answer).attributes["XOR-MAPPED-ADDRESS"]
    assert mapped == ("2001:db8::1", 7000)


@pytest.mark.parametrize(
    "datagram",
    [check("nobody:theirs"), check("ours:somebody"), check(password="x" * 24)],
    ids=["unknown ufrag", "foreign ufrag", "wrong password"],
)
def test_who_proves_nothing_gets_no_answer_and_moves_nobody(datagram: bytes) -> None:
    doors, peer = admitted()

    with pytest.raises(NotStun):
        doors.check(datagram, HOME, now=1.0)

    assert peer.address is None
    assert doors.behind(HOME) is None


def test_a_check_without_integrity_gets_no_answer() -> None:
    doors, _ = admitted()
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = "ours:theirs"

    with pytest.raises(NotStun):
        doors.check(bytes(message), HOME, now=1.0)


def test_a_damaged_check_is_malformed() -> None:
    damaged = bytearray(check())
    damaged[30] ^= 1

    with pytest.raises(NotStun):
        read_check(bytes(damaged))


def test_other_stun_messages_are_left_without_an_answer() -> None:
    doors, _ = admitted()
    indication = bytes(stun.Message(stun.Method.BINDING, stun.Class.INDICATION))

    assert doors.check(indication, HOME, now=1.0) is None


def test_the_first_path_is_taken_and_another_only_when_nominated() -> None:
    doors, peer = admitted()
    doors.check(check(), HOME, now=1.0)
    doors.check(check(), AWAY, now=1.5)
    assert peer.address == HOME

    doors.check(check(nominated=True), AWAY, now=2.0)

    assert peer.address == AWAY
    assert doors.behind(HOME) is doors.behind(AWAY) is peer


def test_a_silent_path_loses_to_one_that_is_heard() -> None:
    doors, peer = admitted()
    doors.check(check(), HOME, now=1.0)

    doors.check(check(), AWAY, now=4.5)

    assert peer.address == AWAY


def test_a_peer_keeps_a_limited_number_of_addresses() -> None:
    doors, peer = admitted()
    for port in range(ADDRESSES_MAX + 5):
        doors.check(check(), ("192.0.2.1", 5000 + port), now=1.0)

    assert len(peer.addresses) == ADDRESSES_MAX
    assert HOME in peer.addresses
    assert doors.behind(("192.0.2.1", 5001)) is None


def test_a_dismissed_peer_is_known_nowhere() -> None:
    doors, peer = admitted()
    doors.check(check(), HOME, now=1.0)

    doors.dismiss(peer)

    assert doors.behind(HOME) is None
    assert len(doors) == 0
    with pytest.raises(NotStun):
        doors.check(check(), HOME, now=1.0)


@given(st.binary(max_size=120))
def test_any_bytes_raise_nothing_but_their_own_error(datagram: bytes) -> None:
    doors, _ = admitted()
    with contextlib.suppress(NotStun):
        doors.check(datagram, HOME, now=1.0)


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_check_with_a_protected_byte_changed_moves_nobody(at: int, value: int) -> None:
    doors, peer = admitted()
    datagram = bytearray(check())
    at %= len(datagram) - 8  # less the fingerprint, which proves nothing
    if datagram[at] == value:
        return
    datagram[at] = value

    with contextlib.suppress(NotStun):
        doors.check(bytes(datagram), HOME, now=1.0)

    assert peer.address is None
