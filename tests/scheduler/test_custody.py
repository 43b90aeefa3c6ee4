"""What the post reports of those it holds, and what becomes of the bookings concerned."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.errors import Conflict, Denied, Invalid, NotFound
from scheduler.bookings import request_booking
from scheduler.custody import approve, call_off, held_here, report
from scheduler.decisions import confirm
from scheduler.models import Booking, Notice
from scheduler.refusals import Taken
from scheduler.reviews import proposals


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def visits(site):
    """Two visits to one client, in two hours and in two days."""
    return await two_visits(site)


async def two_visits(site):
    """Confirmed visits in two hours and in two days."""
    found = []
    for hours in (2, 50):
        booking = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(hours))
        found.append(await confirm(site.db, site.clock, site.who["duty"], booking.id))
    return found


async def ask(site, what, login="duty", person="张伟民", **more):
    return await report(site.db, site.clock, site.who[login], site.persons[person], what, **more)


async def held(site, person="张伟民", login="duty"):
    return {one.name: one for one in await held_here(site.db, site.clock, site.who[login])}[person]


async def told(site, booking, what):
    async with site.db.transaction(write=False) as tx:
        found = await tx.execute(select(Notice.person).where(Notice.booking == booking, Notice.what == what))
        return set(found.scalars())


@pytest.mark.parametrize(("what", "why"), [("hospital", "outside"), ("court", "court"), ("ill", "ill")])
async def test_an_absence_marks_proposes_around_it_and_tells(site, visits, what, why):
    """Today's visit is to be looked at, its lawyer is told, other times lie after the return; the later one stands."""
    site.clock.advance(60)
    back = site.clock.now() + timedelta(hours=6)
    assert await ask(site, what, until=back) == [visits[0].id]
    assert [(await site.booking(visit.id)).review for visit in visits] == [why, None]
    assert site.who["lawyer"].id in await told(site, visits[0].id, "review")
    offered = await proposals(site.db, site.clock, site.who["lawyer"], visits[0].id)
    assert offered
    assert all(back <= slot.start < site.clock.now() + timedelta(hours=48) for slot in offered)
    taken = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(4))
    assert isinstance(taken, Taken)
    assert all(slot.start >= back for slot in taken.alternatives)
    with pytest.raises(Conflict):
        await ask(site, what)
    site.clock.advance(60)
    assert await ask(site, "back") == []
    assert (await site.booking(visits[0].id)).review is None
    assert not (await held(site)).away


async def test_without_an_end_everything_ahead_waits_for_the_return(site, visits):
    """Nobody knows when somebody comes back: both visits are to be looked at and nothing is free until then."""
    site.clock.advance(60)
    assert await ask(site, "hospital") == [visit.id for visit in visits]
    assert await proposals(site.db, site.clock, site.who["lawyer"], visits[0].id) == []
    await ask(site, "back")
    assert [(await site.booking(visit.id)).review for visit in visits] == [None, None]


async def test_a_court_date_ahead_is_known_to_the_calendar(site, visits):
    """Written down today for the day after tomorrow: only that visit is concerned; called off, it stands again."""
    start = visits[1].start - timedelta(hours=1)
    assert await ask(site, "court", start=start, until=start + timedelta(hours=4)) == [visits[1].id]
    one = await held(site)
    assert (one.status.value, one.away, len(one.absences)) == ("detained", False, 1)
    with pytest.raises(Conflict):
        await ask(site, "back")
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(52)), Taken)
    with pytest.raises(NotFound):
        await call_off(site.db, site.clock, site.who["duty"], site.persons["王立刚"], one.absences[0].id)
    with pytest.raises(NotFound):
        await call_off(site.db, site.clock, site.who["duty-west"], site.persons["张伟民"], one.absences[0].id)
    await call_off(site.db, site.clock, site.who["duty"], site.persons["张伟民"], one.absences[0].id)
    assert (await site.booking(visits[1].id)).review is None
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(52)), Booking)


async def test_what_another_absence_covers_does_not_stand_again(site, visits):
    """Well again, but at court then: the visit of the day after tomorrow stays in question."""
    start = visits[1].start
    await ask(site, "court", start=start, until=start + timedelta(hours=2))
    site.clock.advance(60)
    await ask(site, "ill")
    await ask(site, "back")
    assert [(await site.booking(visit.id)).review for visit in visits] == [None, "court"]


async def test_a_transfer_names_another_place_and_ends_what_was_planned(site, visits):
    """Without a place, or with the same, nothing happens; afterwards the post no longer answers for the person."""
    site.clock.advance(60)
    for to in (None, site.facilities["城东看守所"], "nowhere"):
        with pytest.raises(Invalid):
            await ask(site, "transferred", to=to)
    start = site.clock.now() + timedelta(hours=20)
    await ask(site, "court", start=start, until=start + timedelta(hours=4))
    assert len(await ask(site, "transferred", to=site.facilities["城西看守所"])) == 2
    assert (await held(site, login="duty-west")).absences == []
    offered = await proposals(site.db, site.clock, site.who["lawyer"], visits[0].id)
    assert {slot.facility_name for slot in offered} == {"城西看守所"}
    with pytest.raises(NotFound):
        await ask(site, "released")


async def test_a_release_marks_everything_ahead(site, visits):
    """Nothing is proposed for somebody who is free; lawyer and facility are told."""
    site.clock.advance(60)
    assert await ask(site, "released") == [visit.id for visit in visits]
    assert await proposals(site.db, site.clock, site.who["lawyer"], visits[0].id) == []
    assert site.who["lawyer"].id in await told(site, visits[0].id, "review")


async def test_only_the_holding_post_reports(site):
    """Officers may not, another post finds nobody, an unknown word and impossible times are refused."""
    with pytest.raises(Denied):
        await ask(site, "released", "officer")
    with pytest.raises(NotFound):
        await ask(site, "released", "duty-west")
    with pytest.raises(Invalid):
        await ask(site, "vanished")
    with pytest.raises(Conflict):
        await ask(site, "back")
    now = site.clock.now()
    with pytest.raises(Invalid):
        await ask(site, "court", until=now - timedelta(hours=1))
    with pytest.raises(Invalid):
        await ask(site, "court", start=now + timedelta(days=61))
    with pytest.raises(Invalid):
        await ask(site, "court", until=now + timedelta(days=61))


async def test_the_night_is_approved_by_the_facility_that_holds(site):
    """Without approval the officers are refused and told from when; written down by the post, the night is theirs."""
    officer, night = site.who["officer"], site.interrogation(11)
    refused = await request_booking(site.db, site.clock, officer, night)
    assert (refused.rule, refused.values["from"]) == ("IN-2n", site.at(18)[0])
    person, until = site.persons["张伟民"], site.clock.now() + timedelta(days=1)
    with pytest.raises(NotFound):
        await approve(site.db, site.clock, site.who["duty-west"], person, "IN-2n:approved", until)
    with pytest.raises(Invalid):
        await approve(site.db, site.clock, site.who["duty"], person, "LV-2:permit", until)
    await approve(site.db, site.clock, site.who["duty"], person, "IN-2n:approved", until)
    assert isinstance(await request_booking(site.db, site.clock, officer, night), Booking)
