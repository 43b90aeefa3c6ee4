"""Who must never meet is kept apart when booking: in one session, one place, one time; and nobody learns why."""

import pytest

from cases.kinds import Role
from people import screening
from people.permissions import Relation
from people.screening import Reason
from scheduler import apart
from scheduler.amending import Change, amend, move_room, other_rooms
from scheduler.bookings import request_booking
from scheduler.models import Booking
from scheduler.requests import GuestWish
from scheduler.search import free_slots


@pytest.fixture
def site(sqlite_site):
    """On SQLite: nothing here is different on PostgreSQL."""
    return sqlite_site


async def state(site, one: str, other: str) -> None:
    """An officer says that two persons must never meet."""
    async with site.db.transaction() as tx:
        await screening.keep_apart(
            tx, site.clock, site.who["officer"], {Relation.OWN_CASE}, one=one, other=other, reason=Reason.THREAT
        )


def tells(text: str) -> bool:
    """Whether a sentence gives the reason away."""
    return any(word in text.lower() for word in ("suspect", "apart", "victim", "meet", "witness"))


async def test_two_who_must_never_meet_are_not_booked_into_one_session(site):
    """A statement about the suspect and a witness of the same session refuses it, in words that say nothing."""
    guest = apart.guest_key(site.cases["0317"], "孙丽")
    await state(site, site.persons["张伟民"], guest)
    wish = site.interrogation(2, guests=(GuestWish(Role.GUARDIAN, "孙丽"),))
    refused = await request_booking(site.db, site.clock, site.who["officer"], wish)
    assert refused == apart.NOT_TOGETHER
    assert not tells(refused.text)
    other = site.interrogation(2, guests=(GuestWish(Role.GUARDIAN, "赵敏"),))
    assert isinstance(await request_booking(site.db, site.clock, site.who["officer"], other), Booking)


async def test_they_do_not_come_to_one_place_within_half_an_hour(site):
    """While one is at the centre the other cannot be booked there, nor shortly before or after; elsewhere and later
    they can. The search offers only what can be booked."""
    one, other = site.persons["张伟民"], site.persons["李秋生"]
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(3))
    assert isinstance(visit, Booking)
    await state(site, one, other)
    for hours in (3, 2, 4, 4.25):
        answer = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(hours, "李秋生"))
        assert not isinstance(answer, Booking), hours
        assert not tells(answer.text)
    found = await free_slots(site.db, site.clock, site.who["lawyer"], site.visit(2, "李秋生"), until=site.at(8)[0])
    starts = {slot.start for slot in found}
    assert not starts & {site.at(h)[0] for h in (2, 2.25, 3, 4, 4.25)}
    assert site.at(4.5)[0] in starts
    later = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(4.5, "李秋生"))
    assert isinstance(later, Booking)
    moved = await amend(site.db, site.clock, site.who["lawyer"], later.id, Change(start=site.at(3)[0]))
    assert not isinstance(moved, Booking)


async def test_nobody_is_moved_into_a_room_of_one_they_must_not_meet(site):
    """A statement made after two bookings stands: the post finds no other room at that place for either."""
    one, other = site.persons["张伟民"], site.persons["李秋生"]
    first = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(3))
    second = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(4, "李秋生"))
    assert isinstance(first, Booking)
    assert isinstance(second, Booking)
    rooms = (await other_rooms(site.db, site.clock, site.who["duty"], [second.id]))[second.id]
    assert rooms
    await state(site, one, other)
    assert await other_rooms(site.db, site.clock, site.who["duty"], [second.id]) == {second.id: []}
    assert not isinstance(await move_room(site.db, site.clock, site.who["duty"], second.id, rooms[0].id), Booking)


async def test_co_suspects_and_witnesses_need_no_statement(site):
    """Suspects of one case do not share a room within half an hour; its witnesses never meet them."""
    case = site.cases["0317"]
    async with site.db.transaction(write=False) as tx:
        suspect = apart.Somebody(site.persons["张伟民"], interviewee=False, custody=True, case=case)
        witness = apart.Somebody(apart.guest_key(case, "孙丽"), interviewee=True, custody=False, case=case)
        found = await apart.apart_of(tx, [suspect])
        assert screening.Pair.of(suspect.key, site.persons["王立刚"]) in found.together
        assert screening.Pair.of(suspect.key, witness.key) in (await apart.apart_of(tx, [witness])).never
    await request_booking(site.db, site.clock, site.who["officer"], site.statement(2))
    async with site.db.transaction(write=False) as tx:
        assert screening.Pair.of(suspect.key, witness.key) in (await apart.apart_of(tx, [suspect])).never
