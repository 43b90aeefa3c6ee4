"""Brings the database to the schema of this version at start, and refuses one that is not.

Batch migrations on SQLite drop triggers, so every package that relies on a trigger or constraint hands in a
``Guard``: how to put it back, and how to tell that it is there.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.errors import OperatorError
from core.guards import Guard

SCRIPTS = Path(__file__).parent.parent / "migrations"
_LOCK = 8367123
"""Key of the PostgreSQL advisory lock under which one process migrates."""


def head() -> str:
    """The revision this version of the program works with."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise OperatorError("no migrations were found beside the program; install it anew")
    return found


async def upgrade(database: Database, guards: Sequence[Guard] = (), *, revision: str = "head") -> None:
    """Migrate to ``revision`` and put the guards in place, in one transaction. Raises ``OperatorError``."""

    def work(connection: Connection) -> None:
        _refuse_unknown(connection)
        command.upgrade(_config(connection), revision)
        for guard in guards:
            guard.install(connection)

    await _locked(database, work)


async def downgrade(database: Database, revision: str) -> None:
    """Go back to ``revision``, or to nothing with ``base``; what newer columns held is lost."""
    await _locked(database, lambda connection: command.downgrade(_config(connection), revision))


async def check(database: Database, guards: Sequence[Guard] = ()) -> None:
    """Raise ``OperatorError`` unless the schema is that of this version and every guard is in place."""

    def look(connection: Connection) -> None:
        current = MigrationContext.configure(connection).get_current_revision()
        if current != head():
            raise OperatorError(
                f"the database is at revision {current or 'none'}, this version needs {head()}: run yuanjian migrate"
            )
        missing = [name for guard in guards for name in guard.missing(connection)]
        if missing:
            raise OperatorError(
                "the database lacks safeguards and cannot be used: " + ", ".join(missing) + "; run yuanjian migrate"
            )

    async with _connected(database) as connection:
        await connection.run_sync(look)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _refuse_unknown(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise OperatorError(f"the database is at revision {current}, which is newer than this version of the program")


def _connected(database: Database) -> AsyncConnection:
    return database.engine.connect()


async def _locked(database: Database, work: Callable[[Connection], None]) -> None:
    """Run ``work`` in one transaction, alone; on SQLite with foreign keys checked at the end instead of row by row.

    A batch migration replaces a table, which foreign keys would take for deleting its rows.
    """
    try:
        async with _connected(database) as connection:
            if not database.is_sqlite:
                async with connection.begin():
                    await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
                    await connection.run_sync(work)
                return
            await _pragma(connection, "foreign_keys=OFF")
            try:
                async with connection.begin():
                    await connection.run_sync(work)
                    broken = (await connection.execute(text("PRAGMA foreign_key_check"))).first()
                    if broken is not None:
                        raise OperatorError(f"a migration would leave table {broken[0]} with rows that point nowhere")
            finally:
                await _pragma(connection, "foreign_keys=ON")
    except (OperationalError, ConnectionError, OSError) as error:
        raise OperatorError(f"the database cannot be reached or changed: {type(error).__name__}") from error


async def _pragma(connection: AsyncConnection, pragma: str) -> None:
    """Set a pragma outside a transaction, where alone ``foreign_keys`` takes effect."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    if driver is not None:
        await driver.execute(f"PRAGMA {pragma}")
