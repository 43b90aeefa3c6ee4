"""A whole web process of live sessions for tests: real database, real HTTP, and a media process made of wishes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from core.config import Settings
from core.errors import PersonError, Unavailable
from core.ids import new_id
from core.vault import Vault
from media import commands
from people.models import ApiToken, Invitation, LoginSession, Terminal
from people.principals import Principal
from scheduler.models import CustodyStep, Step
from scheduler.roster import READY
from signaling import http, messages
from signaling.hub import Hub
from signaling.link import Reply
from signaling.live import Live
from tests.scheduler.conftest import Site

CLIENT = messages.FROM_ENDPOINT
PATIENCE = 30.0
"""Seconds until what has not come counts as missing; a crowd on a busy machine takes its time."""


class FakeLink:
    """A media process that is always ready, unless told otherwise."""

    number = 0

    def __init__(self) -> None:
        self.up = True
        self.boot = "boot-1"
        self.sent: list[commands.Command] = []
        self.armed: dict[str, str] = {}
        self.last_entry = 0
        self.recorder_fails = ""
        self.rejects = ""
        self.hub: Hub | None = None
        self.resources: dict[str, commands.Publish | commands.Subscribe | commands.AttachCamera] = {}

    def send(self, command: commands.Command) -> bool:
        if not self.up:
            return False
        self.sent.append(command)
        asyncio.get_running_loop().call_soon(self._react, command)
        return True

    async def request(self, make: Callable[[str], commands.Command]) -> Reply:
        if not self.up:
            raise Unavailable("media-away", "The media server cannot be reached. It is being restored.")
        command = make(new_id())
        self.sent.append(command)
        await asyncio.sleep(0)
        match command:
            case commands.Measure(request=request):
                return commands.Measured(request=request, text="relay_up 1\n")
            case _ if self.rejects:
                return commands.Rejected(request=command.request, code=self.rejects, reason="")  # type: ignore[union-attr]
        resource = new_id()
        if isinstance(command, commands.Publish | commands.Subscribe | commands.AttachCamera):
            self.resources[resource] = command
        return commands.Answered(request=command.request, resource=resource, answer="v=0\r\n", etag=f'"{resource}"')  # type: ignore[union-attr]

    def _react(self, command: commands.Command) -> None:
        match command:
            case commands.Arm(session=session, recording=recording):
                if self.recorder_fails:
                    self.emit(commands.RecorderFailed(session=session, recording=recording, code=self.recorder_fails))
                else:
                    self.armed[session] = recording
                    self.emit(
                        commands.RecorderReady(session=session, recording=recording, take=1, last_entry=self.last_entry)
                    )
            case commands.CloseSession(session=session):
                recording = self.armed.pop(session, None)
                digest = "cd" * 32 if recording else None
                self.emit(
                    commands.Closed(
                        session=session, recording=recording, digest=digest, frames=1, duration_ms=1000, gaps=0
                    )
                )

    def emit(self, event: commands.Event) -> None:
        assert self.hub is not None
        self.hub.link_event(self, event)

    def restart(self) -> None:
        """The media process is killed and comes back empty."""
        self.up = False
        assert self.hub is not None
        self.hub.link_down(self)
        self.up, self.armed = True, {}
        self.hub.link_up(self, commands.Hello(boot="boot-2", sessions=()))

    def commands_of(self, kind: type) -> list[Any]:
        return [command for command in self.sent if isinstance(command, kind)]


@dataclass
class Peer:
    """One WebSocket client: sends messages, keeps what came."""

    ws: aiohttp.ClientWebSocketResponse
    got: list[dict[str, Any]] = field(default_factory=list)

    async def say(self, message: object) -> None:
        await self.ws.send_bytes(CLIENT.encode(message))

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read until a message that is ``wanted``."""
        async with asyncio.timeout(20):
            while True:
                received = await self.ws.receive()
                assert received.type is WSMsgType.TEXT, (received, self.got[-3:])
                message = received.json()
                self.got.append(message)
                if wanted(message):
                    return message

    async def a(self, type_: str, **members: Any) -> dict[str, Any]:
        """Read until a message of a type with the given members."""
        return await self.until(lambda m: m["type"] == type_ and all(m[k] == v for k, v in members.items()))

    async def closed(self) -> int | None:
        """Read to the end; the close code."""
        async with asyncio.timeout(20):
            while True:
                received = await self.ws.receive()
                if received.type is WSMsgType.TEXT:
                    self.got.append(received.json())
                else:
                    return received.data if received.type is WSMsgType.CLOSE else self.ws.close_code

    @property
    def welcome(self) -> dict[str, Any]:
        return next(m for m in self.got if m["type"] == "welcome")

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [m for m in self.got if m["type"] == type_]


