"""A lawyer's visit: the lawyer at a desk, the client before a terminal, the duty post without picture or sound."""

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
    on_stage,
    pair_terminal,
    sign_in,
)
from tests.journeys.conftest import Server

pytestmark = pytest.mark.browser


async def test_visit(playwright: Playwright, server: Server, tmp_path: Path) -> None:
    """Lawyer and client recognise each other's camera, unrecorded; the duty post sees only who is there."""
    lawyer = await actor(playwright, tmp_path, "lawyer", "green", width=768, height=1024)
    terminal = await actor(playwright, tmp_path, "client", "red", width=1920, height=1080)
    duty = await colleague(lawyer, "duty")
    async with on_stage(lawyer, terminal, duty):
        booking, room = await _book(lawyer, duty, server)
        await pair_terminal(terminal, duty, server, room)
        begin_earlier(server, booking)
        await _meet(lawyer, terminal, duty, server, booking)
        await _mute(lawyer, terminal)
        await _post(duty, server, booking)
        await _pause_and_heal(lawyer, terminal)
        await _end(lawyer, terminal)


async def _book(lawyer: Actor, duty: Actor, server: Server) -> tuple[str, str]:
    """The lawyer asks, the duty officer confirms; return the booking's id and the client's room."""
    page = lawyer.page
    await sign_in(lawyer, server, "lawyer")
    await page.goto(f"{server.url}/book/visit")
    await page.locator(".choice", has_text="张伟民").locator("label").first.click()
    await page.click("main form button[type=submit]")
    await page.locator("a.slot").first.click()
    await page.click("main form[action^='/book/'] button[type=submit]")
    await page.wait_for_url(lambda address: "/bookings/" in address)
    booking = page.url.split("/bookings/")[1].split("?")[0]
    await sign_in(duty, server, "duty")
    await duty.page.goto(f"{server.url}/day")
    await duty.page.locator(f"form[action='/day/{booking}/confirm'] button").click()
    room = await duty.page.locator(f"#d-{booking} .duty__room").inner_text()
    return booking, room.strip()


async def _meet(lawyer: Actor, terminal: Actor, duty: Actor, server: Server, booking: str) -> None:
    await lawyer.page.goto(f"{server.url}/sessions/{booking}/live")
    await check_devices(lawyer)
    await lawyer.see("不录制，无人监听；画面和声音由服务器转发，尚未端到端加密")
    await lawyer.shoot("lobby")
    await confirm_steps(duty, server, 3)
    await lawyer.sees(terminal)
    await terminal.sees(lawyer)
    await lawyer.see("不录制，无人监听", "#top")
    await terminal.see("不录制，无人监听", "#top")
    await lawyer.shoot("live")
    await terminal.shoot("live")


async def _mute(lawyer: Actor, terminal: Actor) -> None:
    """In a visit both may switch off microphone and camera, and the other is told."""
    await lawyer.press("麦克风开", "#bar")
    await terminal.see("麦克风已关", ".faces")
    await lawyer.press("麦克风关", "#bar")
    await lawyer.press("摄像头开", "#bar")
    await terminal.see("摄像头已关", ".faces")
    await lawyer.press("摄像头关", "#bar")
    await terminal.sees(lawyer)


async def _post(duty: Actor, server: Server, booking: str) -> None:
    """The duty post's page shows who is there and receives no picture."""
    await duty.page.goto(f"{server.url}/sessions/{booking}/live")
    await duty.see("看不到画面，也听不到声音", "#stage")
    assert await duty.page.locator("video[data-endpoint]").count() == 0
    await duty.shoot("post")


async def _pause_and_heal(lawyer: Actor, terminal: Actor) -> None:
    """A visit goes on by itself when the one who was cut off is back."""
    await lawyer.page.goto("about:blank")
    await terminal.page.locator("#held").wait_for(state="visible", timeout=PATIENT)
    await terminal.shoot("held")
    await lawyer.page.go_back()
    await lawyer.sees(terminal)
    await terminal.sees(lawyer)


async def _end(lawyer: Actor, terminal: Actor) -> None:
    await lawyer.press("更多", "#bar")
    await lawyer.press("全部结束", "#drawer")
    await lawyer.press("全部结束", "dialog")
    await lawyer.see("没有任何录制")
    await lawyer.shoot("ended")
    await terminal.page.locator("#outcome", has_text="摄像头和麦克风已关闭").wait_for(timeout=PATIENT)
    await terminal.page.locator("#idle").wait_for(state="visible", timeout=PATIENT)
