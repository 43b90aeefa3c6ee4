"""A witness statement begun at once: an officer at a desk and a witness on a phone, by invitation."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.journeys.cast import (
    PATIENT,
    Actor,
    actor,
    first_frame_ms,
    gather_statement,
    go_on,
    nearest,
    on_stage,
    start_statement,
)
from tests.journeys.conftest import Server

pytestmark = pytest.mark.browser
OFFLINE_MS = 10_000


async def test_statement(playwright: Playwright, server: Server, tmp_path: Path) -> None:
    """They recognise each other's camera; a reload, ten seconds without network and a second window all come back."""
    officer = await actor(playwright, tmp_path, "officer", "green")
    witness = await actor(playwright, tmp_path, "witness", "amber", width=390, height=844, phone=True)
    async with on_stage(officer, witness):
        session = await start_statement(officer, server)
        await gather_statement(officer, witness, server, session)
        await _talk(officer, witness)
        await _check_identity(officer, witness)
        await _reload(officer, witness)
        await _offline(officer, witness)
        await _newest_wins(officer, witness)
        await _stop(officer, witness)


async def _talk(officer: Actor, witness: Actor) -> None:
    print(f"admit to first remote frame: {await first_frame_ms(officer, '[data-key^=admit-]'):.0f} ms")
    await officer.sees(witness)
    await witness.sees(officer)
    await witness.press("文字", "#bar")
    await witness.page.fill("#chat-line", "我看得到您")
    await witness.press("发送", "#drawer")
    await witness.see("我看得到您", ".lines")
    await witness.shoot("chat")
    await witness.press("关闭", "#drawer")
    await officer.page.locator("#bar .badge", has_text="1").wait_for(timeout=PATIENT)
    await officer.shoot("live")
    await witness.shoot("live")


async def _check_identity(officer: Actor, witness: Actor) -> None:
    """The witness agrees, takes two stills and covers part of one; the officer sees both and confirms by document."""
    await officer.shoot("identity-open")
    await officer.press("核验身份", "#identity")
    await officer.press("请对方拍摄两张照片", "dialog")
    await witness.see("可以请您拍两张照片吗", "dialog")
    await witness.shoot("stills-question")
    await witness.press("同意", "dialog")
    for part in ("face", "document"):
        await witness.page.locator(f".still-view.{part} video").wait_for(timeout=PATIENT)
        await witness.page.wait_for_timeout(500)
        await witness.shoot(f"stills-{part}")
        await witness.press("拍照", "dialog")
        await witness.page.locator("dialog").get_by_role("button", name="使用这张").wait_for(timeout=PATIENT)
        await witness.shoot(f"stills-{part}-taken")
        await witness.press("使用这张", "dialog")
    await witness.shoot("stills-review")
    await witness.press("发送照片", "dialog")
    await witness.see("照片已发送", "dialog")
    await witness.shoot("stills-sent")
    await witness.press("继续", "dialog")
    await officer.see("照片已收到，请核对", "#identity")
    await officer.press("核验身份", "#identity")
    await officer.page.locator(".still-pair img").nth(1).wait_for(timeout=PATIENT)
    await officer.page.wait_for_timeout(500)
    await officer.shoot("stills-compare")
    face, covered = await officer.page.evaluate(_STILLS)
    assert nearest(face) == witness.colour
    assert max(covered) < 24
    await officer.press("证件与本人一致", "dialog")
    await officer.press("居民身份证", "dialog")
    await officer.page.locator("#identity").wait_for(state="hidden", timeout=PATIENT)
    await officer.press("在场人", "#bar")
    await officer.see("身份已核验", "#drawer")
    await officer.shoot("identity-verified")
    await officer.press("关闭", "#drawer")


_STILLS = """() => [...document.querySelectorAll(".still-pair img")].map((image, number) => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 100, height: 100});
  const paper = canvas.getContext("2d");
  paper.drawImage(image, 0, 0, 100, 100);
  const [x, y] = number ? [55, 86] : [50, 10];
  return [...paper.getImageData(x, y, 1, 1).data.slice(0, 3)];
})"""
"""A spot of the face's background, and one under the document's bar, as the officer's page shows them."""


async def _reload(officer: Actor, witness: Actor) -> None:
    """After a reload the same endpoint is back without a new check or admission."""
    before = await _endpoints(officer)
    await witness.page.reload()
    await _going_on(officer, witness)
    assert await _endpoints(officer) == before


async def _offline(officer: Actor, witness: Actor) -> None:
    """Ten seconds without network: words meanwhile, and back by itself as the same endpoint."""
    before = await _endpoints(officer)
    await witness.context.set_offline(True)
    await witness.page.locator("#lost").wait_for(state="visible", timeout=PATIENT)
    await witness.shoot("offline")
    await witness.page.wait_for_timeout(OFFLINE_MS)
    await witness.context.set_offline(False)
    await _going_on(officer, witness)
    assert await _endpoints(officer) == before


async def _newest_wins(officer: Actor, witness: Actor) -> None:
    """A second window takes over; the first one is told and may take it back."""
    second = await witness.context.new_page()
    await second.goto(witness.page.url)
    await second.locator("#outcome button", has_text="进入").first.click()
    await witness.see("您已在另一处进入")
    await witness.shoot("replaced")
    await second.close()
    await witness.press("改在这里继续")
    await witness.press("进入")
    await _going_on(officer, witness)


async def _stop(officer: Actor, witness: Actor) -> None:
    """The witness may stop it; only the host goes on."""
    await witness.press("暂停", "#bar")
    await witness.press("休息", "dialog")
    await officer.see("休息", "#held")
    await officer.sees_nobody()
    await witness.shoot("held")
    await go_on(officer)
    await officer.sees(witness)
    await officer.press("更多", "#bar")
    await officer.press("全部结束", "#drawer")
    await officer.press("全部结束", "dialog")
    await officer.page.locator(".digest").wait_for(timeout=PATIENT)
    await witness.see("已经结束")
    await witness.shoot("ended")


async def _going_on(officer: Actor, witness: Actor) -> None:
    """Both see each other; where the absence held the session, sooner or later, the host goes on first."""
    await witness.page.locator("#room").wait_for(state="visible", timeout=PATIENT)
    await officer.page.wait_for_timeout(1000)
    resuming = asyncio.ensure_future(_resume(officer))
    try:
        await officer.sees(witness)
        await witness.sees(officer)
    finally:
        resuming.cancel()


async def _resume(officer: Actor) -> None:
    """Go on whenever the session is held."""
    while True:
        if await officer.page.locator("#held .primary:not([disabled])").is_visible():
            await go_on(officer)
        await officer.page.wait_for_timeout(200)


async def _endpoints(officer: Actor) -> list[str]:
    found: list[str] = await officer.page.evaluate("yuanjian.view.endpoints.map((one) => one.id).sort()")
    return found
