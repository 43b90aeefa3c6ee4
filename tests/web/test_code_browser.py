"""A real Chromium of a phone’s size: the guest opens the invitation, has a code sent, mistypes it, and is in."""

import pytest
from playwright.async_api import async_playwright, expect

from tests.chromium import launch
from tests.web.test_invitations import NUMBER, code_in, invite, messages_sent, secret_of
from tests.web.world import World

pytestmark = pytest.mark.browser


async def test_the_code_opens_the_invitation_on_the_phone_that_asked(site: World) -> None:
    """A wrong code is told beside the field and costs nothing but a try; the right one leads into the session."""
    secret = secret_of((await invite(site, way="contact", contact=NUMBER))[0])
    sent = len(messages_sent(site))
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, locale="zh-CN")
        page = await context.new_page()
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)

        await page.goto(f"{site.url}/i#{secret}")
        await expect(page.locator("#me")).to_be_visible()
        await expect(page.locator("#code-step")).to_be_hidden()
        assert len(messages_sent(site)) == sent  # looking sends nothing
        await page.tap("#me")
        await expect(page.locator("#code-sms")).to_be_visible()
        await expect(page.locator("#code-mail")).to_be_hidden()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert len(messages_sent(site)) == sent + 1
        code = code_in(messages_sent(site)[-1])

        await page.fill("#code", f"{(int(code) + 1) % 10**6:06}")
        await page.tap("#code-form button[type=submit]")
        await expect(page.locator("#code-error")).to_be_visible()
        assert await page.inner_text("#code-error")
        await expect(page.locator("#code")).to_be_focused()
        assert page.url.endswith(f"/i#{secret}")

        await page.fill("#code", code)
        async with page.expect_navigation(url="**/sessions/*/live?as=guest") as entered:
            await page.tap("#code-form button[type=submit]")
        answer = await entered.value
        assert answer is not None
        assert answer.status == 200
        assert secret not in page.url
        assert wrong == []
        await browser.close()
