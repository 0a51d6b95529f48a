"""The wallet over HTTP: balances, history, packs and purchases.

Coins plane. Stripe is asked in a thread and never inside a transaction: a purchase is written
down, Stripe is asked under a key made from its id, and what it said is written down. A request
that dies in between is taken up again under the same key, or by ``sweep_pending``.

Jobs    ``jobs``: "pending purchases" asks Stripe about what is pending for more than 60 s.
Units   coins, diamonds: one. ``amount_minor``: the currency's smallest unit, tax included.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import uuid4

import msgspec
import structlog
from msgspec import Meta, Struct

from wallet import accounts, packs, purchases
from wallet.errors import StripeRefused, StripeUnavailable, WriterError
from wallet.purchases import ABANDONED_AFTER, Purchase, Result
from wallet.stripe_gateway import Intent
from web import wallet_history
from web.errors import Problem
from web.jobs import Job
from web.limits import Pace
from web.operations import Answer, Call, Operation, operation
from web.people import ages
from web.people.errors import Suspended
from web.settings import Settings
from web.state import State
from web.stripe_asking import ask_stripe
from web.stripe_sandbox import check_reach, hosts_of
from web.wallet_history import BadCursor, Line

BUY: Final = Pace("purchase", burst=20, per_s=1 / 5)
ASK: Final = Pace("purchase state", burst=60, per_s=2)
SWEEP_EVERY_S: Final = 20.0
SANDBOX_PUBLISHABLE_KEY: Final = "pk_test_sandbox"

log = structlog.get_logger()


class WalletShown(Struct):
    """What somebody has; ``debt_coins`` were spent before their purchase was taken back."""

    coins: int
    diamonds: int
    promo_coins: int
    frozen_coins: int
    debt_coins: int


class PackShown(Struct):
    """A pack; ``amount_minor`` is exactly what is paid, ``tax_minor`` the tax in it."""

    pack_id: str
    coins: int
    amount_minor: int
    currency: str
    tax_minor: int


class Packs(Struct):
    """What is sold, smallest first."""

    packs: list[PackShown]


class NewPurchase(Struct):
    """What somebody wants to buy.

    ``immediate_delivery`` records that they agreed to get the coins at once.
    """

    pack_id: Annotated[str, Meta(min_length=1, max_length=32)]
    immediate_delivery: bool = False


class PurchaseStarted(Struct):
    """What a browser needs to pay."""

    purchase_id: str
    client_secret: str
    publishable_key: str
    livemode: bool
    status: str


class PurchaseShown(Struct, omit_defaults=True):
    """How far a purchase has come."""

    purchase_id: str
    status: str
    pack_id: str
    coins: int
    amount_minor: int
    currency: str
    livemode: bool
    requested_at: datetime
    paid_at: datetime | None = None
    failure_code: str | None = None
    refunded_minor: int = 0
    clawed_coins: int = 0


class History(Struct, omit_defaults=True):
    """What happened to somebody's coins and diamonds, newest first."""

    entries: list[Line]
    cursor: str | None = None


@operation("GET", "/api/wallet", answers={200: WalletShown})
async def wallet(call: Call[None]) -> Answer:
    """Show what the caller has."""
    held = await call.state["read"](accounts.holdings, call.person.account_id)
    return Answer(
        200,
        WalletShown(
            coins=held.coins,
            diamonds=held.diamonds,
            promo_coins=held.promo_coins,
            frozen_coins=held.frozen_coins,
            debt_coins=held.debt_coins,
        ),
    )


@operation("GET", "/api/wallet/history", answers={200: History}, query={"cursor": str})
async def history(call: Call[None]) -> Answer:
    """List what happened to the caller's coins and diamonds, newest first."""
    try:
        page = await call.state["read"](
            wallet_history.page, call.person.account_id, call.query.get("cursor", "")
        )
    except BadCursor:
        raise Problem(422, "bad_cursor", "Start again without a cursor") from None
    return Answer(200, History(page.lines, page.cursor))


