"""What people do in a browser, as steps a test can read."""

import itertools
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

PASSWORD = "correct horse battery"
BORN = "1990-05-17"
PATIENCE_MS = 30_000
LOOK_MS = 200
LOOKS_MAX = 300
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Frames:
    """What a page's newest incoming connection has received so far."""

    decoded: int  # video frames
    width: int
    sound_samples: int
    concealed_samples: int
    sound_energy: float


def new_handle(kind: str) -> str:
    """Return a handle nobody has."""
    return f"{kind}_{next(_numbers)}{secrets.token_hex(3)}"


def sign_up(page: Page, handle: str, goal: str = "/") -> str:
    """Join on the sign-up page and end on ``goal``."""
    page.goto(f"/signup?next={goal}")
    fill_sign_up(page, "#signup", handle)
    page.click("#signup button[type=submit]")
    page.wait_for_url(lambda url: urlsplit(url).path == goal)
    return handle


def fill_sign_up(page: Page, form: str, handle: str) -> None:
    """Fill a sign-up form."""
    page.fill(f"{form} [name=handle]", handle)
    page.fill(f"{form} [name=password]", PASSWORD)
    page.fill(f"{form} [name=birth_date]", BORN)


def go_live(page: Page, title: str) -> str:
    """Go live from the studio with Chromium's fake camera and return the room's id."""
    page.goto("/studio")
    expect(page.locator("[data-check=camera].good")).to_be_visible(timeout=PATIENCE_MS)
    page.fill("#ready [name=title]", title)
    with page.expect_response("**/api/rooms") as opened:
        page.click("#go-live")
    room_id: str = opened.value.json()["room_id"]
    expect(page.locator("#own-state")).to_have_text("You're live", timeout=PATIENCE_MS)
    return room_id


def watch(page: Page, room_id: str) -> None:
    """Open a room and wait for its picture."""
    page.goto(f"/rooms/{room_id}")
    expect(page.locator("#picture.shown")).to_be_attached(timeout=PATIENCE_MS)


def received(page: Page) -> Frames:
    """Return what the page has received by WebRTC."""
    found: dict[str, Any] = page.evaluate(
        """async () => {
          const report = await globalThis.peerConnections.at(-1).getStats()
          const all = [...report.values()].filter(one => one.type === 'inbound-rtp')
          const video = all.find(one => one.kind === 'video') ?? {}
          const audio = all.find(one => one.kind === 'audio') ?? {}
          return {
            decoded: video.framesDecoded ?? 0, width: video.frameWidth ?? 0,
            sound_samples: audio.totalSamplesReceived ?? 0,
            concealed_samples: audio.concealedSamples ?? 0,
            sound_energy: audio.totalAudioEnergy ?? 0,
          }
        }"""
    )
    return Frames(**found)


def wait_for_frames(page: Page, count: int) -> Frames:
    """Wait until ``count`` more frames were decoded and return what came."""
    until = received(page).decoded + count
    for _ in range(LOOKS_MAX):
        now = received(page)
        if now.decoded >= until:
            return now
        page.wait_for_timeout(LOOK_MS)
    raise AssertionError(f"only {now.decoded} of {until} frames came")


def say(page: Page, text: str) -> None:
    """Write in the chat."""
    page.fill("#composer-text", text)
    page.press("#composer-text", "Enter")


def buy(page: Page, card: str = "succeeds") -> None:
    """Agree and pay in the open pack sheet."""
    page.check("#agree")
    page.check(f"[name=test-card][value={card}]")
    page.click("#pay")


def behind_live_ms(creator: Page, viewer: Page) -> int:
    """Return how far the viewer's picture is behind, by the clock Chromium's fake camera draws.

    Both pages run on one machine: the picture on each is compared with the other's for as long as
    it takes to see the viewer show what the creator showed.
    """
    sample = """video => {
      const canvas = document.createElement('canvas')
      canvas.width = 64; canvas.height = 36
      const context = canvas.getContext('2d', { willReadFrequently: true })
      return new Promise(resolve => {
        const seen = []
        const look = (_, { mediaTime }) => {
          context.drawImage(video, 0, 0, 64, 36)
          const pixels = context.getImageData(0, 0, 64, 36).data
          const greens = []
          for (let at = 1; at < pixels.length; at += 16) greens.push(pixels[at])
          seen.push({ at: performance.timeOrigin + performance.now(), greens })
          if (seen.length < 60) video.requestVideoFrameCallback(look)
          else resolve(seen)
        }
        video.requestVideoFrameCallback(look)
      })
    }"""
    both: dict[str, Any] = {}
    for name, page, video in (("sent", creator, "#preview"), ("shown", viewer, "#picture")):
        page.evaluate(f"void (globalThis.sampling = ({sample})(document.querySelector('{video}')))")
        both[name] = page
    sent = both["sent"].evaluate("globalThis.sampling")
    shown = both["shown"].evaluate("globalThis.sampling")
    delays: list[float] = [one["at"] - nearest(one, sent)["at"] for one in shown]
    return round(sorted(delays)[len(delays) // 2])


def nearest(picture: dict[str, Any], pictures: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the one of ``pictures`` that looks most like ``picture``."""
    return min(
        pictures,
        key=lambda other: sum(
            abs(one - two) for one, two in zip(picture["greens"], other["greens"], strict=True)
        ),
    )


def sound_behind_picture_ms(page: Page) -> float:
    """Return how much later sound is played than the picture that belongs to it."""
    found: float = page.evaluate(
        """async () => {
          const report = await globalThis.peerConnections.at(-1).getStats()
          const all = [...report.values()].filter(one => one.type === 'inbound-rtp')
          const played = kind => all.find(one => one.kind === kind).estimatedPlayoutTimestamp ?? 0
          return played('video') - played('audio')
        }"""
    )
    return found
