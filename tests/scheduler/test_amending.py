"""Moving a booking, and moving a session to another room."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from core.errors import Conflict, Denied, Invalid, NotFound
from core.refusals import Refused
from scheduler.amending import Change, amend, move_room, other_rooms
from scheduler.bookings import request_booking
from scheduler.decisions import confirm
from scheduler.models import Booking, Hold, Room, State
from scheduler.refusals import Taken
from scheduler.rulebook import set_rule
from scheduler.running import session_started


@pytest.fixture
async def visit(site):
    """A confirmed visit in two hours."""
    booking = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    return await confirm(site.db, site.clock, site.who["duty"], booking.id)


async def rooms_held(site, booking):
    """Rooms a booking holds."""
    async with site.db.transaction(write=False) as tx:
        rows = (await tx.execute(select(Hold.resource).where(Hold.booking == booking))).scalars()
        return {row.removeprefix("room:") for row in rows if row.startswith("room:")}


async def test_a_booking_moves_into_its_own_window(site, visit):
    """Half an hour later overlaps only itself; the facility has to confirm again."""
    later = visit.start + timedelta(minutes=30)
    moved = await amend(site.db, site.clock, site.who["lawyer"], visit.id, Change(start=later))
    assert (moved.start, moved.end, moved.state) == (later, later + timedelta(hours=1), State.REQUESTED)
    async with site.db.transaction(write=False) as tx:
        windows = {(h.start, h.end) for h in (await tx.execute(select(Hold).where(Hold.booking == visit.id))).scalars()}
    assert windows == {(moved.start, moved.end)}


async def test_a_move_onto_another_session_is_refused_and_nothing_changes(site, visit):
    """The client is being questioned then; the visit stands as it was, with its holds."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(4))
    refused = await amend(
        site.db, site.clock, site.who["lawyer"], visit.id, Change(start=visit.start + timedelta(hours=2))
    )
    assert isinstance(refused, Taken)
    assert refused.alternatives
    assert (await site.booking(visit.id)).state is State.CONFIRMED
    assert await rooms_held(site, visit.id)


async def test_only_the_maker_moves_a_booking(site, visit):
    """Neither the post nor another lawyer picks a lawyer's time; to a stranger the visit is not there."""
    for login, refused in (("duty", Denied), ("lawyer2", NotFound), ("officer", NotFound)):
        with pytest.raises(refused):
            await amend(site.db, site.clock, site.who[login], visit.id, Change(start=visit.start + timedelta(hours=1)))


async def test_a_stale_move_is_refused(site, visit):
    """Two browsers: the second one is told."""
    change = Change(start=visit.start + timedelta(hours=1))
    shown = visit.version
    await amend(site.db, site.clock, site.who["lawyer"], visit.id, change, version=shown)
    with pytest.raises(Conflict) as caught:
        await amend(site.db, site.clock, site.who["lawyer"], visit.id, change, version=shown)
    assert caught.value.code == "stale"


async def test_the_post_moves_a_session_to_another_room_while_it_runs(site, visit):
    """The new room is held, the old one free, the session goes on."""
    site.clock.advance(2 * 3600 + 60)
    await session_started(site.db, site.clock, visit.id)
    target = site.rooms["城东看守所 会见室 3"]
    moved = await move_room(site.db, site.clock, site.who["duty"], visit.id, target)
    assert moved.state is State.CONFIRMED
    assert await rooms_held(site, visit.id) == {target}


async def offered(site, booking):
    """The rooms the post can move a booking to now."""
    return (await other_rooms(site.db, site.clock, site.who["duty"], [booking.id]))[booking.id]


async def test_a_running_session_takes_a_room_that_was_used_before(site, visit):
    """Only the rest of the window counts: what somebody held of the room earlier is past."""
    start, target = visit.start - timedelta(minutes=60), site.rooms["城东看守所 会见室 3"]
    async with site.db.transaction() as tx:
        (await tx.get_one(Room, target)).buffer_after = 30
    wish = site.visit(person="李秋生", start=start, end=start + timedelta(minutes=45), room=target)
    assert isinstance(await request_booking(site.db, site.clock, site.who["lawyer"], wish), Booking)
    assert target not in {r.id for r in (await offered(site, visit))}
    site.clock.advance(2 * 3600 + 16 * 60)
    await session_started(site.db, site.clock, visit.id)
    assert target in {room.id for room in await offered(site, visit)}
    assert isinstance(await move_room(site.db, site.clock, site.who["duty"], visit.id, target), Booking)


async def test_only_free_rooms_of_the_right_use_are_offered_and_accepted(site, visit):
    """What is offered can be taken; an occupied or unfit room is refused."""
    await request_booking(site.db, site.clock, site.who["lawyer2"], site.visit(person="王立刚"))
    free = await offered(site, visit)
    assert [room.name for room in free] == ["会见室 3"]
    taken = site.rooms["城东看守所 会见室 2"]
    assert isinstance(await move_room(site.db, site.clock, site.who["duty"], visit.id, taken), Refused)
    for wrong in ("城东看守所 讯问室 1", "城西看守所 会见室 1"):
        with pytest.raises(Invalid):
            await move_room(site.db, site.clock, site.who["duty"], visit.id, site.rooms[wrong])
    assert isinstance(await move_room(site.db, site.clock, site.who["duty"], visit.id, free[0].id), Booking)


async def test_a_room_with_too_few_seats_is_offered_last(site, visit):
    """While a free room has seats for everybody, a smaller one is not among the buttons (RM-2)."""
    for small, left in (("3", ["会见室 2"]), ("2", ["会见室 2", "会见室 3"])):
        async with site.db.transaction() as tx:
            (await tx.get_one(Room, site.rooms[f"城东看守所 会见室 {small}"])).capacity = 0
        assert sorted(room.name for room in await offered(site, visit)) == left


async def test_an_interrogation_in_one_room_moves_as_one(site):
    """Everybody who sits in the room moves with it."""
    room = site.rooms["城东执法办案管理中心 讯问室 1"]
    wish = site.interrogation(person="刘海", number="0421", room=room, own_room=room)
    booking = await request_booking(site.db, site.clock, site.who["officer"], wish)
    other = site.rooms["城东执法办案管理中心 讯问室 2"]
    await move_room(site.db, site.clock, site.who["duty-centre"], booking.id, other)
    assert await rooms_held(site, booking.id) == {other}


async def test_a_younger_rule_does_not_undo_an_older_booking(site):
    """Booked with two officers before three were asked for: it can still be moved, a new one cannot be made."""
    week = 24 * 8
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(week))
    since = date(2026, 3, 5)
    await set_rule(site.db, site.clock, site.who["admin"], "IN-1", since=since, parameters={"officers": 3})
    later = Change(start=booking.start + timedelta(hours=1))
    assert isinstance(await amend(site.db, site.clock, site.who["officer"], booking.id, later), Booking)
    refused = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(week + 5))
    assert refused.rule == "IN-1"
