"""The player of a record in a real browser, over films that the finaliser and the composer made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from playwright.async_api import Page, async_playwright
from sqlalchemy import select

from core import jobs
from core.ledger import Entry
from recordings.jobs import handlers
from recordings.library import Library
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


@asynccontextmanager
async def _at_work(site: World) -> AsyncIterator[None]:
    """The worker of the site, as it runs beside the pages."""
    made = handlers(site.settings.data_dir, site.database, site.clock)
    task = asyncio.create_task(jobs.Worker(site.database, site.clock, made, poll=0.05).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _ledger(site: World) -> list[str]:
    async with site.database.transaction(write=False) as tx:
        told = select(Entry.tag).where(Entry.tag.startswith("recording.compose"))
        return list((await tx.execute(told.order_by(Entry.number))).scalars())


async def _state(site: World) -> str | None:
    async with site.database.transaction(write=False) as tx:
        return await jobs.state(tx, f"compose:{recorded.MADE}")


@pytest.mark.browser
async def test_a_composition_is_stopped_and_gone_on_with_on_the_page(
    site: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By keyboard on a phone: the program that composes ends, the page says how it stands, and what was stopped is made
    after all; the ledger names both acts."""
    monkeypatch.setattr(jobs, "NOTICED", timedelta(milliseconds=50))
    session = await site.interrogation()
    await recorded.adopt(site, session)
    library = Library(site.settings.data_dir, site.clock)
    async with site.database.transaction() as tx:
        payload = {"recording": recorded.MADE}
        await jobs.enqueue(tx, "compose_recording", payload, due=site.clock.now(), key=f"compose:{recorded.MADE}")
    async with async_playwright() as playwright, _at_work(site):
        browser = await launch(playwright)
        context = await browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
        await context.add_cookies([{"name": "yj", "value": await site.cookie("reviewer"), "url": site.url}])
        page = await context.new_page()
        await page.goto(f"{site.url}/records/{session.id}")
        while library.progress(recorded.MADE) is None:
            assert await _state(site) != "done"
            await asyncio.sleep(0.02)
        await _press(page, "停止制作")
        await page.get_by_text("合成画面已停止制作").wait_for()
        while library.progress(recorded.MADE) is not None:
            await asyncio.sleep(0.02)
        assert (await _state(site), await _composed(library)) == ("cancelled", False)
        await _press(page, "继续制作")
        await page.get_by_text("正在制作合成画面").wait_for()
        site.clock.advance(1)
        await page.get_by_text("合成画面已完成").click(timeout=PATIENT)
        await page.wait_for_function("document.readyState === 'complete' && !document.getElementById('composing')")
        await browser.close()
    assert (await _state(site), await _composed(library)) == ("done", True)
    assert await _ledger(site) == ["recording.compose-cancelled", "recording.compose-resumed"]


async def _press(page: Page, words: str) -> None:
    button = page.get_by_role("button", name=words)
    box = await button.bounding_box()
    assert box is not None
    assert (box["height"] >= 44, box["x"] + box["width"] <= 390) == (True, True)
    await button.focus()
    await page.keyboard.press("Enter")


async def _composed(library: Library) -> bool:
    return any(item.kind == "composed" for item in await library.files(recorded.MADE))
