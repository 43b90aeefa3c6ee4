"""Lists: the post's day, my sessions, the terminal's times, and the little police learn of visits."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.errors import Denied, NotFound
from scheduler.bookings import request_booking
from scheduler.choices import colleagues, my_cases, my_clients
from scheduler.day import VisitSeen, day_bounds, day_list, my_sessions, terminal_agenda, visits_seen
from scheduler.decisions import confirm
from scheduler.running import session_ended, session_started
from scheduler.views import booking_view


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def visit(site):
    """A requested visit of 张伟民 from the lawyer's room in a station."""
    wish = site.visit(own_room=site.rooms["东湖派出所 律师会见点"])
    return await request_booking(site.db, site.clock, site.who["lawyer"], wish)


async def test_the_post_sees_requests_and_its_day(site, visit):
    """A request stands on top with both buttons; confirmed it stands in the day."""
    found = await day_list(site.db, site.clock, site.who["duty"])
    assert [r.id for r in found.requests] == [visit.id]
    assert {"confirm", "decline"} <= found.requests[0].may
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    found = await day_list(site.db, site.clock, site.who["duty"])
    assert (found.requests, [e.id for e in found.entries]) == ((), [visit.id])
    assert "custody" in found.entries[0].may
    assert {p.name for p in found.entries[0].parties} == {"张伟民", "沈知远"}


async def test_other_posts_and_days_are_apart(site, visit):
    """Another facility's post is denied this list; another day is empty."""
    with pytest.raises(Denied):
        await day_list(site.db, site.clock, site.who["duty-west"], facility=site.facilities["城东看守所"])
    other = await day_list(site.db, site.clock, site.who["duty"], day=date(2026, 3, 5))
    assert other.entries == ()


async def test_the_station_learns_who_comes_to_its_own_room_and_nothing_of_the_client(site, visit):
    """The post of the lawyer's room sees the lawyer, not whom the lawyer meets."""
    station = replace(site.who["duty"], facility=site.facilities["东湖派出所"], id="somebody")
    found = await day_list(site.db, site.clock, station)
    assert [[p.name for p in e.parties] for e in found.entries] == [["沈知远"]]
    assert found.entries[0].case_number == ""


async def test_my_sessions_are_mine(site, visit):
    """The lawyer sees the visit, another lawyer and the officers of the case do not."""
    assert [v.id for v in await my_sessions(site.db, site.clock, site.who["lawyer"])] == [visit.id]
    for login in ("lawyer2", "officer", "duty"):
        assert await my_sessions(site.db, site.clock, site.who[login]) == []


async def test_a_visit_is_not_there_for_others(site, visit):
    """Whoever has no part in a visit gets the answer for one that does not exist."""
    for login in ["officer", "lawyer2", "duty-west", "reviewer", "admin"]:
        with pytest.raises(NotFound):
            await booking_view(site.db, site.clock, site.who[login], visit.id)


async def test_a_terminal_shows_times_alone(site, visit):
    """Room, times; before confirmation nothing."""
    terminal = site.terminal("城东看守所 会见室 1")
    assert (await terminal_agenda(site.db, site.clock, terminal)).items == ()
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    agenda = await terminal_agenda(site.db, site.clock, terminal)
    assert [(i.start, i.end) for i in agenda.items] == [(visit.start, visit.end)]
    assert agenda.next_session == visit.id
    with pytest.raises(Denied):
        await terminal_agenda(site.db, site.clock, site.who["officer"])


async def test_police_learn_that_a_visit_took_place_from_when_to_when(site, visit):
    """Nothing before it took place, two instants afterwards, and only for officers of the case."""
    ask = lambda who: visits_seen(site.db, site.who[who], site.persons["张伟民"], site.cases["0317"])  # noqa: E731
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    assert await ask("officer") == []
    site.clock.advance(2 * 3600)
    await session_started(site.db, site.clock, visit.id)
    start = site.clock.now()
    site.clock.advance(1800)
    await session_ended(site.db, site.clock, visit.id)
    assert await ask("officer") == [VisitSeen(start, start + timedelta(minutes=30))]
    with pytest.raises(Denied):
        await ask("lawyer")


async def test_a_lawyer_sees_own_clients_alone(site):
    """No other name is shown."""
    assert {c.name for c in await my_clients(site.db, site.clock, site.who["lawyer"])} == {"张伟民", "李秋生"}
    assert {c.name for c in await my_clients(site.db, site.clock, site.who["lawyer2"])} == {"王立刚", "吴敏"}
    with pytest.raises(Denied):
        await my_clients(site.db, site.clock, site.who["officer"])


async def test_an_officer_sees_own_cases_and_colleagues(site):
    """Cases with their suspects; colleagues without oneself."""
    found = await my_cases(site.db, site.who["officer"])
    assert [len(c.persons) for c in found] == [2, 1, 1, 1]
    assert {c.name for c in await colleagues(site.db, site.who["officer"])} == {"林晓燕", "陈卫东"}
    with pytest.raises(Denied):
        await my_cases(site.db, site.who["lawyer"])


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_local_day_may_have_another_length(day, hours):
    """Where clocks change a day has 23 or 25 hours."""
    start, end = day_bounds(date.fromisoformat(day), "Europe/Berlin")
    assert (end - start) == timedelta(hours=hours)
