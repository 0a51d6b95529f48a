"""Reporting, moderating and the creator's own means, in browsers."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Windows
from tests.browser.people import (
    go_live,
    new_handle,
    say,
    sign_up,
    wait_for_frames,
    watch,
)
from tests.conftest import Server

pytestmark = pytest.mark.browser


def a_moderator(windows: Windows, server: Server) -> Page:
    """Return the window of a new moderator."""
    page = windows.open()
    handle = sign_up(page, new_handle("moderator"))
    granted = server.run("accounts", "grant", handle, "moderator")
    assert granted.returncode == 0, granted.stderr
    return page


def test_a_moderator_ends_a_broadcast_that_a_guest_reported(
    windows: Windows, stage_server: Server, shoot: Callable[[Page, str], None]
) -> None:
    creator, viewer = windows.open(), windows.open(PHONE)
    sign_up(creator, new_handle("creator"))
    room_id = go_live(creator, "Not what it seems")
    watch(viewer, room_id)
    wait_for_frames(viewer, 10)
    report_room(viewer)
    moderator = a_moderator(windows, stage_server)

    moderator.goto("/moderation")
    report = moderator.locator(".report", has_text="Not what it seems")
    expect(report).to_be_visible()
    shoot(moderator, "moderation-queue")
    report.locator("[data-action=end_room]").click()
    expect(moderator.locator(".toast")).to_contain_text("Write the reason first")
    report.locator("input").fill("This breaks rule 3")
    report.locator("[data-action=end_room]").click()
    moderator.click("#confirm-yes")

    expect(viewer.locator("#stage-word")).to_contain_text("This broadcast has ended")
    expect(viewer.locator("#stage-word")).to_contain_text("This breaks rule 3")
    expect(creator.locator("#own-word")).to_contain_text("This breaks rule 3")
    expect(report).to_have_count(0)
    shoot(viewer, "watch-ended")
    viewer.goto("/")
    expect(viewer.locator(f'[data-room="{room_id}"]')).to_have_count(0)


def test_a_suspended_account_is_out_at_once(windows: Windows, stage_server: Server) -> None:
    creator, guest = windows.open(), windows.open()
    windows.expected |= {"401", "403"}
    handle = sign_up(creator, new_handle("creator"))
    room_id = go_live(creator, "Gone in a moment")
    watch(guest, room_id)
    report_room(guest)
    moderator = a_moderator(windows, stage_server)

    moderator.goto("/moderation")
    report = moderator.locator(".report", has_text="Gone in a moment")
    report.locator("input").fill("Fraud")
    report.locator("[data-action=suspend]").click()
    moderator.click("#confirm-yes")

    expect(guest.locator("#stage-word")).to_contain_text("This broadcast has ended")
    expect(creator.locator("#own-word")).to_contain_text("This broadcast has ended")
    creator.goto("/account")
    expect(creator.locator("#login")).to_be_visible()
    creator.fill("#login [name=handle]", handle)
    creator.fill("#login [name=password]", "correct horse battery")
    creator.click("#login [type=submit]")
    expect(creator.locator("#login .field-error")).to_contain_text("suspended")


def test_a_creator_deletes_mutes_and_removes(windows: Windows) -> None:
    creator, rude = windows.open(), windows.open(PHONE)
    windows.expected |= {"403"}
    sign_up(creator, new_handle("creator"))
    room_id = go_live(creator, "Be kind")
    sign_up(rude, new_handle("rude"), f"/rooms/{room_id}")
    expect(rude.locator("#picture.shown")).to_be_attached(timeout=30_000)
    say(rude, "something rude")
    line = creator.locator(".chat-line", has_text="something rude")

    line.hover()
    line.get_by_role("button", name="Delete message").click()
    expect(rude.locator("#chat")).to_contain_text("Message removed")
    expect(rude.locator("#chat")).not_to_contain_text("something rude")

    say(rude, "more of it")
    line = creator.locator(".chat-line", has_text="more of it")
    line.hover()
    line.get_by_role("button", name="Mute").click()
    expect(rude.locator("#composer-text")).to_be_disabled()

    line.hover()
    line.get_by_role("button", name="Remove from my rooms").click()
    expect(rude.locator("#stage-word")).to_contain_text("You can't watch this room")


def test_a_blocked_persons_words_disappear(windows: Windows) -> None:
    creator, loud, viewer = windows.open(), windows.open(), windows.open(PHONE)
    sign_up(creator, new_handle("creator"))
    room_id = go_live(creator, "All sorts of people")
    sign_up(loud, new_handle("loud"), f"/rooms/{room_id}")
    sign_up(viewer, new_handle("viewer"), f"/rooms/{room_id}")
    expect(viewer.locator("#picture.shown")).to_be_attached(timeout=30_000)
    say(loud, "LOOK AT ME")
    viewer.locator(".chat-line", has_text="LOOK AT ME").locator(".who").click()

    viewer.locator("#person-choices").get_by_role("button", name="Block").click()

    expect(viewer.locator("#chat")).not_to_contain_text("LOOK AT ME")
    viewer.reload()
    expect(viewer.locator("#picture.shown")).to_be_attached(timeout=30_000)
    expect(viewer.locator("#chat")).not_to_contain_text("LOOK AT ME")


def report_room(page: Page) -> None:
    """Report the broadcast one watches."""
    page.locator("[data-more]:visible").click()
    page.click("#report-room")
    page.check("#report-form [value=fraud]")
    page.click("#report-form [type=submit]")
    expect(page.locator(".toast.good")).to_be_visible()
