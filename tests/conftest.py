"""What many tests stand on: a clock that is told, and a migrated database of each kind, fresh per test.

``database`` runs a test on SQLite and on PostgreSQL; ``sqlite_database`` and ``postgres_database`` on one of them.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from core import ledger, migrate
from core.clock import FakeClock
from core.database import Database, sqlite_url

GUARDS = (ledger.GUARD,)
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""A Monday noon in Shanghai."""


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at ``NOON`` until moved."""
    return FakeClock(NOON)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    asyncio.run(_migrated(sqlite_url(path)))
    return path


@pytest.fixture
async def sqlite_database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of this version in a file."""
    path = tmp_path / "test.sqlite3"
    shutil.copy(sqlite_template, path)
    database = Database(sqlite_url(path))
    yield database
    await database.close()


class Cluster:
    """A PostgreSQL server of our own on a socket in a temporary directory, without a password and off the network."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self.directory = Path(tempfile.mkdtemp(prefix="yjpg"))
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres")
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale=C")
        self.start()

    def start(self) -> None:
        """Serve, again after ``halt``."""
        options = (
            f"-c listen_addresses='' -k {self.directory} -c fsync=off -c max_connections=60 -c shared_buffers=32MB"
        )
        self._run("pg_ctl", "-D", self._data, "-w", "-l", f"{self.directory}/log", "-o", options, "start")

    @property
    def _data(self) -> str:
        return f"{self.directory}/data"

    def _run(self, program: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(self._binaries / program), *arguments]
        done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.directory}"

    async def create(self, name: str, template: str = "yuanjian_template") -> None:
        """Make a database as a copy of ``template``, to which nobody may be connected."""
        await _admin(self, f"CREATE DATABASE {name} TEMPLATE {template}")

    @asynccontextmanager
    async def copy(self, template: str = "yuanjian_template") -> AsyncIterator[Database]:
        """A copy of ``template`` that is gone afterwards."""
        name = f"t{uuid4().hex}"
        await self.create(name, template)
        database = Database(self.url(name))
        try:
            yield database
        finally:
            await database.close()
            await _admin(self, f"DROP DATABASE {name} WITH (FORCE)")

    def halt(self) -> None:
        """Be gone at once, as after a crash; what was committed is there again after ``start``."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self.directory, ignore_errors=True)


def new_cluster() -> Cluster:
    """A PostgreSQL server; without PostgreSQL on the machine the test is skipped, in CI it fails."""
    binaries = _postgres_binaries()
    if binaries is None:
        reason = "PostgreSQL is not installed (Debian package postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return Cluster(binaries)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """One server for the whole run, with a migrated database ``template`` to be copied."""
    cluster = new_cluster()
    try:
        asyncio.run(cluster.create("yuanjian_template", "template1"))
        asyncio.run(_migrated(cluster.url("yuanjian_template")))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
async def postgres_database(postgres_cluster: Cluster) -> AsyncIterator[Database]:
    """An empty database of this version on the PostgreSQL server."""
    async with postgres_cluster.copy() as database:
        yield database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of this version, once on each kind."""
    kind = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    found: Database = request.getfixturevalue(kind)
    return found


@pytest.fixture
def free_port() -> int:
    """A port of the loopback nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bool]]:
    """An environment that names a proxy for every address; whether anybody has come to it."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
            monkeypatch.delenv(name.upper(), raising=False)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)

        def came() -> bool:
            try:
                proxy.accept()[0].close()
            except BlockingIOError:
                return False
            return True

        yield came


async def _migrated(url: str) -> None:
    database = Database(url)
    await migrate.upgrade(database, GUARDS)
    await database.close()


async def _admin(cluster: Cluster, statement: str) -> None:
    admin = Database(cluster.url("postgres"))
    async with admin.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(statement))
    await admin.close()


def _postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None
