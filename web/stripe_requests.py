"""What the sandbox can be asked, in Stripe's manner: typed parameters, once per key, remembered.

Coins plane, but test money only; functions of a connection, no HTTP. Unknown parameters are
refused. Under one Idempotency-Key the same question gets the same answer and another question an
error, for ever; what was refused before anything began leaves the key free.

Shape   ``HANDLINGS`` is the whole API.
Source  https://docs.stripe.com/api/idempotent_requests, /api/errors.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias, cast

import msgspec
from sqlalchemy import Connection, insert, select, update

from wallet.tables import (
    sandbox_deliveries as deliveries,
)
from wallet.tables import (
    sandbox_keys as keys,
)
from wallet.tables import (
    sandbox_objects as objects,
)
from web.stripe_objects import Body, SandboxRefusal, StripeObjects

LISTED_MAX: Final = 100

Kind: TypeAlias = "Callable[[str, str], Any] | dict[str, Kind]"
Params: TypeAlias = "dict[str, str | Params]"


# What parameters may be


def text(value: str, name: str) -> str:
    """Return any text that a database can hold.

    Raises:
        SandboxRefusal: It has a NUL character.
    """
    if "\x00" in value:
        raise SandboxRefusal("Invalid string", param=name)
    return value


def whole(value: str, name: str) -> int:
    """Return a whole number.

    Raises:
        SandboxRefusal: It is not one.
    """
    if not value.isascii() or not value.removeprefix("-").isdigit() or len(value) > 12:
        raise SandboxRefusal(
            f"Invalid integer: {value}", code="parameter_invalid_integer", param=name
        )
    return int(value)


def flag(value: str, name: str) -> bool:
    """Return true or false.

    Raises:
        SandboxRefusal: It is neither.
    """
    if value not in ("true", "false"):
        raise SandboxRefusal(f"Invalid boolean: {value}", param=name)
    return value == "true"


def currency(value: str, name: str) -> str:
    """Return a currency's code in lower case.

    Raises:
        SandboxRefusal: It has not three letters.
    """
    if len(value) != 3 or not value.isascii() or not value.isalpha():
        raise SandboxRefusal(f"Invalid currency: {value}", param=name)
    return value.lower()


METADATA: dict[str, Kind] = {"*": text}
PAYMENT: dict[str, Kind] = {"payment_method": text, "return_url": text}
CREATE_INTENT: dict[str, Kind] = PAYMENT | {
    "amount": whole,
    "currency": currency,
    "automatic_payment_methods": {"enabled": flag, "allow_redirects": text},
    "confirm": flag,
    "description": text,
    "metadata": METADATA,
}
CREATE_REFUND: dict[str, Kind] = {
    "charge": text,
    "payment_intent": text,
    "amount": whole,
    "reason": text,
    "metadata": METADATA,
}
UPDATE_DISPUTE: dict[str, Kind] = {"evidence": {"*": text}, "submit": flag}
LISTING: dict[str, Kind] = {"limit": whole, "starting_after": text}


@dataclass(frozen=True, slots=True)
class Handling:
    """One thing the sandbox can be asked.

    Attributes:
        run: Gets the objects, the id in the path ("" where there is none) and the parameters.
        accepts: Parameters it knows.
        needs: Those that may not be missing.
    """

    method: str
    path: str
    run: Callable[[StripeObjects, str, Body], Body]
    accepts: Mapping[str, Kind]
    needs: tuple[str, ...] = ()


def found(kind: str, path: str) -> Handling:
    """Return how one object of ``kind`` is looked up."""
    return Handling("GET", f"{path}/{{id}}", lambda made, one, _: made.find(kind, one), {})


def listed(kind: str, path: str) -> Handling:
    """Return how objects of ``kind`` are listed."""

    def run(made: StripeObjects, _one: str, params: Body) -> Body:
        limit = params.get("limit", 10)
        if not 1 <= limit <= LISTED_MAX:
            raise SandboxRefusal("Invalid limit", param="limit")
        return made.listing(kind, path, limit, params.get("starting_after"))

    return Handling("GET", path, run, LISTING)


INTENTS: Final = "/v1/payment_intents"
HANDLINGS: Final[Sequence[Handling]] = (
    Handling(
        "POST",
        INTENTS,
        lambda made, _, params: made.create_intent(params),
        CREATE_INTENT,
        ("amount", "currency"),
    ),
    Handling(
        "POST",
        f"{INTENTS}/{{id}}/confirm",
        lambda made, one, params: made.confirm_intent(one, params),
        PAYMENT,
    ),
    Handling(
        "POST",
        f"{INTENTS}/{{id}}/cancel",
        lambda made, one, params: made.cancel_intent(one, params),
        {"cancellation_reason": text},
    ),
    listed("payment_intent", INTENTS),
    found("payment_intent", INTENTS),
    listed("charge", "/v1/charges"),
    found("charge", "/v1/charges"),
    Handling(
        "POST", "/v1/refunds", lambda made, _, params: made.create_refund(params), CREATE_REFUND
    ),
    listed("refund", "/v1/refunds"),
    found("refund", "/v1/refunds"),
    Handling(
        "POST",
        "/v1/disputes/{id}/close",
        lambda made, one, _: made.close_dispute(one),
        {},
    ),
    Handling(
        "POST",
        "/v1/disputes/{id}",
        lambda made, one, params: made.update_dispute(one, params),
        UPDATE_DISPUTE,
    ),
    listed("dispute", "/v1/disputes"),
    found("dispute", "/v1/disputes"),
    listed("event", "/v1/events"),
    found("event", "/v1/events"),
)


def parse(pairs: Sequence[tuple[str, str]], accepts: Mapping[str, Kind]) -> Body:
    """Return form fields such as ``metadata[purchase_id]`` as nested, typed parameters.

    Raises:
        SandboxRefusal: A parameter is unknown or of another kind.
    """
    params: Body = {}
    for name, value in pairs:
        path = name.replace("]", "").split("[")
        kind: Kind | None = cast(Kind, accepts)
        target = params
        for step in path[:-1]:
            kind = step_into(kind, step)
            target = target.setdefault(step, {})
        kind = step_into(kind, path[-1])
        if not callable(kind):
            raise SandboxRefusal(
                f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )
        target[path[-1]] = kind(value, name)
    return params


def step_into(kind: "Kind | None", name: str) -> "Kind | None":
    """Return the kind of the member ``name``, or None if there is none."""
    return kind.get(name, kind.get("*")) if isinstance(kind, dict) else None


# Keeping objects


class DatabaseShelf:
    """Objects kept in ``wallet_sandbox_objects``; events also wait there to be delivered."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self._conn = conn
        self._now = now

    def get(self, object_id: str) -> Body | None:
        """Return the object, or None."""
        if "\x00" in object_id:
            return None
        body = self._conn.scalar(select(objects.c.body).where(objects.c.object_id == object_id))
        return None if body is None else cast(Body, msgspec.json.decode(body))

    def put(self, body: Body) -> None:
        """Keep the object as it is now."""
        encoded = msgspec.json.encode(body)
        changed = self._conn.scalar(
            update(objects)
            .where(objects.c.object_id == body["id"])
            .values(body=encoded)
            .returning(objects.c.position)
        )
        if changed is not None:
            return
        self._conn.execute(
            insert(objects).values(object_id=body["id"], object=body["object"], body=encoded)
        )
        if body["object"] == "event":
            self._conn.execute(
                insert(deliveries).values(event_id=body["id"], attempts_count=0, next_at=self._now)
            )

    def listed(self, kind: str, limit: int, after: str | None) -> list[Body]:
        """Return the newest objects of one kind, those made before ``after`` if it is given."""
        query = select(objects.c.body).where(objects.c.object == kind)
        if after is not None:
            position = select(objects.c.position).where(objects.c.object_id == after)
            query = query.where(objects.c.position < position.scalar_subquery())
        rows = self._conn.scalars(query.order_by(objects.c.position.desc()).limit(limit))
        return [msgspec.json.decode(body) for body in rows]


