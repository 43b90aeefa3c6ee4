"""Faces: real media between pages, six participants, a shared screen, and what a held session hides."""

from dataclasses import replace

import pytest
from playwright.async_api import Browser, Page

from signaling import messages as wire
from tests.browser.stand import Stand, endpoint, holds, page_facts, person, rights, view
from tests.browser.test_live_page import HOST, enter, officer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
WIDTH = "(document.querySelector('video[data-endpoint=a]')?.videoWidth ?? 0)"
PLAYING = "document.querySelectorAll('.tile.playing').length"

SHARED = """(video => video && video.videoWidth > 100 && video.getVideoPlaybackQuality().totalVideoFrames > 5)(
    document.querySelector(".faces .tile.screen video"))"""


def face(name: str, **more: object) -> wire.EndpointView:
    return endpoint(name, "party", person(f"参加人 {name}", "interpreter"), publications=("camera",), **more)


async def test_faces_come_and_go_with_the_view(browser: Browser, page: Page, stand: Stand) -> None:
    """A face appears when it is listed, and is taken out, silent and without a picture, while held."""
    other = await browser.new_context()
    sender = await other.new_page()
    sends = rights(publish=True, subscribe=True)
    stand.views["a"] = view("a", face("a"), rights=sends)
    await enter(sender, stand, "a", endpointRole="party")
    await holds(sender, "yuanjian.camera.link.state === 'connected'")
    live = view("h", officer(), face("a"), rights=HOST)
    stand.views["h"] = live
    await enter(page, stand)
    await holds(page, f"{PLAYING} === 1")
    await stand.push("h", replace(live, state="held", reason="stopped", reason_text="休息"))
    await page.locator("#held").wait_for()
    assert await page.locator(".faces video").count() == 0
    await stand.push("h", live)
    await holds(page, f"{PLAYING} === 1")
    await stand.push("h", view("h", officer(), rights=HOST))
    await page.get_by_text("画面中还没有其他人").wait_for()
    await other.close()


async def test_a_small_tile_gets_a_smaller_picture(browser: Browser, page: Page, stand: Stand) -> None:
    """Where three meet a camera brings two layers: a small tile shows the small one, a large tile the large one."""
    other = await browser.new_context()
    sender = await other.new_page()
    sends = rights(publish=True, subscribe=True)
    absent = replace(face("b"), publications=())
    stand.views["a"] = view("a", officer(), face("a"), absent, rights=sends)
    await enter(sender, stand, "a", endpointRole="party")
    await holds(sender, "yuanjian.camera.link.state === 'connected'")
    stand.views["h"] = view("h", officer(), face("a"), absent, rights=HOST)
    await enter(page, stand)
    await holds(page, f"{WIDTH} >= 320")
    assert stand.seat("h").said(wire.Prefer) == []
    await page.set_viewport_size({"width": 260, "height": 700})
    await holds(page, f"{WIDTH} > 0 && {WIDTH} < 320")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await holds(page, f"{WIDTH} >= 320")
    sizes = [wish.size for wish in stand.seat("h").said(wire.Prefer)]
    assert sizes == ["small", "large"]
    await other.close()


async def test_new_turn_credentials_reach_every_connection(page: Page, stand: Stand) -> None:
    """Those that stand are told as well as those to come."""
    stand.views["h"] = view("h", officer(), rights=HOST)
    await enter(page, stand)
    await holds(page, "yuanjian.camera.link.state === 'connected'")
    server = {"urls": "turn:127.0.0.1:9?transport=tcp", "username": "1:h", "credential": "x"}
    await stand.seat("h").push(wire.IceServers(ice_servers=(server,)))
    name = "yuanjian.camera.link.connection.getConfiguration().iceServers[0]?.username"
    await holds(page, f"{name} === '1:h' && yuanjian.connection.welcome.ice_servers.length === 1")


