"""The schema reaches this version on both databases, alone and completely."""

import pytest
from sqlalchemy import inspect, text

from core import jobs, ledger, migrate  # noqa: F401  # for its table
from core.database import Base, Database, sqlite_url
from core.errors import OperatorError


async def test_an_upgraded_database_passes_the_check(database):
    """A database migrated to the newest revision with its guards is accepted."""
    await migrate.check(database, (ledger.GUARD,))


async def test_the_migrated_schema_is_what_the_tables_say(database):
    """Every column of the models of core and people exists with the same name and nullability."""
    import people.models  # noqa: F401

    mappers = [mapper for mapper in Base.registry.mappers if mapper.class_.__module__.startswith(("core.", "people."))]
    names = [mapper.local_table.name for mapper in mappers]
    assert {"ledger", "jobs", "persons", "passkeys"} <= set(names)
    async with database.engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: {name: {c["name"]: c["nullable"] for c in inspect(sync).get_columns(name)} for name in names}
        )
    wanted = {
        name: {column.name: bool(column.nullable) for column in Base.metadata.tables[name].columns} for name in names
    }
    assert found == wanted


async def test_an_empty_database_is_refused_until_migrated(tmp_path):
    """Starting on a database without a schema says which command to run."""
    database = Database(sqlite_url(tmp_path / "empty.sqlite3"))
    with pytest.raises(OperatorError, match="yuanjian migrate"):
        await migrate.check(database)
    await database.close()


async def test_a_newer_database_is_refused(sqlite_database):
    """A revision this program does not know is neither migrated nor used."""
    async with sqlite_database.transaction() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OperatorError, match="newer"):
        await migrate.upgrade(sqlite_database)


async def test_a_lost_trigger_stops_the_start_and_comes_back_with_a_migration(database):
    """Without the append-only trigger the start is refused by name; migrating again restores it."""
    drop = "DROP TRIGGER ledger_no_update" + ("" if database.is_sqlite else " ON ledger")
    async with database.transaction() as tx:
        await tx.execute(text(drop))
    with pytest.raises(OperatorError, match="ledger_no_update"):
        await migrate.check(database, (ledger.GUARD,))
    await migrate.upgrade(database, (ledger.GUARD,))
    await migrate.check(database, (ledger.GUARD,))


async def test_everything_can_be_taken_back(database):
    """Downgrading to the base leaves no table of ours, and upgrading works again."""
    await migrate.downgrade(database, "base")
    async with database.engine.connect() as connection:
        left = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert left == ["alembic_version"]
    await migrate.upgrade(database, (ledger.GUARD,))
    await migrate.check(database, (ledger.GUARD,))


async def test_foreign_keys_are_enforced_after_migrating(tmp_path):
    """The pragma that a migration switches off is on again on the same connections."""
    database = Database(sqlite_url(tmp_path / "db.sqlite3"))
    await migrate.upgrade(database)
    async with database.transaction(write=False) as tx:
        assert (await tx.execute(text("PRAGMA foreign_keys"))).scalar() == 1
    await database.close()
