"""Figures for planning, never about a person."""

from dataclasses import fields
from datetime import timedelta

import pytest

from core.errors import Denied
from scheduler import statistics
from scheduler.bookings import request_booking
from scheduler.decisions import confirm
from scheduler.hours import add_hours
from scheduler.models import Hold, State
from scheduler.running import session_ended, session_started


async def visits(site, count):
    """So many visits of one hour that took place, each asked for right after the last."""
    for _ in range(count):
        start = site.clock.now() + timedelta(hours=2)
        wish = site.visit(start=start, end=start + timedelta(hours=1))
        booking = await request_booking(site.db, site.clock, site.who["lawyer"], wish)
        await confirm(site.db, site.clock, site.who["duty"], booking.id)
        site.clock.advance(2 * 3600)
        await session_started(site.db, site.clock, booking.id)
        site.clock.advance(3600)
        await session_ended(site.db, site.clock, booking.id)


async def test_waiting_time_is_told_only_from_five_sessions_on(sqlite_site):
    """Four are too few to be anonymous, five are a figure."""
    site = sqlite_site
    span = {"since": site.clock.now(), "until": site.clock.now() + timedelta(days=30)}
    await visits(site, 4)
    found = await statistics.waiting_times(site.db, site.who["admin"], **span)
    centre = next(w for w in found if w.facility_name == "城东看守所")
    assert (centre.count, centre.median) == (None, None)
    await visits(site, 1)
    found = await statistics.waiting_times(site.db, site.who["admin"], **span)
    centre = next(w for w in found if w.facility_name == "城东看守所")
    assert (centre.count, centre.median, centre.within_48) == (5, 2.0, 1.0)


async def test_sessions_are_counted_by_kind_only_from_five_on(sqlite_site):
    """One to four look like none; the fifth of a kind in one state shows them."""
    site = sqlite_site
    span = {"since": site.clock.now(), "until": site.clock.now() + timedelta(days=30)}
    for _ in range(statistics.FEWEST - 1):
        await visits(site, 1)
        assert await statistics.by_kind(site.db, site.who["admin"], **span) == []
    await visits(site, 1)
    found = await statistics.by_kind(site.db, site.who["admin"], **span)
    assert [(one.kind, one.state, one.count) for one in found] == [("visit", State.DONE, statistics.FEWEST)]


async def test_room_use_counts_open_time(sqlite_site):
    """Five hours held of a ten-hour day are a half; held fewer than five times it is not told."""
    site = sqlite_site
    async with site.db.transaction() as tx:
        await add_hours(tx, site.clock, facility=site.facilities["城东看守所"], opens=8 * 60, closes=18 * 60)
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(2))
    midnight = site.clock.now() - timedelta(hours=12)
    room = f"room:{site.rooms['城东看守所 会见室 1']}"
    for hour in (8, 9, 10, 11):
        assert await _use(site, midnight) == (None, 10.0, None)
        start = midnight + timedelta(hours=hour)
        async with site.db.transaction() as tx:
            tx.add(Hold(resource=room, booking=visit.id, start=start, end=start + timedelta(hours=1)))
    assert await _use(site, midnight) == (5.0, 10.0, 0.5)


async def _use(site, midnight):
    until = midnight + timedelta(days=1)
    found, _ = await statistics.room_use(site.db, site.who["admin"], since=midnight, until=until)
    room = next(r for r in found if (r.facility_name, r.room_name) == ("城东看守所", "会见室 1"))
    return room.held_hours, room.open_hours, room.share


async def test_capacity_by_kind_tells_of_no_room_that_is_not_told(sqlite_site):
    """Rooms, their open hours by the kind's own calendar, what is held and what fits; a sum from which the few holds of
    one room could be worked out is left out."""
    site = sqlite_site
    east = site.facilities["城东看守所"]
    async with site.db.transaction() as tx:
        await add_hours(tx, site.clock, facility=east, opens=8 * 60, closes=18 * 60, kinds=("visit",))
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(2))
    midnight = site.clock.now() - timedelta(hours=12)
    span = {"since": midnight, "until": midnight + timedelta(days=1)}

    async def of(kind):
        _, found = await statistics.room_use(site.db, site.who["admin"], **span)
        return next(one for one in found if one.kind == kind)

    async def hold(room, *hours):
        async with site.db.transaction() as tx:
            for hour in hours:
                start = midnight + timedelta(hours=hour)
                key = f"room:{site.rooms[room]}"
                tx.add(Hold(resource=key, booking=visit.id, start=start, end=start + timedelta(hours=1)))

    there = await of("visit")
    rooms = sum("会见室" in name for name in site.rooms)
    east_rooms = sum(name.startswith("城东看守所 会见室") for name in site.rooms)
    assert (there.rooms, there.held_hours, there.share) == (rooms, None, None)
    assert there.open_hours == 10 * east_rooms + 24 * (rooms - east_rooms)
    assert there.fits == there.open_hours, "an hour is the usual length"
    assert (await of("interrogation")).open_hours == 24 * (await of("interrogation")).rooms
    await hold("城东看守所 会见室 2", 8, 9, 10, 11, 12)
    assert (await of("visit")).held_hours is None, "six less five would tell of the one"
    await hold("城东看守所 会见室 3", 8, 9, 10, 11)
    assert (await of("visit")).held_hours == 10.0


async def test_distance_to_the_nearest_lawyers_room(sqlite_site):
    """Stations with one are at zero, the others tell where one is missing."""
    found = await statistics.reach(sqlite_site.db, sqlite_site.who["admin"])
    by_name = {r.facility_name: r for r in found}
    assert by_name["东湖派出所"].kilometres == 0
    assert by_name["城东看守所"].kilometres > 5
    assert found[0].kilometres == max(r.kilometres for r in found)


async def test_the_forecast_is_the_next_free_window(sqlite_site):
    """Now while rooms are free; nothing where there is no visiting room."""
    site = sqlite_site
    assert await statistics.forecast(site.db, site.clock, site.facilities["城东看守所"]) == 0
    assert await statistics.forecast(site.db, site.clock, site.facilities["东湖派出所"]) is None


async def test_nobody_is_named(sqlite_site):
    """No figure has a lawyer or person; those outside the police tree see none."""
    for figure in (
        statistics.Waiting,
        statistics.RoomUsed,
        statistics.Capacity,
        statistics.KindCount,
        statistics.Reach,
    ):
        assert not {"lawyer", "person", "officer", "created_by"} & {f.name for f in fields(figure)}
    span = {"since": sqlite_site.clock.now(), "until": sqlite_site.clock.now() + timedelta(days=1)}
    for login in ("lawyer", "officer", "admin-justice"):
        with pytest.raises(Denied):
            await statistics.by_kind(sqlite_site.db, sqlite_site.who[login], **span)
    assert await statistics.by_kind(sqlite_site.db, sqlite_site.who["admin"], **span) == []
