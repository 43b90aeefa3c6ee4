"""The live page against a session that the test plays: what a person sees, does and gets back."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from signaling import messages as wire
from tests.browser.stand import Stand, endpoint, holds, now, page_facts, person, rights, view

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
HOST = rights(publish=True, subscribe=True, host=True, stop=True, end=True, extend=True, share=True, chat=True)


def officer(**more: Any) -> wire.EndpointView:
    return endpoint("h", "host", person("李娜", "officer", number="031274"), **more)


def room(**more: Any) -> wire.EndpointView:
    return endpoint("r", "room", person("张伟", "detainee"), **more)


async def enter(page: Page, stand: Stand, name: str = "h", **facts: Any) -> None:
    """Open the page and go in as after a check earlier today."""
    stand.facts[name] = page_facts(**facts)
    result = {"picture": True, "microphone": True, "speaker": True, "loss": 0, "delay_ms": 1, "way": "udp"}
    checked = json.dumps({"at": 9e12, "well": True, "result": result})
    await page.add_init_script(f"localStorage.setItem('yuanjian.check', '{checked}')")
    await page.goto(f"{stand.url}/sessions/{name}/live")
    await (
        page.locator("#outcome button", has_text="进入").or_(page.locator("#outcome button", has_text="Go in")).click()
    )


async def heard(stand: Stand, kind: type, name: str = "h") -> Any:
    """The newest message of ``kind`` the page has sent."""
    for _ in range(200):
        if found := stand.seat(name).said(kind):
            return found[-1]
        await asyncio.sleep(0.05)
    raise AssertionError(f"the page never sent {kind.__name__}")


async def test_check_measures_and_is_told(page: Page, stand: Stand) -> None:
    """The device check sees the picture, hears the microphone, asks for the tone, measures the line, and is kept."""
    stand.facts["h"] = page_facts()
    await page.goto(f"{stand.url}/sessions/h/live")
    await page.locator("#check .go button", has_text="检查").click()
    await page.locator("#check button", has_text="播放提示音").click()
    await page.locator("#check button", has_text="听到了").click()
    await page.locator("#check .check[data-state=good]").nth(3).wait_for()
    await page.locator("#check > .go button", has_text="继续").click()
    done = await heard(stand, wire.CheckDone)
    assert (done.picture, done.microphone, done.speaker, done.loss, done.way) == (True, True, True, 0.0, "udp")


async def test_unsupported_browser_is_told_first(page: Page, stand: Stand) -> None:
    """Without WebRTC the page says so in words and starts nothing."""
    stand.facts["h"] = page_facts()
    await page.add_init_script("delete window.RTCPeerConnection")
    await page.goto(f"{stand.url}/sessions/h/live")
    await page.get_by_text("浏览器版本过旧").wait_for()
    assert await page.locator("#app").is_hidden()
    assert stand.seat("h").joins == 0


async def test_in_app_browser_is_sent_to_a_real_one(browser: Browser, stand: Stand) -> None:
    """A chat app's browser without camera is told how to open the page elsewhere."""
    context = await browser.new_context(user_agent="Mozilla/5.0 (Linux; Android 9) MicroMessenger/8.0")
    page = await context.new_page()
    await page.add_init_script("delete window.RTCPeerConnection")
    stand.facts["h"] = page_facts()
    await page.goto(f"{stand.url}/sessions/h/live")
    await page.get_by_text("请在浏览器中打开本页").wait_for()


async def test_host_admits_confirms_and_begins(page: Page, stand: Stand) -> None:
    """In the waiting room the host names the second officer, lets in, confirms by document and begins."""
    guest = endpoint("g", "guest", person("陈静", "witness", confirmed=False), state="waiting")
    waiting = view("h", officer(), guest, state="waiting", recording="off", missing=("officer",), rights=replace(HOST))
    stand.views["h"] = waiting
    await enter(page, stand)
    await page.get_by_role("button", name="允许进入 陈静").click()
    assert (await heard(stand, wire.Admit)).endpoint == "g"
    await page.get_by_role("button", name="确认").click()
    await page.get_by_role("button", name="已核对身份证件").click()
    assert (await heard(stand, wire.ConfirmPerson)).how == "document"
    await page.get_by_role("button", name="添加同一屏幕前的人").click()
    await page.get_by_role("button", name="王芳 · 办案民警 · 031275").click()
    named = await heard(stand, wire.NamePerson)
    assert (named.person, named.role, named.endpoint) == ("x" * 22, "officer", None)
    assert await page.locator(".start").is_disabled()
    await stand.push("h", replace(waiting, missing=(), rights=replace(HOST, start=True)))
    await page.locator(".start:not([disabled])").click()
    await heard(stand, wire.Start)


