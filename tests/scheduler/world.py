"""The seeded demo site as a value, and short ways to ask for things in it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, text

from cases.kinds import Role
from cases.models import Case, CustodyPerson
from core.clock import FakeClock
from core.database import Database
from people import store as people
from people.models import Account
from people.principals import Principal
from scheduler.models import Booking, Facility, Room
from scheduler.requests import GuestWish, Request

NOON = datetime.fromisoformat("2026-03-02T04:00:00+00:00")
"""A Monday noon in Shanghai."""


async def copy_database(cluster, name: str, template: str) -> None:
    """Make a PostgreSQL database from a template."""
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


async def open_site(db: Database, clock: FakeClock) -> Site:
    """Read the ids of a seeded database."""
    async with db.transaction(write=False) as tx:
        accounts = (await tx.execute(select(Account.login, Account.person))).all()
        who = {login: await people.account_principal(tx, person) for login, person in accounts}
        persons = {name: id_ for id_, name in await tx.execute(select(CustodyPerson.id, CustodyPerson.name))}
        cases = {number[-5:-1]: id_ for id_, number in await tx.execute(select(Case.id, Case.number))}
        places = {place.id: place.name for place in (await tx.execute(select(Facility))).scalars()}
        rows = await tx.execute(select(Room.id, Room.name, Room.facility))
        rooms = {f"{places[facility]} {name}": id_ for id_, name, facility in rows}
    return Site(db, clock, who, persons, cases, rooms, {name: id_ for id_, name in places.items()})
