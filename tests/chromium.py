"""Debian's Chromium as all tests start it: headless, with a made-up camera and microphone, allowed to use loopback."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Playwright, async_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--auto-accept-this-tab-capture",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
)


def need(path: str, package: str) -> None:
    """Skip the test where the program is not installed; in CI fail it."""
    if Path(path).exists():
        return
    reason = f"{path} is not installed (Debian package {package})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


async def launch(playwright: Playwright, *flags: str, camera: Path | None = None, home: Path | None = None) -> Browser:
    """Start one; ``camera`` is a y4m file that its camera shows instead of the browser's own test picture, ``home``
    where it looks for the authorities that its person trusts."""
    need(CHROMIUM, "chromium")
    film = (f"--use-file-for-fake-video-capture={camera}",) if camera else ()
    environment = {**os.environ, "HOME": str(home)} if home else None
    return await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags, *film], env=environment)


@asynccontextmanager
async def chromium(*flags: str, home: Path | None = None) -> AsyncIterator[Browser]:
    """One that is closed at the end."""
    async with async_playwright() as playwright:
        started = await launch(playwright, *flags, home=home)
        try:
            yield started
        finally:
            await started.close()