class World:
    """A hub with its doors over the demo site."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self.site = site
        self.clock = site.clock
        self.settings = settings
        self.principals: dict[str, Principal] = {}
        self.link = FakeLink()
        self.hub = self._hub()
        self.client: TestClient[Any, Any]

    def _hub(self) -> Hub:
        self.vault = Vault(self.settings.secrets)
        self.vault.ensure(self.clock.now())
        links = [self.link]
        hub = Hub(settings=self.settings, database=self.site.db, clock=self.clock, links=links, vault=self.vault)
        self.link.hub = hub
        return hub

    async def start(self) -> None:
        await self.hub.start()
        app = web.Application(middlewares=[self._principal, _failures])
        http.add_routes(app, self.hub)
        self.client = TestClient(TestServer(app), connector=aiohttp.TCPConnector(limit=0))  # a crowd is many browsers
        await self.client.start_server()

    async def stop(self) -> None:
        await self.hub.stop()
        await self.client.close()

    async def crash(self) -> None:
        """Kill the web process: nothing is written or said any more; then start another one."""
        for live in self.hub._lives.values():
            live.over = True
        tasks = list(self.hub._tasks)
        for task in tasks:
            task.cancel()
        if tasks:  # what they had begun is rolled back, as the database does for a process that is gone
            await asyncio.wait(tasks, timeout=5)
        await self.client.close()
        self.hub = self._hub()
        await self.start()

    @web.middleware
    async def _principal(self, request: web.Request, handler: Any) -> web.StreamResponse:
        browser = request.headers.get("X-Browser")
        request["principal"] = self.principals.get(request.headers.get("X-As", ""))
        request["browser"], request["browsers"] = browser, frozenset({browser} - {None})
        return await handler(request)

    # Who

    async def account(self, login: str) -> str:
        """Sign somebody in."""
        who, now = self.site.who[login], self.clock.now()
        row = LoginSession(
            hash=new_id(), person=who.id, created=now, seen=now, expires=now + timedelta(hours=12), proved=now
        )
        await self._add(row)
        self.principals[login] = Principal(
            "account", who.id, who.name, who.roles, who.organisation, who.facility, login=row.id, tree=who.tree
        )
        return login

    async def terminal(self, room: str, facility: str | None = None) -> str:
        """Pair the terminal of a room."""
        row = Terminal(
            room=room,
            facility=facility or new_id(),
            label="会见室",
            key=new_id(),
            paired=self.clock.now(),
            paired_by="x",
        )
        await self._add(row)
        self.principals["terminal"] = Principal(
            "terminal", row.id, row.label, frozenset({"terminal"}), facility=row.facility, room=room
        )
        return "terminal"

    async def token(self) -> str:
        now = self.clock.now()
        row = ApiToken(hash=new_id(), name="演练", issued_by="x", issued=now, expires=now + timedelta(days=1))
        await self._add(row)
        self.principals["token"] = Principal("token", row.id, row.name, frozenset({"operator"}))
        return "token"

    async def guest(self, session: str, party: str | None, name: str = "孙丽") -> str:
        """A guest who has accepted an invitation."""
        now, officer = self.clock.now(), self.site.who["officer"]
        row = Invitation(
            session=session,
            party=party,
            role="witness",
            name=name,
            officer=officer.id,
            officer_name=officer.name,
            officer_number="031207",
            unit="城东分局",
            unit_phone="110",
            secret=new_id(),
            state="accepted",
            valid_from=now,
            valid_until=now + timedelta(hours=8),
            created=now,
        )
        await self._add(row)
        self.principals["guest"] = Principal("guest", row.id, name, frozenset({"guest"}), session=session)
        return "guest"

    async def _add(self, row: object) -> None:
        async with self.site.db.transaction() as tx:
            tx.add(row)

    async def steps(self, session: str, *steps: Step) -> None:
        """The duty post confirms steps, and the page says so to the hub."""
        async with self.site.db.transaction() as tx:
            for step in steps or READY:
                tx.add(CustodyStep(booking=session, step=step, at=self.clock.now(), by="duty"))
        await self.hub.custody_changed(session)

    # Doing

    async def ticket(self, who: str, session: str, participant: int = 0, **headers: str) -> dict[str, Any]:
        body = {"participant": participant} if participant else {}
        answer = await self.client.post(f"/live/{session}/ticket", json=body, headers={"X-As": who, **headers})
        return {"status": answer.status, **await answer.json()}

    async def socket(self, session: str, **headers: str) -> Peer:
        return Peer(await self.client.ws_connect(f"/live/{session}/socket", headers=headers))

    async def join(self, who: str, session: str, participant: int = 0) -> Peer:
        """Ticket, socket, hello, first view."""
        ticket = (await self.ticket(who, session, participant))["ticket"]
        peer = await self.socket(session)
        await peer.say(messages.Hello(version=1, ticket=ticket))
        await peer.a("view")
        return peer

    async def come_back(self, session: str, resume: str, seen: int = 0) -> Peer:
        peer = await self.socket(session)
        await peer.say(messages.Hello(version=1, resume=resume, seen=seen))
        return peer

    def live(self, session: str) -> Live:
        found = self.hub.get(session)
        assert found is not None
        return found

    def advance(self, seconds: float) -> None:
        """Let time pass for every session."""
        self.clock.advance(seconds)
        for live in list(self.hub._lives.values()):
            live.tick()

    async def written(self, session: str) -> None:
        """Wait until the log is in the database."""
        live = self.hub.get(session)
        if live is not None:
            async with asyncio.timeout(20):
                await live.keeper.drained()


@web.middleware
async def _failures(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except PersonError as error:
        return web.json_response({"code": error.code, "text": error.text}, status=error.status)