@operation("GET", "/api/wallet/packs", answers={200: Packs}, person="none")
async def coin_packs(_call: Call[None]) -> Answer:
    """List the coin packs that are sold."""
    shown = [
        PackShown(
            pack_id=pack.pack_id,
            coins=pack.coins,
            amount_minor=pack.amount_minor,
            currency=pack.currency,
            tax_minor=packs.tax_in(pack.amount_minor),
        )
        for pack in packs.PACKS
    ]
    return Answer(200, Packs(shown))


@operation(
    "POST",
    "/api/wallet/purchases",
    body=NewPurchase,
    answers={201: PurchaseStarted},
    problems=(404, 409, 502),
    idempotent=True,
    pace=BUY,
)
async def start_purchase(call: Call[NewPurchase]) -> Answer:
    """Begin to buy a coin pack: the answer is what the browser pays with."""
    state, person = call.state, call.person
    settings = state["settings"]
    ages.require_adult(person, call.now.date())
    if person.suspended:
        raise Suspended("")
    if settings.uses_sandbox:
        check_reach(settings, *hosts_of(call.request))
    pack = packs.pack(call.body.pack_id)
    terms = msgspec.json.encode(call.body).decode()
    purchase = await state["writer"].run(
        lambda conn: purchases.request(
            conn,
            pack,
            purchase_id=uuid4().hex,
            account_id=person.account_id,
            key=call.key,
            terms=terms,
            livemode=settings.livemode,
            now=call.now,
        ),
    )
    if purchase.answer is None and not purchase.is_pending:  # the sweep has forgotten it
        raise Problem(409, "purchase_given_up", "Start a new purchase")
    return Answer(201, purchase.answer or await prepare(state, purchase))


@operation(
    "GET",
    "/api/wallet/purchases/{purchase_id}",
    answers={200: PurchaseShown},
    pace=ASK,
)
async def purchase(call: Call[None]) -> Answer:
    """Show one of the caller's purchases; Stripe is asked while it is pending."""
    return Answer(200, await looked_at(call))


@operation(
    "POST",
    "/api/wallet/purchases/{purchase_id}/return",
    answers={200: PurchaseShown},
    pace=ASK,
)
async def purchase_return(call: Call[None]) -> Answer:
    """The browser came back from paying: ask Stripe whether it did."""
    return Answer(200, await looked_at(call))


async def looked_at(call: Call[None]) -> PurchaseShown:
    """Return the caller's purchase, as new as Stripe lets us know right now."""
    state = call.state
    purchase_id, account_id = call.path["purchase_id"], call.person.account_id
    found = await state["read"](purchases.find, purchase_id, account_id=account_id)
    if found.is_pending and found.intent_id is not None:
        try:
            await look_again(state, found.intent_id)
        except (StripeUnavailable, StripeRefused, WriterError) as error:
            log.warning("purchase not brought up to date", purchase_id=purchase_id, why=str(error))
        found = await state["read"](purchases.find, purchase_id, account_id=account_id)
    return shown_purchase(found)


def shown_purchase(found: Purchase) -> PurchaseShown:
    """Return ``found`` as it is shown to its buyer."""
    return PurchaseShown(
        purchase_id=found.purchase_id,
        status=found.status.value,
        pack_id=found.pack_id,
        coins=found.coins,
        amount_minor=found.amount_minor,
        currency=found.currency,
        livemode=found.livemode,
        requested_at=found.requested_at,
        paid_at=found.paid_at,
        failure_code=found.failure_code,
        refunded_minor=found.refunded_minor,
        clawed_coins=found.clawed_coins,
    )


async def prepare(state: State, asked: Purchase) -> bytes:
    """Ask Stripe for a purchase's PaymentIntent and return the answer that stands for ever.

    Raises:
        StripeRefused: Stripe will not.
        StripeUnavailable: Ask again: there will be one PaymentIntent, not two.
    """
    intent = await ask_stripe(
        state["stripe"].create_intent, asked.purchase_id, asked.amount_minor, asked.currency
    )
    answer = msgspec.json.encode(started(asked, intent, state["settings"]))
    return await state["writer"].run(
        lambda conn: purchases.record_intent(conn, asked.purchase_id, intent, answer)
    )


