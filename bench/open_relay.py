"""Relay and journal alone, open to anybody on loopback: point any WHIP/WHEP load tool at it.

    python -m bench.open_relay --port 8080 --media-port 50000 --record var/bench

Offers go to ``POST /whip/{room}/{participant}`` and ``POST /whep/{room}/{participant}`` as ``application/sdp``,
without a token; the answer is ``201`` with ``Location`` and ``ETag`` (RFC 9725). ``DELETE`` on the location ends
the resource, ``PATCH`` with ``application/trickle-ice-sdpfrag`` restarts ICE. ``/whep/{room}/{participant}`` is
what that participant publishes. ``GET /metrics`` gives the counters, ``GET /lag`` how late the loop was since it was
asked last. It is no part of the installed package.
"""

import argparse
import asyncio
import itertools
import json
import signal
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp import web

from bench.lab.recorders import NoRecorders, recorders_in
from core.clock import SystemClock
from media import commands
from media.config import Limits, MediaSettings
from media.server import settle
from media.service import MediaService
from media.waker import MediaLoop

STATUS = {"bad-sdp": 400, "no-codec": 406, "no-session": 404, "no-publication": 404, "limit": 429, "overloaded": 503}
OPEN = Limits(sessions=10_000, admit_loop_lag_ms=1e6, admit_packets_per_second=1e9, admit_disk_lag_ms=1e9)
"""A load tool is to see what happens beyond the limits."""
PUBLISH_WAIT_S = 10.0
"""How long a WHEP offer may be ahead of what it wants to see."""


class Rooms:
    """Opens a session per room at the first offer and answers for the web process."""

    def __init__(self, service: MediaService, *, record: bool) -> None:
        self._service = service
        self._record = record
        self._rooms: dict[str, asyncio.Event] = {}
        self._answers: dict[str, Any] = {}
        self._closed = asyncio.Event()
        self._numbers = itertools.count(1)
        service.connect(self._emit)

    def _emit(self, event: commands.Event) -> None:
        match event:
            case commands.Answered() | commands.Rejected() | commands.Measured():
                self._answers[event.request] = event
            case commands.RecorderReady():
                self._open(event.session)
            case commands.RecorderFailed():
                print(json.dumps({"room": event.session, "recorder": event.code}), flush=True)
            case commands.Closed():
                self._rooms.pop(event.session, None)
                self._closed.set()
            case _:
                pass

    async def close(self) -> None:
        """Close every room, so that every recording ends with a signed close."""
        for room in self._rooms:
            self._service.handle(commands.CloseSession(session=room, reason="closed"), self._emit)
        while self._rooms:
            self._closed.clear()
            await self._closed.wait()

    def _open(self, room: str) -> None:
        self._service.handle(commands.Forward(session=room, on=True), self._emit)
        self._rooms[room].set()

    def ask(self, kind: Any, **fields: Any) -> Any:
        """Send a command that is answered at once."""
        request = str(next(self._numbers))
        self._service.handle(kind(request=request, **fields), self._emit)
        return self._answers.pop(request)

    async def room(self, name: str) -> str:
        """Open the room, and its recording, at the first call."""
        if name not in self._rooms:
            self._rooms[name] = asyncio.Event()
            self._service.handle(commands.OpenSession(session=name, video="any"), self._emit)
            if self._record:
                arm = commands.Arm(session=name, recording=f"bench-{name}", kind="rehearsal", policy="clear")
                self._service.handle(arm, self._emit)
            else:
                self._open(name)
        await self._rooms[name].wait()
        return name

    def withdraw(self, resource: str) -> None:
        self._service.handle(commands.Withdraw(resource=resource), self._emit)


