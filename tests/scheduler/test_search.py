"""Free windows: on the grid, for everybody, in a room that is free."""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import Invalid
from core.refusals import Refused
from scheduler.bookings import request_booking
from scheduler.holds import Resource
from scheduler.models import Room
from scheduler.search import free, free_slots, grid


async def test_slots_leave_out_what_is_held(site):
    """Within four hours a visit of one hour has no slot that touches the client's interrogation."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    wish = site.visit(0.5)
    found = await free_slots(site.db, site.clock, site.who["lawyer"], wish, until=wish.start + timedelta(hours=4))
    start, end = site.at(2)
    assert found
    assert all(slot.end <= start or slot.start >= end for slot in found)
    assert {start - timedelta(hours=1), end} <= {slot.start for slot in found}
    assert all(slot.start.minute % 15 == 0 for slot in found)


async def test_nothing_in_the_past_is_offered(site):
    """The first slot is at or after now."""
    wish = site.visit(-5)
    found = await free_slots(site.db, site.clock, site.who["lawyer"], wish, until=site.clock.now() + timedelta(hours=1))
    assert found[0].start == site.clock.now()


async def test_search_refuses_as_booking_would(site):
    """Whose client it is not gets the same sentence; an impossible length is invalid."""
    refused = await free_slots(
        site.db, site.clock, site.who["lawyer"], site.visit(person="王立刚"), until=site.at(5)[0]
    )
    assert isinstance(refused, Refused)
    assert refused.rule == "LV-6"
    with pytest.raises(Invalid):
        await free_slots(site.db, site.clock, site.who["lawyer"], site.visit(end=site.at(2)[0]), until=site.at(5)[0])


async def test_a_full_centre_offers_the_next_free_room(site):
    """With two of three rooms taken the third is offered, with all taken none."""
    lawyers = [("lawyer", "张伟民"), ("lawyer2", "王立刚")]
    for login, person in lawyers:
        await request_booking(site.db, site.clock, site.who[login], site.visit(2, person))
    until = site.at(2.25)[0]
    found = await free_slots(site.db, site.clock, site.who["officer"], site.interrogation(2, "张伟民"), until=until)
    assert found == []
    wish = site.interrogation(2, "李秋生", "0408")
    found = await free_slots(site.db, site.clock, site.who["officer"], wish, until=until)
    assert [slot.room_name for slot in found] == ["讯问室 1"]


async def test_buffers_keep_rooms_apart(site):
    """A room with a buffer after each window is not offered back to back."""
    room = site.rooms["城东看守所 讯问室 1"]
    async with site.db.transaction() as tx:
        (await tx.get_one(Room, room)).buffer_after = 30
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2, room=room))
    wish = site.interrogation(3, "李秋生", "0408", room=room, officers=(site.who["officer3"].id,))
    until = site.at(4)[0]
    found = await free_slots(site.db, site.clock, site.who["officer"], wish, until=until)
    assert found[0].start == site.at(3.5)[0]


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_free_is_half_open():
    """Back to back is free, one instant more is not."""
    busy = {"room:1": [(NOON, NOON + timedelta(hours=1))]}
    room = Resource("room:1")
    assert free(room, busy, NOON - timedelta(hours=1), NOON)
    assert free(room, busy, NOON + timedelta(hours=1), NOON + timedelta(hours=2))
    assert not free(room, busy, NOON, NOON + timedelta(seconds=1))


def test_the_grid_excludes_its_end():
    """Every quarter from the first one at or after the start, without the end."""
    assert len(grid(NOON, NOON + timedelta(hours=1))) == 4
    assert grid(NOON + timedelta(minutes=1), NOON + timedelta(minutes=15)) == []
    assert grid(NOON, NOON) == []
