"""Co-suspects are staggered where a deployment asks so, and nobody learns why."""

from datetime import date

import pytest

from scheduler.bookings import request_booking
from scheduler.models import Booking
from scheduler.refusals import Taken
from scheduler.rulebook import set_rule
from scheduler.search import free_slots


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def staggered(site):
    """This deployment keeps a quarter of an hour between moves of co-suspects; one is questioned from two to three."""
    today = date(2026, 3, 2)
    await set_rule(site.db, site.clock, site.who["admin"], "ES-1", since=today, parameters={"minutes": 15})
    return await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))


async def test_co_suspects_are_not_moved_at_the_same_time(site, staggered):
    """Not at the same quarter, in neither direction; a quarter later is well, and others do not matter."""
    for hours in (2, 3, 1):
        refused = await request_booking(site.db, site.clock, site.who["lawyer2"], site.visit(hours, "王立刚"))
        assert isinstance(refused, Taken)
        assert "co-suspect" not in refused.text
    for slot in refused.alternatives:
        assert not {slot.start, slot.end} & {staggered.start, staggered.end}
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(2, "李秋生")), Booking)
    later = site.visit(2.25, "王立刚")
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer2"], later), Booking)


async def test_the_search_offers_only_what_can_be_booked(site, staggered):
    """The times in between are not shown."""
    found = await free_slots(site.db, site.clock, site.who["lawyer2"], site.visit(1, "王立刚"), until=site.at(4)[0])
    starts = {slot.start for slot in found}
    assert not starts & {site.at(h)[0] for h in (1, 2, 3)}
    assert site.at(1.25)[0] in starts


async def test_without_the_setting_nothing_is_staggered(site):
    """The default asks for no gap."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    answer = await request_booking(site.db, site.clock, site.who["lawyer2"], site.visit(2, "王立刚"))
    assert isinstance(answer, Booking)
