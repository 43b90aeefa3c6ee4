"""``make screens``: every page at three sizes in both languages, as pictures below ``var/screens``."""

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from core.database import Database, sqlite_url
from tests.chromium import launch
from tests.scenes import Scene, prepare, visit_all
from tests.web.world import seed, world

OUT = Path(__file__).resolve().parent.parent / "var" / "screens"
SIZES: Mapping[str, tuple[int, int]] = {"phone": (390, 844), "tablet": (768, 1024), "desk": (1440, 900)}
TERMINAL = (1920, 1080)
PLAIN = "@media (max-width: 767px) { body { position: relative; } .nav { position: absolute !important; } }"
"""A picture of the whole page is longer than any screen: the bar at its foot would stand in the middle."""


async def main(wanted: set[str]) -> None:
    """Take the pictures of the scenes named in ``wanted``, or of all."""
    with tempfile.TemporaryDirectory() as directory:
        template = Path(directory) / "template.sqlite3"
        await seed(Database(sqlite_url(template)))
        async with world(template, Path(directory)) as site, async_playwright() as playwright:
            values = await prepare(site)
            browser = await launch(playwright)
            for locale in ("zh-CN", "en"):
                for name, size in (*SIZES.items(), ("terminal", TERMINAL)):
                    await _shoot(browser, site, values, locale, name, size, wanted)
            await browser.close()


async def _shoot(
    browser: Any, site: Any, values: Mapping[str, str], locale: str, name: str, size: tuple[int, int], wanted: set[str]
) -> None:
    folder = OUT / locale / name
    folder.mkdir(parents=True, exist_ok=True)

    async def seen(scene: Scene, page: Any) -> None:
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        if not scene.terminal:
            await page.add_style_tag(content=PLAIN)
        await page.screenshot(path=folder / f"{scene.name}.png", full_page=not scene.terminal)
        print(f"{locale} {name} {scene.name}{'  WIDER THAN THE SCREEN' if wide else ''}", flush=True)

    def only(scene: Scene) -> bool:
        return scene.terminal == (name == "terminal") and (not wanted or scene.name in wanted)

    await visit_all(browser, site, values, seen, size=size, locale=locale, only=only)


if __name__ == "__main__":
    asyncio.run(main(set(sys.argv[1:])))
