"""A small site: two trees with a branch each, their administrators, an officer, a duty officer and a lawyer."""

from dataclasses import dataclass

import pytest

from core.clock import FakeClock
from core.database import Database
from people import logins, registry, store
from people.logins import Door
from people.passwords import Passwords
from people.principals import Principal

PASSWORD = "correct horse battery"
FACILITY = "f" * 22
ROOM = "r" * 22
SESSION = "s" * 22


@dataclass(frozen=True)
class Site:
    """Ids of what stands in the database."""

    bureau: str
    branch: str
    other_branch: str
    justice: str
    persons: dict[str, str]

    async def principal(self, database: Database, login: str) -> Principal:
        """The principal of a person, as if signed in without a login session."""
        async with database.transaction(write=False) as tx:
            found = await store.account_principal(tx, self.persons[login])
        assert found is not None
        return found


@pytest.fixture
def door():
    """A door with hashing too cheap for real use."""
    door = Door(passwords=Passwords(memory_kib=64, rounds=1))
    yield door
    door.passwords.close()


@pytest.fixture
async def site(database, clock, door) -> Site:
    """The small site on each kind of database."""
    return await build_site(database, clock, door)


async def build_site(database: Database, clock: FakeClock, door: Door) -> Site:
    """Fill an empty database with the small site."""
    hashed = await door.passwords.hash(PASSWORD)
    async with database.transaction() as tx:
        bureau = await registry.add_organisation(
            tx, clock, kind="bureau", name="临江市公安局", tree="police", phone="0571-110"
        )
        branch = await registry.add_organisation(
            tx, clock, kind="branch", name="东湖分局", parent=bureau.id, phone="0571-81"
        )
        other = await registry.add_organisation(tx, clock, kind="branch", name="西山分局", parent=bureau.id)
        justice = await registry.add_organisation(tx, clock, kind="justice_bureau", name="临江市司法局", tree="justice")
        persons = {}
        for login, organisation, role in (
            ("officer", branch.id, "officer"),
            ("duty", branch.id, "duty_officer"),
            ("reviewer", bureau.id, "reviewer"),
            ("admin", bureau.id, "administrator"),
            ("admin.branch", branch.id, "administrator"),
            ("admin.justice", justice.id, "administrator"),
            ("lawyer", justice.id, "lawyer"),
        ):
            person = await registry.add_person(
                tx, clock, organisation=organisation, name=f"王{login}", number=f"N-{login}"
            )
            await registry.open_account(tx, clock, person=person.id, login=login, password_hash=hashed)
            facility = FACILITY if role == "duty_officer" else None
            await registry.grant(tx, clock, person=person.id, role=role, facility=facility)
            persons[login] = person.id
    return Site(bureau.id, branch.id, other.id, justice.id, persons)


@pytest.fixture
def enter(database, clock, door, site):
    """Sign somebody in: ``await enter("officer")`` returns cookie and principal."""

    async def sign_in(login: str, password: str = PASSWORD, address: str = "192.0.2.1"):
        return await logins.sign_in(database, clock, door, login=login, password=password, address=address)

    return sign_in
