"""The pictures in the documents: an interrogation played by portraits, shot as its journey goes.

python -m tests.pictures        writes docs/pictures/
"""

import asyncio
import tempfile
from pathlib import Path
from unittest.mock import patch

from playwright.async_api import async_playwright

from scripts.portraits import FIGURES, write
from tests.journeys import cast
from tests.journeys import test_interrogation as journey
from tests.journeys.conftest import ROOT, Server

PICTURES = ROOT / "docs" / "pictures"


def portrait(path: Path, _colour: str) -> Path:
    """A film of whoever the browser is for, instead of a colour."""
    write(FIGURES["room" if path.stem == "terminal" else path.stem], path)
    return path


async def main() -> None:
    """Shoot the live page at the desk and in the room."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = Server(folder / "data")
        server.start()
        try:
            server.wait_ready()
            with patch.object(cast, "camera", portrait):
                await _play(server, folder)
        finally:
            server.stop()


async def _play(server: Server, folder: Path) -> None:
    async with async_playwright() as playwright:
        officer = await cast.actor(playwright, folder, "officer", "blue")
        terminal = await cast.actor(playwright, folder, "terminal", "red", width=1920, height=1080)
        duty = await cast.colleague(officer, "duty")
        async with cast.on_stage(officer, terminal, duty):
            booking, room = await journey._book(officer, server)
            await cast.sign_in(duty, server, "duty")
            await cast.pair_terminal(terminal, duty, server, room)
            cast.begin_earlier(server, booking)
            await journey._gather(officer, terminal, duty, server, booking)
            await officer.page.click(".start")
            await officer.page.locator(".record", has_text="已录制至").wait_for(timeout=cast.PATIENT)
            await asyncio.sleep(6)
            PICTURES.mkdir(parents=True, exist_ok=True)
            await officer.page.screenshot(path=PICTURES / "live.png")
            await terminal.page.screenshot(path=PICTURES / "terminal.png")
            await duty.page.goto(f"{server.url}/day")
            await duty.page.screenshot(path=PICTURES / "day.png")


if __name__ == "__main__":
    asyncio.run(main())
