"""While a session runs: custody steps, extension, beginning and end."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.errors import Conflict, Denied, Invalid, NotFound
from core.refusals import Refused
from scheduler.bookings import request_booking
from scheduler.decisions import cancel, confirm
from scheduler.models import Booking, Hold, State, Step
from scheduler.running import extend, overrun, session_ended, session_started, set_custody_step


@pytest.fixture
async def visit(site):
    """A confirmed visit in two hours."""
    booking = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    return await confirm(site.db, site.clock, site.who["duty"], booking.id)


async def test_custody_steps_come_in_order(site, visit):
    """Brought, identity checked, escort left, returned; each once, the time of the first stays."""
    step = lambda s: set_custody_step(site.db, site.clock, site.who["duty"], visit.id, s)  # noqa: E731
    with pytest.raises(Conflict):
        await step(Step.IDENTITY_CHECKED)
    first = await step(Step.BROUGHT)
    site.clock.advance(60)
    assert await step(Step.BROUGHT) == first
    await step(Step.IDENTITY_CHECKED)
    await step(Step.ESCORT_LEFT)
    assert list(await step(Step.RETURNED)) == list(Step)


async def test_somebody_can_be_returned_early_but_not_unbrought(site, visit):
    """Returned follows any step; after it none does."""
    with pytest.raises(Conflict):
        await set_custody_step(site.db, site.clock, site.who["duty"], visit.id, Step.RETURNED)
    await set_custody_step(site.db, site.clock, site.who["duty"], visit.id, Step.BROUGHT)
    await set_custody_step(site.db, site.clock, site.who["duty"], visit.id, Step.RETURNED)
    with pytest.raises(Conflict):
        await set_custody_step(site.db, site.clock, site.who["duty"], visit.id, Step.IDENTITY_CHECKED)


async def test_only_the_post_of_the_facility_confirms_steps(site, visit):
    """Neither lawyers nor other posts say that somebody was brought; to strangers there is no such visit."""
    for login, refused in (("lawyer", Denied), ("officer", NotFound), ("duty-west", NotFound), ("admin", NotFound)):
        with pytest.raises(refused):
            await set_custody_step(site.db, site.clock, site.who[login], visit.id, Step.BROUGHT)


async def test_a_statement_has_no_custody_side(site):
    """Nobody is brought to a witness statement."""
    room = site.rooms["城东执法办案管理中心 远程取证室"]
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.statement(room=room))
    with pytest.raises(Conflict):
        await set_custody_step(site.db, site.clock, site.who["duty-centre"], booking.id, Step.BROUGHT)


async def test_an_extension_moves_end_and_holds(site, visit):
    """Every hold is kept that much longer."""
    end = await extend(site.db, site.clock, visit.id, 30, by=site.who["lawyer"].id)
    assert end == visit.end + timedelta(minutes=30)
    async with site.db.transaction(write=False) as tx:
        ends = set((await tx.execute(select(Hold.end).where(Hold.booking == visit.id))).scalars())
    assert ends == {end}


async def test_an_extension_is_refused_when_somebody_is_needed_elsewhere(site, visit):
    """The client's next session stands in the way; nothing moves."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(3))
    refused = await extend(site.db, site.clock, visit.id, 15, by=site.who["lawyer"].id)
    assert isinstance(refused, Refused)
    assert (await site.booking(visit.id)).end == visit.end


async def test_impossible_lengths_are_invalid(site, visit):
    """No extension by nothing, less than nothing, or a day."""
    for minutes in (0, -5, 1440):
        with pytest.raises(Invalid):
            await extend(site.db, site.clock, visit.id, minutes, by="x")


async def test_ending_early_frees_the_rest(site, visit):
    """The holds end with the session, so that the room can be booked from then on."""
    site.clock.advance(2 * 3600)
    await session_started(site.db, site.clock, visit.id)
    site.clock.advance(20 * 60)
    await session_ended(site.db, site.clock, visit.id)
    booking = await site.booking(visit.id)
    assert (booking.state, booking.ended) == (State.DONE, site.clock.now())
    again = site.visit(start=visit.start + timedelta(minutes=30), end=visit.start + timedelta(minutes=75))
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], again), Booking)


async def test_beginning_and_ending_twice_change_nothing(site, visit):
    """Both reports may be repeated."""
    site.clock.advance(2 * 3600)
    for _ in range(2):
        await session_started(site.db, site.clock, visit.id)
    started = (await site.booking(visit.id)).version
    for _ in range(2):
        await session_ended(site.db, site.clock, visit.id)
    assert (await site.booking(visit.id)).version == started + 1


async def test_a_running_session_is_ended_not_cancelled(site, visit):
    """Cancelling what has begun is refused."""
    site.clock.advance(2 * 3600)
    await session_started(site.db, site.clock, visit.id)
    with pytest.raises(Conflict):
        await cancel(site.db, site.clock, site.who["lawyer"], visit.id, "ill")


async def test_a_questioning_past_its_slot_claims_time_and_marks_what_is_next(site):
    """A quarter of an hour more while it is free; then the next booking is to be looked at, and nothing is cut."""
    first = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    wish = site.interrogation(3.25, "李秋生", "0408")
    following = await request_booking(site.db, site.clock, site.who["officer"], wish)
    site.clock.set(first.start)
    await session_started(site.db, site.clock, first.id)
    site.clock.set(first.end)
    end, marked = await overrun(site.db, site.clock, first.id)
    assert (end, marked) == (first.end + timedelta(minutes=15), [])
    site.clock.set(end)
    assert await overrun(site.db, site.clock, first.id) == (end, [following.id])
    assert await overrun(site.db, site.clock, first.id) == (end, [])
    assert (await site.booking(following.id)).review == "overrun"


async def test_a_visit_does_not_claim_time(site, visit):
    """Its slot ends it."""
    assert await overrun(site.db, site.clock, visit.id) == (visit.end, [])
