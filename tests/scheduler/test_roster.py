"""Who belongs to a session, and as what."""

from dataclasses import replace

import pytest

from cases.kinds import EndpointRole, Role
from people.principals import Principal
from scheduler.bookings import request_booking, start_rehearsal
from scheduler.decisions import confirm
from scheduler.models import Step
from scheduler.roster import endpoint_for, roster
from scheduler.running import set_custody_step


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


async def of(site, booking):
    """The roster of a booking."""
    async with site.db.transaction(write=False) as tx:
        return await roster(tx, booking.id)


@pytest.fixture
async def visit(site):
    """A confirmed visit from a lawyer's room."""
    wish = site.visit(own_room=site.rooms["东湖派出所 律师会见点"])
    booking = await request_booking(site.db, site.clock, site.who["lawyer"], wish)
    return await confirm(site.db, site.clock, site.who["duty"], booking.id)


async def test_who_joins_a_visit(site, visit):
    """Lawyer, the post of the facility and the two rooms; no officer, no other lawyer, no other post."""
    found = await of(site, visit)
    joins = {login: endpoint_for(found, who) for login, who in site.who.items()}
    assert {login: role for login, role in joins.items() if role} == {
        "lawyer": EndpointRole.PARTY,
        "duty": EndpointRole.POST,
    }
    assert endpoint_for(found, site.terminal("城东看守所 会见室 1")) is EndpointRole.ROOM
    assert endpoint_for(found, site.terminal("东湖派出所 律师会见点")) is EndpointRole.ROOM
    assert endpoint_for(found, site.terminal("城东看守所 会见室 2")) is None
    assert [room.custody for room in sorted(found.rooms, key=lambda r: r.name)] == [True, False]


async def test_the_custody_room_waits_for_the_post(site, visit):
    """Ready only after brought, identity checked and escort left."""
    for step in (Step.BROUGHT, Step.IDENTITY_CHECKED, Step.ESCORT_LEFT):
        assert not (await of(site, visit)).custody_ready
        await set_custody_step(site.db, site.clock, site.who["duty"], visit.id, step)
    assert (await of(site, visit)).custody_ready


async def test_officers_host_an_interrogation_and_the_post_stays_out(site):
    """Both officers are hosts; the duty post has no endpoint in a questioning."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation())
    found = await of(site, booking)
    assert endpoint_for(found, site.who["officer"]) is EndpointRole.HOST
    assert endpoint_for(found, site.who["officer2"]) is EndpointRole.HOST
    assert endpoint_for(found, site.who["officer3"]) is None
    assert endpoint_for(found, site.who["duty"]) is None
    assert found.label.endswith("0317号")
    assert [p.lead for p in found.parties if p.role is Role.OFFICER] == [True, False]


async def test_a_guest_joins_the_one_session(site):
    """An invitation opens its own session and no other."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.statement())
    found = await of(site, booking)
    guest = Principal(kind="guest", id="i", name="孙丽", roles=frozenset({"guest"}), session=booking.id)
    assert endpoint_for(found, guest) is EndpointRole.GUEST
    assert endpoint_for(found, replace(guest, session="other")) is None


async def test_a_token_plays_any_party_of_a_rehearsal_and_nothing_else(site, visit):
    """The host by default, the party it names otherwise; never a real session."""
    token = Principal(kind="token", id="t", name="self-test", roles=frozenset({"operator"}))
    found = await of(site, await start_rehearsal(site.db, site.clock, token, participants=3))
    assert endpoint_for(found, token) is EndpointRole.HOST
    assert [endpoint_for(found, token, p.id) for p in found.parties] == [
        EndpointRole.HOST,
        EndpointRole.PARTY,
        EndpointRole.PARTY,
    ]
    assert endpoint_for(await of(site, visit), token) is None


async def test_an_unknown_session_has_no_roster(site):
    """Nothing there."""
    async with site.db.transaction(write=False) as tx:
        assert await roster(tx, "nothing") is None
