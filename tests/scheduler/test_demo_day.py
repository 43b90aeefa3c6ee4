"""The demo's day: whatever the hour, it stands without overlaps, and every page has something to show."""

from datetime import timedelta

import pytest

from scheduler import demo_day, statistics
from scheduler.choices import my_clients
from scheduler.choosing import progress
from scheduler.custody import held_here
from scheduler.day import day_list, week_board
from scheduler.models import State
from scheduler.papers import waiting_for_check
from scheduler.registers import register
from scheduler.reviews import proposals, to_review
from tests.scheduler.world import NOON


@pytest.fixture(params=[2, 16.5], ids=lambda hour: f"at {hour}")
async def site(request, sqlite_site):
    """The demo site, its day written at some hour of Shanghai."""
    sqlite_site.clock.advance((request.param - 12) * 3600 if request.param > 12 else (request.param + 12) * 3600)
    await demo_day.fill(sqlite_site.db, sqlite_site.clock)
    return sqlite_site


async def test_the_duty_post_has_a_full_day_at_any_hour(site):
    """Twenty sessions over eight rooms, requests with clocks, papers, a broken room, somebody elsewhere tomorrow."""
    duty, now = site.who["duty"], site.clock.now()
    days = [await day_list(site.db, site.clock, duty, day=(NOON + timedelta(days=n)).date()) for n in range(-1, 3)]
    around = {
        entry.id: entry
        for one in days
        for entry in one.entries
        if abs(entry.start - now) < timedelta(hours=9) and entry.facility == site.facilities["城东看守所"]
    }
    assert len(around) >= 19
    assert len(days[0].rooms) == 8
    assert {entry.state for entry in around.values()} >= {State.CONFIRMED, State.DONE}
    assert len(days[0].requests) == 4
    assert min(b.deadline for b in days[0].requests) - now == timedelta(hours=7)
    looked = await to_review(site.db, site.clock, duty)
    assert "transferred" in {booking.review for booking in looked}
    moved = next(booking for booking in looked if booking.review == "transferred")
    assert await proposals(site.db, site.clock, site.who["lawyer"], moved.id)
    assert len(await waiting_for_check(site.db, site.clock, duty)) == 2
    assert sum(bool(one.absences) for one in await held_here(site.db, site.clock, duty)) == 1


async def test_everybody_else_has_something_too(site):
    """A lawyer has clients, an officer witnesses, an administrator figures; the week is not empty."""
    assert len(await my_clients(site.db, site.clock, site.who["lawyer"])) >= 3
    found = [await progress(site.db, site.who["officer"], case) for case in await _cases(site)]
    assert sorted(one.chosen for many in found for one in many) == [False, False, True]
    span = {"since": site.clock.now() - timedelta(days=31), "until": site.clock.now()}
    waits = await statistics.waiting_times(site.db, site.who["admin"], **span)
    assert any(one.median for one in waits)
    week = await week_board(site.db, site.clock, site.who["duty"])
    assert all(len(day.entries) >= 4 for day in week[1:6])


async def _cases(site):
    from sqlalchemy import select

    from cases.models import Case

    async with site.db.transaction(write=False) as tx:
        return (await tx.execute(select(Case.id))).scalars().all()


async def test_it_is_written_once(site):
    """A server that starts again leaves the day as it is, and yesterday's register is complete."""
    await demo_day.fill(site.db, site.clock)
    yesterday = (site.clock.now() - timedelta(days=1)).date()
    lines = await register(site.db, site.clock, site.who["duty"], day=yesterday)
    assert lines
    assert all(line.remark or None not in (line.brought, line.began, line.ended, line.returned) for line in lines[:2])
