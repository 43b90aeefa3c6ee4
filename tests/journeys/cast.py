"""What people do in a browser, step by step, and what the test sees of it."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Playwright
from playwright.async_api import Error as PlaywrightError

from tests.chromium import launch
from tests.journeys.conftest import PATIENCE, ROOT, Server

PASSWORD = "yuanjian-demo"
SCREENS = ROOT / "var" / "screens" / "journeys"
PATIENT = PATIENCE * 1000
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (81, 90, 240),
    "blue": (41, 240, 110),
    "green": (145, 54, 34),
    "amber": (170, 40, 160),
}
"""Y, Cb, Cr of a camera's background: which browser a picture comes from."""
WIDTH, HEIGHT, FRAMES = 320, 240, 24
_CAPTURES = 10

_LOOK = """(selector) => {
  const video = document.querySelector(selector);
  if (!video || video.videoWidth === 0 || !video.checkVisibility({visibilityProperty: true})) return null;
  const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 48});
  const paper = canvas.getContext("2d");
  paper.drawImage(video, 0, 0, 64, 48);
  const pixel = (x, y) => [...paper.getImageData(x, y, 1, 1).data.slice(0, 3)];
  const row = Array.from({length: 64}, (_, x) => pixel(x, 40).reduce((a, b) => a + b) > 660);
  return {colour: pixel(32, 8), bar: row.indexOf(true), frames: video.getVideoPlaybackQuality().totalVideoFrames};
}"""


def camera(path: Path, colour: str) -> Path:
    """Write a y4m film: ``colour`` above, and below on grey a white bar that walks to the right."""
    luma, blue, red = COLOURS[colour]
    area = WIDTH * HEIGHT // 16
    chroma = b"".join(bytes([value]) * (3 * area) + b"\x80" * area for value in (blue, red))
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F12:1 Ip A1:1 C420mpeg2\n".encode())
        for number in range(FRAMES):
            film.write(b"FRAME\n" + _luma(luma, number) + chroma)
    return path


def _luma(background: int, number: int) -> bytes:
    left = number * (WIDTH - 40) // FRAMES
    barred = bytearray([60]) * WIDTH
    barred[left : left + 40] = b"\xeb" * 40
    return bytes([background]) * (WIDTH * HEIGHT * 3 // 4) + bytes(barred) * (HEIGHT // 4)


def nearest(pixel: list[int]) -> str:
    """Name of the camera whose background ``pixel`` (RGB) is."""
    distances = {name: sum((a - b) ** 2 for a, b in zip(_rgb(name), pixel, strict=True)) for name in COLOURS}
    return min(distances, key=distances.__getitem__)


def _rgb(colour: str) -> tuple[float, float, float]:
    """BT.601, limited range."""
    luma, blue, red = COLOURS[colour]
    y, b, r = 1.164 * (luma - 16), blue - 128, red - 128
    channels = (y + 1.596 * r, y - 0.813 * r - 0.392 * b, y + 2.017 * b)
    return tuple(min(255.0, max(0.0, value)) for value in channels)  # type: ignore[return-value]


@dataclass
class Actor:
    """Somebody with a browser of their own, whose camera shows one colour."""

    name: str
    browser: Browser
    context: BrowserContext
    page: Page
    colour: str
    errors: list[str]

    async def shoot(self, what: str) -> None:
        """Keep a picture of the page in ``var/screens/journeys``.

        Chromium now and then refuses a capture ("Unable to capture screenshot"), above all while a page gives way to
        the next: asked again a moment later it takes it.
        """
        SCREENS.mkdir(parents=True, exist_ok=True)
        for left in reversed(range(_CAPTURES)):
            try:
                await self.page.screenshot(path=SCREENS / f"{what}-{self.name}.png")
            except PlaywrightError as error:
                if not left or "Unable to capture" not in str(error):
                    raise
                await self.page.wait_for_timeout(500)
            else:
                return

    async def press(self, label: str, within: str = "body") -> None:
        """Press the visible button or link of that name."""
        await (
            self.page.locator(f"{within} :is(button, a)", has_text=label)
            .locator("visible=true")
            .first.click(timeout=PATIENT)
        )

    async def see(self, text: str, within: str = "body") -> None:
        """Wait until ``text`` stands on the page."""
        await self.page.locator(within).get_by_text(text).locator("visible=true").first.wait_for(timeout=PATIENT)

    async def sees(self, other: "Actor") -> dict[str, Any]:
        """Wait until the main picture is the other's camera and moves; return what was seen."""
        seen = await self._picture(".faces video", other.colour, since=None)
        return await self._picture(".faces video", other.colour, since=seen)

    async def sees_nobody(self) -> None:
        """Wait until no face is shown."""
        await self.page.locator(".faces video").locator("visible=true").first.wait_for(state="hidden", timeout=PATIENT)

    async def _picture(self, selector: str, colour: str, since: dict[str, Any] | None) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found: dict[str, Any] | None = await self.page.evaluate(_LOOK, selector)
            is_it = found is not None and nearest(found["colour"]) == colour
            if found and is_it and (since is None or (found["bar"] != since["bar"] and found["bar"] >= 0)):
                return found
            await self.page.wait_for_timeout(100)
        await self.shoot("failed")
        raise AssertionError(f"{self.name} does not see the {colour} camera but {found}")

    async def close(self) -> None:
        await self.browser.close()


@asynccontextmanager
async def on_stage(*actors: Actor) -> AsyncIterator[None]:
    """Close the browsers at the end; when the journey fails, keep a picture of every page first."""
    try:
        yield
        for who in actors:
            assert who.errors == [], f"scripts failed in the browser of {who.name}"
    except BaseException:
        for who in actors:
            with suppress(PlaywrightError):
                await who.shoot("failed")
        raise
    finally:
        for who in actors:
            await who.close()


async def colleague(who: Actor, name: str) -> Actor:
    """Somebody else at a desk with the same browser program, not signed in."""
    context = await who.browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    page = await context.new_page()
    page.set_default_timeout(PATIENT)
    return Actor(name, who.browser, context, page, who.colour, [])


async def actor(
    playwright: Playwright,
    directory: Path,
    name: str,
    colour: str,
    *,
    width: int = 1440,
    height: int = 900,
    phone: bool = False,
    locale: str = "zh-CN",
) -> Actor:
    """Start a browser for somebody."""
    film = camera(directory / f"{name}.y4m", colour)
    browser = await launch(playwright, camera=film)
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale=locale, is_mobile=phone, has_touch=phone
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENT)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    return Actor(name, browser, context, page, colour, errors)