def random_id(prefix: str) -> str:
    """Return an id in Stripe's manner."""
    return f"{prefix}_{secrets.token_hex(12)}"


def open_objects(conn: Connection, now: datetime) -> StripeObjects:
    """Return the sandbox's objects as they are in the database."""
    return StripeObjects(DatabaseShelf(conn, now), random_id, now=now)


@dataclass(frozen=True, slots=True)
class Asked:
    """One authorised request to the sandbox."""

    handling: Handling
    object_id: str
    pairs: tuple[tuple[str, str], ...]
    key: str

    @property
    def hash(self) -> bytes:
        """A digest of what was asked, whatever the order of its parameters."""
        asked = [self.handling.method, self.handling.path, self.object_id, *sorted(self.pairs)]
        return hashlib.sha256(msgspec.json.encode(asked)).digest()


@dataclass(frozen=True, slots=True)
class Told:
    """What the sandbox answers."""

    status: int
    body: bytes
    is_replayed: bool = False


def answer(conn: Connection, asked: Asked, *, now: datetime) -> Told:
    """Do what is asked, once per Idempotency-Key."""
    known = conn.execute(select(keys).where(keys.c.key == asked.key)).first() if asked.key else None
    if known is not None:
        if known.asked_hash != asked.hash:
            return refuse(
                SandboxRefusal(
                    "Keys for idempotent requests can only be used with the same parameters "
                    "they were first used with.",
                    type="idempotency_error",
                )
            )
        return Told(known.status, known.body, is_replayed=True)
    try:
        params = parse(asked.pairs, asked.handling.accepts)
        for name in asked.handling.needs:
            if name not in params:
                raise SandboxRefusal(
                    f"Missing required param: {name}.", code="parameter_missing", param=name
                )
    except SandboxRefusal as refusal:  # nothing was begun, so the key stays free, as Stripe's
        return refuse(refusal)
    told = run(conn, asked, params, now=now)
    if asked.key:
        conn.execute(
            insert(keys).values(
                key=asked.key, asked_hash=asked.hash, status=told.status, body=told.body
            )
        )
    return told


def run(conn: Connection, asked: Asked, params: Body, *, now: datetime) -> Told:
    """Do what is asked; a refusal is an answer, so that what it changed is kept."""
    try:
        body = asked.handling.run(open_objects(conn, now), asked.object_id, params)
    except SandboxRefusal as refusal:
        return refuse(refusal)
    return Told(200, msgspec.json.encode(body))


def refuse(refusal: SandboxRefusal) -> Told:
    """Return a refusal in Stripe's shape."""
    return Told(refusal.status, msgspec.json.encode({"error": refusal.error}))
