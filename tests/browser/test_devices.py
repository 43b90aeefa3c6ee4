"""Cameras and microphones of a live page: exchanged, pulled out, held by a phone call; and a page nobody looks at."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from signaling import messages as wire
from tests.browser.pair import WATCH, live_pair, longest_ms, sender
from tests.browser.stand import Stand, view
from tests.browser.test_live_page import HOST, officer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
DEVICES = "--use-fake-device-for-media-stream=device-count=4"
"""Cameras and microphones of Chromium's own making; of the cameras the first and the last bring a colour picture."""
OTHER = {"video": "fake_device_3", "audio": "Fake Audio Input 2"}

PULL = """() => {
  const track = yuanjian.devices.tracks.audio;
  track.stop();
  track.dispatchEvent(new Event("ended"));
}"""
"""What Chromium does when a microphone is pulled out; its made-up ones cannot be."""
CALL = """(muted) => {
  for (const track of Object.values(yuanjian.devices.tracks)) {
    Object.defineProperty(track, "muted", {value: muted, configurable: true});
    track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
  }
}"""
"""What a phone does when a call comes in, and when it is over."""
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a browser does to a page in the background; headless it never is."""


@pytest_asyncio.fixture(loop_scope="module")
async def pair(stand: Stand) -> AsyncIterator[tuple[Page, Page]]:
    """Whose devices fail, and who looks at them."""
    async with live_pair(stand, DEVICES) as pages:
        yield pages


async def told(stand: Stand, wanted: Any, count: int = 1) -> None:
    """Wait until the page of ``a`` has said it so often."""
    for _ in range(200):
        if stand.seat("a").heard.count(wanted) >= count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError((wanted, stand.seat("a").heard))


def device(kind: Any, state: Any) -> wire.Device:
    return wire.Device(kind=kind, state=state)


async def test_another_camera_is_told_and_the_picture_goes_on(pair: tuple[Page, Page], stand: Stand) -> None:
    """Chosen under “more”: the server is told once, and the viewer's picture does not stand for two seconds."""
    mine, viewer = pair
    await mine.locator("#bar button", has_text="更多").click()
    await viewer.evaluate(WATCH)
    for kind, label in (("video", "摄像头"), ("audio", "麦克风")):
        choice = mine.locator(".device-settings label", has_text=label).locator("select")
        await choice.select_option(label=OTHER[kind])
        await told(stand, wire.Device(kind=kind, state="on", changed=True))
        assert await mine.evaluate(f"yuanjian.devices.tracks.{kind}.label") == OTHER[kind]
    await mine.evaluate("yuanjian.devices.choose('video', 'one that is not plugged in')")
    longest = await longest_ms(viewer)
    print(json.dumps({"another camera": {"picture stood for_ms": round(longest)}}))
    assert longest < 2000
    assert {message.state for message in stand.seat("a").said(wire.Device)} == {"on"}


async def test_a_pulled_microphone_is_told_and_found_again(pair: tuple[Page, Page], stand: Stand) -> None:
    """The server and the person are told at once; as soon as one can be opened it is on again, by itself."""
    mine, viewer = pair
    await mine.evaluate(PULL)
    await told(stand, device("audio", "lost"))
    await mine.get_by_text("本设备的麦克风断开了").first.wait_for()
    assert "麦克风断开" in await mine.locator(".own figcaption").inner_text()
    await stand.push("h", view("h", officer(), sender(audio="lost"), rights=HOST))
    await viewer.locator(".tile-note", has_text="麦克风断开").wait_for()
    await told(stand, device("audio", "on"), 2)


async def test_a_phone_call_is_told_and_its_end(pair: tuple[Page, Page], stand: Stand) -> None:
    """Tracks that the system mutes are lost while it lasts, though nobody ended them."""
    mine, _ = pair
    await mine.evaluate(CALL, True)
    for kind in ("audio", "video"):
        await told(stand, device(kind, "lost"))
    await mine.evaluate(CALL, False)
    for kind in ("audio", "video"):
        await told(stand, device(kind, "on"), 2)


async def test_a_page_in_the_background_is_told_and_shown(pair: tuple[Page, Page], stand: Stand) -> None:
    """Whoever looks at the other's face reads that nobody looks back; after a reload the server is told anew."""
    mine, viewer = pair
    await mine.evaluate(HIDE, True)
    await told(stand, wire.Page(hidden=True))
    await stand.push("h", view("h", officer(), sender(hidden=True), rights=HOST))
    await viewer.locator(".tile-note", has_text="页面在后台").wait_for()
    await viewer.locator("#bar button", has_text="在场").click()
    await viewer.locator(".person-card .quality", has_text="页面在后台").wait_for()
    await stand.push("h", view("h", officer(), sender(hidden=True, audio="lost"), rights=HOST))
    await viewer.locator(".tile-note", has_text="页面在后台、麦克风断开").wait_for()
    await viewer.locator(".person-card .quality", has_text="页面在后台、麦克风断开").wait_for()
    await mine.evaluate(HIDE, False)
    await told(stand, wire.Page(hidden=False), 2)
