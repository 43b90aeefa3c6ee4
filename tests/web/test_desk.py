"""The shared desk: locking, opening again, a colleague taking over; and single sign-on as a browser sees it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from people import outside, switching
from people.models import LoginSession, Pin
from tests.people.provider import CLIENT, SECRET, Provider
from tests.web.world import NOON, PAGE, World, world

PASSWORD = "yuanjian-demo"
PIN = "739146"


async def enter(site: World, login: str):
    browser = await site.browser()
    assert (await site.post(browser, "/signin", login=login, password=PASSWORD))[0] == 303
    return browser


async def with_pin(site: World, login: str):
    browser = await enter(site, login)
    assert (await site.post(browser, "/account/pin/set", pin=PIN))[0] == 303
    return browser


async def name_at(site: World, browser) -> str:
    found = re.search(r'menu__name">([^<]+)<', (await site.get(browser, "/account"))[1])
    return found[1] if found else ""


async def test_a_locked_desk_opens_for_its_own_pin_alone(site: World) -> None:
    """Nothing is open meanwhile; a colleague's PIN does not open it; afterwards the same page is there."""
    browser = await with_pin(site, "officer")
    await with_pin(site, "officer2")
    assert (await site.post(browser, "/desk/lock"))[::2] == (303, "/desk")
    assert (await site.get(browser, "/account"))[0] == 303
    answer = await browser.get("/signin?next=/book", headers=PAGE, allow_redirects=False)
    assert answer.headers["Location"] == "/desk?next=%2Fbook"
    assert (await site.post(browser, "/desk", pin="000001"))[0] == 403
    assert (await site.post(browser, "/desk", who="officer2", pin="918273"))[0] == 403
    assert (await site.post(browser, "/desk", pin=PIN, next="/book"))[::2] == (303, "/book")
    assert await name_at(site, browser) == "周建平"


async def test_five_wrong_pins_end_the_sign_in(site: World) -> None:
    """Then only a full sign-in helps, which wakes the PIN again."""
    browser = await with_pin(site, "officer")
    await site.post(browser, "/desk/lock")
    for _ in range(4):
        assert (await site.post(browser, "/desk", pin="000001"))[0] == 403
    assert (await site.post(browser, "/desk", pin="000001"))[::2] == (303, "/signin?told=pin")
    assert (await site.post(browser, "/desk", pin=PIN))[2].startswith("/signin")
    browser = await enter(site, "officer")
    async with site.database.transaction(write=False) as tx:
        assert (await tx.execute(select(Pin.wrong))).scalar_one() == 0


async def test_wrong_pins_against_a_colleague_put_the_pin_to_sleep(site: World) -> None:
    """Across all desks together: five wrong ones, and the right one does not work before a full sign-in."""
    await with_pin(site, "officer2")
    for _ in range(5):
        desk = await enter(site, "officer3")
        assert (await site.post(desk, "/desk", who="officer2", pin="000001"))[0] == 403
    desk = await enter(site, "officer")
    assert (await site.post(desk, "/desk", who="officer2", pin=PIN))[0] == 403


async def test_a_desk_left_alone_locks_by_itself(site: World) -> None:
    """After fifteen minutes for whoever has a PIN; others stay signed in as before."""
    browser, other = await with_pin(site, "officer"), await enter(site, "officer3")
    site.clock.advance(15 * 60 + 1)
    assert (await site.get(browser, "/account"))[0] == 303
    assert (await site.get(other, "/account"))[0] == 200
    assert (await site.post(browser, "/desk", pin=PIN))[0] == 303
    assert (await site.get(browser, "/account"))[0] == 200


async def test_a_colleague_takes_over_by_name_or_card(site: World) -> None:
    """Every act has its author: the one before is out, the new one has a sign-in of their own."""
    second = await with_pin(site, "officer2")
    assert (await site.post(second, "/account/pin/card", card="04A1B2C3D4"))[0] == 303
    for who in ("officer2", "04a1b2c3d4"):
        browser = await enter(site, "officer")
        old = await name_at(site, browser)
        assert (await site.post(browser, "/desk", who=who, pin=PIN))[0] == 303
        assert (old, await name_at(site, browser)) == ("周建平", "林晓燕")
    async with site.database.transaction(write=False) as tx:
        ends = (await tx.execute(select(LoginSession.ended_why))).scalars().all()
    assert ends.count("switched") == 2


async def test_a_card_is_of_one_person_and_nothing_without_a_pin(site: World) -> None:
    """Neither taken twice, nor remembered for somebody who has no PIN, nor unlocking by itself."""
    second, third = await with_pin(site, "officer2"), await enter(site, "officer3")
    await site.post(second, "/account/pin/card", card="04A1B2C3D4")
    assert (await site.post(third, "/account/pin/card", card="04A1B2C3D5"))[0] == 409
    await site.post(third, "/account/pin/set", pin=PIN)
    assert (await site.post(third, "/account/pin/card", card="04A1B2C3D4"))[0] == 409
    assert (await site.post(third, "/account/pin/card", card="<script>"))[0] == 422
    assert (await site.post(third, "/desk", who="04A1B2C3D4", pin=""))[0] == 403


