"""The database itself refuses overlaps, whatever the code above it does."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from core import ledger, migrate
from core.errors import OperatorError
from scheduler import exclusion
from scheduler.models import Booking, Hold, State

GUARDS = (ledger.GUARD, exclusion.GUARD)


async def hold(site, start, end, resource="room:1"):
    """Write one booking with one hold, past every check of ours; minutes after noon."""
    first, last = site.clock.now() + timedelta(minutes=start), site.clock.now() + timedelta(minutes=end)
    async with site.db.transaction() as tx:
        booking = Booking(
            kind="visit", state=State.CONFIRMED, start=first, end=last, created_by="t", created=site.clock.now()
        )
        tx.add(booking)
        await tx.flush()
        tx.add(Hold(booking=booking.id, resource=resource, start=first, end=last))
        await tx.flush()
    return booking.id


async def stretch(site, booking, start=0, end=0):
    """Move the edges of a booking's hold by minutes."""
    async with site.db.transaction() as tx:
        found = (await tx.execute(select(Hold).where(Hold.booking == booking))).scalar_one()
        found.start += timedelta(minutes=start)
        found.end += timedelta(minutes=end)


EIGHT = {
    "before": (0, 30, True),
    "touches the start": (30, 60, True),
    "overlaps the start": (45, 75, False),
    "inside": (70, 80, False),
    "the same": (60, 120, False),
    "around": (45, 135, False),
    "overlaps the end": (90, 150, False),
    "touches the end": (120, 150, True),
}


@pytest.mark.parametrize("case", EIGHT)
async def test_the_eight_cases_of_overlap(site, case):
    """Half-open windows: back to back passes, any shared instant is refused."""
    start, end, passes = EIGHT[case]
    await hold(site, 60, 120)
    if passes:
        await hold(site, start, end)
        return
    with pytest.raises(IntegrityError) as caught:
        await hold(site, start, end)
    assert exclusion.is_overlap(caught.value)


async def test_another_resource_does_not_collide(site):
    """The same window of another room is free."""
    await hold(site, 60, 120)
    await hold(site, 60, 120, "room:2")


async def test_moving_a_hold_onto_another_is_refused(site):
    """An UPDATE is watched like an INSERT."""
    await hold(site, 60, 120)
    other = await hold(site, 120, 180)
    with pytest.raises(IntegrityError) as caught:
        await stretch(site, other, start=-1)
    assert exclusion.is_overlap(caught.value)


async def test_a_hold_may_grow_over_itself(site):
    """A hold never collides with its own old window."""
    booking = await hold(site, 60, 120)
    await stretch(site, booking, end=30)


async def test_an_empty_or_reversed_window_is_refused(site):
    """The end comes after the start, also in the table."""
    with pytest.raises(IntegrityError):
        await hold(site, 60, 60)


async def test_migrating_back_and_forth_keeps_the_refusal(site):
    """After down and up again, and after a batch change of the table, an overlap still fails."""
    await migrate.downgrade(site.db, "0003")
    await migrate.upgrade(site.db, GUARDS)
    await migrate.check(site.db, GUARDS)
    await hold(site, 60, 120)
    with pytest.raises(IntegrityError):
        await hold(site, 90, 150)


async def test_a_batch_migration_drops_triggers_and_the_guard_restores_them(sqlite_site):
    """SQLite rebuilds a table to change it and loses its triggers: the start is refused until they are back."""
    await _batch(sqlite_site.db)
    with pytest.raises(OperatorError, match="ex_holds_overlap"):
        await migrate.check(sqlite_site.db, GUARDS)
    await migrate.upgrade(sqlite_site.db, GUARDS)
    await migrate.check(sqlite_site.db, GUARDS)
    await hold(sqlite_site, 60, 120)
    with pytest.raises(IntegrityError):
        await hold(sqlite_site, 90, 150)


async def test_a_missing_constraint_stops_the_start(site):
    """Without trigger or constraint the service does not start and says what is missing."""
    async with site.db.transaction() as tx:
        await (await tx.connection()).run_sync(exclusion.remove)
    with pytest.raises(OperatorError, match="ex_holds_overlap"):
        await migrate.check(site.db, GUARDS)


async def _batch(db):
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from sqlalchemy import Column, String

    def work(connection):
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("holds", recreate="always") as table:
            table.add_column(Column("note", String(8)))

    async with db.engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
        await connection.run_sync(work)