async def sign_in(who: Actor, server: Server, login: str) -> None:
    await who.page.goto(f"{server.url}/signin")
    await who.page.fill("[name=login]", login)
    await who.page.fill("[name=password]", PASSWORD)
    await who.page.click("form[action='/signin'] button[type=submit]")
    await who.page.wait_for_url(lambda address: "/signin" not in address)


async def check_devices(who: Actor, shot: str = "") -> None:
    """Go through the device check of the live page and into the waiting room."""
    page = who.page
    await who.press("检查摄像头、麦克风和线路", "#check")
    await who.press("播放提示音", "#check")
    await who.press("听到了", "#check")
    await page.locator("#check .check[data-state=good]").nth(3).wait_for(timeout=PATIENT)
    if shot:
        await who.shoot(shot)
    await who.press("继续", "#check > .go")


async def pair_terminal(terminal: Actor, duty: Actor, server: Server, room: str) -> None:
    """The terminal shows its code, the duty officer types it; then it shows the room."""
    await terminal.page.goto(f"{server.url}/terminal")
    code = await terminal.page.locator("#pairing .code").text_content(timeout=PATIENT)
    await terminal.shoot("terminal-pairing")
    await duty.page.goto(f"{server.url}/terminals")
    await duty.page.fill("[name=code]", str(code))
    await duty.page.select_option("[name=room]", label=room)
    await duty.page.click("form[action='/terminals'] button[type=submit]")
    await terminal.page.locator("#idle h1", has_text=room).wait_for(timeout=PATIENT)
    await terminal.shoot("terminal-idle")


async def confirm_steps(duty: Actor, server: Server, count: int) -> None:
    """Press the next ``count`` custody steps of the day list."""
    await duty.page.goto(f"{server.url}/day")
    for _ in range(count):
        await duty.page.locator(".custody form button").first.click()
        await duty.page.wait_for_load_state()


def begin_earlier(server: Server, booking: str, by: timedelta = timedelta(minutes=15)) -> None:
    """Move a booking back in time: windows begin on the next quarter of an hour, at night with the morning, and no test
    waits for that."""
    with sqlite3.connect(server.data_dir / "yuanjian.sqlite3", timeout=10) as database:
        micros = int(by.total_seconds() * 1_000_000)
        now = int(time.time() * 1_000_000)
        database.execute("UPDATE bookings SET starts = MIN(starts - ?, ?) WHERE id = ?", (micros, now, booking))


