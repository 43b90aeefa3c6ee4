"""A lawyer on a phone books for tomorrow, gets mail, moves and cancels; a witness abroad chooses a time."""

import re
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from icalendar import Calendar
from playwright.async_api import Browser, async_playwright

from core.jobs import Worker
from scheduler import decisions, notices
from scheduler.models import Booking
from scheduler.sending import Outbox, SmsOutbox, handlers
from tests.chromium import launch
from tests.taps import MOST_TAPS, PHONE, Taps
from tests.web.test_choosing_pages import asked
from tests.web.world import World

pytestmark = pytest.mark.browser


async def phone(browser: Browser, site: World, login: str | None, zone: str = "Asia/Shanghai") -> Taps:
    """A phone, signed in where a login is given."""
    context = await browser.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN", timezone_id=zone, base_url=site.url
    )
    if login is not None:
        await context.add_cookies([{"name": "yj", "value": await site.cookie(login), "url": site.url}])
    return Taps(await context.new_page())


async def letters(site: World, outbox: Path) -> list[tuple[str, int]]:
    """Run the worker; method and sequence of every appointment sent so far, in the order of their versions."""
    worker = Worker(site.database, site.clock, handlers(site.database, site.clock, Outbox(outbox), SmsOutbox(outbox)))
    while await worker.run_one():
        pass
    found = []
    for path in outbox.glob("*.eml"):
        letter = message_from_bytes(path.read_bytes(), policy=policy.default)
        for part in letter.walk():
            if part.get_content_type() == "text/calendar":
                calendar = Calendar.from_ical(part.get_payload(decode=True))  # type: ignore[arg-type]
                found.append((str(calendar["METHOD"]), int(calendar.walk("VEVENT")[0]["SEQUENCE"])))
    return sorted(found, key=lambda one: one[1])


async def test_a_lawyer_books_moves_and_cancels_on_a_phone(site: World, tmp_path: Path) -> None:
    """Fewer than eight taps to a visit tomorrow; each change arrives as a mail that updates the appointment."""
    lawyer, duty = await site.principal("lawyer"), await site.principal("duty")
    await notices.set_address(site.database, lawyer, "mail", "lawyer@example.org")
    outbox = tmp_path / "outbox"
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        taps = await phone(browser, site, "lawyer")
        page = taps.page
        await page.goto("/")
        await taps.on('nav a[href="/book"]')
        await taps.on('label[for="who-1"]')
        await taps.on("form .btn-primary")
        await taps.on('[aria-labelledby="day-2026-03-03"] a.slot', "请核对")
        await taps.on("form .btn-primary", "申请已提交")
        print(f"taps to a booking: {taps.count}")
        assert taps.count < MOST_TAPS
        booking = re.search(r"/bookings/(\w{22})", page.url)
        assert booking
        await decisions.confirm(site.database, site.clock, duty, booking[1])
        assert await letters(site, outbox) == [("REQUEST", 2)]

        await page.goto(f"/bookings/{booking[1]}")
        await taps.on(f'a[href="/bookings/{booking[1]}/move"]', "与原时间最接近")
        await taps.on('[aria-labelledby="day-2026-03-04"] a.slot', "确认改到这个时间吗")
        await taps.on("form .btn-primary", "已改期")
        await decisions.confirm(site.database, site.clock, duty, booking[1])
        assert (await letters(site, outbox))[-1] == ("REQUEST", 4)

        await page.reload()
        await taps.on("summary.btn-stop")
        await page.select_option("#reason", "other-time")
        await taps.on(f'form[action="/bookings/{booking[1]}/cancel"] button', "已取消")
        await browser.close()
    async with site.database.transaction(write=False) as tx:
        assert str((await tx.get_one(Booking, booking[1])).state) == "cancelled"


async def test_a_witness_abroad_chooses_in_their_own_zone(site: World) -> None:
    """The link leads to the times, shown as the clock on the wall there; one tap takes one."""
    _, text, _ = await asked(site, at="16:00")
    link = re.findall(r'value="([^"]+)/i#([\w-]{43})"', text)[0][1]
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        taps = await phone(browser, site, None, "Europe/Vienna")
        await taps.page.goto(f"/i#{link}")
        await taps.on("#me")
        await taps.page.wait_for_url("**/i/time")
        await taps.page.wait_for_function("document.getElementById('zone').textContent.includes('Europe/Vienna')")
        first = await taps.page.inner_text("strong[data-start]")
        assert "09:00" in first
        await taps.on("form:has(button:not([aria-current])) button.slot", "时间已记录")
        await browser.close()
