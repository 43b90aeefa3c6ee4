"""Booking on the served product with the demo's full day: a lawyer's phone, a duty post, an officer, a guest."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar
from playwright.async_api import Browser, Locator, Page, Playwright

from tests.chromium import launch
from tests.journeys.cast import PASSWORD, PATIENT
from tests.journeys.conftest import Server, until
from tests.taps import MOST_TAPS, PHONE, Taps

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo as an operator starts it, its day included."""
    running = Server(tmp_path_factory.mktemp("booking") / "data", environment={"YUANJIAN_DEMO_DAY": "true"})
    running.start()
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    opened = await launch(playwright)
    yield opened
    await opened.close()


@asynccontextmanager
async def somebody(
    browser: Browser,
    server: Server,
    login: str = "",
    *,
    phone: bool = True,
    zone: str = "Asia/Shanghai",
    password: str = PASSWORD,
):  # type: ignore[no-untyped-def]
    """A page, signed in where a login is given."""
    size = PHONE if phone else {"width": 1440, "height": 900}
    context = await browser.new_context(
        viewport=size, has_touch=phone, is_mobile=phone, locale="zh-CN", timezone_id=zone, base_url=server.url
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENT)
    if login:
        await page.goto("/signin")
        await page.fill("[name=login]", login)
        await page.fill("[name=password]", password)
        await page.click("form[action='/signin'] button[type=submit]")
        await page.wait_for_url(lambda address: "/signin" not in address)
    yield page
    await context.close()


def letters(server: Server) -> list[tuple[str, int]]:
    """Method and sequence of every appointment in the outbox, in the order of their versions."""
    found = []
    for path in (server.data_dir / "outbox").glob("*.eml"):
        for part in message_from_bytes(path.read_bytes(), policy=policy.default).walk():
            if part.get_content_type() == "text/calendar":
                calendar = Calendar.from_ical(part.get_payload(decode=True))  # type: ignore[arg-type]
                found.append((str(calendar["METHOD"]), int(calendar.walk("VEVENT")[0]["SEQUENCE"])))
    return sorted(found, key=lambda one: one[1])


NEXT_SHIFT = "duty-evening", "an evening shift's own words"
"""Login and password of who takes over."""


async def next_shift(browser: Browser, server: Server) -> None:
    """The administrator registers a second duty officer, who comes by the one-time link and chooses a password."""
    async with somebody(browser, server, "admin", phone=False) as page:
        await page.goto("/people/new")
        await page.fill("[name=name]", "丁一鸣")
        await page.select_option("#organisation", label="城东分局")
        await page.fill("[name=login]", NEXT_SHIFT[0])
        await page.locator("form[action='/people/new'] button[type=submit]").click()
        await page.select_option("#role", "duty_officer")
        await page.select_option("#facility", label="城东看守所")
        await page.locator("form[action$='/grant'] button").click()
        await page.locator("form[action$='/revoke']").wait_for()
        await page.locator("form[action$='/link'] button").click()
        link = await page.locator("#once").input_value()
    async with somebody(browser, server, phone=False) as page:
        await page.goto(link)
        await page.locator("form[action='/enrol'] button").click()
        await page.locator("main a[href^='/account/password']").click()
        await page.fill("[name=new]", NEXT_SHIFT[1])
        await page.locator("form[action='/account/password'] button").click()
        await page.wait_for_url(lambda address: "/account/password" not in address)


async def starts(part: Locator) -> list[str]:
    """The local times at which the slots of a part of the page begin, also of those that are folded away."""
    times = part.locator("a.slot .slot__time")
    return [re.split("[–-]", text.strip())[0] for text in await times.all_text_contents()]


async def confirmed(duty: Page, booking: str) -> None:
    """The post says yes."""
    await duty.goto("/day")
    await duty.locator(f"form[action='/day/{booking}/confirm'] button").click()
    await duty.wait_for_load_state()


