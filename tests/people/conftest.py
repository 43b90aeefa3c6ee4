"""A small site: two trees with a branch each, their administrators, an officer, a duty officer and a lawyer."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.clock import FakeClock
from core.database import Database, sqlite_url
from core.vault import Vault
from people import logins, registry, store
from people.logins import Door
from people.passwords import Passwords
from people.principals import Principal
from tests.conftest import NOON

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
        """The principal of a person, as if freshly signed in without a login session."""
        async with database.transaction(write=False) as tx:
            found = await store.account_principal(tx, self.persons[login])
        assert found is not None
        return replace(found, proved=NOON)


@pytest.fixture
def door():
    """A door with hashing too cheap for real use."""
    door = Door(passwords=Passwords(memory_kib=64, rounds=1))
    yield door
    door.passwords.close()


@pytest.fixture
def vault(tmp_path: Path, clock: FakeClock) -> Vault:
    """Secrets of a new site."""
    made = Vault(tmp_path / "secrets")
    made.ensure(clock.now())
    return made


@pytest.fixture(scope="session")
def sites() -> dict[str, Site]:
    """The site of each kind's template, by kind of database."""
    return {}


@pytest.fixture(scope="session")
def sqlite_site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, sites: dict[str, Site]) -> Path:
    """A file with the small site, to be copied."""
    path = tmp_path_factory.mktemp("people") / "site.sqlite3"
    shutil.copy(sqlite_template, path)
    sites["sqlite"] = asyncio.run(_filled(sqlite_url(path)))
    return path


@pytest.fixture(scope="session")
def postgres_site(postgres_cluster: Any, sites: dict[str, Site]) -> str:
    """Name of a database with the small site, to be copied."""
    asyncio.run(postgres_cluster.create("people_site"))
    sites["postgresql"] = asyncio.run(_filled(postgres_cluster.url("people_site")))
    return "people_site"


@pytest.fixture
async def sqlite_database(sqlite_site: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """The small site in a file of its own."""
    path = tmp_path / "test.sqlite3"
    shutil.copy(sqlite_site, path)
    database = Database(sqlite_url(path))
    yield database
    await database.close()


@pytest.fixture
async def postgres_database(postgres_cluster: Any, postgres_site: str) -> AsyncIterator[Database]:
    """The small site on the PostgreSQL server."""
    async with postgres_cluster.copy(postgres_site) as database:
        yield database


@pytest.fixture
def site(database: Database, sites: dict[str, Site]) -> Site:
    """Ids of the small site that stands in ``database``."""
    return sites["sqlite" if database.is_sqlite else "postgresql"]


async def _filled(url: str) -> Site:
    database, door = Database(url), Door(passwords=Passwords(memory_kib=64, rounds=1))
    try:
        return await build_site(database, FakeClock(NOON), door)
    finally:
        await database.close()
        door.passwords.close()


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
