"""No serious finding of axe-core in any scene of the live page and the terminal."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.stand import SESSION, Stand, endpoint, now, page_facts, person, rights, view
from tests.browser.test_live_page import HOST, enter, officer
from tests.browser.test_terminal_page import idle, live

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text()
_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 4).join(" | ")}`)"""


async def findings(page: Page, scene: str) -> list[str]:
    await page.evaluate(AXE)
    found: list[str] = await page.evaluate(_RUN)
    return [f"{scene}: {line}" for line in found]


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desk", "phone"])
async def test_live_page(page: Page, stand: Stand, size: tuple[int, int]) -> None:
    """Check, waiting room, session with its drawers and dialogs, pause and end can be used by everybody."""
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    stand.facts["h"] = page_facts()
    await page.goto(f"{stand.url}/sessions/h/live")
    await page.locator("#check h1").wait_for()
    found = await findings(page, "check")
    guest = endpoint("g", "guest", person("陈静", "witness", confirmed=False), state="waiting")
    stand.views["h"] = view("h", officer(), guest, state="waiting", recording="off", missing=("officer",), rights=HOST)
    await enter(page, stand)
    await page.locator("#lobby h1").wait_for()
    found += await findings(page, "lobby")
    running = view("h", officer(), guest, rights=HOST)
    await stand.push("h", running)
    for label in ("在场人", "文字", "更多"):
        await page.locator("#bar button", has_text=label).click()
        found += await findings(page, label)
    await page.locator("#bar button", has_text="离开").click()
    found += await findings(page, "leave")
    await page.keyboard.press("Escape")
    await stand.push("h", replace(running, state="held", reason="stopped", reason_text="休息"))
    await page.locator("#held h2").wait_for()
    found += await findings(page, "held")
    await _notice_and_end(page, stand, found)
    assert found == []


async def _notice_and_end(page: Page, stand: Stand, found: list[str]) -> None:
    from signaling import messages as wire

    await stand.seat("h").push(wire.Notice(number=8, at=now(), level="alarm", code="x", text="出现问题。"))
    await page.locator(".notice").wait_for()
    found += await findings(page, "notice")
    await stand.seat("h").push(wire.Ended(number=9, at=now(), reason="x", reason_text="结束。", digest="ab" * 32))
    await page.locator(".digest").wait_for()
    found += await findings(page, "ended")


async def test_terminal(page: Page, stand: Stand) -> None:
    """The terminal's pairing, idle and live screens are readable."""
    found: list[str] = []
    scenes: list[tuple[dict[str, Any], str]] = [
        ({"paired": False, "waiting": False}, ".code"),
        (idle(), "#idle h1"),
        (idle(session=SESSION), "#stage"),
    ]
    stand.views[SESSION] = replace(live(), rights=rights(publish=True, subscribe=True, mute=False))
    for agenda, shown in scenes:
        stand.agenda = agenda
        await page.goto(f"{stand.url}/terminal")
        await page.locator(shown).wait_for()
        found += await findings(page, shown)
    assert found == []
