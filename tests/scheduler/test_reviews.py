"""Transfer, release and closed rooms mark bookings and propose equivalent windows."""

from datetime import timedelta

import pytest

from cases import store as cases
from cases.models import CustodyStatus
from core.errors import Conflict, Denied, NotFound
from scheduler.amending import Change, amend
from scheduler.bookings import request_booking
from scheduler.decisions import confirm
from scheduler.models import Booking
from scheduler.refusals import Taken
from scheduler.reviews import block, custody_event, lift, proposals, settle, to_review


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def visit(site):
    """A confirmed visit in two hours."""
    booking = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    return await confirm(site.db, site.clock, site.who["duty"], booking.id)


async def transfer(site, to="城西看守所", status=CustodyStatus.DETAINED, **more):
    """The custody system says where 张伟民 is now."""
    facility = site.facilities[to] if to else None
    return await custody_event(
        site.db, site.clock, person=site.persons["张伟民"], status=status, facility=facility, **more
    )


async def test_a_transfer_marks_and_proposes_slots_at_the_new_place(site, visit):
    """The visit is to be looked at; windows where the client is now are proposed, and one can be taken."""
    assert await transfer(site) == [visit.id]
    assert (await site.booking(visit.id)).review == "transferred"
    offered = await proposals(site.db, site.clock, site.who["lawyer"], visit.id)
    assert offered
    assert {slot.facility_name for slot in offered} == {"城西看守所"}
    assert all(slot.start < site.clock.now() + timedelta(hours=48) for slot in offered)
    change = Change(start=offered[0].start, end=offered[0].end, room=offered[0].room)
    moved = await amend(site.db, site.clock, site.who["lawyer"], visit.id, change)
    assert (moved.facility, moved.review) == (site.facilities["城西看守所"], None)


async def test_proposals_are_for_those_who_may_see_the_booking(site, visit):
    """The post may ask too; officers and other lawyers learn nothing."""
    assert await proposals(site.db, site.clock, site.who["duty"], visit.id)
    for login in ("officer", "lawyer2", "duty-west"):
        with pytest.raises(NotFound):
            await proposals(site.db, site.clock, site.who[login], visit.id)


async def test_keeping_the_old_place_after_a_transfer_is_refused(site, visit):
    """A visit cannot be moved to a time at a place where the client no longer is."""
    await transfer(site)
    refused = await amend(
        site.db, site.clock, site.who["lawyer"], visit.id, Change(start=visit.start + timedelta(hours=1))
    )
    assert refused.rule == "LV-P"


async def test_repeated_and_late_events_change_nothing_of_today(site, visit):
    """The same event again and one from last week leave the present alone."""
    site.clock.advance(60)
    assert await transfer(site, external="e1") == [visit.id]
    assert await transfer(site, external="e1") == []
    past = site.clock.now() - timedelta(days=7)
    assert await transfer(site, "滨江看守所", since=past, external="e0") == []
    async with site.db.transaction(write=False) as tx:
        current = await cases.current_custody(tx, site.persons["张伟民"])
    assert current.facility == site.facilities["城西看守所"]


@pytest.mark.parametrize(("status", "why"), [(CustodyStatus.RELEASED, "released"), (CustodyStatus.OUTSIDE, "outside")])
async def test_release_and_hospital_mark_too(site, visit, status, why):
    """Whoever is not there cannot be visited there."""
    await transfer(site, None, status)
    assert (await site.booking(visit.id)).review == why


async def test_an_event_about_nobody_is_not_found(site):
    """Unknown person, unknown facility."""
    with pytest.raises(NotFound):
        await custody_event(
            site.db, site.clock, person="nobody", status=CustodyStatus.DETAINED, facility=site.facilities["城西看守所"]
        )
    with pytest.raises(NotFound):
        await custody_event(
            site.db, site.clock, person=site.persons["张伟民"], status=CustodyStatus.DETAINED, facility="nowhere"
        )


async def test_a_broken_room_marks_its_sessions_and_takes_no_new_ones(site, visit):
    """The visit in it is to be looked at, and nobody can book the room until it is lifted."""
    start, end = site.at(1, 240)
    room = site.rooms["城东看守所 会见室 1"]
    made, concerned = await block(
        site.db, site.clock, site.who["duty"], start=start, end=end, reason="device", room=room
    )
    assert concerned == [visit.id]
    assert [view.review for view in await to_review(site.db, site.clock, site.who["duty"])] == ["device"]
    wish = site.visit(3.5, "王立刚", room=room)
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer2"], wish), Taken)
    await lift(site.db, site.clock, site.who["duty"], made.id)
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer2"], wish), Booking)


async def test_only_the_own_post_closes_and_opens(site, visit):
    """Other posts, officers and lawyers do not."""
    start, end = site.at(1)
    for login in ("officer", "lawyer", "admin"):
        with pytest.raises(Denied):
            await block(site.db, site.clock, site.who[login], start=start, end=end, reason="repair")
    with pytest.raises(NotFound):
        await block(
            site.db,
            site.clock,
            site.who["duty-west"],
            start=start,
            end=end,
            reason="repair",
            room=site.rooms["城东看守所 会见室 1"],
        )


async def test_a_lifted_closure_lets_its_sessions_stand_again(site, visit):
    """Repaired in time: what only this closure had put in question stands; another closure keeps it in question."""
    start, end = site.at(1, 240)
    room = site.rooms["城东看守所 会见室 1"]
    asked = {"start": start, "end": end, "reason": "device", "room": room}
    one, _ = await block(site.db, site.clock, site.who["duty"], **asked)
    two, _ = await block(site.db, site.clock, site.who["admin"], **asked, facility=site.facilities["城东看守所"])
    await lift(site.db, site.clock, site.who["duty"], one.id)
    assert (await site.booking(visit.id)).review == "device"
    await lift(site.db, site.clock, site.who["duty"], two.id)
    assert (await site.booking(visit.id)).review is None


async def test_what_the_post_has_looked_at_stands(site, visit):
    """A session in a closed room may go on as planned when the post says so, never one whose person is elsewhere."""
    start, end = site.at(1, 240)
    await block(site.db, site.clock, site.who["duty"], start=start, end=end, reason="cleaning")
    with pytest.raises(NotFound):
        await settle(site.db, site.clock, site.who["duty-west"], visit.id)
    await settle(site.db, site.clock, site.who["duty"], visit.id)
    assert (await site.booking(visit.id)).review is None
    await transfer(site)
    with pytest.raises(Conflict):
        await settle(site.db, site.clock, site.who["duty"], visit.id)
