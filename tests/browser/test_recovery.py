"""Lines that break under a live page: what its recovery costs whoever looks, and by which way it is connected then."""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Page

from media import commands
from signaling import messages as wire
from tests.browser.pair import WATCH, live_pair, longest_ms, sender
from tests.browser.stand import SESSION, Stand, holds, running, view
from tests.browser.test_live_page import HOST, enter, officer
from tests.ear import SEND, Ear
from tests.wire.coturn import coturn

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
FENCED = """
const Real = RTCPeerConnection;
globalThis.fenced = true;
globalThis.RTCPeerConnection = class extends Real {
  constructor(given) { super({...given, iceTransportPolicy: fenced ? "relay" : "all"}); }
};
"""
"""A network that lets nothing out but the way to TURN, until ``fenced`` is false."""
RECEIVED = "[...yuanjian.receivers.all.values()][0].link.connection"
WAYS = {
    "udp": ("直连", "direct"),
    "tcp": ("TCP 直连", "direct over TCP"),
    "turn-udp": ("经网络中继", "through a relay of the network"),
    "turn-tls": ("经网络中继", "through a relay of the network"),
}


def ways(stand: Stand) -> list[str]:
    """By which way each connection of the session came, in order."""
    return [event.way for event in stand.events if isinstance(event, commands.Connected) and event.session == SESSION]


async def test_a_new_post_of_either_side_is_hardly_seen(stand: Stand) -> None:
    """Sender and viewer change their network: the new offer replaces the old connection, picture and sound stay."""
    async with live_pair(stand, before=SEND) as (mine, viewer):
        ear = Ear(viewer, ".faces video", RECEIVED)
        await ear.open()
        stood, sound = {}, {}
        for side, page, renew in (
            ("sender", mine, "yuanjian.camera.renew()"),
            ("viewer", viewer, "yuanjian.receivers.renew()"),
        ):
            before = len(ways(stand))
            await viewer.evaluate(WATCH)
            await ear.begin()
            await page.evaluate(renew)
            stood[side], sound[side] = round(await longest_ms(viewer)), await ear.heard()
            assert len(ways(stand)) == before + 1
        print(json.dumps({"new POST": {"picture stood for_ms": stood, "sound": sound}}))
        assert max(stood.values()) < 2000
        assert max(each["away_ms"] for each in sound.values()) < 2000


async def test_f20_a_call_survives_its_turn_server(tmp_path: Path) -> None:
    """Both pages come by TURN and nothing else; it is killed; they come by another way, by themselves."""
    async with coturn(tmp_path, relay="127.0.0.2") as turn, running(turn_addresses=("127.0.0.2",)) as stand:
        server = turn.server("udp")
        stand.ice_servers = ({"urls": server.urls, "username": server.username, "credential": server.credential},)
        async with live_pair(stand, before=FENCED + SEND) as (mine, viewer):
            ear = Ear(viewer, ".faces video", RECEIVED)
            await ear.open()
            assert {way.partition("-")[0] for way in ways(stand)} == {"turn"}
            before = len(ways(stand))
            for page in (mine, viewer):
                await page.evaluate("globalThis.fenced = false")
            await viewer.evaluate(WATCH)
            await ear.begin()
            await turn.stop()
            await holds(viewer, "performance.now() - gaps.at(-1) > 1000")
            found = {"picture stood for_ms": round(await longest_ms(viewer)), "sound": await ear.heard()}
            print(json.dumps({"TURN killed": {**found, "ways": ways(stand)[before:]}}))
            assert set(ways(stand)[before:]) == {"udp"}
            assert found["picture stood for_ms"] < 3 * 5000
            assert abs(found["sound"]["away_ms"] - found["picture stood for_ms"]) < 1500


async def test_a_line_over_which_nothing_is_to_be_heard_is_not_taken_for_dead(stand: Stand) -> None:
    """While a session is held no media come; answers to connectivity checks alone keep both connections."""
    async with live_pair(stand):
        before = len(ways(stand))
        stand._do(commands.Forward(session=SESSION, on=False))
        await asyncio.sleep(9)
        assert len(ways(stand)) == before


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
async def test_the_list_of_people_says_by_which_way_each_is_connected(page: Page, stand: Stand, locale: str) -> None:
    """Direct, over TCP, or through a relay of the network, with loss and delay, in the reader's language."""
    stand.views["h"] = view("h", officer(), sender(), rights=HOST)
    await enter(page, stand, locale=locale)
    await page.locator("#bar button", has_text="在场" if locale == "zh-CN" else "People").click()
    for way, words in WAYS.items():
        line = wire.LineView(up_loss=0.0, down_loss=0.012, rtt_ms=48.0, way=way)
        await stand.push("h", view("h", officer(), sender(line=line), rights=HOST))
        shown = page.locator(".person-card .quality", has_text="1.2 %")
        await shown.filter(has_text=words[locale == "en"]).wait_for()