async def test_names_are_never_markup(page: Page, stand: Stand) -> None:
    """A name that looks like markup is shown as it was typed."""
    evil = '<img src=x onerror="document.title=1">'
    stand.views["h"] = view("h", officer(), endpoint("r", "room", person(evil, "detainee")), rights=HOST, title=evil)
    await enter(page, stand)
    await page.locator("#bar button", has_text="在场人").click()
    await page.locator("#drawer h3", has_text=evil).wait_for()
    assert await page.locator("#room img").count() == 0


async def test_held_shows_why_and_the_host_goes_on(page: Page, stand: Stand) -> None:
    """While held no face is shown; going on wants a reason and says it to the server."""
    live = view("h", officer(), room(), rights=HOST)
    stand.views["h"] = live
    await enter(page, stand)
    await page.locator("#stage").wait_for()
    await stand.push("h", replace(live, state="held", reason="stopped", reason_text="张伟已暂停：休息"))
    await page.locator("#held", has_text="张伟已暂停：休息").wait_for()
    assert await page.locator("#stage").is_hidden()
    await page.locator("#held button", has_text="继续").click()
    await page.locator("dialog button", has_text="继续").click()
    assert stand.seat("h").said(wire.Resume) == []
    await page.fill("dialog input", "休息结束")
    await page.locator("dialog button", has_text="继续").click()
    assert (await heard(stand, wire.Resume)).reason == "休息结束"


async def test_rights_decide_what_is_shown(page: Page, stand: Stand) -> None:
    """Where muting is forbidden there is no button for it but a sentence why; a guest's bar has no share and no end."""
    forbidden = rights(publish=True, subscribe=True, mute=False, stop=True)
    stand.views["h"] = view("h", officer(), room(), rights=forbidden)
    await enter(page, stand)
    await page.get_by_text("麦克风和摄像头在此保持开启").wait_for()
    labels = await page.locator("#bar button:visible .label").all_inner_texts()
    assert labels == ["在场人", "更多", "暂停", "离开"]
    await page.locator("#bar button", has_text="更多").click()
    assert await page.locator("#drawer", has_text="全部结束").count() == 0


async def test_lost_connection_comes_back_with_the_rotated_secret(page: Page, stand: Stand) -> None:
    """When the socket breaks the page says so, and returns with the newest secret and the last number it saw."""
    stand.views["h"] = view("h", officer(), room(), rights=HOST, number=7)
    await enter(page, stand)
    await page.locator("#stage").wait_for()
    first = stand.seat("h").socket
    assert first is not None
    await first.close(code=1012)
    for _ in range(100):
        if stand.seat("h").joins == 2:
            break
        await asyncio.sleep(0.05)
    hello = stand.seat("h").said(wire.Hello)[-1]
    assert hello.ticket is None
    assert hello.resume
    assert hello.seen == 7
    await page.reload()
    await page.locator("#stage").wait_for()
    assert stand.seat("h").said(wire.Hello)[-1].resume not in (None, hello.resume)


async def test_replaced_stops_and_releases_the_camera(page: Page, stand: Stand) -> None:
    """A newer connection takes over: this page says so, stays away and lets the camera go."""
    stand.views["h"] = view("h", officer(), room(), rights=HOST)
    await enter(page, stand)
    await page.locator("#stage").wait_for()
    await stand.seat("h").push(wire.Replaced())
    await page.get_by_text("您已在另一处进入").wait_for()
    assert await page.evaluate("yuanjian.devices.own.getTracks().length") == 0
    await asyncio.sleep(1)
    assert stand.seat("h").joins == 1


