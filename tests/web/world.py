"""The demo site behind the real application, without live sessions: for page tests and screens."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cases.kinds import Role
from core import ledger, migrate
from core.clock import FakeClock
from core.config import Settings
from core.database import Database, sqlite_url
from people import logins, store
from people.logins import Door
from people.passwords import Passwords
from people.principals import Principal
from recordings.library import Library
from scheduler import bookings, choices, demo, exclusion
from scheduler.models import Booking
from scheduler.requests import GuestWish, Request
from web.app import WebContext, build
from web.identity import DOOR

NOON = datetime.fromisoformat("2026-03-02T04:00:00+00:00")
"""A Monday noon in Shanghai."""
PAGE = {"Accept": "text/html"}


class FakeHub:
    """Live sessions as pages see them: snapshots that a test puts there, and what pages have asked for."""

    def __init__(self) -> None:
        self.snapshots: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []

    def snapshot(self, session: str) -> Any:
        return self.snapshots.get(session)

    def runs(self, session: str, state: str, called: tuple[tuple[str, datetime], ...] = ()) -> None:
        """Let ``session`` be live in ``state``."""
        self.snapshots[session] = SimpleNamespace(state=state, calls=called, endpoints=())

    def live_sessions(self) -> tuple[str, ...]:
        return tuple(self.snapshots)

    async def custody_changed(self, session: str) -> None:
        self.asked.append(("custody", session))

    async def calls_answered(self, session: str, by: str) -> None:
        self.asked.append(("calls", session))

    async def window_changed(self, session: str) -> None:
        self.asked.append(("window", session))


async def seed(database: Database) -> None:
    """Write the schema and the demo site into an empty database, and close it."""
    await migrate.upgrade(database, (ledger.GUARD, exclusion.GUARD))
    passwords = Passwords(memory_kib=64, rounds=1, parallel=1)
    await demo.seed(database, FakeClock(NOON), passwords)
    passwords.close()
    await database.close()


def seed_once(path: Path) -> Path:
    asyncio.run(seed(Database(sqlite_url(path))))
    return path


@dataclass
class World:
    """One running application of its own."""

    database: Database
    clock: FakeClock
    settings: Settings
    hub: FakeHub
    server: TestServer
    clients: list[TestClient[web.Request, web.Application]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def principal(self, login: str) -> Principal:
        async with self.database.transaction(write=False) as tx:
            found = await store.account_by_login(tx, login)
            assert found is not None
            principal = await store.account_principal(tx, found[1].id)
        assert principal is not None
        return principal

    async def cookie(self, login: str) -> str:
        """A fresh sign-in without the password's cost."""
        person = (await self.principal(login)).id
        return (await logins.start(self.database, self.clock, person, method="password"))[0]

    async def browser(self, login: str | None = None) -> TestClient[web.Request, web.Application]:
        """A client as a browser: sends our own Origin, follows nothing."""
        client = TestClient(self.server)
        await client.start_server()
        if login is not None:
            client.session.cookie_jar.update_cookies({"yj": await self.cookie(login)}, self.server.make_url("/"))
        self.clients.append(client)
        return client

    async def get(self, who: TestClient[web.Request, web.Application], path: str) -> tuple[int, str]:
        answer = await who.get(path, headers=PAGE, allow_redirects=False)
        return answer.status, await answer.text()

    async def film(self, who: TestClient[web.Request, web.Application], path: str, address: str) -> str:
        """The viewer's own link to a film, as the page at ``path`` has it."""
        _, text = await self.get(who, path)
        found = re.search(re.escape(address) + r"[?]link=[0-9a-f.]+", text)
        assert found, address
        return found[0]

    async def post(
        self, who: TestClient[web.Request, web.Application], path: str, /, **fields: str
    ) -> tuple[int, str, str]:
        """Submit a form; return status, body and where it leads."""
        headers = PAGE | {"Sec-Fetch-Site": "same-origin", "Origin": self.url}
        answer = await who.post(path, data=fields, headers=headers, allow_redirects=False)
        return answer.status, await answer.text(), answer.headers.get("Location", "")

    # What stands in the calendar

    async def visit(self, minutes_ahead: int = 60, client: int = 0) -> Booking:
        """A lawyer's request."""
        lawyer = await self.principal("lawyer")
        mine = await choices.my_clients(self.database, self.clock, lawyer)
        return await self._book(lawyer, "visit", minutes_ahead, custody_person=mine[client].id)

    async def interrogation(self, minutes_ahead: int = 120) -> Booking:
        officer = await self.principal("officer")
        case = next(c for c in await choices.my_cases(self.database, officer) if len(c.persons) > 1)
        second = (await self.principal("officer2")).id
        person = case.persons[-1].id
        return await self._book(
            officer, "interrogation", minutes_ahead, custody_person=person, case=case.id, officers=(second,)
        )

    async def statement(self, minutes_ahead: int = 300) -> Booking:
        officer = await self.principal("officer")
        case = (await choices.my_cases(self.database, officer))[0]
        second = (await self.principal("officer2")).id
        guest = (GuestWish(Role.WITNESS, "王秀兰"),)
        return await self._book(officer, "statement", minutes_ahead, case=case.id, officers=(second,), guests=guest)

    async def _book(self, who: Principal, kind: str, minutes_ahead: int, **values: Any) -> Booking:
        start = self.clock.now() + timedelta(minutes=minutes_ahead)
        wish = Request(kind=kind, start=start, end=start + timedelta(minutes=60), **values)
        made = await bookings.request_booking(self.database, self.clock, who, wish)
        assert isinstance(made, Booking), made
        return made


@asynccontextmanager
async def world(template: Path | Database, directory: Path, **settings: Any) -> AsyncIterator[World]:
    """A world on a copy of the SQLite file ``template``, or on a seeded database of its own."""
    if isinstance(template, Path):
        path = directory / "yuanjian.sqlite3"
        shutil.copy(template, path)
        template = Database(sqlite_url(path))
    database, clock, hub = template, FakeClock(NOON), FakeHub()
    options = Settings(data_dir=directory, **{"demo": True, **settings})
    library = Library(directory, clock)
    app = build(WebContext(settings=options, database=database, clock=clock, hub=hub, recordings=library))
    app[DOOR] = Door(passwords=Passwords(memory_kib=64, rounds=1, parallel=1))
    server = TestServer(app)
    await server.start_server()
    made = World(database, clock, options, hub, server)
    try:
        yield made
    finally:
        for client in made.clients:
            await client.close()
        await server.close()
        app[DOOR].passwords.close()
        await database.close()
