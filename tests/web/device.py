"""A device that is paired as a terminal, over the same addresses as the page's script."""

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from rehearsal.devicekey import DeviceKey
from tests.web.world import World


class Device:
    """A browser with a key pair of its own."""

    def __init__(self, site: World, browser: TestClient[web.Request, web.Application]) -> None:
        self.site = site
        self.browser = browser
        self.key = DeviceKey()

    async def send(self, path: str, **body: object) -> tuple[int, dict[str, Any]]:
        """POST an object; status and answer."""
        headers = {"Origin": self.site.url, "Accept": "application/json"}
        answer = await self.browser.post(path, json=body, headers=headers)
        return answer.status, await answer.json()

    async def state(self) -> dict[str, Any]:
        return dict(await (await self.browser.get("/terminal/state")).json())

    async def code(self) -> str:
        """Begin pairing; the code on the screen."""
        return str((await self.send("/terminal/pair", public_key=self.key.spki))[1]["code"])

    async def start(self) -> bool:
        """Prove a start, as after a power cut."""
        _, asked = await self.send("/terminal/challenge")
        signature = self.key.sign(asked["challenge"])
        return bool((await self.send("/terminal/start", secret=asked["secret"], signature=signature))[1]["started"])

    async def paired(self, duty: TestClient[web.Request, web.Application], room: str) -> None:
        """Be paired with a room and started."""
        assert (await self.site.post(duty, "/terminals", code=(await self.code()).lower(), room=room))[0] == 303
        await self.state()
        assert await self.start()


async def device(site: World) -> Device:
    """A device nobody knows yet."""
    return Device(site, await site.browser())