class Lag:
    """How late the relay's own loop turns: from the first reading on looked at every five milliseconds.

    Not before: two hundred wake-ups a second are more than one room of two needs, and double what it costs.
    """

    EVERY = 0.005

    def __init__(self) -> None:
        self._late: list[float] = []
        self._looking: asyncio.Task[None] | None = None

    async def _look(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(self.EVERY)
            self._late.append((time.perf_counter() - before - self.EVERY) * 1000)

    def read(self) -> dict[str, float]:
        """Milliseconds since the last reading; nothing at the first."""
        self._looking = self._looking or asyncio.create_task(self._look())
        late, self._late = sorted(self._late), []
        if not late:
            return {}
        return {"p50": late[len(late) // 2], "p99": late[int(len(late) * 0.99)], "max": late[-1]}


class Door:
    """WHIP and WHEP over HTTP."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._lag = Lag()
        self._viewers = itertools.count(1)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=256_000)
        app.router.add_post("/whip/{room}/{participant}", self.whip)
        app.router.add_post("/whep/{room}/{participant}", self.whep)
        app.router.add_delete("/resource/{id}", self.delete)
        app.router.add_patch("/resource/{id}", self.patch)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/lag", self.lag)
        return app

    async def whip(self, request: web.Request) -> web.Response:
        room = await self._rooms.room(request.match_info["room"])
        event = self._rooms.ask(
            commands.Publish, session=room, endpoint=request.match_info["participant"], role="bench",
            publication="camera", offer=await request.text(),
        )  # fmt: skip
        return self._created(event)

    async def whep(self, request: web.Request) -> web.Response:
        room, offer = await self._rooms.room(request.match_info["room"]), await request.text()
        viewer = f"viewer{next(self._viewers)}"
        deadline = asyncio.get_running_loop().time() + PUBLISH_WAIT_S
        while True:
            event = self._rooms.ask(
                commands.Subscribe, session=room, endpoint=viewer, source=request.match_info["participant"],
                publication="camera", offer=offer,
            )  # fmt: skip
            early = isinstance(event, commands.Rejected) and event.code == "no-publication"
            if not early or asyncio.get_running_loop().time() > deadline:
                return self._created(event)
            await asyncio.sleep(0.1)

    def _created(self, event: Any) -> web.Response:
        if isinstance(event, commands.Rejected):
            return web.Response(status=STATUS.get(event.code, 400), text=f"{event.code}: {event.reason}\n")
        headers = {"Location": f"/resource/{event.resource}", "ETag": f'"{event.etag}"'}
        return web.Response(status=201, text=event.answer, content_type="application/sdp", headers=headers)

    async def delete(self, request: web.Request) -> web.Response:
        self._rooms.withdraw(request.match_info["id"])
        return web.Response()

    async def patch(self, request: web.Request) -> web.Response:
        event = self._rooms.ask(commands.Restart, resource=request.match_info["id"], fragment=await request.text())
        if isinstance(event, commands.Rejected):
            return web.Response(status=STATUS.get(event.code, 400), text=f"{event.code}: {event.reason}\n")
        return web.Response(
            text=event.answer, content_type="application/trickle-ice-sdpfrag", headers={"ETag": f'"{event.etag}"'}
        )

    async def metrics(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._rooms.ask(commands.Measure).text)

    async def lag(self, _request: web.Request) -> web.Response:
        return web.json_response(self._lag.read())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.open_relay", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8080, metavar="HTTP", help="port of WHIP and WHEP")
    parser.add_argument("--media-port", type=int, default=0, metavar="UDP", help="port of the media, UDP and TCP")
    parser.add_argument("--record", default="none", metavar="DIR|none", help="where journals go, or none")
    parser.add_argument("--host", action="append", help="address to listen on, also more than once")
    parser.add_argument("--public", action="append", default=[], help="address that candidates name instead")
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Serve until interrupted."""
    hosts = tuple(options.host or ["127.0.0.1"])
    record = options.record != "none"
    clock = SystemClock()
    settings = MediaSettings(
        control_path=Path(tempfile.gettempdir()) / "unused",
        port=options.media_port,
        bind=hosts,
        public=tuple(options.public),
        limits=OPEN,
    )
    async with AsyncExitStack() as stack:
        recorders: Any = NoRecorders()
        if record:
            recorders = await stack.enter_async_context(recorders_in(Path(options.record), clock))
        await serve(options, settings, recorders, clock)


async def serve(options: argparse.Namespace, settings: MediaSettings, recorders: Any, clock: SystemClock) -> None:
    """Serve with these recorders until interrupted."""
    service = MediaService(settings, recorders, clock)
    await service.start()
    rooms = Rooms(service, record=not isinstance(recorders, NoRecorders))
    runner = web.AppRunner(Door(rooms).application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.bind[0], options.port)
    await site.start()
    settle()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # port 0 was asked for
    print(json.dumps({"http": f"http://{settings.bind[0]}:{port}", "media_port": service.port}), flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()
    await rooms.close()
    await service.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=MediaLoop) as runner:
        runner.run(run(arguments()))
