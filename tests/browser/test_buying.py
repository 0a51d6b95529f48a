"""Buying coins in the browser: cards that fail, and the path with Stripe's own form."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import PHONE, SECRET, Windows
from tests.browser.people import buy, new_handle, sign_up
from tests.conftest import Server, free_port
from web.stripe_sandbox import sandbox_key

pytestmark = pytest.mark.browser

# What Stripe's script looks like from our page: the Payment Element and its confirmation.
STAND_IN = """
globalThis.Stripe = key => ({
  elements: ({ clientSecret }) => ({
    key, clientSecret,
    create: kind => ({ mount: place => { place.textContent = `stand-in for the ${kind} form` } }),
  }),
  confirmPayment: async ({ elements, confirmParams, redirect }) => {
    const asked = { secret: elements.clientSecret, key: elements.key, confirmParams, redirect }
    const body = JSON.stringify(asked)
    const response = await fetch('https://api.stripe.com/confirm', { method: 'POST', body })
    return response.json()
  },
})
"""


@pytest.fixture(scope="module")
def shop(stage_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a Stripe key of its own; its Stripe is the other server's sandbox."""
    running = Server(
        tmp_path_factory.mktemp("shop"),
        free_port(),
        {
            "OVATION_STRIPE_SECRET_KEY": sandbox_key(SECRET),
            "OVATION_STRIPE_PUBLISHABLE_KEY": "pk_test_browser",
            "OVATION_STRIPE_WEBHOOK_SECRET": "whsec_browser",
            "OVATION_STRIPE_API_BASE": f"{stage_server.url}/sandbox/stripe",
        },
    ).start()
    yield running
    running.stop()


@pytest.fixture
def shop_windows(browser: Browser, shop: Server) -> Iterator[Windows]:
    """Windows onto the shop."""
    opened = Windows(browser, shop)
    yield opened
    opened.close()
    assert opened.unexpected() == []


def test_a_declined_card_costs_nothing_and_another_one_pays(windows: Windows) -> None:
    buyer = windows.open(PHONE)
    windows.expected.add("402")
    sign_up(buyer, new_handle("buyer"), "/wallet")

    buyer.click("#buy")
    buyer.click("#pay")
    expect(buyer.locator("#pack-form .field-error")).to_contain_text("Tick the box")
    buy(buyer, "declined")
    expect(buyer.locator("#pack-form .field-error")).to_have_text(
        "Your card was declined. Nothing was charged."
    )
    buy(buyer, "succeeds")

    expect(buyer.locator("#pack-done")).to_be_visible(timeout=30_000)
    buyer.click("#pack-done-close")
    expect(buyer.locator("#coins")).to_have_text("70")
    expect(buyer.locator("#history li")).to_have_count(1)


def test_the_button_cannot_be_pressed_twice(windows: Windows) -> None:
    buyer = windows.open(PHONE)
    sign_up(buyer, new_handle("buyer"), "/wallet")
    asked: list[str] = []
    buyer.on("request", lambda request: asked.append(request.url))

    buyer.click("#buy")
    buyer.check("#agree")
    buyer.evaluate("[1, 2, 3].forEach(() => document.getElementById('pay').click())")

    expect(buyer.locator("#pack-done")).to_be_visible(timeout=30_000)
    assert sum(url.endswith("/api/wallet/purchases") for url in asked) == 1


def test_with_a_key_stripes_own_form_takes_the_card(shop_windows: Windows, shop: Server) -> None:
    buyer = shop_windows.open()
    confirmed = stand_in_for_stripe(buyer, shop.environ)
    sign_up(buyer, new_handle("buyer"), "/wallet")

    buyer.click("#buy")
    expect(buyer.locator(".payment-element")).to_have_text("stand-in for the payment form")
    buyer.check("#agree")
    buyer.click("#pay")

    expect(buyer.locator("#pack-done-words")).to_have_text("70 coins are yours", timeout=30_000)
    assert confirmed[0]["key"] == "pk_test_browser"
    assert confirmed[0]["redirect"] == "if_required"
    assert confirmed[0]["confirmParams"]["return_url"].startswith(f"{shop.url}/wallet?purchase=")
    expect(buyer.locator(".ribbon")).to_have_count(0)


def test_stripes_refusal_is_told_and_its_script_can_be_missing(
    shop_windows: Windows, shop: Server
) -> None:
    buyer = shop_windows.open(PHONE)
    shop_windows.expected.add("Failed to load resource")
    buyer.route("https://js.stripe.com/**", lambda route: route.abort())
    sign_up(buyer, new_handle("buyer"), "/wallet")

    buyer.click("#buy")
    expect(buyer.locator("#pack-form .field-error")).to_contain_text("did not load")
    buyer.unroute("https://js.stripe.com/**")
    stand_in_for_stripe(buyer, shop.environ, refusal="Your card has expired.")
    buyer.check("[name=pack][value=coins-350]", force=True)
    expect(buyer.locator(".payment-element")).to_be_visible()
    buyer.check("#agree")
    buyer.click("#pay")

    expect(buyer.locator("#pack-form .field-error")).to_have_text("Your card has expired.")


def test_whoever_comes_back_from_their_bank_gets_their_coins(
    shop_windows: Windows, shop: Server
) -> None:
    buyer = shop_windows.open(PHONE)
    sign_up(buyer, new_handle("buyer"), "/wallet")
    opened = buyer.evaluate(
        """async () => {
          const { csrf } = JSON.parse(document.getElementById('facts').textContent)
          const response = await fetch('/api/wallet/purchases', { method: 'POST',
            headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf,
              'Idempotency-Key': crypto.randomUUID() },
            body: JSON.stringify({ pack_id: 'coins-70', immediate_delivery: true }) })
          return response.json()
        }"""
    )
    confirm(opened["client_secret"], shop.environ)

    buyer.goto(f"/wallet?purchase={opened['purchase_id']}")

    expect(buyer.locator(".toast.good")).to_have_text("70 coins are yours")
    expect(buyer.locator("#coins")).to_have_text("70")


def stand_in_for_stripe(
    page: Page, environ: dict[str, str], refusal: str = ""
) -> list[dict[str, Any]]:
    """Answer for Stripe's hosts; return what its script was asked to confirm."""
    confirmed: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        asked = json.loads(route.request.post_data or "{}")
        confirmed.append(asked)
        if not refusal:
            confirm(asked["secret"], environ)
        answer = {"error": {"code": "expired_card", "message": refusal}} if refusal else {}
        route.fulfill(json=answer, headers={"Access-Control-Allow-Origin": "*"})

    page.route(
        "https://js.stripe.com/**",
        lambda route: route.fulfill(body=STAND_IN, content_type="text/javascript"),
    )
    page.route("https://api.stripe.com/**", take)
    return confirmed


def confirm(client_secret: str, environ: dict[str, str]) -> None:
    """Pay a PaymentIntent as the buyer's bank would."""
    intent_id = client_secret.partition("_secret_")[0]
    answer = httpx.post(
        f"{environ['OVATION_STRIPE_API_BASE']}/v1/payment_intents/{intent_id}/confirm",
        headers={"Authorization": f"Bearer {environ['OVATION_STRIPE_SECRET_KEY']}"},
        data={"payment_method": "pm_card_visa", "return_url": "http://127.0.0.1/"},
    )
    assert answer.status_code == 200, answer.text


def test_pages_without_a_pack_sheet_let_no_strangers_script_in(shop_windows: Windows) -> None:
    visitor = shop_windows.open()

    for path in ("/", "/signup"):
        answer = visitor.goto(path)

        assert answer is not None
        assert "stripe" not in answer.headers["content-security-policy"]
