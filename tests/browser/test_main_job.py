"""Somebody goes live; a stranger watches, joins, buys coins, sends a gift and chats."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Windows
from tests.browser.people import (
    behind_live_ms,
    buy,
    fill_sign_up,
    go_live,
    new_handle,
    received,
    say,
    sign_up,
    sound_behind_picture_ms,
    wait_for_frames,
    watch,
)

ASKED = "performance.getEntriesByType('resource').find(one => /whep/.test(one.name)).startTime"

pytestmark = pytest.mark.browser


def test_a_stranger_watches_joins_buys_coins_sends_a_gift_and_chats(
    windows: Windows, shoot: Callable[[Page, str], None]
) -> None:
    creator, viewer = windows.open(), windows.open(PHONE)
    sign_up(creator, new_handle("creator"))
    room_id = go_live(creator, "Songs by the fire")

    started = time.monotonic()
    viewer.goto("/")
    viewer.click(f'.room-card[data-room="{room_id}"] a')
    expect(viewer.locator("#picture.shown")).to_be_attached(timeout=30_000)
    shoot(viewer, "journey-1-watching")
    came = wait_for_frames(viewer, 100)
    print(
        f"{came.decoded} frames of {came.width} px {time.monotonic() - started:.1f} s after the tap"
    )
    assert came.sound_samples > came.concealed_samples
    viewer.click("#sound")
    expect(viewer.locator("#sound")).to_be_hidden()

    viewer.click("#gift")
    viewer.click("[data-gift=rose]")
    shoot(viewer, "journey-2-tray")
    viewer.click("#send-gift")
    handle = new_handle("viewer")
    fill_sign_up(viewer, "#entry-signup", handle)
    shoot(viewer, "journey-3-joining")
    viewer.click("#entry-signup button[type=submit]")
    expect(viewer.locator("#pack-sheet")).to_be_visible()
    shoot(viewer, "journey-4-packs")
    before_buying = received(viewer).decoded
    buy(viewer)
    expect(viewer.locator("#pack-done")).to_be_visible(timeout=30_000)
    shoot(viewer, "journey-5-bought")
    assert received(viewer).decoded > before_buying, "the video plays on while one pays"
    viewer.click("#pack-done-close")
    expect(viewer.locator("#tray-balance")).to_have_text("70")
    viewer.click("#send-gift")
    expect(viewer.locator("#lanes [data-gift=rose]:not(.pending)")).to_be_visible()
    expect(creator.locator("#lanes [data-gift=rose]")).to_be_visible()
    shoot(viewer, "journey-6-gift")
    print(f"{time.monotonic() - started:.1f} s from stranger to first gift")
    expect(viewer.locator("#tray-balance")).to_have_text("69")
    expect(creator.locator("#tile-coins")).to_have_text("1")
    viewer.keyboard.press("Escape")

    say(viewer, "What a voice!")
    expect(creator.locator("#chat")).to_contain_text("What a voice!")
    say(creator, "Thank you for the rose")
    expect(viewer.locator("#chat")).to_contain_text("Thank you for the rose")
    shoot(viewer, "journey-7-chat")
    shoot(creator, "journey-8-studio")
    wait_for_frames(viewer, 10)


@pytest.mark.parametrize(
    "after_s", [30, pytest.param(270, marks=pytest.mark.soak, id="in the fifth minute")]
)
def test_a_late_joiner_has_a_picture_at_once_and_is_close_to_live(
    windows: Windows, after_s: int
) -> None:
    creator, viewer = windows.open(), windows.open()
    sign_up(creator, new_handle("creator"))
    room_id = go_live(creator, "Well under way")
    creator.wait_for_timeout(after_s * 1_000)

    watch(viewer, room_id)
    first = received(viewer)
    viewer.wait_for_timeout(3_000)

    later = received(viewer)
    joined = viewer.evaluate("performance.getEntriesByName('picture')[0].startTime")
    asked = viewer.evaluate(ASKED)
    delay = behind_live_ms(creator, viewer)
    print(f"picture {joined - asked:.0f} ms after asking, {delay} ms behind live 3 s later")
    print(f"sound behind picture: {sound_behind_picture_ms(viewer):.0f} ms")
    assert later.decoded > first.decoded
    assert later.sound_samples > first.sound_samples


def test_a_viewer_keeps_watching_when_the_studio_page_is_reloaded(windows: Windows) -> None:
    creator, viewer = windows.open(), windows.open(PHONE)
    sign_up(creator, new_handle("creator"))
    room_id = go_live(creator, "Back in a second")
    watch(viewer, room_id)
    wait_for_frames(viewer, 10)

    creator.reload()
    expect(creator.locator("[data-check=camera].good")).to_be_visible(timeout=30_000)
    creator.locator("#open-room-list").get_by_role("button", name="Go on").click()

    expect(creator.locator("#own-state")).to_have_text("You're live", timeout=30_000)
    wait_for_frames(viewer, 20)
    assert viewer.evaluate("globalThis.peerConnections.length") == 1, "nobody renegotiates"
