"""The guest's page: looking consumes nothing, accepting works once, a stranger gets no way in."""

import re

import pytest
from playwright.async_api import async_playwright, expect

from tests.chromium import launch
from tests.web.world import World

HEADERS = {"Accept": "application/json"}


async def invited(site: World) -> tuple[str, str]:
    """A statement with an invitation; return the session and the secret."""
    session = await site.statement(15)
    officer = await site.browser("officer")
    page = f"/bookings/{session.id}/invitations"
    _, text = await site.get(officer, page)
    party = re.search(r'name="party" value="(\w{22})"', text)
    assert party is not None
    _, text, _ = await site.post(officer, page, party=party[1])
    secret = re.search(r"/i#([\w-]{43})", text)
    assert secret is not None
    return session.id, secret[1]


async def ask(site: World, who: object, path: str, **body: object) -> tuple[int, dict[str, object]]:
    answer = await who.post(path, json=body, headers=HEADERS | {"Origin": site.url})  # type: ignore[attr-defined]
    return answer.status, await answer.json()


async def test_looking_tells_who_asks_and_consumes_nothing(site: World) -> None:
    """Name, number, unit and telephone of who asks, as often as one looks."""
    _, secret = await invited(site)
    phone = await site.browser()
    for _ in range(3):
        status, told = await ask(site, phone, "/i/look", secret=secret)
        assert status == 200
        assert (told["officer"], told["number"], told["name"]) == ("周建平", "031207", "王秀兰")
        assert told["phone"]
        assert told["next"] is None


async def test_an_invitation_to_a_cancelled_session_says_so(site: World) -> None:
    """Who opens the link later does not wait for somebody who will not come."""
    session, secret = await invited(site)
    phone = await site.browser()
    assert (await ask(site, phone, "/i/look", secret=secret))[1]["off"] == ""
    officer = await site.browser("officer")
    assert (await site.post(officer, f"/bookings/{session}/cancel", version="1", reason="not-needed"))[0] == 303
    status, told = await ask(site, phone, "/i/look", secret=secret)
    assert (status, told["off"]) == (200, "本次约谈已取消，您无需做任何事。")


@pytest.mark.browser
async def test_the_page_of_a_cancelled_invitation_leads_nowhere(site: World) -> None:
    """The notice is shown, and neither what happens next nor the question who one is."""
    session, secret = await invited(site)
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page()
        for cancelled in (False, True):
            if cancelled:
                officer = await site.browser("officer")
                await site.post(officer, f"/bookings/{session}/cancel", version="1", reason="not-needed")
            await page.goto("about:blank")
            await page.goto(f"{site.url}/i#{secret}")
            await expect(page.locator("#content")).to_be_visible()
            for part, there in (("off", cancelled), ("next", not cancelled), ("ask-me", not cancelled)):
                await expect(page.locator(f"#{part}")).to_be_visible(visible=there)
        await browser.close()


async def test_accepting_works_once_and_opens_the_session(site: World) -> None:
    """The first device is in; the second is told so; the first may come back to the page."""
    session, secret = await invited(site)
    phone, other = await site.browser(), await site.browser()
    status, told = await ask(site, phone, "/i/accept", secret=secret, me=True)
    assert (status, told) == (200, {"next": f"/sessions/{session}/live?as=guest"})
    assert (await ask(site, other, "/i/accept", secret=secret, me=True))[0] == 403
    assert (await ask(site, phone, "/i/look", secret=secret))[1]["next"] == f"/sessions/{session}/live?as=guest"
    assert (await ask(site, other, "/i/look", secret=secret))[1]["next"] is None


async def test_somebody_else_gets_no_way_in_and_the_officer_sees_it(site: World) -> None:
    """ "That is not me" makes the link void and gives no cookie."""
    session, secret = await invited(site)
    phone = await site.browser()
    status, told = await ask(site, phone, "/i/accept", secret=secret, me=False)
    assert (status, told) == (200, {"next": None})
    assert not phone.session.cookie_jar.filter_cookies(site.server.make_url("/"))
    officer = await site.browser("officer")
    assert "对方表示不是本人" in (await site.get(officer, f"/bookings/{session}/invitations"))[1]


@pytest.mark.parametrize("secret", ["", "x" * 43, "x" * 5000, None, ["a"]])
async def test_unknown_secret_is_told_in_words(site: World, secret: object) -> None:
    """A wrong link says what to do."""
    phone = await site.browser()
    for path in ("/i/look", "/i/accept"):
        status, told = await ask(site, phone, path, secret=secret)
        assert (status, told["code"]) == (404, "invitation-unknown")


async def test_withdrawn_and_remade_links_are_void(site: World) -> None:
    """Taking back ends the link and the device that opened it; a new link opens again."""
    session, secret = await invited(site)
    phone, officer = await site.browser(), await site.browser("officer")
    await ask(site, phone, "/i/accept", secret=secret)
    page = f"/bookings/{session}/invitations"
    _, text = await site.get(officer, page)
    invitation = re.search(r'name="invitation" value="(\w{22})"', text)
    party = re.search(r'name="party" value="(\w{22})"', text)
    assert invitation
    assert party
    assert (await site.post(officer, f"{page}/revoke", invitation=invitation[1]))[0] == 303
    assert (await ask(site, phone, "/i/look", secret=secret))[0] == 403
    _, text, _ = await site.post(officer, page, party=party[1])
    renewed = re.search(r"/i#([\w-]{43})", text)
    assert renewed is not None
    assert renewed[1] != secret
    assert (await ask(site, phone, "/i/look", secret=renewed[1]))[0] == 200
    assert (await ask(site, phone, "/i/look", secret=secret))[0] == 404


async def test_page_of_the_guest_holds_no_secret(site: World) -> None:
    """What stands behind the sign never reaches the server with the page."""
    phone = await site.browser()
    status, text = await site.get(phone, "/i")
    assert status == 200
    assert "110" in text
