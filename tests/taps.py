"""A phone in somebody's hand: its size, its taps, and how many a booking may take."""

from playwright.async_api import Page

PHONE = {"width": 390, "height": 844}
MOST_TAPS = 8


class Taps:
    """A phone whose taps are counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    async def on(self, selector: str, then: str = "") -> None:
        """Tap what ``selector`` finds, and wait for the page on which ``then`` stands."""
        self.count += 1
        await self.page.locator(selector).first.tap()
        if then:
            await self.page.locator("main", has_text=then).wait_for()
