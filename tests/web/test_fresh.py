"""The day list in a real browser: it learns of news by itself, and says when the connection is lost."""

import pytest
from playwright.async_api import async_playwright

from tests.chromium import launch
from tests.web.world import World

PATIENT = 30_000


@pytest.mark.browser
async def test_open_list_follows_and_tells_of_a_lost_connection(site: World) -> None:
    """A new request appears without a hand on the mouse; offline there are words, and they go when it is back."""
    await site.visit()
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        context = await browser.new_context(locale="zh-CN")
        await context.add_cookies([{"name": "yj", "value": await site.cookie("duty"), "url": site.url}])
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{site.url}/day")
        assert await page.locator("article.duty").count() == 1
        await site.visit(300, client=1)
        await page.locator("article.duty").nth(1).wait_for(timeout=PATIENT)
        await context.set_offline(True)
        await page.get_by_text("网络中断，正在重新连接……").wait_for(timeout=PATIENT)
        await context.set_offline(False)
        await page.locator("#lost").wait_for(state="hidden", timeout=PATIENT)
        await browser.close()
    assert errors == []