def started(asked: Purchase, intent: Intent, settings: Settings) -> PurchaseStarted:
    """Return what the browser needs to pay ``intent``.

    Raises:
        StripeUnavailable: The intent came without its secret.
    """
    if intent.client_secret is None:
        raise StripeUnavailable("a PaymentIntent without client_secret")
    return PurchaseStarted(
        purchase_id=asked.purchase_id,
        client_secret=intent.client_secret,
        publishable_key=settings.stripe_publishable_key or SANDBOX_PUBLISHABLE_KEY,
        livemode=asked.livemode,
        status=asked.status.value,
    )


async def look_again(state: State, intent_id: str) -> Result:
    """Retrieve a PaymentIntent and give the coins if it has succeeded.

    Raises:
        StripeRefused: There is no such intent.
        StripeUnavailable: No usable answer.
    """
    intent = await ask_stripe(state["stripe"].intent, intent_id)
    return await take_over(state, intent)


async def take_over(state: State, intent: Intent) -> Result:
    """Credit what a retrieved PaymentIntent pays for, if it was paid."""
    now = state["clock"]()
    result = await state["writer"].run(lambda conn: purchases.credit(conn, intent, now=now))
    if result is not Result.APPLIED:
        log.error("payment set aside", intent_id=intent.id, why=result.value)
    return result


# The sweep


async def sweep_pending(state: State) -> None:
    """Ask Stripe about every purchase that has been pending for too long."""
    for found in await state["read"](purchases.due, now=state["clock"]()):
        try:
            await sweep_one(state, found)
        except (StripeUnavailable, StripeRefused) as error:
            log.warning("pending purchase", purchase_id=found.purchase_id, why=str(error))
            if isinstance(error, StripeRefused) and is_abandoned(state, found):
                await give_up(state, found)  # made under another key: nobody can pay it here
            else:
                await put_off(state, found)


async def sweep_one(state: State, found: Purchase) -> None:
    """Find out about one pending purchase, or end it.

    Raises:
        StripeRefused: Stripe knows no such intent.
        StripeUnavailable: No usable answer.
    """
    if found.intent_id is None:
        if is_abandoned(state, found):  # nobody was ever given the means to pay it
            await give_up(state, found)
            return
        await prepare(state, found)
    else:
        await look_again(state, found.intent_id)
        if is_abandoned(state, found):
            await end(state, found.purchase_id, found.intent_id)
    await put_off(state, found)


async def end(state: State, purchase_id: str, intent_id: str) -> None:
    """Cancel what nobody paid for a day; money that is still on its way is waited for.

    Raises:
        StripeUnavailable: No usable answer.
    """
    found = await state["read"](purchases.find, purchase_id)
    if found.status is not purchases.Status.REQUESTED:
        return
    try:
        intent = await ask_stripe(state["stripe"].cancel_intent, intent_id)
    except StripeRefused:
        await look_again(state, intent_id)  # paid or cancelled just now
        return
    await take_over(state, intent)


def is_abandoned(state: State, found: Purchase) -> bool:
    """Return whether a purchase has been pending for too long."""
    return found.requested_at + ABANDONED_AFTER <= state["clock"]()


async def give_up(state: State, found: Purchase) -> None:
    """Ask no more about a purchase."""
    await state["writer"].run(lambda conn: purchases.give_up(conn, found.purchase_id))


async def put_off(state: State, found: Purchase) -> None:
    """Ask about a purchase again later, if it is still pending."""
    now = state["clock"]()
    await state["writer"].run(lambda conn: purchases.put_off(conn, found.purchase_id, now=now))


operations: list[Operation] = [
    wallet,
    history,
    coin_packs,
    start_purchase,
    purchase,
    purchase_return,
]
jobs: tuple[Job, ...] = (Job("pending purchases", SWEEP_EVERY_S, sweep_pending),)
