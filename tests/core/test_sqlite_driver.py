"""A statement on SQLite is one trip to its thread: answered as SQLAlchemy expects, and closed whatever happens."""

import aiosqlite
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from core.database import Database, sqlite_url

THINGS = Table("things", MetaData(), Column("n", Integer, primary_key=True), Column("word", String))


@pytest.fixture
async def shop(tmp_path):
    """A database with one small table, three rows in it."""
    database = Database(sqlite_url(tmp_path / "x.sqlite3"))
    async with database.transaction() as tx:
        await tx.execute(text("CREATE TABLE things (n INTEGER PRIMARY KEY, word TEXT)"))
        await tx.execute(insert(THINGS), [{"n": n, "word": word} for n, word in enumerate("abc", 1)])
    yield database
    await database.close()


@pytest.fixture
def trips(monkeypatch):
    """Every piece of work handed to a connection's thread."""
    seen, execute = [], aiosqlite.Connection._execute

    async def counted(self, fn, *args, **options):
        seen.append(fn)
        return await execute(self, fn, *args, **options)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    return seen


@pytest.mark.parametrize(
    "statement",
    [
        select(THINGS),
        update(THINGS).values(word="x"),
        insert(THINGS).values(n=9, word="y"),
        insert(THINGS).values(word="z").returning(THINGS.c.n),
    ],
)
async def test_a_statement_is_one_trip(shop, trips, statement):
    """Reading, writing and both at once wake the thread once."""
    async with shop.transaction() as tx:
        before = len(trips)
        await tx.execute(statement)
        assert len(trips) - before == 1


async def test_answers_are_what_a_cursor_says(shop):
    """Rows, numbers of rows touched, new keys and columns arrive as before."""
    async with shop.transaction() as tx:
        assert (await tx.execute(select(THINGS).order_by(THINGS.c.n))).all() == [(1, "a"), (2, "b"), (3, "c")]
        assert (await tx.execute(update(THINGS).where(THINGS.c.n > 1).values(word="x"))).rowcount == 2
        assert (await tx.execute(insert(THINGS).values(word="d"))).inserted_primary_key == (4,)
        assert (await tx.execute(text("SELECT n AS number FROM things WHERE n = 0"))).keys() == ["number"]
        found = await tx.stream(select(THINGS.c.word).order_by(THINGS.c.n))
        assert [word async for (word,) in found] == ["a", "x", "x", "d"]


async def test_a_refused_statement_is_told_as_such(shop):
    """The database's refusal keeps its kind, and the transaction can go on or back."""
    with pytest.raises(IntegrityError):
        async with shop.transaction() as tx:
            await tx.execute(insert(THINGS).values(n=1, word="again"))
    async with shop.transaction() as tx:
        with pytest.raises(IntegrityError):
            await tx.execute(insert(THINGS), [{"n": 7, "word": "new"}, {"n": 1, "word": "again"}])
