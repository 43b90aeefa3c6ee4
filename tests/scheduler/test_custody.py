"""What the post reports of those it holds."""

from datetime import timedelta

import pytest

from core.errors import Conflict, Denied, Invalid, NotFound
from scheduler.bookings import request_booking
from scheduler.custody import held_here, report
from scheduler.decisions import confirm


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def visits(site):
    """Two visits to one client, in two hours and in two days."""
    found = []
    for hours in (2, 50):
        booking = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(hours))
        found.append(await confirm(site.db, site.clock, site.who["duty"], booking.id))
    return found


async def ask(site, what, login="duty", person="张伟民", **more):
    return await report(site.db, site.clock, site.who[login], site.persons[person], what, **more)


async def test_a_day_at_court_touches_what_lies_before_the_return(site, visits):
    """Today's visit is to be looked at, that of the day after tomorrow stands; back early, both stand."""
    site.clock.advance(60)
    assert await ask(site, "court", back=site.clock.now() + timedelta(hours=6)) == [visits[0].id]
    held = {person.name: person for person in await held_here(site.db, site.clock, site.who["duty"])}
    assert (held["张伟民"].status.value, held["张伟民"].coming) == ("outside", 2)
    with pytest.raises(Conflict):
        await ask(site, "hospital")
    site.clock.advance(60)
    assert await ask(site, "back") == []
    assert (await site.booking(visits[0].id)).review is None


async def test_a_transfer_names_another_place(site, visits):
    """Without a place, or with the same, nothing happens; afterwards the post no longer answers for the person."""
    site.clock.advance(60)
    for to in (None, site.facilities["城东看守所"]):
        with pytest.raises(Invalid):
            await ask(site, "transferred", to=to)
    assert len(await ask(site, "transferred", to=site.facilities["城西看守所"])) == 2
    with pytest.raises(NotFound):
        await ask(site, "released")


async def test_only_the_holding_post_reports(site):
    """Officers may not, another post finds nobody, an unknown word is refused."""
    with pytest.raises(Denied):
        await ask(site, "released", "officer")
    with pytest.raises(NotFound):
        await ask(site, "released", "duty-west")
    with pytest.raises(Invalid):
        await ask(site, "vanished")
    with pytest.raises(Conflict):
        await ask(site, "back")
    with pytest.raises(Invalid):
        await ask(site, "court", back=site.clock.now() - timedelta(hours=1))
