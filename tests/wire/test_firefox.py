"""Debian's Firefox and Chromium see and hear each other through the relay."""

import asyncio

import pytest

from media import commands
from tests.chromium import chromium
from tests.firefox import TONE_HZ, firefox, lent_address
from tests.wire.stage import site

pytestmark = pytest.mark.browser


async def test_firefox_and_chromium_see_and_hear_each_other() -> None:
    """Firefox's tone and camera arrive in Chromium and in the record, Chromium's arrive in Firefox."""
    with lent_address() as host:
        async with (
            firefox() as fox,
            chromium("--disable-features=WebRtcHideLocalIpsWithMdns") as other,
            site(bind=(host,)) as (_, recorders, address, events),
        ):
            foxes = [await fox.tab(), await fox.tab()]
            pages = [await other.new_page(), await other.new_page()]
            for page in (*foxes, *pages):
                await page.goto(address)
            await foxes[0].evaluate("publish('/whip/room/fox', 0)")
            await pages[0].evaluate(f"publish('/whip/room/chrome', {TONE_HZ})")
            await asyncio.gather(
                foxes[1].evaluate(f"watch('/whep/room/chrome', {TONE_HZ})"),
                pages[1].evaluate(f"watch('/whep/room/fox', {TONE_HZ})"),
            )
            before = await foxes[1].evaluate("energy()")
            await asyncio.gather(foxes[1].evaluate("start()"), pages[1].evaluate("start()"))
            await asyncio.sleep(4)
            seen, heard = await foxes[1].evaluate("result()"), await pages[1].evaluate("result()")
            assert min(seen["frames"], heard["frames"]) > 20
            assert heard["heard"] >= 0.95
            assert await foxes[1].evaluate("energy()") > before
            assert len([event for event in events if isinstance(event, commands.Connected)]) == 4
            tracks = {(track.endpoint, track.codec) for track in recorders.made[0].tracks.values()}
            assert tracks == {("fox", "opus"), ("fox", "vp8"), ("chrome", "opus"), ("chrome", "vp8")}
