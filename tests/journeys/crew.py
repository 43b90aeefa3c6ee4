"""Two synthetic participants in a rehearsal, for journeys about what happens around them."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from rehearsal.participant import Participant
from rehearsal.site import Site
from tests.journeys.conftest import PATIENCE, Server


class Pair:
    """A host and one other participant, who join, come back and go on."""

    def __init__(self, site: Site, session: str) -> None:
        self.site, self.session = site, session
        self.host, self.other = self._made()

    async def enter(self) -> None:
        """Both in, publishing and receiving."""
        self.host, self.other = self._made()
        for one in (self.host, self.other):
            await one.join()
            await one.publish()

    def _made(self) -> tuple[Participant, Participant]:
        host, other = (Participant(self.site, self.session, n, {"participant": n}) for n in (1, 2))
        return host, other

    async def begin(self) -> None:
        """From the waiting room to live."""
        for one in (self.host, self.other):
            await one.act("name_person", role="synthetic", name=f"演练 {one.number}")
        await self.host.until(lambda: len(persons(self.host.view)) == 2, "both being named")
        for person in persons(self.host.view):
            await self.host.act("confirm_person", present=person, how="known")
        await self.host.act("admit", endpoint=self.other.endpoint)
        await self.host.until(lambda: self.host.view["rights"]["start"] or self.host.state == "live", "the start")
        if self.host.state != "live":
            await self.host.act("start")
        await self.live()

    async def live(self) -> None:
        """Live at both ends, and each receives the other."""
        for one in (self.host, self.other):
            await one.until(lambda one=one: one.state == "live", "the session being live")  # type: ignore[misc]
            await one.receive_everyone(1)

    async def close(self) -> None:
        await asyncio.gather(self.host.close(), self.other.close())


def persons(view: dict[str, Any]) -> list[str]:
    return [person["id"] for endpoint in view["endpoints"] for person in endpoint["persons"]]


async def recorded(one: Participant, seconds: float) -> datetime:
    """Wait until so many seconds more are durable; return the instant up to which."""
    await one.until(lambda: one.durable is not None, "the first durable second")
    begin = datetime.fromisoformat(str(one.durable))
    await one.until(
        lambda: (datetime.fromisoformat(str(one.durable)) - begin).total_seconds() >= seconds, "durable seconds"
    )
    return datetime.fromisoformat(str(one.durable))


async def finish(pair: Pair) -> dict[str, Any]:
    """End the session and wait for its result."""
    await pair.host.act("end", reason="over")
    await pair.host.until(lambda: pair.host.ended is not None, "the end")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        result = await pair.site.get(f"api/rehearsals/{pair.session}")
        if result["verdict"] and result["files"]:
            return result
        await asyncio.sleep(0.2)
    pytest.fail("the record was not finished")


def chain(server: Server, recording: str) -> Iterator[dict[str, Any]]:
    lines = (server.data_dir / "recordings" / recording / "chain.jsonl").read_text().splitlines()
    return (json.loads(line.partition("\t")[0]) for line in lines)


async def resume(pair: Pair) -> None:
    """The host goes on, with a reason, once the recorder can."""
    await pair.host.act("resume", reason="after the fault")
    await pair.live()
