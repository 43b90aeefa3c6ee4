"""The demo site as a world for tests: seeded once per kind of database, copied per test."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cases.kinds import Role
from cases.models import Case, CustodyPerson
from core import ledger, migrate
from core.clock import FakeClock
from core.database import Database, sqlite_url
from people import store as people
from people.models import Account
from people.passwords import Passwords
from people.principals import Principal
from scheduler import demo, exclusion
from scheduler.models import Booking, Facility, Room
from scheduler.requests import GuestWish, Request

NOON = datetime.fromisoformat("2026-03-02T04:00:00+00:00")
"""A Monday noon in Shanghai."""
GUARDS = (ledger.GUARD, exclusion.GUARD)


async def _seed(database: Database) -> None:
    await migrate.upgrade(database, GUARDS)
    await demo.seed(database, FakeClock(NOON), Passwords(memory_kib=64, rounds=1, parallel=1))
    await database.close()


@pytest.fixture(scope="session")
def seeded_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated and seeded SQLite file to be copied."""
    path = tmp_path_factory.mktemp("seeded") / "template.sqlite3"
    asyncio.run(_seed(Database(sqlite_url(path))))
    return path


@pytest.fixture(scope="session")
def seeded_postgres(postgres_cluster):
    """A seeded PostgreSQL database to be copied."""
    name = "yuanjian_seeded"
    asyncio.run(_copy(postgres_cluster, name, "yuanjian_template"))
    asyncio.run(_seed(Database(postgres_cluster.url(name))))
    return name


async def _copy(cluster, name: str, template: str) -> None:
    from sqlalchemy import text

    admin = Database(cluster.url("postgres"))
    async with admin.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    await admin.close()


@dataclass
class Site:
    """The seeded world and short ways to ask for things in it."""

    db: Database
    clock: FakeClock
    who: dict[str, Principal]
    persons: dict[str, str]
    cases: dict[str, str]
    rooms: dict[str, str]
    facilities: dict[str, str]

    def at(self, hours: float, minutes: int = 60) -> tuple[datetime, datetime]:
        """The window that starts ``hours`` after noon."""
        start = NOON + timedelta(hours=hours)
        return start, start + timedelta(minutes=minutes)

    def visit(self, hours: float = 2, person: str = "张伟民", **changes) -> Request:
        """A lawyer's wish to see a client."""
        start, end = self.at(hours)
        return replace(Request(kind="visit", start=start, end=end, custody_person=self.persons[person]), **changes)

    def interrogation(self, hours: float = 2, person: str = "张伟民", number: str = "0317", **changes) -> Request:
        """An officer's wish to question a suspect, with a colleague."""
        start, end = self.at(hours)
        wish = Request(
            kind="interrogation",
            start=start,
            end=end,
            custody_person=self.persons[person],
            case=self.cases[number],
            officers=(self.who["officer2"].id,),
        )
        return replace(wish, **changes)

    def statement(self, hours: float = 2, **changes) -> Request:
        """An officer's wish to hear one witness on their own phone."""
        start, end = self.at(hours)
        wish = Request(
            kind="statement",
            start=start,
            end=end,
            case=self.cases["0317"],
            officers=(self.who["officer2"].id,),
            guests=(GuestWish(Role.WITNESS, "孙丽"),),
        )
        return replace(wish, **changes)

    def terminal(self, room: str) -> Principal:
        """The terminal paired to a room."""
        return Principal(
            kind="terminal", id="terminal-of-" + room, name=room, roles=frozenset({"terminal"}), room=self.rooms[room]
        )

    async def booking(self, booking: str) -> Booking:
        """The row as it stands now."""
        async with self.db.transaction(write=False) as tx:
            return await tx.get_one(Booking, booking)


async def _site(db: Database, clock: FakeClock) -> Site:
    async with db.transaction(write=False) as tx:
        accounts = (await tx.execute(select(Account.login, Account.person))).all()
        who = {login: await people.account_principal(tx, person) for login, person in accounts}
        persons = {name: id_ for id_, name in await tx.execute(select(CustodyPerson.id, CustodyPerson.name))}
        cases = {number[-5:-1]: id_ for id_, number in await tx.execute(select(Case.id, Case.number))}
        places = {place.id: place.name for place in (await tx.execute(select(Facility))).scalars()}
        rows = await tx.execute(select(Room.id, Room.name, Room.facility))
        rooms = {f"{places[facility]} {name}": id_ for id_, name, facility in rows}
    return Site(db, clock, who, persons, cases, rooms, {name: id_ for id_, name in places.items()})


@pytest.fixture
async def sqlite_site(seeded_sqlite: Path, tmp_path: Path) -> AsyncIterator[Site]:
    """The demo site on SQLite at Monday noon."""
    path = tmp_path / "site.sqlite3"
    shutil.copy(seeded_sqlite, path)
    database = Database(sqlite_url(path))
    yield await _site(database, FakeClock(NOON))
    await database.close()


@pytest.fixture
async def postgres_site(postgres_cluster, seeded_postgres) -> AsyncIterator[Site]:
    """The demo site on PostgreSQL at Monday noon."""
    from uuid import uuid4

    name = f"s{uuid4().hex}"
    await _copy(postgres_cluster, name, seeded_postgres)
    database = Database(postgres_cluster.url(name))
    yield await _site(database, FakeClock(NOON))
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest) -> Site:
    """The demo site at Monday noon, on each kind of database."""
    found: Site = request.getfixturevalue("sqlite_site" if request.param == "sqlite" else "postgres_site")
    return found
