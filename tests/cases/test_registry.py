"""Where a person is held, in whatever order the events come."""

from datetime import timedelta

import pytest

from cases import registry, store
from cases.models import CustodyStatus
from core import ledger

HOUR = timedelta(hours=1)


@pytest.fixture
async def person(database, clock):
    """Somebody of whom nothing else is known."""
    async with database.transaction() as tx:
        return (await registry.add_custody_person(tx, clock, name="钱某")).id


async def place(database, clock, person, facility, hours, external=None):
    """The person is at a facility from some hours after now on."""
    async with database.transaction() as tx:
        record = await registry.place(
            tx,
            clock,
            person=person,
            status=CustodyStatus.DETAINED,
            facility=facility,
            since=clock.now() + hours * HOUR,
            external=external,
        )
        return record.id


async def history(database, clock, person):
    """Facility and hours from and to, earliest first."""
    found, at = [], clock.now() - 1000 * HOUR
    async with database.transaction(write=False) as tx:
        while (record := (await store.custody_around(tx, person, at))[1]) is not None:
            until = (record.until - clock.now()) / HOUR if record.until else None
            found.append((record.facility, (record.since - clock.now()) / HOUR, until))
            at = record.since
    return found


async def test_a_new_place_ends_the_former(database, clock, person):
    """One record without an end: where the person is."""
    await place(database, clock, person, "a", -10)
    await place(database, clock, person, "b", -5)
    assert await history(database, clock, person) == [("a", -10, -5), ("b", -5, None)]


async def test_a_late_event_takes_its_place_in_the_past(database, clock, person):
    """What is known of today stays."""
    await place(database, clock, person, "a", -10)
    await place(database, clock, person, "c", -2)
    await place(database, clock, person, "b", -5)
    assert await history(database, clock, person) == [("a", -10, -5), ("b", -5, -2), ("c", -2, None)]


async def test_an_event_from_before_everything_known(database, clock, person):
    """It ends where the first known record begins."""
    await place(database, clock, person, "b", -5)
    await place(database, clock, person, "a", -9)
    assert await history(database, clock, person) == [("a", -9, -5), ("b", -5, None)]


async def test_the_same_event_twice_is_one_record(database, clock, person):
    """Known by the other system's id."""
    first = await place(database, clock, person, "a", -5, external="e1")
    assert await place(database, clock, person, "z", -1, external="e1") == first
    assert await history(database, clock, person) == [("a", -5, None)]
    async with database.transaction(write=False) as tx:
        assert await ledger.check(tx) is None
