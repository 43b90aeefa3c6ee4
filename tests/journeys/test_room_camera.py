"""A room with cameras beside its terminal: an encoder that sends by WHIP, and a network camera that is read."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.journeys.cast import (
    PATIENT,
    Actor,
    actor,
    begin_earlier,
    colleague,
    on_stage,
    pair_terminal,
    recorded_colours,
    sign_in,
    until_ready,
)
from tests.journeys.conftest import ROOT, Server
from tests.journeys.test_interrogation import _book, _end, _gather
from tests.wire.coturn import certificate
from tests.wire.test_camera import Camera

pytestmark = pytest.mark.browser


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server whose cameras may lie on this machine."""
    networks = {"YUANJIAN_CAMERA_NETWORKS": "127.0.0.0/8"}
    running = Server(tmp_path_factory.mktemp("journey") / "data", environment=networks)
    running.start()
    running.wait_ready()
    yield running
    running.stop()


async def test_an_interrogation_with_cameras_of_the_room(
    playwright: Playwright, server: Server, tmp_path: Path
) -> None:
    """The key of the page is all an encoder needs, an address all of a network camera: both wait for the session, are
    seen beside the terminal, either can be shown large; one stops with its key, and all stand in the record."""
    networked = Camera()
    officer = await actor(playwright, tmp_path, "officer", "blue")
    terminal = await actor(playwright, tmp_path, "terminal", "red", width=1920, height=1080)
    duty = await colleague(officer, "duty")
    async with on_stage(officer, terminal, duty):
        booking, room = await _book(officer, server)
        await sign_in(duty, server, "duty")
        await _add_read(duty, server, room, await networked.start())
        address, key = await _add_sending(duty, server, room)
        with encoder(tmp_path, address, key):
            await pair_terminal(terminal, duty, server, room)
            begin_earlier(server, booking)
            await _gather(officer, terminal, duty, server, booking)
            await officer.page.locator(".start:not([disabled])").click()
            await _choose(officer)
            await _void_the_key(officer, duty, server, room)
        await _end(officer, terminal, duty, server)
        await _in_the_record(await colleague(officer, "reviewer"), server, booking)
    networked.stop()
    assert "user:secret" not in server.log.read_text()


async def _add_read(duty: Actor, server: Server, room: str, address: str) -> None:
    """Add a close camera that is read, on the page of the room, which shows where it is and no more."""
    page = duty.page
    await _open_page(duty, server, room)
    await page.fill("#name", "桌面")
    await page.locator("label[for=view-close]").click()
    await page.locator("label[for=way-rtsp]").click()
    await page.fill("#address", address)
    await page.click("main form[action$='/cameras'] button[type=submit]")
    await duty.see("rtsp://127.0.0.1:")
    assert "secret" not in await page.content()


async def _add_sending(duty: Actor, server: Server, room: str) -> tuple[str, str]:
    """Add a wide camera to the room on its page; return the address and the key it shows."""
    page = duty.page
    await page.fill("#name", "天花板")
    await page.locator("label[for=view-wide]").click()
    await page.locator("label[for=way-whip]").click()
    await page.click("main form[action$='/cameras'] button[type=submit]")
    await page.locator("#made-key").wait_for(timeout=PATIENT)
    await duty.shoot("room-camera")
    return await page.input_value("#made-address"), await page.input_value("#made-key")


async def _open_page(duty: Actor, server: Server, room: str) -> None:
    await duty.page.goto(f"{server.url}/terminals")
    await duty.page.locator("a[href$='/cameras']", has_text=room).click()


@contextmanager
def encoder(directory: Path, address: str, key: str) -> Iterator[None]:
    """An encoder in the room, switched on all the time."""
    command = [sys.executable, "-m", "tests.wire.whip_encoder", address, *map(str, certificate(directory)), key, "300"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def _choose(officer: Actor) -> None:
    """The close view stands large, terminal and wide view beside it; one press makes the wide one large, and the list
    tells each one's way."""
    moving = "() => document.querySelector('.faces video[data-publication=close]')?.getVideoPlaybackQuality()"
    await officer.page.wait_for_function(f"{moving}.totalVideoFrames > 20", timeout=PATIENT)
    seen = await officer._picture(".side-faces video[data-publication=wide]", "green", since=None)
    await officer._picture(".side-faces video[data-publication=wide]", "green", since=seen)
    await officer._picture(".side-faces video[data-publication=camera]", "red", since=None)
    await officer.shoot("room-camera-beside")
    await officer.press("放大显示", ".side-faces .tile.wide")
    await officer._picture(".faces video", "green", since=None)
    await officer.press("在场", "#bar")
    await officer.see("由编码器发送", "#drawer")
    await officer.see("来自网络摄像机", "#drawer")
    await officer.shoot("room-camera-large")
    await officer.press("关闭", "#drawer header")


async def _void_the_key(officer: Actor, duty: Actor, server: Server, room: str) -> None:
    """Another key on the page of the room, and the picture is gone; those present read it."""
    page = duty.page
    await _open_page(duty, server, room)
    await page.locator("summary", has_text="更换密钥").click()
    await page.click("form[action$='/key'] button")
    await officer.page.locator("video[data-publication=wide]").wait_for(state="detached", timeout=PATIENT)
    await officer.see("全景画面已中断")


async def _in_the_record(reviewer: Actor, server: Server, booking: str) -> None:
    """Every picture is played from the files: the officer's, the terminal's, those of the room's cameras."""
    await sign_in(reviewer, server, "reviewer")
    await until_ready(reviewer, f"{server.url}/records/{booking}", ".verdict")
    await reviewer.page.locator("form[action$='/play'] button").click()
    await until_ready(reviewer, f"{server.url}/records/{booking}", "input[value='composed.mp4']")
    await reviewer.page.locator("#transport").wait_for(timeout=PATIENT)
    await reviewer.page.locator("input[value=all]").check()
    assert await reviewer.page.locator("figure:not([hidden]) video").count() >= 4
    assert {"green", "red", "blue"} <= set().union(*await recorded_colours(reviewer, [0.5]))
    await reviewer.page.locator("input[value='composed.mp4']").check()
    await reviewer.shoot("room-camera-record")