@pytest.mark.parametrize(
    ("status", "words"), [(403, "时间已过：14:00 结束。"), (401, "登录")], ids=["late", "signed-out"]
)
async def test_refused_ticket_is_told_in_words(page: Page, stand: Stand, status: int, words: str) -> None:
    """A refusal shows the server's sentence and a way on; nothing is tried again by itself."""
    stand.refuse_tickets = (status, "too-late", "时间已过：14:00 结束。")
    await enter(page, stand)
    await page.locator("#outcome").get_by_text(words).first.wait_for()
    assert stand.seat("h").joins == 0


async def test_too_early_waits_and_goes_on_by_itself(page: Page, stand: Stand) -> None:
    """Before the waiting room opens the page counts down, and then goes on without a touch."""
    stand.views["h"] = view("h", officer(), state="waiting", recording="off", rights=HOST)
    soon = now() + timedelta(seconds=4)
    stand.facts["h"] = page_facts(opens=soon.isoformat(), start=(soon + timedelta(minutes=10)).isoformat())
    await page.goto(f"{stand.url}/sessions/h/live")
    await page.get_by_text("时间还没到").wait_for()
    await page.locator("#check").wait_for(timeout=15_000)


async def test_lost_device_is_told_and_found_again(page: Page, stand: Stand) -> None:
    """A microphone that vanishes is reported as lost at once and as on when it is back."""
    stand.views["h"] = view("h", officer(), room(), rights=HOST)
    await enter(page, stand)
    await page.locator("#stage").wait_for()
    await page.evaluate("yuanjian.devices.tracks.audio.dispatchEvent(new Event('ended'))")
    await page.get_by_text("本设备的麦克风断开了").first.wait_for()
    states = [one.state for one in stand.seat("h").said(wire.Device) if one.kind == "audio"]
    assert states[-1] == "lost"
    for _ in range(160):
        if stand.seat("h").said(wire.Device)[-1] == wire.Device(kind="audio", state="on"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the microphone was not found again")


async def test_republish_sends_new_offers(page: Page, stand: Stand) -> None:
    """When the relay was restarted everything is published again."""
    stand.views["h"] = view("h", officer(), rights=HOST)
    await enter(page, stand)
    await holds(page, "yuanjian.camera.link.state === 'connected'")
    before = await page.evaluate("yuanjian.camera.link.resource")
    await stand.seat("h").push(wire.Republish(number=8))
    link = "yuanjian.camera.link"
    await holds(page, f"{link}.state === 'connected' && {link}.resource !== '{before}'")


async def test_ended_shows_the_check_value(page: Page, stand: Stand) -> None:
    """At the end the digest is shown in groups and camera and microphone are released."""
    stand.views["h"] = view("h", officer(), room(), rights=HOST)
    await enter(page, stand)
    await page.locator("#stage").wait_for()
    ended = wire.Ended(number=9, at=now(), reason="ended-by-host", reason_text="主持人已结束。", digest="ab" * 32)
    await stand.seat("h").push(ended)
    assert (await page.locator(".digest").inner_text()).startswith("abababab abababab")
    assert await page.evaluate("yuanjian.devices.own.getTracks().length") == 0


async def test_everything_is_reached_by_keyboard(page: Page, stand: Stand) -> None:
    """Tab walks through the whole bar; Enter opens and Escape closes what stands behind it."""
    stand.views["h"] = view("h", officer(), room(), rights=HOST)
    await enter(page, stand)
    await page.locator("#stage").wait_for()
    seen = []
    for _ in range(12):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("document.activeElement.innerText"))
    for label in ("麦克风开", "在场人", "文字", "更多", "暂停", "离开"):
        assert label in seen
    await page.locator("#bar button", has_text="在场人").focus()
    await page.keyboard.press("Enter")
    await page.locator("#drawer").wait_for()
    await page.keyboard.press("Escape")
    await page.locator("#drawer").wait_for(state="hidden")
    assert await page.evaluate("document.activeElement.innerText") == "在场人"


async def test_english_is_complete(page: Page, stand: Stand) -> None:
    """In English no Chinese is left on the page but what people are called."""
    stand.views["h"] = view("h", officer(), room(), rights=HOST, title="Interrogation")
    await enter(page, stand, locale="en", title="Interrogation")
    await page.locator("#bar button", has_text="People").click()
    words = await page.locator("#room").inner_text()
    for name in ("李娜", "张伟"):
        words = words.replace(name, "")
    assert not [letter for letter in words if "\u4e00" <= letter <= "\u9fff"]
