"""A real Chromium with a virtual authenticator: a passkey is added on the product's pages, signs in and gives proof."""

import pytest
from playwright.async_api import Page, async_playwright

from tests.chromium import launch
from tests.web.world import World

pytestmark = pytest.mark.browser

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def with_authenticator(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


async def sign_out(page: Page) -> None:
    await page.click(".menu summary")
    await page.click("form[action='/signout'] button")


async def test_a_passkey_from_adding_to_fresh_proof(site: World) -> None:
    """Added once; signing in types nothing; half an hour later it gives a role, with what was chosen kept."""
    home = site.url.replace("127.0.0.1", "localhost")
    officer = (await site.principal("officer")).id
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        await with_authenticator(page)

        await page.goto(f"{home}/signin")
        await page.fill("#login", "admin")
        await page.fill("#password", "yuanjian-demo")
        await page.click("form[action='/signin'] button[type=submit]")
        await page.wait_for_url("**/people")
        await page.goto(f"{home}/account/passkeys/new")
        await page.fill("#label", "办公室电脑")
        await page.click("form[data-passkey=add] button[type=submit]")
        await page.wait_for_url("**/account/passkeys?told=added")
        assert "办公室电脑" in await page.inner_text("main")

        await sign_out(page)  # the virtual authenticator picks the passkey that the name field offers by itself
        await page.wait_for_url("**/people")
        await page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
        await sign_out(page)
        await page.wait_for_url("**/signin?told=out")
        await page.click("#passkey button")
        await page.wait_for_url("**/people")

        site.clock.advance(30 * 60)
        await page.goto(f"{home}/people/{officer}")
        await page.select_option("#role", "inspector")
        await page.click(f"form[action='/people/{officer}/grant'] button[type=submit]")
        await page.click("form[data-passkey=confirm] button[type=submit]")
        await page.wait_for_url("**?told=grant")
        assert wrong == []
        await browser.close()
    held = await site.principal("officer")
    assert held.roles == {"officer", "inspector"}
