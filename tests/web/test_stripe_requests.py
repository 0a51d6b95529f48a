"""What the sandbox is asked: parameters, and answers that are kept under their keys."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from web import stripe_requests
from web.stripe_objects import SandboxRefusal
from web.stripe_requests import CREATE_INTENT, HANDLINGS, Asked, Told, answer, open_objects, parse

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
CREATE = HANDLINGS[0]
PAIRS = (("amount", "969"), ("currency", "eur"), ("metadata[purchase_id]", "p1"))


def asked(key: str, *more: tuple[str, str]) -> Asked:
    """Return the request for a PaymentIntent."""
    return Asked(CREATE, "", (*PAIRS, *more), key)


def test_form_fields_become_nested_typed_parameters() -> None:
    pairs = [("amount", "7"), ("metadata[a]", "1"), ("metadata[b]", "2"), ("confirm", "false")]

    assert parse(pairs, CREATE_INTENT) == {
        "amount": 7,
        "metadata": {"a": "1", "b": "2"},
        "confirm": False,
    }


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=5)), max_size=4))
def test_whatever_a_form_holds_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        params = parse(pairs, CREATE_INTENT)
    except SandboxRefusal:
        return
    assert params.keys() <= CREATE_INTENT.keys()


def test_the_order_of_parameters_makes_no_other_question(conn: Connection) -> None:
    first = answer(conn, asked("k"), now=NOON)
    turned = Asked(CREATE, "", tuple(reversed(PAIRS)), "k")

    again = answer(conn, turned, now=NOON + timedelta(days=300))

    assert again == Told(first.status, first.body, is_replayed=True)


def test_a_key_is_for_one_question(conn: Connection) -> None:
    answer(conn, asked("k"), now=NOON)

    other = answer(conn, asked("k", ("description", "coins")), now=NOON)

    assert other.status == 400
    assert msgspec.json.decode(other.body)["error"]["type"] == "idempotency_error"


def test_without_a_key_every_question_is_new(conn: Connection) -> None:
    bodies = {answer(conn, asked(""), now=NOON).body for _ in range(3)}

    assert len(bodies) == 3


def test_what_was_refused_before_it_began_leaves_the_key_free(conn: Connection) -> None:
    refused = answer(conn, asked("k", ("colour", "red")), now=NOON)

    assert refused.status == 400
    assert answer(conn, asked("k"), now=NOON).status == 200


def test_objects_are_kept_and_listed_newest_first(conn: Connection) -> None:
    ids = [msgspec.json.decode(answer(conn, asked(""), now=NOON).body)["id"] for _ in range(3)]

    made = open_objects(conn, NOON)

    assert made.find("payment_intent", ids[0])["amount"] == 969
    page = made.listing("payment_intent", "/v1/payment_intents", 2, ids[2])
    assert [body["id"] for body in page["data"]] == [ids[1], ids[0]]
    with pytest.raises(SandboxRefusal):
        made.find("charge", ids[0])


def test_an_id_no_database_can_hold_is_not_there(conn: Connection) -> None:
    assert stripe_requests.DatabaseShelf(conn, NOON).get("pi_\x00") is None