async def test_a_lawyer_books_moves_and_cancels_on_a_phone(busy: Server, browser: Browser) -> None:
    """Fewer than eight taps to a visit tomorrow; letters update the appointment; it is moved, cancelled."""
    async with somebody(browser, busy, "lawyer") as page, somebody(browser, busy, "duty", phone=False) as duty:
        await page.goto("/messages")
        await page.fill("[name=mail]", "lawyer@example.org")
        await page.locator("form[action='/messages/addresses'] button").tap()
        await page.locator("main", has_text="已保存").wait_for()
        await page.goto("/")
        taps, began = Taps(page), time.monotonic()
        await taps.on('nav a[href="/book"]', "您要会见谁")
        await taps.on('label[for="who-1"]')
        await taps.on("form .btn-primary", "按日期选择")
        await taps.on(".slot-day:nth-of-type(2) a.slot", "请核对")
        await taps.on("form .btn-primary", "申请已提交")
        print(f"a visit tomorrow: {taps.count} taps, {time.monotonic() - began:.1f} s")
        assert taps.count < MOST_TAPS
        booking = re.search(r"/bookings/(\w{22})", page.url)
        assert booking
        await confirmed(duty, booking[1])
        await until(lambda: letters(busy), "the letter of the confirmation")

        await page.goto(f"/bookings/{booking[1]}")
        await taps.on(f'a[href="/bookings/{booking[1]}/move"]', "与原时间最接近")
        await taps.on(".slot-day:nth-of-type(3) a.slot", "确认改到这个时间吗")
        await taps.on("form .btn-primary", "已改期")
        await confirmed(duty, booking[1])
        await until(lambda: len(letters(busy)) >= 2, "the letter of the new time")
        sequences = [sequence for _, sequence in letters(busy)]
        assert sequences == sorted(set(sequences)), "each letter replaces the one before"

        await page.reload()
        await taps.on("summary.btn-stop")
        await page.select_option("#reason", "other-time")
        await taps.on(f'form[action="/bookings/{booking[1]}/cancel"] button', "已取消")


async def test_a_post_has_its_day_in_hand(busy: Server, browser: Browser) -> None:
    """Of a full day: a request answered, a session out of a broken room, a transfer, the shift's note."""
    async with somebody(browser, busy, "duty", phone=False) as page:
        await page.goto("/day")
        assert await page.locator("h3.timeline__room").count() == 8
        waiting = page.locator("form[action$='/confirm'] button")
        before = await waiting.count()
        await waiting.first.click()
        await page.wait_for_load_state()
        assert await waiting.count() == before - 1

        await page.locator("#block summary").click()
        room = page.locator("#room option", has_text="会见室 5")
        await page.select_option("#room", str(await room.get_attribute("value")))
        await page.select_option("#block-reason", "power")
        await page.locator("#block form button[type=submit]").click()
        await page.locator("form[action$='/lift'] >> nth=1").wait_for()
        away = page.locator("#looked-title ~ .duties form[action$='/move'] button")
        if await away.count():  # unless the hour has left no session in a broken room
            left = await page.locator("#looked-title ~ .duties article").count()
            await away.first.click()
            await page.wait_for_load_state()
            assert await page.locator("#looked-title ~ .duties article").count() == left - 1

        await page.goto("/day/custody?q=马文涛")
        await page.locator("details.later summary").first.click()
        await page.select_option("[name=what]", "transferred")
        west = page.locator("[name=to] option", has_text="城西看守所")
        await page.select_option("[name=to]", str(await west.first.get_attribute("value")))
        await page.locator("form.decline__panel button", has_text="登记").first.click()
        await page.locator("main", has_text="需要处理").wait_for()

        await page.goto("/day/handover")
        await page.fill("[name=note]", "会见室 5 停电")
        await page.locator("form[action='/day/handover'] button").click()
        await page.locator("main", has_text="会见室 5 停电").wait_for()
        assert await page.locator("form[action^='/day/handover/']").count() == 0, "nobody takes over from themselves"
        open_now = await page.locator("section[aria-labelledby^='h-'] .items li").count()
        assert open_now > 0
        await page.goto("/day/register")
        assert await page.locator("tbody tr").count() >= 14  # of twenty, around midnight

    await next_shift(browser, busy)
    async with somebody(browser, busy, NEXT_SHIFT[0], phone=False, password=NEXT_SHIFT[1]) as page:
        await page.goto("/day/handover")
        handed = page.locator("section[aria-labelledby^='h-']")
        assert await handed.locator(".items li").count() == open_now
        assert "待答复" in await handed.locator(".items").inner_text()
        await handed.locator("form[action^='/day/handover/'] button").click()
        await page.locator("main", has_text="赵国强 → 丁一鸣").wait_for()
        assert await page.locator("form[action^='/day/handover/']").count() == 0


