"""No serious finding of axe-core on any page, at a desk and on a phone."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from tests.chromium import launch
from tests.scenes import Scene, prepare, visit_all
from tests.web.world import World

AXE = Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js"
_RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 4).join(" | ")}`);
}"""


@pytest.mark.browser
@pytest.mark.parametrize(("size", "locale"), [((1440, 900), "zh-CN"), ((390, 844), "en")], ids=["desk", "phone"])
async def test_no_page_has_a_serious_finding(site: World, size: tuple[int, int], locale: str) -> None:
    """A person without a mouse, with a screen reader or with weak eyes can use every page in every state."""
    values = await prepare(site)
    findings: list[str] = []

    async def seen(scene: Scene, page: Any) -> None:
        await page.add_script_tag(path=AXE)
        findings.extend(f"{scene.name}: {line}" for line in await page.evaluate(_RUN))

    async with async_playwright() as playwright:
        browser = await launch(playwright)
        await visit_all(browser, site, values, seen, size=size, locale=locale, only=lambda scene: True)
        await browser.close()
    assert findings == []


@pytest.mark.browser
async def test_the_check_can_fail() -> None:
    """A picture without words and a button without a name are found."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page()
        await page.set_content("<html lang=en><title>x</title><main><img src='data:,'><button></button></main></html>")
        await page.add_script_tag(path=AXE)
        found = await page.evaluate(_RUN)
        await browser.close()
    assert [line.split(":")[0] for line in found] == ["button-name", "image-alt"]
