"""A stand for the browser code: the real pages and scripts, the real relay, and a session that the test plays.

Whatever a page sends is decoded with the server's own vocabulary, so that a message the server would refuse fails the
test; whatever a test pushes is encoded with it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web
from playwright.async_api import Page

from core.clock import SystemClock
from core.texts import Texts
from media import commands
from media.config import MediaSettings
from media.service import MediaService
from signaling import messages as wire
from tests.wire.peers import FakeRecorders
from web import guards
from web.rendering import environment
from web.scripts import imported
from web.statics import Statics

SESSION = "stand-session"
NO_RIGHTS = wire.Rights(
    publish=False,
    subscribe=False,
    mute=True,
    share=False,
    chat=False,
    host=False,
    start=False,
    stop=False,
    end=False,
    extend=False,
)


def now() -> datetime:
    return datetime.now(UTC)


def person(name: str, role: str, *, number: str = "", confirmed: bool = True) -> wire.PersonView:
    return wire.PersonView(id=f"p-{name}", role=role, name=name, number=number, confirmed=confirmed)


def endpoint(id: str, role: str, *persons: wire.PersonView, **more: Any) -> wire.EndpointView:
    given: dict[str, Any] = {
        "label": persons[0].name if persons else id,
        "state": "admitted",
        "audio": "on",
        "video": "on",
        "publications": (),
        "name_confirmed": None,
        "line": wire.LineView(up_loss=0.0, down_loss=0.001, rtt_ms=18.0, way="udp"),
    }
    return wire.EndpointView(id=id, role=role, persons=persons, **{**given, **more})  # type: ignore[arg-type]


def view(you: str, *endpoints: wire.EndpointView, **more: Any) -> wire.View:
    """A session as ``you`` sees it; a live interrogation unless told otherwise."""
    given: dict[str, Any] = {
        "number": 1,
        "now": now(),
        "session": SESSION,
        "kind": "interrogation",
        "title": "讯问 · A-2026-0117",
        "state": "live",
        "reason": "",
        "reason_text": "",
        "since": now(),
        "policy": "clear",
        "recording": "on",
        "durable": now(),
        "start": now() - timedelta(minutes=20),
        "end": now() + timedelta(minutes=40),
        "hard_end": None,
        "missing": (),
        "rights": NO_RIGHTS,
        "custody": None,
    }
    return wire.View(you=you, endpoints=endpoints, **{**given, **more})


def rights(**more: bool) -> wire.Rights:
    return replace(NO_RIGHTS, **more)


def page_facts(**more: Any) -> dict[str, Any]:
    """What ``web/pages/live.py`` tells the scripts."""
    given = {
        "session": SESSION,
        "asKind": "account",
        "endpointRole": "host",
        "locale": "zh-CN",
        "zone": "Asia/Shanghai",
        "now": now().isoformat(),
        "kind": "interrogation",
        "title": "讯问",
        "policy": "clear",
        "start": (now() - timedelta(minutes=1)).isoformat(),
        "end": (now() + timedelta(minutes=60)).isoformat(),
        "opens": (now() - timedelta(minutes=11)).isoformat(),
        "closed": None,
        "meet": [{"name": "张伟", "role": "detainee", "number": "", "place": "东湖看守所 · 一号讯问室"}],
        "rolesHere": ["officer", "interpreter"],
        "candidates": [{"person": "x" * 22, "name": "王芳", "role": "officer", "number": "031275"}],
        "back": "/",
    }
    return {**given, **more}


@dataclass
class Seat:
    """One page's connection: what it said, and how to speak to it."""

    endpoint: str
    heard: list[Any] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None
    joins: int = 0

    async def push(self, message: Any) -> None:
        assert self.socket is not None
        await self.socket.send_bytes(b"") if message is None else await self.socket.send_str(
            wire.TO_ENDPOINT.encode(message).decode()
        )

    def said(self, kind: type) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]


