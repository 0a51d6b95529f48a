"""The server dies and comes back while people broadcast and watch."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PHONE, Windows
from tests.browser.people import go_live, new_handle, say, sign_up, wait_for_frames, watch
from tests.conftest import Server, free_port

pytestmark = pytest.mark.browser


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A server this test may kill."""
    running = Server(tmp_path, free_port()).start()
    yield running
    running.stop()


def test_after_a_crash_broadcast_picture_and_chat_come_back_by_themselves(
    browser: Browser, mortal: Server
) -> None:
    windows = Windows(browser, mortal)
    creator, viewer = windows.open(), windows.open(PHONE)
    sign_up(creator, new_handle("creator"))
    room_id = go_live(creator, "Through thick and thin")
    sign_up(viewer, new_handle("viewer"))
    watch(viewer, room_id)
    wait_for_frames(viewer, 10)
    say(viewer, "before the crash")
    expect(creator.locator("#chat")).to_contain_text("before the crash")

    mortal.kill()
    expect(viewer.locator("#link-state")).to_have_text("Reconnecting…", timeout=30_000)
    mortal.start()

    expect(creator.locator("#own-state")).to_have_text("You're live", timeout=60_000)
    expect(viewer.locator("#link-state")).to_be_hidden(timeout=60_000)
    wait_for_frames(viewer, 20)
    expect(viewer.locator("#chat")).to_contain_text("before the crash")
    say(viewer, "and after it")
    expect(creator.locator("#chat")).to_contain_text("and after it", timeout=30_000)
    windows.close()
