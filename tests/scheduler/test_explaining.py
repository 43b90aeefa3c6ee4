"""Why a day is empty, in words that reveal nothing of others, and when there is a free window."""

from datetime import UTC, datetime, timedelta

import pytest

from core.refusals import Refused
from scheduler.bookings import request_booking
from scheduler.day import day_bounds
from scheduler.explaining import Empty, Span, explain, next_free, why
from scheduler.hours import add_hours
from scheduler.rulebook import set_rule

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = (NOW + 12 * HOUR, NOW + 36 * HOUR)


def day(closed=(), own=(), bounds=DAY):
    """A day with one way to sit."""
    return Span(*bounds, HOUR, [list(closed)], list(own))


def say(span, refuses=None):
    """The reason, with the rules saying nothing unless told."""
    return why(span, NOW, refuses or [None] * 200)


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (day(closed=[DAY]), Empty.CLOSED),
        (day(own=[(DAY[0], DAY[1] + HOUR)]), Empty.OWN),
        (day(own=[(DAY[0], DAY[0] + HOUR)]), Empty.TAKEN),
        (day(), Empty.TAKEN),
        (day(bounds=(NOW - 12 * HOUR, NOW)), Empty.OVER),
        (day(bounds=(NOW + timedelta(days=100), NOW + timedelta(days=101))), Empty.HORIZON),
        (day(closed=[(DAY[0], DAY[0] + 20 * HOUR)], own=[(DAY[0] + 19 * HOUR, DAY[1] + HOUR)]), Empty.OWN),
    ],
)
def test_each_reason_is_found(span, reason):
    """Hours first, then rules, then one's own sessions; all else reads alike."""
    assert say(span).reason is reason


def test_a_rule_speaks_for_itself():
    """With its own sentence and values, unless the place is closed anyway."""
    refused = Refused("LV-4n", "A visit needs some notice. Possible from {from}.", {"from": NOW})
    told = say(day(), [refused] * 200)
    assert (told.reason, told.text, told.values) == (Empty.RULE, refused.text, refused.values)
    assert say(day(closed=[DAY]), [refused] * 200).reason is Empty.CLOSED


async def test_anothers_visit_and_an_interrogation_read_alike(site):
    """Whatever keeps the client or the rooms busy gives one sentence; the next free window follows it."""
    lawyer, zone = site.who["lawyer"], "Asia/Shanghai"
    # an interrogation through the night, which needs approval
    today = site.clock.now().date()
    await set_rule(site.db, site.clock, site.who["admin"], "IN-2n", since=today, off=True)
    bounds = day_bounds(site.at(24)[0].date(), zone)
    ends = bounds[0], bounds[1] + timedelta(hours=2)
    busy = site.interrogation(start=ends[0], end=ends[0] + timedelta(hours=24))
    await request_booking(site.db, site.clock, site.who["officer"], busy)
    rest = site.interrogation(start=busy.end, end=ends[1])
    await request_booking(site.db, site.clock, site.who["officer"], rest)
    wish = site.visit(24)
    told = await explain(site.db, site.clock, lawyer, wish, [bounds])
    assert told[bounds[0]].reason is Empty.TAKEN
    after = await next_free(site.db, site.clock, lawyer, wish, after=bounds[0])
    assert after is not None
    assert after.start == ends[1]


async def test_hours_and_rules_are_named(sqlite_site):
    """A closed Tuesday and a notice of two days."""
    site = sqlite_site
    async with site.db.transaction() as tx:
        place = site.facilities["城东看守所"]
        await add_hours(tx, site.clock, facility=place, opens=9 * 60, closes=17 * 60, days="1345")
    tuesday, wednesday = (day_bounds(site.at(24 * n)[0].date(), "Asia/Shanghai") for n in (1, 2))
    admin = site.who["admin"]
    await set_rule(site.db, site.clock, admin, "LV-4n", since=NOW.date(), parameters={"hours": 72})
    told = await explain(site.db, site.clock, site.who["lawyer"], site.visit(), [tuesday, wednesday])
    assert [told[d[0]].reason for d in (tuesday, wednesday)] == [Empty.CLOSED, Empty.RULE]
    assert await explain(site.db, site.clock, site.who["lawyer"], site.visit(person="王立刚"), [tuesday]) == {}
