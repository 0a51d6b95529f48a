"""Every page at both sizes and in both themes: screenshots, and what a picture cannot show."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PHONE, SCREENSHOTS, Windows
from tests.browser.people import new_handle, sign_up
from tests.conftest import Server, free_port

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param(size, theme, id=f"{name}-{theme}")
    for name, size in (("phone", PHONE), ("desk", DESK))
    for theme in ("dark", "light")
]
# Links inside a sentence are as high as its words; a choice is as big as the label around it.
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, input, select')]
  .filter(one => one.checkVisibility() && !one.closest('p, label, .prose, .skip, .legend'))
  .map(one => [one.outerHTML, one.getBoundingClientRect(), getComputedStyle(one, '::after')])
  .filter(([, box, after]) => {
    const grown = after.position === 'absolute' ? -parseFloat(after.top || 0) * 2 : 0
    return box.width > 2 && (box.height + Math.max(0, grown) < 44 || box.width < 36)
  })
  .map(([html]) => html)"""
UNNAMED = """() => [...document.querySelectorAll('button, a, input, select, textarea')]
  .filter(one => one.checkVisibility())
  .filter(one => !one.ariaLabel && !one.textContent.trim() && !one.labels?.length)
  .map(one => one.outerHTML.slice(0, 90))"""
SHIFT = """() => new Promise(resolve => {
  let shift = 0
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
  setTimeout(() => resolve(shift), 300)
})"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo, with its broadcaster, its viewers and its bar."""
    running = Server(tmp_path_factory.mktemp("demo"), free_port(), command=("demo",)).start()
    yield running
    running.stop()


@pytest.fixture
def demo_windows(browser: Browser, demo: Server) -> Iterator[Windows]:
    """Windows onto the demo."""
    opened = Windows(browser, demo)
    yield opened
    opened.close()
    assert opened.unexpected() == []


def name_of(page: Page, theme: str, what: str) -> str:
    """Return the name of a screenshot."""
    assert page.viewport_size is not None
    return f"{what}-{'phone' if page.viewport_size['width'] < 600 else 'desk'}-{theme}"


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_pages_of_a_stranger(
    windows: Windows, shoot: Callable[[Page, str], None], size: dict[str, int], theme: str
) -> None:
    page = windows.open(size, theme)
    windows.expected.add("404")
    paths = {
        "home-empty": "/",
        "signup": "/signup",
        "login": "/login",
        "forgot": "/password",
        "terms": "/terms",
        "not-found": "/rooms/nowhere",
    }

    for what, path in paths.items():
        page.goto(path)
        shoot(page, name_of(page, theme, what))
        assert fits(page), path
        assert page.evaluate(SMALL_TARGETS) == [], path
        assert page.evaluate(UNNAMED) == [], path
        assert page.evaluate(SHIFT) < 0.02, path


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_pages_of_a_new_person(
    windows: Windows, shoot: Callable[[Page, str], None], size: dict[str, int], theme: str
) -> None:
    page = windows.open(size, theme)
    windows.expected.add("403")
    handle = sign_up(page, new_handle("new"))

    for path in ("/studio", "/wallet", "/account", f"/@{handle}", "/finance"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        what = "channel" if "@" in path else "forbidden" if path == "/finance" else path[1:]
        shoot(page, name_of(page, theme, what))
        assert fits(page), path
        assert page.evaluate(SMALL_TARGETS) == [], path
        assert page.evaluate(UNNAMED) == [], path


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_demo_as_everybody(
    demo_windows: Windows, shoot: Callable[[Page, str], None], size: dict[str, int], theme: str
) -> None:
    page = demo_windows.open(size, theme)
    page.goto("/dev/states")
    page.screenshot(path=shot(name_of(page, theme, "states")), full_page=True)
    page.goto("/")
    expect_live_card(page)
    shoot(page, name_of(page, theme, "home"))

    become(page, "viewer")
    expect(page.locator("#picture.shown")).to_be_attached(timeout=30_000)
    expect(page.locator(".chat-line").nth(5)).to_be_visible(timeout=30_000)
    shoot(page, name_of(page, theme, "watch"))
    page.click("#gift")
    expect(page.locator("#tray-balance")).not_to_have_text("0")
    shoot(page, name_of(page, theme, "tray"))
    page.click("#get-coins")
    expect(page.locator("#pack-sheet")).to_be_visible()
    shoot(page, name_of(page, theme, "packs"))
    become(page, "creator", "/studio")
    expect(page.locator("#own-word")).to_be_hidden(timeout=30_000)
    shoot(page, name_of(page, theme, "studio-live"))
    become(page, "finance", "/finance")
    expect(page.locator(".chart")).to_be_visible()
    shoot(page, name_of(page, theme, "finance"))
    become(page, "moderator", "/moderation")
    expect(page.locator("#queue .skeleton")).to_have_count(0)
    shoot(page, name_of(page, theme, "moderation"))
    assert fits(page)


def test_the_theme_switch_is_remembered(windows: Windows) -> None:
    page = windows.open(DESK, "dark")
    page.goto("/")

    page.click("[data-theme-switch]")
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_with_calm_motion_big_gifts_stay_in_their_lanes(demo_windows: Windows) -> None:
    page = demo_windows.open(PHONE, calm=True)
    page.goto("/")
    become(page, "viewer")
    expect(page.locator("#picture.shown")).to_be_attached(timeout=30_000)
    page.click("#gift")
    expect(page.locator("#tray-balance")).not_to_have_text("0")

    page.click("[data-gift=crown]")
    page.click("#send-gift")

    expect(page.locator("#lanes [data-gift=crown]:not(.pending)")).to_be_visible()
    expect(page.locator(".centre")).to_have_count(0)


def test_a_gift_can_be_sent_by_keys_alone(demo_windows: Windows) -> None:
    page = demo_windows.open(DESK)
    page.goto("/")
    become(page, "viewer")
    expect(page.locator("#picture.shown")).to_be_attached(timeout=30_000)

    page.keyboard.press("g")
    expect(page.locator("#tray-balance")).not_to_have_text("0")
    page.locator("[data-gift=rose]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-gift=heart]")).to_have_attribute("aria-checked", "true")
    page.locator("#send-gift").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#lanes [data-gift=heart]:not(.pending)").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tray-sheet")).to_be_hidden()


def test_gifts_are_named_for_screen_readers(demo_windows: Windows) -> None:
    page = demo_windows.open(PHONE)
    page.goto("/")
    become(page, "viewer")
    page.click("#gift")

    expect(page.get_by_role("radio", name="Rose, 1 coin, €0.02")).to_be_visible()


def fits(page: Page) -> bool:
    """Return whether nothing sticks out to the right."""
    sticks_out: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return not sticks_out


def shot(name: str) -> Path:
    """Return where a screenshot goes."""
    return SCREENSHOTS / f"{name}.png"


def expect_live_card(page: Page) -> None:
    """Wait until somebody is live."""
    for _ in range(60):
        if page.locator(".room-card").count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError("nobody went live")


def become(page: Page, who: str, path: str = "/rooms/") -> None:
    """Use the demo's bar."""
    if page.locator("dialog[open]").count():
        page.goto("/")
    page.click(f"form[action$={who}] button")
    page.wait_for_url(lambda url: path in url)
