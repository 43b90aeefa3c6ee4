"""The demo site as a world for tests: seeded once per kind of database, copied per test."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from core import ledger, migrate
from core.clock import FakeClock
from core.database import Database, sqlite_url
from people.passwords import Passwords
from scheduler import demo, exclusion
from tests.scheduler.world import NOON, Site, copy_database, open_site

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
def seeded_postgres(postgres_cluster) -> str:
    """Name of a seeded PostgreSQL database to be copied."""
    name = f"seeded_{uuid4().hex}"  # of its own, for other folders use this fixture too
    asyncio.run(copy_database(postgres_cluster, name, "yuanjian_template"))
    asyncio.run(_seed(Database(postgres_cluster.url(name))))
    return name


@pytest.fixture
async def sqlite_site(seeded_sqlite: Path, tmp_path: Path) -> AsyncIterator[Site]:
    """The demo site on SQLite at Monday noon."""
    path = tmp_path / "site.sqlite3"
    shutil.copy(seeded_sqlite, path)
    database = Database(sqlite_url(path))
    yield await open_site(database, FakeClock(NOON))
    await database.close()


@pytest.fixture
async def postgres_site(postgres_cluster, seeded_postgres) -> AsyncIterator[Site]:
    """The demo site on PostgreSQL at Monday noon."""
    name = f"s{uuid4().hex}"
    await copy_database(postgres_cluster, name, seeded_postgres)
    database = Database(postgres_cluster.url(name))
    yield await open_site(database, FakeClock(NOON))
    await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest) -> Site:
    """The demo site at Monday noon, on each kind of database."""
    found: Site = request.getfixturevalue("sqlite_site" if request.param == "sqlite" else "postgres_site")
    return found
