"""The waiting list: offered in order, kept for a while, never at the cost of a visit."""

from datetime import timedelta

import pytest

from core.errors import Conflict, NotFound
from core.jobs import Worker
from core.refusals import Refused
from scheduler.bookings import request_booking
from scheduler.decisions import cancel
from scheduler.hours import add_hours
from scheduler.models import Booking, State
from scheduler.waiting import accept, handlers, leave, my_waiting, wait


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def full(site):
    """The centre opens from two to three only, and the client is questioned then."""
    async with site.db.transaction() as tx:
        centre = site.facilities["城东看守所"]
        await add_hours(tx, site.clock, facility=centre, opens=14 * 60, closes=15 * 60)
    return await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))


async def run(site):
    """The worker does what is due."""
    worker = Worker(site.db, site.clock, handlers(site.db, site.clock))
    while await worker.run_one():
        pass


async def queue(site, login="lawyer", person="张伟民"):
    """Wait for any hour of the next three."""
    until = site.at(3)[0]
    return await wait(site.db, site.clock, site.who[login], site.visit(1, person), until=until)


async def test_a_freed_window_is_offered_held_and_taken(site, full):
    """The interrogation is cancelled: the lawyer is offered its hour, accepts, and the post has to confirm."""
    await queue(site)
    await cancel(site.db, site.clock, site.who["officer"], full.id, "not-needed")
    await run(site)
    offered = (await my_waiting(site.db, site.who["lawyer"]))[0]
    assert (offered.state, offered.deadline) == ("offered", site.clock.now() + timedelta(hours=2))
    with pytest.raises(NotFound):
        await accept(site.db, site.clock, site.who["lawyer2"], offered.id)
    booking = await accept(site.db, site.clock, site.who["lawyer"], offered.id)
    assert (booking.state, booking.start) == (State.REQUESTED, full.start)


async def test_an_offer_lapses_and_goes_to_the_next(site, full):
    """Nobody can sit on a window: after the deadline it is somebody else's."""
    first = await queue(site)
    await cancel(site.db, site.clock, site.who["officer"], full.id, "not-needed")
    await run(site)
    site.clock.advance(2 * 3600 - 600)
    await run(site)
    assert (await my_waiting(site.db, site.who["lawyer"]))[0].state == "offered"
    site.clock.advance(600)
    await run(site)
    assert await my_waiting(site.db, site.who["lawyer"]) == []
    with pytest.raises(Conflict):
        await accept(site.db, site.clock, site.who["lawyer"], first.id)


async def test_leaving_gives_the_window_back(site, full):
    """Whoever leaves the list frees what was kept."""
    row = await queue(site)
    await cancel(site.db, site.clock, site.who["officer"], full.id, "not-needed")
    await run(site)
    await leave(site.db, site.clock, site.who["lawyer"], row.id)
    again = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    assert isinstance(again, Booking)


async def test_nobody_waits_for_somebody_elses_client(site, full):
    """The same refusal as for booking."""
    refused = await queue(site, "lawyer2")
    assert isinstance(refused, Refused)
    assert refused.rule == "LV-6"


async def test_an_interrogation_leaves_a_slot_for_a_waiting_visit(site):
    """With one hour of opening left for a waiting lawyer, officers cannot take it (LV-5); others' hours they can."""
    async with site.db.transaction() as tx:
        centre = site.facilities["城东看守所"]
        await add_hours(tx, site.clock, facility=centre, opens=14 * 60, closes=15 * 60)
    await queue(site)
    refused = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    assert isinstance(refused, Refused)
    assert refused.rule == "LV-5"
    other = site.interrogation(2, "李秋生", "0408")
    assert isinstance(await request_booking(site.db, site.clock, site.who["officer"], other), Booking)
