"""The terminal of a room against a session that the test plays."""

from datetime import timedelta

import pytest
from playwright.async_api import Page

from signaling import messages as wire
from tests.browser.stand import SESSION, Stand, endpoint, holds, now, person, rights, view
from tests.browser.test_live_page import heard

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
OPEN_TRACKS = (
    "(window.yuanjian ? yuanjian.devices.own.getTracks() : []).filter((one) => one.readyState === 'live').length"
)
ROOM_RIGHTS = rights(publish=True, subscribe=True, mute=False)


def idle(**more: object) -> dict[str, object]:
    times = [{"start": (now() + timedelta(hours=1)).isoformat(), "end": (now() + timedelta(hours=2)).isoformat()}]
    return {"paired": True, "waiting": False, "room": "讯问室 1", "times": times, "session": None, **more}


def live(**more: object) -> wire.View:
    officer = endpoint("h", "host", person("李娜", "officer"), publications=("camera",))
    return view("t", endpoint("t", "room", person("张伟", "detainee")), officer, rights=ROOM_RIGHTS, **more)


async def test_pairing_then_idle(page: Page, stand: Stand) -> None:
    """An unknown device shows a code; once confirmed it shows the room and times, and nothing else."""
    stand.agenda = {"paired": False, "waiting": False}
    await page.goto(f"{stand.url}/terminal")
    await page.locator(".code", has_text="7K3F-MM2Q").wait_for()
    stand.agenda = idle()
    await page.locator("#idle h1", has_text="讯问室 1").wait_for()
    words = await page.locator("body").inner_text()
    assert "张伟" not in words
    assert "律师" not in words
    assert await page.locator("#idle .times li").count() == 1
    assert await page.evaluate(OPEN_TRACKS) == 0


async def test_enters_by_itself_and_lets_the_devices_go(page: Page, stand: Stand) -> None:
    """When its session opens it goes in and sends; after the end camera and microphone are released."""
    stand.agenda = idle(session=SESSION)
    stand.views[SESSION] = live()
    await page.goto(f"{stand.url}/terminal")
    await page.locator("#stage").wait_for()
    await holds(page, "yuanjian.camera.link.state === 'connected'")
    assert await page.evaluate(OPEN_TRACKS) == 2
    box = await page.locator(".help").bounding_box()
    assert box is not None
    assert box["height"] >= 64
    await page.locator(".help").click()
    await heard(stand, wire.Help, SESSION)
    stand.agenda = idle()
    ended = wire.Ended(number=9, at=now(), reason="ended-by-host", reason_text="", digest=None)
    await stand.seat(SESSION).push(ended)
    await page.get_by_text("摄像头和麦克风已关闭").wait_for()
    assert await page.evaluate(OPEN_TRACKS) == 0


async def test_stays_on_record_until_returned(page: Page, stand: Stand) -> None:
    """After an interrogation the room keeps sending, and says so, as long as the server wants it."""
    stand.agenda = idle(session=SESSION)
    stand.views[SESSION] = live(state="ended", reason="ended-by-host")
    await page.goto(f"{stand.url}/terminal")
    await page.get_by_text("仍在录制").wait_for()
    await holds(page, "yuanjian.camera.link.state === 'connected'")
    assert await page.evaluate(OPEN_TRACKS) == 2


async def test_refused_entry_returns_to_idle(page: Page, stand: Stand) -> None:
    """A session that cannot be entered leaves the terminal idle with closed devices, and it asks again."""
    stand.agenda = idle(session=SESSION)
    stand.refuse_tickets = (403, "too-early", "时间还没到。")
    await page.goto(f"{stand.url}/terminal")
    await holds(page, "window.yuanjian?.connection.state === 'refused'")
    stand.agenda = idle()
    await page.locator("#idle h1").wait_for()
    assert await page.evaluate(OPEN_TRACKS) == 0


async def test_back_after_reload(page: Page, stand: Stand) -> None:
    """After a reload the terminal is in its session again without a hand."""
    stand.agenda = idle(session=SESSION)
    stand.views[SESSION] = live()
    await page.goto(f"{stand.url}/terminal")
    await page.locator("#stage").wait_for()
    await page.reload()
    await page.locator("#stage").wait_for()
    assert stand.seat(SESSION).said(wire.Hello)[-1].resume is not None
