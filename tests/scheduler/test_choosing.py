"""Guests choose their own time; many witnesses are asked in one go."""

from datetime import timedelta
from itertools import pairwise

import pytest

from core.errors import Conflict, Denied, Invalid, NotFound
from people.principals import Principal
from scheduler.bookings import request_booking
from scheduler.choosing import ask_many, choices, choose, offer_times, progress
from scheduler.invites import invite
from scheduler.models import Booking, State
from scheduler.notices import mine
from scheduler.refusals import Taken


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def statement(site):
    """A statement in two hours, with three more times offered until half an hour before the last."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.statement(2))
    times = [site.at(h)[0] for h in (3, 4, 26)]
    await offer_times(site.db, site.clock, site.who["officer"], booking.id, times, deadline=site.at(25)[0])
    return booking


def guest(booking):
    """Whoever holds the link of a booking."""
    return Principal(kind="guest", id="g", name="孙丽", roles=frozenset({"guest"}), session=booking.id)


async def test_a_guest_moves_to_a_time_of_the_list(site, statement):
    """The session moves with everybody's holds and stays confirmed; both officers are told."""
    shown = await choices(site.db, site.clock, guest(statement))
    assert [c.mine for c in shown] == [True, False, False, False]
    moved = await choose(site.db, site.clock, guest(statement), shown[2].start)
    assert (moved.start, moved.state) == (site.at(4)[0], State.CONFIRMED)
    assert [c.mine for c in await choices(site.db, site.clock, guest(statement))] == [False, False, True, False]
    for officer in ("officer", "officer2"):
        assert (await mine(site.db, site.clock, site.who[officer]))[0].text == "有一项预约已改到 16:00。"


async def test_a_taken_time_is_left_out_and_refused(site, statement):
    """The officers got another session: the time disappears, and an old page that sends it gets a refusal."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(3))
    assert len(await choices(site.db, site.clock, guest(statement))) == 3
    assert isinstance(await choose(site.db, site.clock, guest(statement), site.at(3)[0]), Taken)
    assert (await site.booking(statement.id)).start == statement.start


async def test_only_what_was_offered_can_be_chosen(site, statement):
    """No other time, no other session, nobody without an invitation."""
    with pytest.raises(Invalid):
        await choose(site.db, site.clock, guest(statement), site.at(5)[0])
    other = await request_booking(site.db, site.clock, site.who["officer"], site.statement(7))
    with pytest.raises(NotFound):
        await choices(site.db, site.clock, guest(other))
    with pytest.raises(Denied):
        await choices(site.db, site.clock, site.who["lawyer"])


async def test_it_is_too_late_an_hour_before(site, statement):
    """Then the guest is asked to call."""
    site.clock.advance(3600)
    with pytest.raises(Conflict):
        await choose(site.db, site.clock, guest(statement), site.at(4)[0])


async def test_many_witnesses_get_times_one_after_the_other(site):
    """Each their own booking at the officers' next free time; progress shows who was invited."""
    names = ["甲", "乙", "丙"]
    asked = await ask_many(site.db, site.clock, site.who["officer"], site.statement(2), names, until=site.at(12)[0])
    assert [a.name for a in asked] == names
    starts = [a.start for a in asked]
    assert all(b - a >= timedelta(hours=1) for a, b in pairwise(starts))
    async with site.db.transaction(write=False) as tx:
        from scheduler import store

        party = next(p for p in await store.parties(tx, [asked[0].booking]) if p.name == "甲")
    await invite(site.db, site.clock, site.who["officer"], asked[0].booking, party.id)
    shown = await progress(site.db, site.who["officer"], site.cases["0317"])
    assert [(p.name, p.invitation) for p in shown] == [("甲", "open"), ("乙", "none"), ("丙", "none")]
    assert await progress(site.db, site.who["officer3"], site.cases["0317"]) == []


async def test_only_the_guest_of_a_statement_can_be_invited(site):
    """Neither an officer nor a person in custody comes by link."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    async with site.db.transaction(write=False) as tx:
        from scheduler import store

        for party in await store.parties(tx, [booking.id]):
            with pytest.raises(NotFound):
                await invite(site.db, site.clock, site.who["officer"], booking.id, party.id)
    assert isinstance(booking, Booking)
