"""Opening hours, breaks, blocks and working days, also where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.bookings import request_booking
from scheduler.calendar import Calendar, Closure, Span, WorkingDays
from scheduler.hours import add_hours, ensure_working_days, set_day, working_days
from scheduler.models import Booking
from scheduler.refusals import Taken

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(hour, minute=0, day=2, zone=SHANGHAI, month=3):
    """An instant by the local clock; 2 March 2026 is a Monday."""
    return datetime(2026, month, day, tzinfo=zone).replace(hour=hour, minute=minute).astimezone(UTC)


OFFICE = Calendar(
    "Asia/Shanghai", opening=(Span(8 * 60 + 30, 17 * 60, "working"),), breaks=(Span(690, 780, word="meal"),)
)


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        (at(8, 30), at(9, 30), None),
        (at(8, 15), at(9, 15), "closed"),
        (at(16), at(17), None),
        (at(16, 15), at(17, 15), "closed"),
        (at(11), at(12), "meal"),
        (at(13), at(14), None),
        (at(9, day=7), at(10, day=7), "closed"),
    ],
)
def test_an_office_day(start, end, why):
    """Opening is half-open at both ends, the meal is kept free, Saturday is closed."""
    assert OFFICE.why_not("visit", "1", start, end) == why
    assert OFFICE.allows("visit", "1", start, end) is (why is None)


def test_without_hours_it_is_open_around_the_clock():
    """A facility nobody described is open."""
    assert Calendar("Asia/Shanghai").allows("visit", "1", at(2), at(3))


def test_all_day_opening_is_not_torn_at_midnight():
    """Two days that touch are one opening."""
    whole = Calendar("Asia/Shanghai", opening=(Span(0, 1440),))
    assert whole.allows("statement", "1", at(23), at(1, day=3))


def test_a_span_may_pass_midnight():
    """Night questioning from 22 to 6 is a break that begins the day before."""
    night = Calendar(
        "Asia/Shanghai", breaks=(Span(22 * 60, 30 * 60, kinds=frozenset({"interrogation"}), word="night"),)
    )
    assert night.why_not("interrogation", "1", at(5), at(6)) == "night"
    assert night.allows("interrogation", "1", at(6), at(7))
    assert night.allows("visit", "1", at(5), at(6))


def test_hours_of_one_room_concern_it_alone():
    """A room with its own hours does not close the others."""
    one = Calendar("Asia/Shanghai", opening=(Span(480, 720, room="1"),))
    assert not one.allows("visit", "1", at(13), at(14))
    assert one.allows("visit", "2", at(13), at(14))


def test_a_block_closes_a_room_or_all():
    """Temporary blocks are instants, not hours of a day."""
    blocked = Calendar("Asia/Shanghai", closures=(Closure(at(9), at(12), "1"),))
    assert blocked.why_not("visit", "1", at(11), at(13)) == "block"
    assert blocked.allows("visit", "2", at(11), at(13))


def test_a_worked_weekend_and_a_holiday():
    """Days that differ from their weekday."""
    days = WorkingDays({date(2026, 2, 28): True, date(2026, 3, 2): False})
    assert days.works(date(2026, 2, 28))
    assert not days.works(date(2026, 3, 2))
    assert days.ahead(date(2026, 2, 27), 2) == date(2026, 3, 3)


@pytest.mark.parametrize(("month", "day", "utc"), [(3, 28, 7), (3, 29, 6), (10, 24, 6), (10, 25, 7)])
def test_opening_follows_the_local_clock_through_the_change(month, day, utc):
    """Eight o'clock in Berlin is another UTC hour after the clocks changed."""
    zone = Calendar("Europe/Berlin", opening=(Span(480, 1020),))
    opens = datetime(2026, month, day, utc, tzinfo=UTC)
    assert zone.allows("visit", "1", opens, opens + timedelta(hours=1))
    assert not zone.allows("visit", "1", opens - timedelta(minutes=15), opens + timedelta(hours=1))


async def test_booking_respects_the_calendar(site):
    """A closed time is refused with the nearest open one, and a holiday closes the day."""
    centre = site.facilities["城东看守所"]
    async with site.db.transaction() as tx:
        await add_hours(tx, site.clock, facility=centre, opens=510, closes=1020, days="working")
        await set_day(tx, site.clock, date(2026, 3, 3), False, "holiday")
    refused = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(5))
    assert isinstance(refused, Taken)
    assert site.at(4)[0] in [slot.start for slot in refused.alternatives]
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(24)), Taken)
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(48)), Booking)


async def test_the_days_of_the_state_are_known_when_serving_begins(site):
    """Qingming is free and a worked Saturday is worked; a day edited by hand stays as it was; twice adds nothing."""
    async with site.db.transaction() as tx:
        await set_day(tx, site.clock, date(2026, 4, 6), True)
    assert await ensure_working_days(site.db, site.clock) > 20
    assert await ensure_working_days(site.db, site.clock) == 0
    async with site.db.transaction(write=False) as tx:
        days = await working_days(tx, date(2026, 1, 1), date(2026, 12, 31))
    assert [days.works(date(2026, *day)) for day in ((4, 5), (4, 6), (2, 14), (10, 1))] == [False, True, True, False]
