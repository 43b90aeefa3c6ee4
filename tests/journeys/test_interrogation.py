"""An interrogation from booking to the return of the person: an officer at a desk, a terminal in custody."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.journeys.cast import (
    PATIENT,
    Actor,
    actor,
    begin_earlier,
    check_devices,
    colleague,
    confirm_steps,
    first_frame_ms,
    on_stage,
    pair_terminal,
    recorded_colours,
    sign_in,
    until_ready,
)
from tests.journeys.conftest import Server

pytestmark = pytest.mark.browser


async def test_interrogation(playwright: Playwright, server: Server, tmp_path: Path) -> None:
    """Officer and terminal recognise each other's camera; a cut terminal holds the session, and it comes back."""
    officer = await actor(playwright, tmp_path, "officer", "blue")
    terminal = await actor(playwright, tmp_path, "terminal", "red", width=1920, height=1080)
    duty = await colleague(officer, "duty")
    async with on_stage(officer, terminal, duty):
        booking, room = await _book(officer, server)
        await sign_in(duty, server, "duty")
        await pair_terminal(terminal, duty, server, room)
        begin_earlier(server, booking)
        await _gather(officer, terminal, duty, server, booking)
        await _live(officer, terminal)
        await _cut_and_return(officer, terminal)
        await _end(officer, terminal, duty, server)
        await _playback(await colleague(officer, "reviewer"), {officer.colour, terminal.colour}, server, booking)


async def _book(officer: Actor, server: Server) -> tuple[str, str]:
    """Book through the pages; return the booking's id and the name of the room."""
    page = officer.page
    await sign_in(officer, server, "officer")
    await page.goto(f"{server.url}/book/interrogation")
    await page.locator(".choice", has_text="城东看守所").locator("label").first.click()
    second = await page.locator("#officer option", has_text="林晓燕").get_attribute("value")
    await page.select_option("#officer", str(second))
    await page.click("main form button[type=submit]")
    await page.locator("a.slot").first.click()
    place = await page.locator(".facts dd", has_text="城东看守所 ·").last.inner_text()
    await page.click("main form[action^='/book/'] button[type=submit]")
    await page.wait_for_url(re.compile("/bookings/"))
    return page.url.split("/bookings/")[1].split("?")[0], place.split(" · ")[1].strip()


async def _gather(officer: Actor, terminal: Actor, duty: Actor, server: Server, booking: str) -> None:
    await officer.page.goto(f"{server.url}/sessions/{booking}/live")
    await check_devices(officer, "check")
    await officer.see("目前在场")
    await confirm_steps(duty, server, 3)
    await terminal.page.locator("#outcome", has_text="请坐").wait_for(timeout=PATIENT)
    await officer.press("添加同一屏幕前的人")
    await officer.press("林晓燕", "dialog")
    await officer.page.locator(".start:not([disabled])").wait_for(timeout=PATIENT)
    await officer.shoot("lobby")


async def _live(officer: Actor, terminal: Actor) -> None:
    print(f"begin to first remote frame: {await first_frame_ms(officer, '.start'):.0f} ms")
    await officer.sees(terminal)
    await terminal.sees(officer)
    await officer.page.locator(".record", has_text=re.compile("已录制至")).wait_for(timeout=PATIENT)
    await officer.shoot("live")
    await terminal.shoot("live")
    await officer.press("更多", "#bar")
    await officer.press("标记此刻", "#drawer")
    await officer.page.fill("dialog input", "出示物证")
    await officer.press("标记", "dialog")
    await officer.press("关闭", "#drawer header")


async def _cut_and_return(officer: Actor, terminal: Actor) -> None:
    """Without the person nothing is transmitted; with them back, only the host goes on."""
    await terminal.page.goto("about:blank")
    await officer.page.locator("#held").wait_for(state="visible", timeout=PATIENT)
    await officer.sees_nobody()
    await officer.shoot("held")
    await terminal.page.go_back()
    await terminal.page.locator("#held").wait_for(state="visible", timeout=PATIENT)
    await terminal.shoot("held")
    await officer.page.locator("#held .primary:not([disabled])").click(timeout=PATIENT)
    await officer.page.fill("dialog input", "线路已恢复")
    await officer.press("继续", "dialog")
    await officer.sees(terminal)
    await terminal.sees(officer)


async def _end(officer: Actor, terminal: Actor, duty: Actor, server: Server) -> None:
    await officer.press("更多", "#bar")
    await officer.press("全部结束", "#drawer")
    await officer.press("全部结束", "dialog")
    await officer.see("已经结束")
    await terminal.page.locator("#outcome", has_text="仍在录制").wait_for(timeout=PATIENT)
    await confirm_steps(duty, server, 1)
    await officer.page.locator(".digest").wait_for(timeout=PATIENT)
    await officer.shoot("ended")
    await terminal.page.locator("#outcome", has_text="摄像头和麦克风已关闭").wait_for(timeout=PATIENT)


async def _playback(reviewer: Actor, colours: set[str], server: Server, booking: str) -> None:
    """A reviewer reads that the record is intact, finds each camera again after seeking, and plays the composed
    picture from the officer's marker on, with the own name over it."""
    page = reviewer.page
    await sign_in(reviewer, server, "reviewer")
    await until_ready(reviewer, f"{server.url}/records/{booking}", ".verdict")
    await reviewer.see("完整性校验一致")
    await page.locator("form[action$='/play'] button").click()
    await until_ready(reviewer, f"{server.url}/records/{booking}", "input[value='composed.mp4']")
    await page.locator("#transport").wait_for(timeout=PATIENT)
    await page.locator("input[value=all]").check()
    assert await recorded_colours(reviewer, [0.5, 0.2, 0.8]) == [colours] * 3
    await page.locator("input[value='composed.mp4']").check()
    assert "郑法明" in await page.locator(".watermark").inner_text()
    await page.locator(".jumps button", has_text="出示物证").click()
    marked = await page.evaluate("document.querySelector('figure:not([hidden]) video').currentTime")
    assert marked > 0
    await page.locator("#toggle").click()
    moved = "(from) => document.querySelector('figure:not([hidden]) video').currentTime > from + 1"
    await page.wait_for_function(moved, arg=marked, timeout=PATIENT)
    await reviewer.shoot("playback")
