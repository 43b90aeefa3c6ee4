"""One way to a transaction on both databases: all or nothing, instants exact, absence told in words."""

import asyncio
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core import ledger
from core.database import Database, from_micros, sqlite_url, to_micros
from core.errors import Unavailable


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda instant: instant.year >= 1970))
def test_instants_survive_as_microseconds(instant):
    """Every instant comes back to the microsecond."""
    assert from_micros(to_micros(instant)) == instant


async def append(database, at, subject="s"):
    async with database.transaction() as tx:
        await ledger.append(tx, "test.done", actor="a", subject=subject, at=at)


async def count(database):
    async with database.transaction(write=False) as tx:
        return (await tx.execute(select(func.count()).select_from(ledger.Entry))).scalar_one()


async def test_an_instant_comes_back_aware_and_exact(database):
    """Another zone is stored as the same instant in UTC."""
    shanghai = datetime(2026, 3, 2, 12, 0, 0, 123457, tzinfo=timezone(timedelta(hours=8)))
    await append(database, shanghai)
    async with database.transaction(write=False) as tx:
        stored = (await tx.execute(select(ledger.Entry.at))).scalar_one()
    assert (stored, stored.tzinfo) == (shanghai, UTC)


async def test_an_instant_without_a_zone_is_refused(database):
    """A naive time is a mistake of the program and is never stored."""
    with pytest.raises(Exception, match="without a zone"):
        await append(database, datetime(2026, 3, 2))  # noqa: DTZ001
    assert await count(database) == 0


async def test_an_exception_rolls_everything_back(database, clock):
    """Nothing of a failed transaction is left."""

    async def fail():
        async with database.transaction() as tx:
            await ledger.append(tx, "test.done", actor="a", subject="s", at=clock.now())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await count(database) == 0


async def test_parallel_writers_take_turns(database, clock):
    """Thirty transactions at once all commit, none fails for being second."""
    await asyncio.gather(*(append(database, clock.now(), str(n)) for n in range(30)))
    assert await count(database) == 30


async def test_readers_do_not_wait_for_a_writer(database, clock):
    """While a write is open, a reader sees the state before it."""
    async with database.transaction() as tx:
        await ledger.append(tx, "test.done", actor="a", subject="s", at=clock.now())
        assert await count(database) == 0
    assert await count(database) == 1


async def test_foreign_keys_are_enforced(database):
    """A row that points nowhere is refused by the database itself."""
    columns = "person, login, password, locale, state, created"
    statement = f"INSERT INTO accounts ({columns}) VALUES ('nobody', 'x', NULL, 'en', 'active', {{now}})"
    now = "0" if database.is_sqlite else "now()"
    with pytest.raises(IntegrityError):
        async with database.transaction() as tx:
            await tx.execute(text(statement.format(now=now)))


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite:////nonexistent/dir/x.sqlite3", "postgresql://nobody@127.0.0.1:1/absent"]
)
async def test_a_database_that_is_away_is_unavailable(url):
    """What the driver says becomes one sentence for people, with a stable code."""
    database = Database(url)
    with pytest.raises(Unavailable) as caught:
        await database.ping()
    assert caught.value.code == "database-unavailable"
    await database.close()


async def test_sqlite_is_durable_and_concurrent(tmp_path):
    """The file is in WAL mode, synced fully, with foreign keys on."""
    database = Database(sqlite_url(tmp_path / "x.sqlite3"))
    async with database.transaction(write=False) as tx:
        found = [(await tx.execute(text(f"PRAGMA {name}"))).scalar() for name in ("journal_mode", "synchronous")]
    assert found == ["wal", 2]
    await database.close()


async def test_a_wrong_statement_is_no_outage(database):
    """A table that is not there is our mistake and never told as "try again in a minute"."""
    with pytest.raises(DBAPIError):
        async with database.transaction(write=False) as tx:
            await tx.execute(text("SELECT * FROM nothing"))


async def test_a_cancelled_writer_leaves_no_lock_behind(tmp_path):
    """Whenever a task is cancelled in its transaction, and whoever still holds it, the next writer can write."""
    database, dice, cut_off = Database(sqlite_url(tmp_path / "x.sqlite3")), random.Random(1), []
    async with database.transaction() as tx:
        await tx.execute(text("CREATE TABLE things (n INTEGER)"))

    async def write():
        async with database.transaction() as tx:
            await tx.execute(text("UPDATE things SET n = 2 WHERE n = 1"))
            await tx.execute(text("INSERT INTO things VALUES (1)"))
            (await tx.execute(text("SELECT n FROM things LIMIT 3"))).all()

    for _ in range(80):
        cut_off.append(asyncio.create_task(write()))  # kept, so that nothing of it is collected
        await asyncio.sleep(dice.random() * 0.01)
        cut_off[-1].cancel()
        await asyncio.gather(cut_off[-1], return_exceptions=True)
        await write()
    await database.close()
