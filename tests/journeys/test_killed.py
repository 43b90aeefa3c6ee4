"""A process of the server dies in the middle: the pages of those present come back to the session by themselves."""

import time
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
    on_stage,
    start_statement,
)
from tests.journeys.conftest import Server

pytestmark = pytest.mark.browser

REJOIN_S, SLACK = 15, 3
"""Evidence fault F1, and how much more on a machine that has other things to do."""


async def test_pages_return(playwright: Playwright, server: Server, tmp_path: Path) -> None:
    """After each kill both pages stand in the held session again; when the host goes on they see each other."""
    officer = await actor(playwright, tmp_path, "officer", "green")
    witness = await actor(playwright, tmp_path, "witness", "amber", width=390, height=844, phone=True)
    async with on_stage(officer, witness):
        await gather_statement(officer, witness, server, await start_statement(officer, server))
        await first_frame_ms(officer, "[data-key^=admit-]")
        for process in ("web", "media-0"):
            await officer.sees(witness)
            await officer.page.locator(".record", has_text="已录制至").wait_for(timeout=PATIENT)
            await _kill(server, process, officer, witness)
            await go_on(officer)
        await officer.sees(witness)
        await witness.sees(officer)


async def _kill(server: Server, process: str, *present: Actor) -> None:
    killed = time.monotonic()
    server.kill(process)
    for who in present:
        await _is_back(who)
    took = time.monotonic() - killed
    print(f"{process} killed: the pages are back in the session after {took:.1f} s")
    assert took < SLACK * REJOIN_S
    await present[0].shoot(f"killed-{process}")


async def _is_back(who: Actor) -> None:
    """Held, and connected again."""
    await who.page.locator("#held").wait_for(state="visible", timeout=PATIENT)
    await who.page.locator("#lost").wait_for(state="hidden", timeout=PATIENT)