async def first_frame_ms(who: Actor, button: str) -> float:
    """Press ``button`` (a selector) and return how many milliseconds later the first remote picture is shown."""
    found: float = await who.page.evaluate(_FIRST_FRAME, button)
    return found


_FIRST_FRAME = """(button) => new Promise((resolve) => {
  const begun = performance.now();
  document.querySelector(button).click();
  const look = () => {
    const video = document.querySelector(".faces video");
    const shown = video && video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 0;
    if (shown && video.checkVisibility({visibilityProperty: true})) resolve(performance.now() - begun);
    else requestAnimationFrame(look);
  };
  look();
})"""


async def until_ready(who: Actor, address: str, selector: str) -> None:
    """Load ``address`` again and again until ``selector`` is on the page: a job prepares it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        await who.page.goto(address)
        if await who.page.locator(selector).count():
            return
        await who.page.wait_for_timeout(1000)
    await who.shoot("failed")
    raise AssertionError(f"{selector} never appeared")


async def recorded_colours(who: Actor, places: list[float]) -> list[set[str]]:
    """Seek every player shown to each place (a fraction of its length) and name the cameras that are seen there."""
    return [{nearest(colour) for colour in await who.page.evaluate(_PLAYERS, place)} for place in places]


_PLAYERS = """(place) => Promise.all([...document.querySelectorAll("figure:not([hidden]) video")].map(async (video) => {
  const once = (name) => new Promise((resolve) => video.addEventListener(name, resolve, {once: true}));
  if (!video.readyState) await once("loadedmetadata");
  const sought = once("seeked");
  video.currentTime = Number(video.dataset.length) / 1000 * place;
  await sought;
  const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 48});
  const paper = canvas.getContext("2d");
  paper.drawImage(video, 0, 0, 64, 48);
  return [...paper.getImageData(32, 8, 1, 1).data.slice(0, 3)];
}))"""


async def start_statement(officer: Actor, server: Server) -> str:
    """Begin a witness statement now; return the id of the session, with the invitation's page open."""
    page = officer.page
    await sign_in(officer, server, "officer3")
    await page.goto(f"{server.url}/start")
    await page.fill("#guest_name", "陈静")
    await page.locator("label[for=role-witness]").click()
    await page.select_option("#who", index=0)
    await page.select_option("#officer", str(await page.locator("#officer option").nth(1).get_attribute("value")))
    await page.click("main form button[type=submit]")
    await page.wait_for_url(lambda address: "/bookings/" in address)
    return page.url.split("/bookings/")[1].split("/")[0].split("?")[0]


async def gather_statement(officer: Actor, witness: Actor, server: Server, session: str) -> None:
    """Witness by the link, officer by the page: both in the waiting room, the second officer named."""
    await officer.page.locator("article form[action$='/invitations']:not(:has([name=way])) button").click()
    link = await officer.page.locator("#link").input_value()
    await witness.page.goto(link)
    await witness.page.locator("#me").click()
    await witness.page.wait_for_url(lambda address: "/live" in address)
    await check_devices(witness, "check")
    await witness.see("您已在等候室")
    await witness.shoot("lobby")
    transferred = await _transfer(officer.page)
    await officer.page.goto(f"{server.url}/sessions/{session}/live")
    await officer.page.wait_for_load_state("networkidle")
    print(f"live page, cold cache: {sum(transferred) / 1000:.0f} kB in {len(transferred)} answers")
    await check_devices(officer)
    await officer.see("等候进入")
    await officer.press("添加同一屏幕前的人")
    await officer.page.locator("dialog .choices button").first.click()
    await officer.page.locator(".persons li").nth(1).wait_for(timeout=PATIENT)
    await officer.shoot("lobby")


async def _transfer(page: Page) -> list[float]:
    """Bytes of every answer the page gets from now on, as they come over the wire."""
    transferred: list[float] = []
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    await devtools.send("Network.clearBrowserCache")
    devtools.on("Network.loadingFinished", lambda event: transferred.append(event["encodedDataLength"]))
    return transferred


async def go_on(officer: Actor) -> None:
    """The host resumes a held session and says why."""
    await officer.page.locator("#held .primary:not([disabled])").click(timeout=PATIENT)
    await officer.page.fill("dialog input", "可以继续")
    await officer.press("继续", "dialog")
