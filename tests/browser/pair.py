"""Two live pages of the stand: one that sends, one that looks, and how long the picture stood for whoever looks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page

from signaling import messages as wire
from tests.browser.stand import Stand, endpoint, holds, person, rights, view
from tests.browser.test_live_page import HOST, enter, officer
from tests.chromium import chromium

PLAYING = "document.querySelectorAll('.tile.playing').length"
WATCH = """() => {
  const video = document.querySelector(".faces video");
  const first = !window.gaps;
  window.gaps = [performance.now()];
  const seen = (now, frame) => {
    if (frame.rtpTimestamp !== undefined) gaps.push(now);  // else painted again, as when another track is shown
    video.requestVideoFrameCallback(seen);
  };
  if (first) video.requestVideoFrameCallback(seen);
}"""
LONGEST = "Math.max(...[...gaps, performance.now()].slice(1).map((now, index) => now - gaps[index]))"


def sender(**more: object) -> wire.EndpointView:
    """Who sends, as both see it."""
    return endpoint("a", "party", person("参加人 a", "interpreter"), publications=("camera",), **more)


@asynccontextmanager
async def live_pair(stand: Stand, *flags: str, before: str = "") -> AsyncIterator[tuple[Page, Page]]:
    """The page of ``a``, which sends, and of ``h``, who sees it; the script ``before`` runs in both ahead of theirs."""
    async with chromium(*flags) as started:
        pages = []
        sends = rights(publish=True, subscribe=True, mute=True)
        stand.views["a"] = view("a", officer(), sender(), rights=sends)
        stand.views["h"] = view("h", officer(), sender(), rights=HOST)
        for name, role in (("a", "party"), ("h", "host")):
            context = await started.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
            page = await context.new_page()
            await page.add_init_script(before)
            await enter(page, stand, name, endpointRole=role)
            pages.append(page)
            await holds(page, "yuanjian.camera.link.state === 'connected'")
        await holds(pages[1], f"{PLAYING} === 1")
        yield pages[0], pages[1]


async def longest_ms(viewer: Page, pictures: int = 20) -> float:
    """Wait for so many more pictures; the longest time without one since ``WATCH``."""
    seen = await viewer.evaluate("gaps.length")
    for _ in range(6):  # what is to come back may take a minute
        try:
            await holds(viewer, f"gaps.length > {seen + pictures}")
            break
        except AssertionError:
            continue
    found: float = await viewer.evaluate(LONGEST)
    assert await viewer.evaluate("gaps.length") > seen + pictures
    return found
