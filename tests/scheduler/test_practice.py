"""What a facility asks of lawyers (LV-4): days, bands, lengths, coming early, giving a time back in time."""

from datetime import date, timedelta

import pytest

from core.errors import Invalid
from core.refusals import Refused
from scheduler.bookings import request_booking
from scheduler.decisions import cancel, confirm, no_show
from scheduler.hours import seed_working_days
from scheduler.models import Booking, Facility
from scheduler.practice import Practice, practice
from scheduler.rulebook import replay, set_rule
from scheduler.search import free_slots

BANDS = "09:00-10:00,10:00-11:00,14:30-15:30,15:30-16:30"
TODAY = date(2026, 3, 2)


async def setting(site, rule, facility="城东看守所", **parameters):
    """The administrator sets a rule for one facility from today on."""
    place = site.facilities[facility]
    admin = site.who["admin"]
    return await set_rule(site.db, site.clock, admin, rule, since=TODAY, parameters=parameters, facility=place)


def at(site, day, hour, minutes=60, minute=0):
    """A visit on a day of March 2026 at an hour of Shanghai."""
    start = site.at(24 * (day - 2) + hour - 12)[0] + timedelta(minutes=minute)
    return site.visit(start=start, end=start + timedelta(minutes=minutes))


async def test_visits_are_taken_from_the_fourth_to_the_sixth_working_day(site):
    """Monday noon: Friday to Tuesday, the weekend left out; another facility is not concerned."""
    await setting(site, "LV-4w", first=4, last=6)
    lawyer = site.who["lawyer"]
    for day in (5, 7, 8, 11):
        refused = await request_booking(site.db, site.clock, lawyer, at(site, day, 10))
        assert isinstance(refused, Refused)
        assert (refused.rule, refused.values["from"], refused.values["until"]) == ("LV-4w", "2026-03-06", "2026-03-10")
    found = await free_slots(site.db, site.clock, lawyer, at(site, 2, 13), until=at(site, 14, 0).start)
    assert {slot.start.astimezone().date() for slot in found} <= {date(2026, 3, d) for d in (5, 6, 8, 9, 10)}
    assert isinstance(await request_booking(site.db, site.clock, lawyer, at(site, 6, 10)), Booking)
    west = site.visit(person="吴敏", start=at(site, 3, 10).start, end=at(site, 3, 11).start)
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer2"], west), Booking)


async def test_a_holiday_is_no_working_day(site):
    """With the days of the state the fourth to sixth working day lie further ahead, and a replay knows it."""
    async with site.db.transaction() as tx:
        await seed_working_days(tx, site.clock, [2026])
    await setting(site, "LV-4w", first=4, last=6)
    site.clock.set(site.at(24 * 29 - 2)[0])  # Tuesday 31 March; Qingming: Saturday 4 to Monday 6 April
    refused = await request_booking(site.db, site.clock, site.who["lawyer"], at(site, 31, 15))
    assert isinstance(refused, Refused)
    assert (refused.values["from"], refused.values["until"]) == ("2026-04-07", "2026-04-09")
    made = await request_booking(site.db, site.clock, site.who["lawyer"], at(site, 31 + 7, 15))
    assert isinstance(made, Booking)
    assert (await replay(site.db, made.id)).allowed


async def test_the_grid_counts_from_the_beginning_of_a_band(site):
    """Bands from half past two and visits every hour: half past is offered and booked, the full hour is refused."""
    await setting(site, "LV-4b", bands=BANDS)
    async with site.db.transaction() as tx:
        (await tx.get_one(Facility, site.facilities["城东看守所"])).slot_minutes = 60
    lawyer = site.who["lawyer"]
    day = at(site, 3, 0).start
    found = await free_slots(site.db, site.clock, lawyer, at(site, 3, 0), until=day + timedelta(days=1))
    assert [(slot.start - day) / timedelta(hours=1) for slot in found] == [9, 10, 14.5, 15.5]
    refused = await request_booking(site.db, site.clock, lawyer, at(site, 3, 15))
    assert isinstance(refused, Refused)
    short = await request_booking(site.db, site.clock, lawyer, at(site, 3, 14, 30, 45))
    assert isinstance(short, Refused)
    assert (short.rule, short.values["from"]) == ("LV-4s", at(site, 3, 15, 60, 30).start)


