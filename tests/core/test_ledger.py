"""Entries stand in the transaction of what they tell, in one order, and cannot be changed unnoticed."""

import asyncio

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from core import ledger


async def fill(database, clock, count=5):
    for n in range(count):
        async with database.transaction() as tx:
            await ledger.append(
                tx, "test.done", actor=f"a{n}", subject="s", at=clock.now(), details={"n": n, "words": ["一", None]}
            )


async def verdict(database):
    async with database.transaction(write=False) as tx:
        return await ledger.check(tx)


async def without_guard(database, statement):
    """Do what somebody with the database's own tools could."""
    async with database.transaction() as tx:
        for verb in ("update", "delete"):
            await tx.execute(text(f"DROP TRIGGER ledger_no_{verb}" + ("" if database.is_sqlite else " ON ledger")))
        await tx.execute(text(statement))


async def test_an_untouched_ledger_fits(database, clock):
    """Empty or filled, in order, it is found whole."""
    assert await verdict(database) is None
    await fill(database, clock)
    assert await verdict(database) is None


async def test_numbers_have_no_holes(database, clock):
    """Parallel appenders get consecutive numbers; a rolled back one leaves none."""

    async def one(fail):
        async with database.transaction() as tx:
            await ledger.append(tx, "test.done", actor="a", subject="s", at=clock.now())
            if fail:
                raise RuntimeError

    await asyncio.gather(*(one(n % 3 == 0) for n in range(12)), return_exceptions=True)
    async with database.transaction(write=False) as tx:
        numbers = list((await tx.execute(select(ledger.Entry.number).order_by(ledger.Entry.number))).scalars())
    assert numbers == list(range(1, 9))
    assert await verdict(database) is None


@pytest.mark.parametrize("statement", ["UPDATE ledger SET actor = 'x'", "DELETE FROM ledger WHERE number = 3"])
async def test_the_database_refuses_to_change_an_entry(database, clock, statement):
    """Neither update nor delete passes the trigger."""
    await fill(database, clock)
    with pytest.raises((IntegrityError, DatabaseError)):
        async with database.transaction() as tx:
            await tx.execute(text(statement))
    assert await verdict(database) is None


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'x'",
        "subject = 'x'",
        "tag = 'x'",
        "details = '{}'",
        "hash = previous",
    ],
)
async def test_a_changed_entry_is_found(database, clock, change):
    """Whoever gets around the trigger is found at the entry they changed."""
    await fill(database, clock)
    await without_guard(database, f"UPDATE ledger SET {change} WHERE number = 3")
    assert await verdict(database) == 3


async def test_a_deleted_entry_is_found(database, clock):
    """The entry after the hole does not fit."""
    await fill(database, clock)
    await without_guard(database, "DELETE FROM ledger WHERE number = 3")
    assert await verdict(database) == 4