class Stand:
    """Pages, sockets and media of one session."""

    def __init__(self, **media: Any) -> None:
        """``media``: settings of the relay."""
        self.url = ""
        self.ice_servers: tuple[dict[str, str], ...] = ()
        self.events: list[commands.Event] = []
        """What the relay has told."""
        self.seats: dict[str, Seat] = {}
        self.views: dict[str, wire.View] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self.agenda: dict[str, Any] = {"paired": True, "waiting": False}
        self.refuse_tickets: tuple[int, str, str] | None = None
        self.stills: dict[str, bytes] = {}
        self.refuse_still = False
        self.transferred = 0
        self._resumes: dict[str, str] = {}
        self._receiving: dict[tuple[str, str, str], str] = {}
        self._statics = Statics()
        self._environment = environment(self._statics)
        self._answers: dict[str, asyncio.Future[Any]] = {}
        settings = {"control_path": Path("/nowhere"), "bind": ("127.0.0.1",), **media}
        self.media = MediaService(MediaSettings(**settings), FakeRecorders(), SystemClock())

    def seat(self, endpoint: str) -> Seat:
        return self.seats.setdefault(endpoint, Seat(endpoint))

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/static/{path:.+}", self._statics.serve)
        app.router.add_get("/sessions/{endpoint}/live", self._live)
        app.router.add_get("/blank", self._blank)
        app.router.add_get("/terminal", self._terminal)
        app.router.add_get("/terminal/state", self._agenda)
        app.router.add_post("/terminal/pair", self._pair)
        app.router.add_post("/terminal/seen", self._seen)
        app.router.add_post("/live/{session}/ticket", self._ticket)
        app.router.add_post("/live/{session}/stills/{request}/{part}", self._still)
        app.router.add_get("/socket", self._socket)
        app.router.add_post("/whip/{endpoint}/{publication}", self._whip)
        app.router.add_post("/whep/{endpoint}/{source}/{publication}", self._whep)
        app.router.add_post("/echo", self._echo)
        app.router.add_delete("/media/{resource}", self._drop)
        return app

    async def start_media(self) -> None:
        await self.media.start()
        self.media.connect(self._emit)
        self._do(commands.OpenSession(session=SESSION, video="vp8"))
        self._do(commands.Arm(session=SESSION, recording=SESSION, kind="rehearsal", policy="attendance"))
        self._do(commands.Forward(session=SESSION, on=True))

    def _do(self, command: commands.Command) -> None:
        self.media.handle(command, self._emit)

    def _emit(self, event: Any) -> None:
        self.events.append(event)
        waiting = self._answers.pop(getattr(event, "request", ""), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    async def push(self, endpoint: str, view: wire.View) -> None:
        """Make ``view`` what the endpoint sees, now and after every return."""
        self.views[endpoint] = view
        if (seat := self.seat(endpoint)).socket is not None:
            await seat.push(view)

    # Pages

    async def _live(self, request: web.Request) -> web.Response:
        name = request.match_info["endpoint"]
        facts = {**self.facts[name], "session": name}
        return self._page("live/live.html", facts, "live.js", request)

    async def _blank(self, request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html>", content_type="text/html")

    async def _terminal(self, request: web.Request) -> web.Response:
        facts = {"locale": "zh-CN", "now": now().isoformat()}
        return self._page("terminal/terminal.html", facts, "terminal.js", request)

    def _page(self, template: str, facts: dict[str, Any], script: str, request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(12)
        text = self._environment.get_template(template).render(
            _=Texts(facts["locale"]),
            locale=facts["locale"],
            nonce=nonce,
            site_name="远见",
            here=quote(request.path_qs),
            page=facts,
            modules=imported(script),
            never=None,
        )
        headers = {"Content-Security-Policy": guards._policy(nonce)}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _agenda(self, request: web.Request) -> web.Response:
        return web.json_response({"now": now().isoformat(), "zone": "Asia/Shanghai", **self.agenda})

    async def _pair(self, request: web.Request) -> web.Response:
        self.agenda = {"paired": False, "waiting": True}
        return web.json_response({"code": "7K3F-MM2Q", "seconds": 600})

    async def _seen(self, request: web.Request) -> web.Response:
        return web.json_response({})

    # Signaling

    async def _still(self, request: web.Request) -> web.Response:
        """Keeps what a guest's page sends; refuses once when told to."""
        data, part = await request.read(), request.match_info["part"]
        assert request.headers["Authorization"] == f"Bearer token-{request.match_info['session']}"
        if self.refuse_still:
            self.refuse_still = False
            return web.json_response({"code": "database-unavailable", "text": "请稍后再试。"}, status=503)
        self.stills[part] = data
        return web.json_response({"still": part, "digest": ""}, status=201)

    async def _ticket(self, request: web.Request) -> web.Response:
        if self.refuse_tickets:
            status, code, text = self.refuse_tickets
            return web.json_response({"code": code, "text": text, "field": None}, status=status)
        name = request.match_info["session"]
        return web.json_response({"ticket": name, "socket": "/socket", "session": SESSION, "endpoint_role": "host"})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = wire.FROM_ENDPOINT.decode(await socket.receive_str())
        assert isinstance(hello, wire.Hello)
        name = hello.ticket or self._resumes.pop(str(hello.resume), "")
        if not name:
            await socket.send_str(wire.TO_ENDPOINT.encode(wire.Refused(code="resume-unknown", text="unknown")).decode())
            await socket.close(code=4401)
            return socket
        seat = self.seat(name)
        seat.heard.append(hello)
        seat.joins += 1
        seat.socket = socket
        await seat.push(self._welcome(name))
        if name in self.views:
            await seat.push(replace(self.views[name], now=now()))
        async for message in socket:
            await self._hear(seat, wire.FROM_ENDPOINT.decode(message.data))
        return socket

    def _welcome(self, name: str) -> wire.Welcome:
        resume = secrets.token_urlsafe(8)
        self._resumes[resume] = name
        return wire.Welcome(
            version=wire.VERSION,
            endpoint=name,
            resume=resume,
            token=f"token-{name}",
            whip=f"/whip/{name}",
            whep=f"/whep/{name}",
            ice_servers=self.ice_servers,
            locale="zh-CN",
        )

    async def _hear(self, seat: Seat, message: Any) -> None:
        if isinstance(message, wire.Ping):
            await seat.push(wire.Pong(now=now()))
            return
        seat.heard.append(message)
        if isinstance(message, wire.Prefer):
            resource = self._receiving[seat.endpoint, message.endpoint, message.publication]
            self._do(commands.Prefer(resource=resource, layer=message.size))

    # Media

    async def _whip(self, request: web.Request) -> web.Response:
        name = request.match_info["endpoint"]
        assert request.headers["Authorization"] == f"Bearer token-{name}"
        offer, key = await request.text(), secrets.token_hex(8)
        publication = request.match_info["publication"]
        return await self._negotiate(
            commands.Publish(
                request=key, session=SESSION, endpoint=name, role="host", publication=publication, offer=offer
            )
        )

    async def _whep(self, request: web.Request) -> web.Response:
        name, offer = request.match_info["endpoint"], await request.text()
        source, publication = request.match_info["source"], request.match_info["publication"]
        answer = await self._negotiate(
            commands.Subscribe(
                request=secrets.token_hex(8),
                session=SESSION,
                endpoint=name,
                source=source,
                publication=publication,
                offer=offer,
            )
        )
        resource = answer.headers.get("Location", "").removeprefix("/media/")
        self._receiving[name, source, publication] = resource
        return answer

    async def _echo(self, request: web.Request) -> web.Response:
        key = secrets.token_hex(8)
        return await self._negotiate(commands.Echo(request=key, check=key, offer=await request.text()))

    async def _negotiate(self, command: Any) -> web.Response:
        waiting = self._answers[command.request] = asyncio.get_running_loop().create_future()
        self._do(command)
        event = await asyncio.wait_for(waiting, 10)
        if isinstance(event, commands.Rejected):
            return web.json_response({"code": event.code, "text": event.reason}, status=409)
        headers = {"Location": f"/media/{event.resource}"}
        return web.Response(status=201, text=event.answer, content_type="application/sdp", headers=headers)

    async def _drop(self, request: web.Request) -> web.Response:
        self._do(commands.Withdraw(resource=request.match_info["resource"]))
        return web.Response(status=200)


async def holds(page: Page, expression: str) -> None:
    """Wait until ``expression`` is true in the page, whose policy forbids evaluating text from within."""
    for _ in range(400):
        if await page.evaluate(expression):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never true: {expression}")


@asynccontextmanager
async def running(**media: Any) -> AsyncIterator[Stand]:
    """A stand that listens on a free port of the loopback; ``media`` as for ``Stand``."""
    stand = Stand(**media)
    await stand.start_media()
    runner = web.AppRunner(stand.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stand.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stand
    finally:
        await runner.cleanup()
        await stand.media.stop()
