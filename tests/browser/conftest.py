"""A real server process and a real Chromium for the browser tests.

Each test gets windows of its own; a window is one person with their own cookies. Whatever a page
writes to its console as an error fails the test at its end, unless the test expects it.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.conftest import Server, free_port

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "var" / "screenshots"
PHONE = {"width": 390, "height": 844}
SECRET = "the browser tests' own"
DESK = {"width": 1440, "height": 900}
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-gpu",
]
# Lets a test read the statistics of the page's own connections.
KEEP_CONNECTIONS = """
globalThis.peerConnections = []
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); globalThis.peerConnections.push(this) }
}
"""


@dataclass
class Windows:
    """Opens browser windows and hears what their pages complain about."""

    browser: Browser
    server: Server
    complaints: list[str] = field(default_factory=list)
    expected: set[str] = field(default_factory=set)
    opened: list[BrowserContext] = field(default_factory=list)

    def open(self, size: dict[str, int] = DESK, theme: str = "dark", *, calm: bool = False) -> Page:
        """Return the only page of a new person's window."""
        context = self.browser.new_context(
            base_url=self.server.url,
            viewport=size,  # type: ignore[arg-type]
            color_scheme=theme,  # type: ignore[arg-type]
            reduced_motion="reduce" if calm else "no-preference",
            permissions=["camera", "microphone", "clipboard-read", "clipboard-write"],
        )
        context.add_init_script(KEEP_CONNECTIONS)
        self.opened.append(context)
        page = context.new_page()
        page.on("console", lambda said: self.hear(said.type, said.text))
        page.on("pageerror", lambda error: self.hear("error", str(error)))
        return page

    def hear(self, kind: str, text: str) -> None:
        """Keep what a page complains about."""
        if kind == "error":
            self.complaints.append(text)

    def unexpected(self) -> list[str]:
        """Return the complaints no test said it would cause."""
        return [text for text in self.complaints if not any(part in text for part in self.expected)]

    def close(self) -> None:
        """Close every window."""
        for context in self.opened:
            context.close()


@pytest.fixture(scope="session")
def playwright_engine() -> Iterator[Playwright]:
    """Playwright itself, once."""
    with sync_playwright() as engine:
        yield engine


@pytest.fixture(scope="session")
def browser(playwright_engine: Playwright) -> Iterator[Browser]:
    """The system's Chromium, or the one Playwright fetched."""
    system = shutil.which("chromium") or shutil.which("chromium-browser")
    chromium = playwright_engine.chromium.launch(executable_path=system, args=FLAGS)
    yield chromium
    chromium.close()


@pytest.fixture(scope="session")
def stage_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all browser tests share."""
    folder = tmp_path_factory.mktemp("stage")
    (folder / "terms.md").write_text("# Terms\n\n## Be kind\n\n- No **spam**\n- No hate\n")
    (folder / "privacy.txt").write_text("We keep what we must.\n")
    settings = {"OVATION_LEGAL_DIR": str(folder), "OVATION_SECRET_KEY": SECRET}
    running = Server(folder, free_port(), settings).start()
    yield running
    running.stop()
    verified = running.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture
def windows(browser: Browser, stage_server: Server) -> Iterator[Windows]:
    """Windows of one test; no page may have complained by its end."""
    opened = Windows(browser, stage_server)
    yield opened
    opened.close()
    assert opened.unexpected() == []


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Takes a screenshot under ``var/screenshots``."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")

    return take
