"""Rooms near me, with what I need, free with everybody else; and rooms asked for at once."""

from datetime import timedelta

import pytest

from core.errors import Denied, Invalid
from core.refusals import Refused
from scheduler.bookings import ask_urgent, request_booking
from scheduler.day import week_board
from scheduler.decisions import confirm
from scheduler.distances import kilometres
from scheduler.models import Booking, Room, State
from scheduler.places import Nearby, free_places
from scheduler.urgent import urgent_uses


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


EAST = (31.28, 120.65)


async def find(site, wish, login="lawyer", **nearby):
    """Search the next three hours."""
    until = wish.start + timedelta(hours=3)
    return await free_places(site.db, site.clock, site.who[login], wish, until=until, nearby=Nearby(**nearby))


async def test_the_nearest_lawyers_room_comes_first(site):
    """Three stations have one; from the east the eastern one is nearest."""
    found = await find(site, site.visit(2), position=EAST)
    assert found[0].room.facility_name == "东湖派出所"
    distances = [offer.kilometres for offer in found]
    assert distances == sorted(distances)
    assert len(found) == 3


async def test_an_offer_can_be_booked_and_is_gone_then(site):
    """Both rooms of the offered window are held; the next search leaves it out."""
    first = (await find(site, site.visit(2), position=EAST))[0]
    slot = first.slots[0]
    wish = site.visit(start=slot.start, end=slot.end, room=slot.room, own_room=slot.own_room)
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], wish), Booking)
    again = await find(site, site.visit(2, "王立刚"), "lawyer2", facility=site.facilities["东湖派出所"])
    assert all(s.start >= slot.end or s.end <= slot.start for s in again[0].slots)


async def test_equipment_branch_and_seats_narrow_the_search(site):
    """What a room does not have rules it out."""
    async with site.db.transaction() as tx:
        (await tx.get_one(Room, site.rooms["枫桥派出所 律师会见点"])).equipment = ["printer", "wheelchair"]
    found = await find(site, site.visit(2), equipment=frozenset({"printer"}))
    assert [offer.room.facility_name for offer in found] == ["枫桥派出所"]
    assert await find(site, site.visit(2), persons=9) == []
    assert await find(site, site.visit(2), branch=site.who["duty-river"].organisation) != []


async def test_a_witness_finds_a_station(site):
    """For a statement the rooms are those the witness would come to."""
    found = await find(site, site.statement(2), "officer", position=EAST)
    assert {offer.room.name for offer in found} == {"远程取证室"}
    assert all(slot.room == offer.room.id for offer in found for slot in offer.slots)
    async with site.db.transaction() as tx:
        (await tx.get_one(Room, found[0].room.id)).capacity = 1
    escorted = site.statement(2, cooperating=(site.who["officer3"].id,))
    fitting = await find(site, escorted, "officer", position=EAST)
    assert [offer.room.id for offer in fitting] == [offer.room.id for offer in found[1:]], "seats for both who come"


async def test_the_search_refuses_as_booking_would(site):
    """Nobody searches for another lawyer's client."""
    refused = await find(site, site.visit(2, "王立刚"))
    assert isinstance(refused, Refused)
    assert refused.rule == "LV-6"


def test_distance_as_the_crow_flies():
    """Beijing to Shanghai is about 1,067 km; nowhere is no distance from itself."""
    assert kilometres((39.9042, 116.4074), (31.2304, 121.4737)) == pytest.approx(1067, abs=5)
    assert kilometres(EAST, EAST) == 0


async def test_an_urgent_room_is_decided_by_the_post_and_reviewed(site):
    """Off the grid, waiting for the duty officer, on the next day's list; never for a visit, never over a hold."""
    wish = site.interrogation(person="刘海", number="0421")
    asked = await ask_urgent(site.db, site.clock, site.who["officer"], wish)
    assert (asked.state, asked.review, asked.start) == (State.REQUESTED, "urgent", site.clock.now())
    refused = await ask_urgent(site.db, site.clock, site.who["officer"], wish)
    assert isinstance(refused, Refused)
    decided = await confirm(site.db, site.clock, site.who["duty-centre"], asked.id)
    assert (decided.state, decided.review) == (State.CONFIRMED, None)
    span = {"since": site.clock.now() - timedelta(hours=1), "until": site.clock.now() + timedelta(hours=1)}
    assert [u.booking for u in await urgent_uses(site.db, site.who["reviewer"], **span)] == [asked.id]
    with pytest.raises(Denied):
        await urgent_uses(site.db, site.who["officer"], **span)
    with pytest.raises(Invalid):
        await ask_urgent(site.db, site.clock, site.who["lawyer"], site.visit())


async def test_the_week_board_has_seven_days(site):
    """Each with its own list."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(26))
    board = await week_board(site.db, site.clock, site.who["duty"])
    assert [len(day.entries) for day in board] == [0, 1, 0, 0, 0, 0, 0]