async def test_nobody_is_asked_for_at_lunch(busy: Server, browser: Browser) -> None:
    """While a lawyer looks at a time tomorrow at noon, the administrator writes lunch into the regime: sending it is
    answered with that it cannot be then and when it can, the search leaves lunch out, and what it offers is booked."""
    async with somebody(browser, busy, "lawyer2") as page, somebody(browser, busy, "admin", phone=False) as admin:
        tomorrow = (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(days=1)).date().isoformat()

        async def look() -> None:
            await page.goto("/book/visit")
            await page.locator(".choice", has_text="王立刚").locator("label").first.tap()
            await page.locator("form .btn-primary").tap()
            await page.locator(".wished summary").tap()
            await page.fill("#day", tomorrow)
            await page.fill("#at", "12:00")
            await page.locator(".wished__form button").tap()
            await page.locator(".slot-day").first.wait_for()

        await look()
        assert "12:00" in await starts(page.locator("main"))
        await page.locator("a.slot", has_text=re.compile("^\\s*12:00")).first.tap()
        await page.wait_for_url(re.compile("/check"))

        await admin.goto("/facilities")
        await admin.locator("main a", has_text="城东看守所").first.click()
        await admin.locator("a[href$='/calendar']").click()
        await admin.locator("details:has(#word) summary").click()
        await admin.select_option("#word", "meal")
        await admin.fill("#opens-break", "11:45")
        await admin.fill("#closes-break", "13:00")
        await admin.locator("form:has(#word) button[type=submit]").click()
        await admin.locator("form[action$='/remove']").wait_for()

        await page.locator("form[action='/book/visit'] .btn-primary").tap()
        await page.locator("[role=alert]", has_text="该时段不可用").wait_for()
        nearest = await starts(page.locator("section[aria-labelledby='nearest-title']"))
        assert nearest
        await look()
        length = timedelta(minutes=60)
        for start in nearest + await starts(page.locator(".slot-day").first):
            begins = timedelta(hours=int(start.split(":")[0]), minutes=int(start.split(":")[1]))
            assert begins + length <= timedelta(hours=11, minutes=45) or begins >= timedelta(hours=13), start
        assert "13:00" in await starts(page.locator(".slot-day").first)
        await page.locator("a.slot").first.tap()
        await page.locator("form[action='/book/visit'] .btn-primary").tap()
        await page.wait_for_url(re.compile(r"/bookings/\w{22}"))


async def test_an_officer_books_with_interpreter_and_guardian_and_starts_at_once(
    busy: Server, browser: Browser
) -> None:
    """Both stand in the booking; a witness statement nobody planned begins with the next press."""
    async with somebody(browser, busy, "officer") as page:
        await page.goto("/book/interrogation")
        await page.locator(".choice", has_text="城东看守所").locator("label").first.tap()
        await page.select_option("#officer", index=1)
        await page.select_option("#interpreter", index=1)
        await page.locator("label[for=guardian]").tap()
        await page.locator("main form .btn-primary").tap()
        await page.locator("a.slot").first.tap()
        await page.fill("#guardian_name", "陆春梅")
        await page.locator("main form .btn-primary").tap()
        await page.wait_for_url(re.compile("/bookings/"))
        text = await page.locator("main").inner_text()
        assert "陆春梅" in text
        assert "徐文静" in text

    async with somebody(browser, busy, "officer3") as page:
        await page.goto("/start")
        await page.fill("#guest_name", "陈静")
        await page.locator("label[for=role-witness]").tap()
        free = page.locator("#officer option", has_text="龚成")
        await page.select_option("#officer", str(await free.get_attribute("value")))
        await page.locator("main form button[type=submit]").tap()
        await page.wait_for_url(re.compile("/invitations"))
        await page.locator("main", has_text="已经开始").wait_for()


async def test_a_guest_chooses_a_time(busy: Server, browser: Browser) -> None:
    """The officer books a statement and offers other times; the guest, abroad, takes one by the clock on their wall."""
    async with somebody(browser, busy, "officer2") as page:
        await page.goto("/book/statement")
        await page.locator(".choice label").first.tap()
        await page.select_option("#officer", index=1)
        await page.locator("main form .btn-primary").tap()
        await page.locator(".slot-day:nth-of-type(2) a.slot").first.tap()
        await page.fill("#guest_name", "王秀兰")
        await page.locator("label[for=role-witness]").tap()
        await page.locator("main form .btn-primary").tap()
        await page.wait_for_url(re.compile("/bookings/"))
        booking = page.url.split("/bookings/")[1].split("?")[0]
        await page.goto(f"/bookings/{booking}/invitations")
        await page.locator("form[action$='/guest-times'] button").tap()
        await page.locator("main", has_text="对方现在可以选择时间了").wait_for()
        await page.locator("article form[action$='/invitations']:not(:has([name=way])) button").first.tap()
        link = await page.locator("#link").input_value()
        async with somebody(browser, busy, zone="Europe/Vienna") as guest:
            await guest.goto(link)
            await guest.locator("#me").tap()
            await guest.wait_for_url("**/i/time")
            await guest.wait_for_function("document.getElementById('zone').textContent.includes('Europe/Vienna')")
            await guest.locator("form:has(button:not([aria-current])) button.slot").first.tap()
            await guest.locator("main", has_text="时间已记录").wait_for()
        await page.goto(f"/bookings/{booking}/invitations")
        await page.locator("main", has_text="已选定").wait_for()
