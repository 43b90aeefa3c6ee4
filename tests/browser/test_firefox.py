"""The product's own live page in Debian's Firefox, opposite one in Chromium, through the real relay."""

import asyncio
import json
from typing import Any

import pytest

from media import commands
from signaling import messages as wire
from tests.browser.pair import PLAYING
from tests.browser.stand import Stand, endpoint, holds, page_facts, person, rights, running, view
from tests.browser.test_live_page import HOST, enter
from tests.chromium import chromium
from tests.firefox import Tab, firefox, lent_address

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
SENDS = rights(publish=True, subscribe=True, mute=True)


COUNT = """(() => {
  const video = document.querySelector(".faces video"), look = () => (seen++, video.requestVideoFrameCallback(look));
  globalThis.seen = 0;
  video.requestVideoFrameCallback(look);
})()"""


def both() -> tuple[wire.EndpointView, ...]:
    """Who is in the session: an officer in Chromium, a party in Firefox, each with its camera."""
    return (
        endpoint("h", "host", person("王芳", "officer", number="031275"), publications=("camera",)),
        endpoint("a", "party", person("李娜", "interpreter"), publications=("camera",)),
    )


async def come_in(tab: Tab, stand: Stand, name: str) -> None:
    """Open the live page and go in as after a check earlier today."""
    stand.facts[name] = page_facts(endpointRole="party")
    result = {"picture": True, "microphone": True, "speaker": True, "loss": 0, "delay_ms": 1, "way": "udp"}
    await tab.goto(f"{stand.url}/blank")
    checked = json.dumps({"at": 9e12, "well": True, "result": result})
    await tab.evaluate(f"localStorage.setItem('yuanjian.check', {checked!r})")
    await tab.goto(f"{stand.url}/sessions/{name}/live")
    await holds(
        tab, "[...document.querySelectorAll('#outcome button')].some((one) => one.textContent.includes('进入'))"
    )
    await tab.evaluate(
        "[...document.querySelectorAll('#outcome button')].find((one) => one.textContent.includes('进入')).click()"
    )


async def test_the_live_page_works_in_firefox() -> None:
    """Each page shows the other's moving picture; Firefox comes back after its connections were given up."""
    with lent_address() as host:
        async with (
            firefox() as fox,
            chromium("--disable-features=WebRtcHideLocalIpsWithMdns") as other,
            running(bind=(host,)) as stand,
        ):
            stand.views["a"] = view("a", *both(), rights=SENDS)
            stand.views["h"] = view("h", *both(), rights=HOST)
            tab = await fox.tab()
            await come_in(tab, stand, "a")
            page = await (await other.new_context(locale="zh-CN")).new_page()
            await enter(page, stand, "h")
            await holds(page, f"{PLAYING} === 1")
            await holds(tab, f"{PLAYING} === 1")
            for where in (tab, page):
                await moves(where)
            came = connections(stand)
            await tab.evaluate("void yuanjian.camera.renew(), void yuanjian.receivers.renew()")
            async with asyncio.timeout(20):
                while connections(stand) < came + 2:
                    await asyncio.sleep(0.05)
            for where in (tab, page):
                await moves(where)


def connections(stand: Stand) -> int:
    return sum(isinstance(event, commands.Connected) for event in stand.events)


async def moves(where: Any) -> None:
    """Wait for ten more pictures of the other in a page."""
    await where.evaluate(COUNT)
    await holds(where, "seen > 10")