async def test_six_share_the_stage(page: Page, stand: Stand) -> None:
    """Five others stand in two rows, each with name, role and line; a camera that is off is said in words."""
    faces = [face(name) for name in "abcd"] + [face("e", video="off", audio="off")]
    stand.views["h"] = view("h", officer(), *faces, rights=HOST)
    await enter(page, stand)
    await page.locator(".tile").nth(4).wait_for()
    style = await page.locator(".faces").get_attribute("style")
    assert style is not None
    assert "--columns: 3" in style
    assert "--rows: 2" in style
    assert "麦克风已关、摄像头已关" in await page.locator(".tile").nth(4).inner_text()
    boxes = [await tile.bounding_box() for tile in await page.locator(".tile").all()]
    assert all(box is not None and box["width"] > 200 and box["height"] > 150 for box in boxes)


async def test_shared_screen_is_the_main_picture(page: Page, stand: Stand) -> None:
    """A shared screen takes the stage, the faces move to its side."""
    sharing = replace(face("a"), publications=("camera", "screen"))
    stand.views["h"] = view("h", officer(), sharing, face("b"), rights=HOST)
    await enter(page, stand)
    await page.locator(".faces .tile.screen").wait_for()
    assert await page.locator(".faces .tile").count() == 1
    assert await page.locator(".side-faces .tile").count() == 2
    await page.locator(".faces figcaption", has_text="参加人 a 的屏幕").wait_for()


async def test_a_shared_screen_goes_through_the_relay(browser: Browser, page: Page, stand: Stand) -> None:
    """What one picks to share is told, published, and moves on the other's stage; stopping takes it away again."""
    other = await browser.new_context()
    sender = await other.new_page()
    sends = rights(publish=True, subscribe=True, share=True)
    stand.views["a"] = view("a", officer(), face("a"), rights=sends)
    await enter(sender, stand, "a", endpointRole="party")
    await holds(sender, "yuanjian.camera.link.state === 'connected'")
    await sender.evaluate(
        "document.body.animate([{opacity: 1}, {opacity: 0.2}], {duration: 500, iterations: Infinity})"
    )
    await sender.get_by_role("button", name="共享屏幕").click()
    await holds(sender, "yuanjian.screen?.link.state === 'connected'")
    assert stand.seat("a").said(wire.Share) == [wire.Share(on=True)]
    stand.views["h"] = view("h", officer(), replace(face("a"), publications=("camera", "screen")), rights=HOST)
    await enter(page, stand)
    await holds(page, SHARED)
    await sender.evaluate("yuanjian.unshare()")
    await stand.push("h", view("h", officer(), face("a"), rights=HOST))
    await page.locator(".tile.screen").wait_for(state="detached")
    assert stand.seat("a").said(wire.Share)[-1] == wire.Share(on=False)
    await other.close()


async def test_lobby_hears_a_knock_and_the_room_shows_the_door(page: Page, stand: Stand) -> None:
    """Who waits while the session runs stands at the door with one button to let them in."""
    stand.views["h"] = view("h", officer(), replace(face("a"), state="waiting", publications=()), rights=HOST)
    await enter(page, stand)
    await page.locator("#door", has_text="参加人 a 正在等候进入").wait_for()
    await page.locator("#door button", has_text="允许进入").click()
    await page.wait_for_timeout(300)
    assert stand.seat("h").said(wire.Admit) == [wire.Admit(endpoint="a")]


async def test_post_sees_people_and_no_faces(page: Page, stand: Stand) -> None:
    """The duty post of a visit gets the list of people and the time; nothing is opened, sent or received."""
    post = endpoint("h", "post", person("赵国强", "duty_officer"), audio="off", video="off", line=None)
    only = rights(host=True, stop=True, end=True)
    lawyer, client = face("a"), face("b")
    stand.views["h"] = view("h", post, lawyer, client, rights=only, policy="attendance", recording="off", durable=None)
    stand.facts["h"] = page_facts(endpointRole="post", policy="attendance", rolesHere=[], candidates=[])
    await page.goto(f"{stand.url}/sessions/h/live")
    await page.locator("#drawer h3", has_text="参加人 a").wait_for()
    assert await page.locator("#stage video").count() == 0
    assert "麦克风" not in await page.locator("#drawer").inner_text()
    assert stand.seat("h").said(wire.Device) == []
