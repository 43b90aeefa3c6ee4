"""A deployment's parameters, granted exceptions, and the same answer years later."""

from datetime import date, timedelta

import pytest

from core.errors import Denied, Invalid, NotFound
from core.refusals import Refused
from scheduler.bookings import request_booking
from scheduler.models import Booking
from scheduler.rulebook import grant_exception, replay, set_rule
from scheduler.search import free_slots


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


TODAY = date(2026, 3, 2)


async def test_a_parameter_applies_from_its_day(site):
    """Three officers from next week on: today's booking passes, one after the change is refused."""
    change = TODAY + timedelta(days=7)
    await set_rule(site.db, site.clock, site.who["admin"], "IN-1", since=change, parameters={"officers": 3})
    assert isinstance(await request_booking(site.db, site.clock, site.who["officer"], site.interrogation()), Booking)
    refused = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(24 * 8))
    assert (refused.rule, refused.values) == ("IN-1", {"officers": 3})


async def test_a_search_skips_times_a_rule_forbids_instead_of_refusing(site):
    """With three hours' notice asked for, the search begins in three hours and says nothing else."""
    await set_rule(site.db, site.clock, site.who["admin"], "LV-4n", since=TODAY, parameters={"hours": 3})
    found = await free_slots(site.db, site.clock, site.who["lawyer"], site.visit(1), until=site.at(5)[0])
    assert found[0].start == site.at(3)[0]


async def test_a_rule_can_be_switched_off(site):
    """Off from today: one officer may book."""
    await set_rule(site.db, site.clock, site.who["admin"], "IN-1", since=TODAY, off=True)
    wish = site.interrogation(officers=())
    assert isinstance(await request_booking(site.db, site.clock, site.who["officer"], wish), Booking)


async def test_an_old_booking_is_judged_by_the_rules_of_any_day(site):
    """Allowed when made, not allowed by what came later; asked again the answer is the same."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation())
    change = TODAY + timedelta(days=7)
    await set_rule(site.db, site.clock, site.who["admin"], "IN-1", since=change, parameters={"officers": 3})
    then, later = await replay(site.db, booking.id), await replay(site.db, booking.id, day=change)
    assert (then.allowed, later.allowed) == (True, False)
    assert {b.rule.id for b in later.breaches} - {b.rule.id for b in then.breaches} == {"IN-1"}
    with pytest.raises(NotFound):
        await replay(site.db, "nothing")


async def test_a_granted_exception_lifts_one_rule_for_one_person(site):
    """A summons of thirteen hours is possible where a reviewer approved it by name."""
    wish = site.interrogation(person="刘海", number="0421", officers=())
    refused = await request_booking(site.db, site.clock, site.who["officer"], wish)
    assert refused.rule == "IN-1"
    until = site.clock.now() + timedelta(days=1)
    await grant_exception(
        site.db,
        site.clock,
        site.who["reviewer"],
        subject=site.persons["刘海"],
        rule="IN-1",
        word="wholly-recorded",
        until=until,
    )
    assert isinstance(await request_booking(site.db, site.clock, site.who["officer"], wish), Booking)
    other = site.interrogation(officers=())
    assert isinstance(await request_booking(site.db, site.clock, site.who["officer"], other), Refused)


async def test_exceptions_are_enumerated_limited_and_not_for_everybody(site):
    """No invented word, no year-long exception, not by the officer who profits."""
    until, late = (site.clock.now() + timedelta(days=days) for days in (1, 400))
    grant = {"subject": site.persons["刘海"], "rule": "IN-2", "word": "hospital", "until": until}
    with pytest.raises(Denied):
        await grant_exception(site.db, site.clock, site.who["officer"], **grant)
    with pytest.raises(Invalid):
        await grant_exception(site.db, site.clock, site.who["reviewer"], **{**grant, "word": "because"})
    with pytest.raises(Invalid):
        await grant_exception(site.db, site.clock, site.who["reviewer"], **{**grant, "until": late})


async def test_settings_are_checked(site):
    """Neither unknown rules, unknown parameters, the past, nor somebody else than an administrator."""
    tomorrow = TODAY + timedelta(days=1)
    with pytest.raises(NotFound):
        await set_rule(site.db, site.clock, site.who["admin"], "XX-9", since=tomorrow)
    with pytest.raises(Invalid):
        await set_rule(site.db, site.clock, site.who["admin"], "IN-1", since=tomorrow, parameters={"bribes": 1})
    with pytest.raises(Invalid):
        await set_rule(site.db, site.clock, site.who["admin"], "IN-1", since=TODAY - timedelta(days=1), off=True)
    for login in ("officer", "duty", "lawyer"):
        with pytest.raises(Denied):
            await set_rule(site.db, site.clock, site.who[login], "IN-1", since=tomorrow, off=True)
