"""The terminal's page before the real application: a key that nobody can read, and back by itself after a reload."""

import re

import pytest
from playwright.async_api import Page

from core import ledger
from core.ledger import Wanted
from tests.chromium import chromium
from tests.web.conftest import seeded, site  # noqa: F401  # fixtures
from tests.web.world import World

pytestmark = pytest.mark.browser

STORED = """() => new Promise((resolve) => {
  const opening = indexedDB.open("yuanjian-terminal", 1);
  opening.onsuccess = () => {
    const asked = opening.result.transaction("keys").objectStore("keys").get("pair");
    asked.onsuccess = () => resolve(asked.result && asked.result.privateKey.extractable);
  };
})"""
OPENED = (
    "window.opened = 0; const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
    "navigator.mediaDevices.getUserMedia = (wish) => { window.opened += 1; return real(wish); };"
)


async def starts(site: World) -> int:  # noqa: F811  # the fixture's value
    async with site.database.transaction(write=False) as tx:
        return len(await ledger.find(tx, Wanted(tag="terminal.started"), 10))


async def idle(page: Page) -> str:
    await page.locator("#idle h1").filter(has_text=re.compile(r"\w")).wait_for()
    return await page.locator("#idle h1").inner_text()


async def test_paired_once_and_back_by_itself(site: World) -> None:  # noqa: F811  # the fixture
    """Paired by the code; after a cut (start cookie gone, page loaded anew) it proves itself and shows its room; its
    private key cannot be exported; no camera or microphone was opened; a copy of the cookies elsewhere shows a code."""
    async with chromium() as browser:
        context = await browser.new_context(locale="zh-CN")
        await context.add_init_script(OPENED)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        await page.goto(f"{site.url}/terminal")
        code = await page.locator("#pairing .code").inner_text()
        duty = await site.browser("duty")
        room = re.search(r'<option value="(\w{22})"', (await site.get(duty, "/terminals"))[1])
        assert room is not None
        assert (await site.post(duty, "/terminals", code=code, room=room[1]))[0] == 303
        name = await idle(page)
        assert await page.evaluate(STORED) is False
        copied = [cookie for cookie in await context.cookies() if cookie["name"] == "yj-terminal"]
        assert copied
        await context.clear_cookies(name="yj-terminal-start")
        await page.reload()
        assert await idle(page) == name
        assert await starts(site) == 2
        assert await page.evaluate("window.opened") == 0
        assert "摄像头" in (await site.get(duty, "/terminals"))[1]

        elsewhere = await browser.new_context(locale="zh-CN")
        await elsewhere.add_cookies(copied)  # type: ignore[arg-type]  # what ``cookies`` gave
        thief = await elsewhere.new_page()
        await thief.goto(f"{site.url}/terminal")
        await thief.locator("#pairing .code").wait_for(timeout=60_000)
