"""Debian's Firefox over WebDriver BiDi: no driver program, only its own WebSocket (https://w3c.github.io/webdriver-bidi/).

It is headless, shows its made-up camera, says a tone of ``TONE_HZ``, and asks nobody for permission. It never gathers
127.0.0.1 and pairs no other address with it (nICEr), so ``lent_address`` lends it one on the loopback device.
"""

import asyncio
import itertools
import json
import os
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.chromium import need

FIREFOX = "/usr/bin/firefox-esr"
PATIENCE_S = 60.0
TONE_HZ = 660
PREFERENCES: dict[str, bool | int | str] = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.security.https_first": False,
    "extensions.systemAddon.update.enabled": False,
    "media.autoplay.blocking_policy": 0,
    "media.autoplay.default": 0,
    "media.navigator.audio.fake_frequency": TONE_HZ,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.server": "data:,",
}


class ScriptFailed(Exception):
    """A script in the page threw."""


class Tab:
    """One page."""

    def __init__(self, firefox: "Firefox", context: str) -> None:
        self._firefox, self._context = firefox, context

    async def goto(self, address: str) -> None:
        """Load ``address`` to its end."""
        await self._firefox.ask("browsingContext.navigate", context=self._context, url=address, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """Return what ``expression`` gives, or resolves to, as JSON would hold it."""
        answer = await self._firefox.ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise ScriptFailed(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])


class Firefox:
    """One process with one BiDi session."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            answer = json.loads(message.data)
            waiting = self._answers.pop(answer.get("id"), None)
            if waiting is None or waiting.done():
                continue
            if answer["type"] == "error":
                waiting.set_exception(RuntimeError(f"{answer['error']}: {answer['message']}"))
            else:
                waiting.set_result(answer["result"])

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Send one command and return its result; raise ``RuntimeError`` when it is refused."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(self._answers[number], PATIENCE_S)

    async def tab(self, *, width: int = 1440, height: int = 900) -> Tab:
        """A new page of that size."""
        context = (await self.ask("browsingContext.create", type="tab"))["context"]
        viewport = {"width": width, "height": height}
        await self.ask("browsingContext.setViewport", context=context, viewport=viewport)
        return Tab(self, context)

    def stop(self) -> None:
        self._reader.cancel()


@asynccontextmanager
async def firefox() -> AsyncIterator[Firefox]:
    """A Firefox with a fresh profile, ended and forgotten afterwards; without Firefox the test is skipped."""
    need(FIREFOX, "firefox-esr")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        (Path(profile) / "user.js").write_text("".join(lines))
        process = await asyncio.create_subprocess_exec(
            FIREFOX, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as session:
                address = await asyncio.wait_for(_address(process), PATIENCE_S)
                socket = await session.ws_connect(f"{address}/session", max_msg_size=0)
                started = Firefox(socket)
                await started.ask("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
                yield started
                started.stop()
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


@contextmanager
def lent_address() -> Iterator[str]:
    """An address of this machine alone (RFC 2544) that is not in 127.0.0.0/8; needs the right to give one."""
    address = f"198.18.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
    command = ["ip", "address", "replace", f"{address}/32", "dev", "lo"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        if os.environ.get("CI") == "true":
            pytest.fail("no right to add an address to the loopback device", pytrace=False)
        pytest.skip("no right to add an address to the loopback device")
    try:
        yield address
    finally:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], capture_output=True, check=False)


async def _address(process: asyncio.subprocess.Process) -> str:
    """Read the address from what Firefox says at start."""
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1].decode()
    raise AssertionError("Firefox ended before it listened")
