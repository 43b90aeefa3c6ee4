"""Escort orders, register, late entries and the handover of a shift."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.errors import Conflict, Denied, Invalid, NotFound
from scheduler.bookings import request_booking
from scheduler.decisions import confirm
from scheduler.models import Step
from scheduler.registers import escort_orders, hand_over, late_entry, open_items, register, take_over
from scheduler.running import session_started, set_custody_step


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def visit(site):
    """A confirmed visit in two hours."""
    booking = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    return await confirm(site.db, site.clock, site.who["duty"], booking.id)


async def test_an_escort_order_says_whom_to_bring_where_and_by_when(site, visit):
    """In the order of the day, ten minutes before the start."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(4, "李秋生", "0408"))
    orders = await escort_orders(site.db, site.clock, site.who["duty"])
    assert [(o.number, o.person, o.room) for o in orders] == [(1, "张伟民", "会见室 1"), (2, "李秋生", "讯问室 1")]
    assert orders[0].bring_by == visit.start - timedelta(minutes=10)
    with pytest.raises(Denied):
        await escort_orders(site.db, site.clock, site.who["officer"])


async def test_the_register_tells_plan_and_course(site, visit):
    """Steps stand in the line of their session."""
    await set_custody_step(site.db, site.clock, site.who["duty"], visit.id, Step.BROUGHT)
    line = (await register(site.db, site.clock, site.who["duty"]))[0]
    assert (line.person, line.asking, line.brought, line.returned) == (
        "张伟民",
        "沈知远 13201201510123456",
        site.clock.now(),
        None,
    )


async def test_a_late_entry_is_marked_and_checked(site, visit):
    """After a power cut the steps are written with their real times and a reason; nonsense is refused."""
    site.clock.advance(4 * 3600)
    now = site.clock.now()
    times = {Step.BROUGHT: now - timedelta(hours=2), Step.IDENTITY_CHECKED: now - timedelta(minutes=110)}
    for wrong in (
        {Step.BROUGHT: now + timedelta(minutes=1)},
        {Step.BROUGHT: now, Step.IDENTITY_CHECKED: now - timedelta(hours=1)},
        {Step.BROUGHT: now - timedelta(days=4)},
        {},
    ):
        with pytest.raises(Invalid):
            await late_entry(site.db, site.clock, site.who["duty"], visit.id, wrong, reason="power")
    await late_entry(site.db, site.clock, site.who["duty"], visit.id, times, reason="power")
    line = (await register(site.db, site.clock, site.who["duty"]))[0]
    assert line.brought == times[Step.BROUGHT]
    with pytest.raises(Conflict):
        await late_entry(site.db, site.clock, site.who["duty"], visit.id, times, reason="power")


async def test_a_shift_is_handed_over_with_what_is_open(site, visit):
    """Requests, running sessions and people not returned; acknowledged by somebody else of the same post."""
    asked = await request_booking(site.db, site.clock, site.who["lawyer2"], site.visit(5, "王立刚"))
    site.clock.advance(2 * 3600)
    await set_custody_step(site.db, site.clock, site.who["duty"], visit.id, Step.BROUGHT)
    assert [(i.booking, i.what) for i in await open_items(site.db, site.clock, site.who["duty"])] == [
        (visit.id, "not-returned"),
        (asked.id, "request"),
    ]
    await session_started(site.db, site.clock, visit.id)
    given = await hand_over(site.db, site.clock, site.who["duty"], "会见室 2 摄像头已报修")
    assert [item["what"] for item in given.items] == ["running", "request"]
    with pytest.raises(Denied):
        await take_over(site.db, site.clock, site.who["duty"], given.id)
    with pytest.raises(NotFound):
        await take_over(site.db, site.clock, site.who["duty-west"], given.id)
    next_shift = replace(site.who["duty-west"], facility=site.facilities["城东看守所"])
    taken = await take_over(site.db, site.clock, next_shift, given.id)
    assert taken.taken_by == next_shift.id