async def test_a_visit_lies_in_bands_at_most_two_consecutive(site):
    """One band, two that touch, not over the noon gap, not three."""
    await setting(site, "LV-4b", bands=BANDS + ",16:30-17:30")
    lawyer = site.who["lawyer"]
    refused = [at(site, 3, 11), at(site, 3, 10, 120), at(site, 3, 14, 150, 30), at(site, 3, 8, 60, 30)]
    for wish in refused:
        answer = await request_booking(site.db, site.clock, lawyer, wish)
        assert isinstance(answer, Refused)
        assert answer.rule == "LV-4b"
    for wish in (at(site, 3, 9), at(site, 4, 9, 120), at(site, 5, 9, 90, 15)):
        assert isinstance(await request_booking(site.db, site.clock, lawyer, wish), Booking)


async def test_a_visit_has_one_of_the_lengths(site):
    """45, 60 or 90 minutes."""
    await setting(site, "LV-4l", minutes="45,60,90")
    refused = await request_booking(site.db, site.clock, site.who["lawyer"], at(site, 3, 9, 30))
    assert isinstance(refused, Refused)
    assert (refused.rule, refused.input) == ("LV-4l", "end")
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], at(site, 3, 9, 45)), Booking)


async def test_the_lawyer_is_told_how_early_to_come(site):
    """Nothing is asked by default; other people are told nothing."""
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    assert await practice(site.db, site.clock, site.who["lawyer"], visit.id) == Practice(0, None)
    await setting(site, "LV-4a", minutes=20)
    assert await practice(site.db, site.clock, site.who["lawyer"], visit.id) == Practice(20, None)
    assert await practice(site.db, site.clock, site.who["duty"], visit.id) is None


async def test_a_late_cancellation_counts_like_a_missed_visit(site):
    """Within a day and for a reason of one's own; illness never counts; three close online booking (LV-4c)."""
    await setting(site, "LV-4d", hours=24)
    lawyer, duty = site.who["lawyer"], site.who["duty"]
    for hours, reason, owner in ((30, "not-needed", None), (2, "ill", None), (4, "other-time", "lawyer")):
        visit = await request_booking(site.db, site.clock, lawyer, site.visit(hours))
        await confirm(site.db, site.clock, duty, visit.id)
        late = (await practice(site.db, site.clock, lawyer, visit.id)).late
        assert late == (24 if hours < 24 else None)
        assert (await cancel(site.db, site.clock, lawyer, visit.id, reason)).owner == owner
    for hours in (1, 2):
        visit = await request_booking(site.db, site.clock, lawyer, site.visit(hours))
        await confirm(site.db, site.clock, duty, visit.id)
        site.clock.set(visit.start)
        await no_show(site.db, site.clock, duty, visit.id, "lawyer")
    refused = await request_booking(site.db, site.clock, lawyer, site.visit(8))
    assert isinstance(refused, Refused)
    assert refused.rule == "LV-4c"


@pytest.mark.parametrize(
    ("rule", "parameters"),
    [
        ("LV-4b", {"bands": "10:00-09:00"}),
        ("LV-4b", {"bands": "10-11"}),
        ("LV-4b", {"bands": "09:00-10:00,09:30-11:00"}),
        ("LV-4b", {"bands": "<script>"}),
        ("LV-4b", {"bands": "09:00-10:00," * 40}),
        ("LV-4l", {"minutes": "45;60"}),
        ("LV-4l", {"minutes": "5"}),
        ("LV-4l", {"minutes": 45}),
        ("LV-4w", {"first": "4"}),
        ("LV-4w", {"days": 4}),
    ],
)
async def test_what_cannot_be_read_is_not_set(sqlite_site, rule, parameters):
    """Bands in order and without overlap, lengths of a quarter hour or more, numbers where numbers belong."""
    with pytest.raises(Invalid):
        await setting(sqlite_site, rule, **parameters)
