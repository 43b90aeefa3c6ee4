"""Where one's own booking can go, its history, and its two clocks."""

from datetime import timedelta

import pytest

from core.errors import Conflict, Denied, NotFound
from scheduler.amending import Change, amend
from scheduler.bookings import request_booking
from scheduler.clocks import ClockState
from scheduler.decisions import cancel, confirm
from scheduler.moving import free_moves
from scheduler.promises import promise
from scheduler.versions import FACILITY, YOU, versions


@pytest.fixture
async def visit(site):
    """A visit asked for, in two hours."""
    return await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())


async def test_a_booking_is_not_in_its_own_way(site, visit):
    """Half an hour later overlaps the booking itself, and is offered."""
    start, until = site.at(1)[0], site.at(5)[0]
    found = await free_moves(site.db, site.clock, site.who["lawyer"], visit.id, start=start, until=until)
    assert visit.start + timedelta(minutes=30) in {slot.start for slot in found}
    other = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(4))
    left = await free_moves(site.db, site.clock, site.who["lawyer"], visit.id, start=start, until=until)
    assert other.start not in {slot.start for slot in left}


async def test_only_its_maker_moves_it_while_it_stands(site, visit):
    """Neither the post nor another lawyer, and nobody once it is cancelled."""
    start, until = site.at(1)[0], site.at(5)[0]
    for login, refused in (("duty", Denied), ("lawyer2", NotFound)):
        with pytest.raises(refused):
            await free_moves(site.db, site.clock, site.who[login], visit.id, start=start, until=until)
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    await cancel(site.db, site.clock, site.who["lawyer"], visit.id, "other-time")
    with pytest.raises(Conflict):
        await free_moves(site.db, site.clock, site.who["lawyer"], visit.id, start=start, until=until)


async def test_the_history_says_what_was_done_and_by_which_side(site, visit):
    """Newest first; the post has no name; a change of the window is marked; strangers see nothing."""
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    await amend(site.db, site.clock, site.who["lawyer"], visit.id, Change(start=site.at(5)[0]))
    found = await versions(site.db, site.who["lawyer"], visit.id)
    assert [(v.number, v.act, v.by, v.moved) for v in found] == [
        (3, "amended", YOU, True),
        (2, "confirmed", FACILITY, False),
        (1, "requested", YOU, False),
    ]
    assert found[0].rooms
    assert [v.by for v in await versions(site.db, site.who["duty"], visit.id)] == ["沈知远", YOU, "沈知远"]
    for login in ("lawyer2", "officer"):
        with pytest.raises(NotFound):
            await versions(site.db, site.who[login], visit.id)


async def test_both_clocks_run_are_met_and_are_breached(site, visit):
    """Running until an answer; an answer in time meets them, two days without one breach them."""
    lawyer = site.who["lawyer"]
    found = await promise(site.db, site.clock, lawyer, visit.id)
    assert (found.submitted.state, found.checked.state) == (ClockState.RUNNING, ClockState.RUNNING)
    assert found.submitted.deadline == visit.created + timedelta(hours=48)
    site.clock.advance(48 * 3600)
    assert (await promise(site.db, site.clock, lawyer, visit.id)).submitted.state is ClockState.BREACHED
    site.clock.advance(-3600)
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    site.clock.advance(7 * 3600)
    assert (await promise(site.db, site.clock, lawyer, visit.id)).submitted.state is ClockState.MET
    assert await promise(site.db, site.clock, site.who["duty"], visit.id) is None
