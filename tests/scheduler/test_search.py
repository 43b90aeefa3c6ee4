"""Free windows: on the grid, for everybody, in a room that is free."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.refusals import Refused
from scheduler.bookings import request_booking
from scheduler.facts import RoomFacts
from scheduler.models import FacilityKind, Room, RoomUse
from scheduler.search import Seat, free_slots, grid, slots


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


def room(after=0):
    """A room as the search sees it."""
    spare = timedelta(minutes=after)
    return RoomFacts(
        "1", "R", RoomUse.VISIT, "f", "F", FacilityKind.DETENTION_CENTRE, "o", "Asia/Shanghai", timedelta(0), spare
    )


def starts(busy, after=0, closed=(), hours=4, length=60):
    """Minutes after noon at which an hour is free in a room."""
    times = grid(NOON, NOON + timedelta(hours=hours), timedelta(minutes=length))
    found = slots([Seat(room(after), closed)], [], None, {"room:1": busy}, times)
    return [(slot.start - NOON) // timedelta(minutes=1) for slot in found]


def minutes(start, end):
    """A window after noon."""
    return (NOON + timedelta(minutes=start), NOON + timedelta(minutes=end))


def test_back_to_back_is_free():
    """Half-open windows: a slot may end where a hold begins and begin where it ends."""
    assert starts([minutes(60, 120)]) == [0, 120, 135, 150, 165, 180, 195, 210, 225]


def test_a_hold_off_the_grid_blocks_what_it_touches():
    """One second past the quarter costs that quarter."""
    one_second = (NOON + timedelta(minutes=60), NOON + timedelta(minutes=120, seconds=1))
    assert starts([one_second])[:2] == [0, 135]


def test_a_buffer_counts_for_the_new_session_too():
    """With a buffer after, the slot before a hold ends that much earlier."""
    assert starts([minutes(90, 120)], after=30) == [0, 120, 135, 150, 165, 180, 195, 210, 225]
    assert 0 not in starts([minutes(75, 120)], after=30)


def test_a_closed_time_needs_no_buffer():
    """Closing time ends the session, not its cleaning."""
    assert 0 in starts([], after=30, closed=[minutes(60, 240)])
    assert 15 not in starts([], closed=[minutes(60, 240)])


@given(
    st.lists(st.tuples(st.integers(-300, 600), st.integers(1, 200)), max_size=6),
    st.integers(0, 45),
    st.integers(15, 180),
)
def test_marks_agree_with_the_plain_definition(holds_, after, length):
    """The marked grid says of every start exactly what comparing windows one by one says."""
    busy = [minutes(start, start + long) for start, long in holds_]
    spare = timedelta(minutes=after)

    def plainly(start):
        begin = NOON + timedelta(minutes=start)
        end = begin + timedelta(minutes=length) + spare
        return all(end <= s or e <= begin for s, e in busy)

    assert starts(busy, after, length=length) == [m for m in range(0, 240, 15) if plainly(m)]


def test_the_grid_excludes_its_end():
    """Every quarter from the first one at or after the start, without the end."""
    hour = timedelta(hours=1)
    assert grid(NOON, NOON + hour, hour).count == 4
    assert grid(NOON + timedelta(minutes=1), NOON + timedelta(minutes=15), hour).count == 0
    assert grid(NOON, NOON, hour).count == 0
