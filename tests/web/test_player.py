"""The player of a record in a real browser, over films that the finaliser and the composer made."""

import pytest
from playwright.async_api import Page, async_playwright

from tests.chromium import launch
from tests.web import recorded
from tests.web.world import World

PATIENT = 30_000


@pytest.mark.browser
async def test_player(site: World) -> None:
    """Views, seeking, markers, gaps, speed and keys work together, and the viewer's name stands over the picture."""
    session = await site.interrogation()
    await recorded.adopt(site, session, source=recorded.made(composed=True))
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        context = await browser.new_context(locale="zh-CN")
        await context.add_cookies([{"name": "yj", "value": await site.cookie("reviewer"), "url": site.url}])
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{site.url}/records/{session.id}")
        await page.locator("form[action$='/play'] button").click()
        await page.locator("#transport").wait_for(timeout=PATIENT)
        await _plays_composed(page)
        await _jumps(page)
        await _side_by_side(page)
        await browser.close()
    assert errors == []


async def _clock(page: Page, wanted: str) -> None:
    await page.wait_for_function("(wanted) => document.getElementById('clock').textContent === wanted", arg=wanted)


async def _plays_composed(page: Page) -> None:
    assert await page.locator("figure:not([hidden]) video").count() == 1
    assert "郑法明" in await page.locator(".watermark").inner_text()
    await page.locator("#toggle").click()
    await page.wait_for_function("!document.querySelector('figure:not([hidden]) video').paused")
    await _clock(page, "0:00:01")
    await page.locator("#toggle").click()
    await page.wait_for_function("document.querySelector('figure:not([hidden]) video').paused")


async def _jumps(page: Page) -> None:
    """A marker, the log, the position and the keys lead to a moment; the film stands there too."""
    await page.locator(".jumps button", has_text="出示物证 3").click()
    await _clock(page, "0:00:03")
    await page.keyboard.press("g")
    await _clock(page, "0:00:10")
    await page.keyboard.press("ArrowLeft")
    await _clock(page, "0:00:05")
    await page.keyboard.press(">")
    assert await page.locator("#speed").input_value() == "1.25"
    await page.locator(".log button", has_text="12:02:16").first.click()
    await _clock(page, "0:00:16")
    await page.locator("#seek").fill("12000")
    await _clock(page, "0:00:12")
    at = "document.querySelector('figure:not([hidden]) video').currentTime"
    await page.wait_for_function(f"Math.abs({at} - 12) < 0.2")


async def _side_by_side(page: Page) -> None:
    """Both places show the same moment; in the gap none has a picture, and that is said."""
    await page.locator("#view-2").check()
    assert await page.locator("figure:not([hidden]) video").count() == 2
    await page.locator("#seek").fill("4000")
    shown = "[...document.querySelectorAll('figure:not([hidden]) video')]"
    await page.wait_for_function(
        f"{shown}.every((v) => Math.abs(v.currentTime * 1000 + +v.dataset.start - 4000) < 200)"
    )
    await page.locator("#cinema").focus()
    await page.keyboard.press("4")
    assert await page.locator("figure:not([hidden]) figcaption strong").all_inner_texts() == ["讯问室 1"]