async def test_locking_wants_a_pin_first(site: World) -> None:
    """Nobody locks themselves out."""
    browser = await enter(site, "officer")
    assert (await site.post(browser, "/desk/lock"))[::2] == (303, "/account/pin?told=first")
    assert (await site.get(browser, "/account/pin?told=first"))[0] == 200


async def test_a_pin_is_set_with_fresh_proof_and_removed(site: World) -> None:
    """An open desk of half an hour ago gives nobody a PIN."""
    browser = await enter(site, "officer")
    assert (await site.post(browser, "/account/pin/set", pin="123456"))[0] == 422
    site.clock.advance(30 * 60)
    assert (await site.post(browser, "/account/pin/set", pin=PIN))[2].startswith("/confirm?next=")
    browser = await with_pin(site, "officer")
    assert (await site.post(browser, "/account/pin/remove"))[0] == 303
    assert await switching.own(site.database, await site.principal("officer")) == (False, False)


async def test_somebody_else_can_sign_the_locked_desk_out(site: World) -> None:
    """The desk is free for a full sign-in; what was locked is over."""
    browser = await with_pin(site, "officer")
    await site.post(browser, "/desk/lock")
    assert (await site.post(browser, "/desk/leave"))[::2] == (303, "/signin")
    assert (await site.post(browser, "/desk", pin=PIN))[2].startswith("/signin")


async def test_a_live_session_goes_on_at_a_locked_desk(site: World) -> None:
    """Locking binds the next page, not a connection that stands: nobody is cut off from a questioning."""
    from people import identities, store

    browser = await with_pin(site, "officer")
    async with site.database.transaction(write=False) as tx:
        row = (await tx.execute(select(LoginSession))).scalars().one()
        principal = await store.account_principal(tx, row.person, row)
    await site.post(browser, "/desk/lock")
    async with site.database.transaction(write=False) as tx:
        assert principal is not None
        assert await identities.withdrawn(tx, site.clock.now(), {principal}) == frozenset()


# Single sign-on


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    from core.clock import FakeClock

    made = await Provider(FakeClock(NOON)).start()
    yield made
    await made.server.close()


@pytest.fixture
async def joined(seeded: Path, tmp_path: Path, provider: Provider) -> AsyncIterator[World]:
    """A site that believes the provider for the police."""
    one = {"name": "警务统一认证", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET}
    async with world(seeded, tmp_path, single_sign_on={"police": one}, require_second_factor=True) as made:
        provider.clock = made.clock
        yield made


async def test_single_sign_on_through_the_pages(joined: World, provider: Provider) -> None:
    """The button leads there, the answer back in and on; the second factor is the provider's matter."""
    admin, officer = await joined.principal("admin"), (await joined.principal("officer")).id
    from dataclasses import replace

    from web.pages.outside import PROVIDERS

    await outside.bind(
        joined.database,
        joined.clock,
        joined.server.app[PROVIDERS],
        replace(admin, proved=joined.clock.now()),
        person=officer,
        subject="u-4711",
    )
    browser = await joined.browser()
    assert "警务统一认证" in (await joined.get(browser, "/signin?next=/book"))[1]
    answer = await browser.get("/signin/outside/police?next=/book", headers=PAGE, allow_redirects=False)
    assert answer.status == 303
    back = provider.callback(answer.headers["Location"])
    answer = await browser.get(back, headers=PAGE, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/book")
    assert (await joined.get(browser, "/book"))[0] == 200
    other = await joined.browser()
    assert (await joined.get(other, back))[0] == 401
    assert (await joined.get(other, "/book"))[0] == 303


@pytest.mark.parametrize(
    "path",
    [
        "/signin/outside/police/back",
        "/signin/outside/police/back?code=x&state=y",
        "/signin/outside/police/back?error=access_denied&error_description=<script>alert(1)</script>",
        "/signin/outside/court",
        "/signin/outside/nowhere/back?code=x",
    ],
)
async def test_garbage_coming_back_is_a_kind_refusal(joined: World, path: str) -> None:
    """The sign-in page with a sentence; nothing of what came is shown."""
    status, text = await joined.get(await joined.browser(), path)
    assert status in (401, 404)
    assert "alert(1)" not in text
    assert 'role="alert"' in text


async def test_the_way_back_is_to_this_site(joined: World) -> None:
    """Whatever was asked for next, the browser ends here."""
    browser = await joined.browser()
    answer = await browser.get("/signin/outside/police?next=//evil.example", headers=PAGE, allow_redirects=False)
    assert "evil.example" not in urlsplit(answer.headers["Location"]).query
