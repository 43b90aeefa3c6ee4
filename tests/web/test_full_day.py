"""Twenty sessions over eight rooms, a broken room, a transfer, lunch and a shift change: the whole day over HTTP."""

import re
from datetime import timedelta

from scheduler import bookings, choices, running
from scheduler.models import Booking, State
from scheduler.refusals import Taken
from scheduler.registers import register
from scheduler.requests import Request
from tests.web.fullday import FullDay, full_day
from tests.web.world import World


async def _booking(site: World, booking: Booking) -> Booking:
    async with site.database.transaction(write=False) as tx:
        return await tx.get_one(Booking, booking.id)


def _at(site: World, day: FullDay, clock: str) -> None:
    """Let it be that time of the day."""
    hours, minutes = clock.split(":")
    until = day.midnight + timedelta(hours=int(hours), minutes=int(minutes))
    site.clock.advance((until - site.clock.now()).total_seconds())


def _free_rooms(page: str, booking: Booking) -> list[tuple[str, str]]:
    """Rooms the list offers for a session that is to be looked at, with the name on the button."""
    card = re.search(rf'<article class="duty[^"]*" id="r-{booking.id}">.*?</article>', page, re.DOTALL)
    assert card is not None
    return re.findall(r'name="room" value="(\w{22})">.*?</svg>([^<]+)</button>', card[0], re.DOTALL)


async def _done(site: World, who, path: str, **fields: str) -> None:  # type: ignore[no-untyped-def]
    """Submit a form that is accepted and leads back to the post's own pages, not to the sign-in."""
    status, page, to = await site.post(who, path, **fields)
    assert status == 303, re.findall(r'role="alert">.*?</div>', page, re.DOTALL)
    assert to.startswith("/day"), to


async def _bring(site: World, duty, booking: Booking, *steps: str) -> None:  # type: ignore[no-untyped-def]
    for step in steps:
        await _done(site, duty, f"/day/{booking.id}/custody", step=step)


async def test_a_day_of_twenty_sessions_over_eight_rooms(site: World) -> None:
    """What a duty post meets in one day is done in its pages, and at the end the register tells it as it was."""
    day = await full_day(site)
    duty = await site.browser("duty")

    # eight o'clock: everything is there, two requests wait with their clocks
    _, page = await site.get(duty, "/day")
    assert len(set(re.findall(r'id="d-(\w{22})"', page))) == 20
    assert len(re.findall(r'<h3 class="timeline__room">', page)) == 8
    answered, other = day.visits[-2:]
    await _done(site, duty, f"/day/{answered.id}/confirm", version="1")
    _, times = await site.get(duty, f"/day/{other.id}/times")
    start = re.search(r'name="start" value="([^"]+)"', times)
    assert start is not None
    await _done(site, duty, f"/day/{other.id}/offer", version="1", start=start[1])
    assert (await _booking(site, other)).review == "offered"

    # the first hour
    _at(site, day, "8:50")
    first, broken = day.visits[0], day.visits[4]
    await _done(site, duty, f"/day/{first.id}/arrived", version="1")
    await _bring(site, duty, first, "brought", "identity_checked", "escort_left")
    _at(site, day, "9:00")
    await running.session_started(site.database, site.clock, first.id)
    site.hub.runs(first.id, "live")

    # a camera breaks in the room of a running visit
    _at(site, day, "9:10")
    room = next(p for p in day.rooms if p == "会见室 1")
    status, _, to = await site.post(duty, "/day/blocks", room=day.rooms[room], reason="device", hours="4")
    assert (status, to) == (303, "/day#looked-title")
    _, page = await site.get(duty, "/day")
    for session in (first, broken):
        free = _free_rooms(page, session)
        assert free, "a room is free for every session concerned"
        await _done(site, duty, f"/day/{session.id}/move", version="1", room=free[0][0])
        _, page = await site.get(duty, "/day")
    assert "looked-title" not in page
    assert ("window", first.id) in site.hub.asked, "the running session is told of its new room"

    # a client of the afternoon is transferred
    moved = day.visits[7]
    person = day.persons["吴振华"]
    _, held = await site.get(duty, "/day/custody")
    west = re.search(r'<option value="(\w{22})">城西看守所', held)
    assert west is not None
    status, _, to = await site.post(duty, f"/day/custody/{person}", what="transferred", to=west[1])
    assert (status, to) == (303, "/day/custody?told=1")
    _, page = await site.get(duty, "/day")
    assert "此人已转押他处" in page
    assert "城西看守所" in page
    assert (await _booking(site, moved)).review == "transferred"

    # the first visit ends; nobody can be asked for during lunch, and what is offered instead lies around it
    _at(site, day, "9:55")
    await running.session_ended(site.database, site.clock, first.id)
    site.hub.snapshots.clear()
    duty = await site.browser("duty")
    await _bring(site, duty, first, "returned")
    lawyer = await site.principal("lawyer")
    client = (await choices.my_clients(site.database, site.clock, lawyer))[0].id
    noon = day.midnight + timedelta(hours=12)
    wish = Request(kind="visit", start=noon, end=noon + timedelta(minutes=45), custody_person=client)
    refused = await bookings.request_booking(site.database, site.clock, lawyer, wish)
    assert isinstance(refused, Taken)
    lunch = (day.midnight + timedelta(hours=11, minutes=45), day.midnight + timedelta(hours=13))
    assert refused.alternatives
    assert all(slot.end <= lunch[0] or slot.start >= lunch[1] for slot in refused.alternatives)

    # shift change, while somebody is still in a room
    late = day.questionings[4]
    _at(site, day, "13:55")
    duty = await site.browser("duty")
    await _bring(site, duty, late, "brought")
    await _done(site, duty, "/day/handover", note="会见室 1 已报修")
    second = await site.browser("duty2")
    _, page = await site.get(second, "/day/handover")
    assert "赵国强" in page
    assert "人员尚未还押" in page
    assert "会见室 1 已报修" in page
    handed = re.search(r'action="/day/handover/(\w{22})"', page)
    assert handed is not None
    assert (await site.post(duty, f"/day/handover/{handed[1]}"))[0] == 403
    await _done(site, second, f"/day/handover/{handed[1]}")
    _, page = await site.get(second, "/day/handover")
    assert "赵国强 → 丁一鸣" in page

    # the afternoon: a lawyer does not come, with cause and owner
    missed = day.visits[8]
    version = str((await _booking(site, missed)).version)
    await _done(site, second, f"/day/{missed.id}/no-show", version=version, reason="lawyer")
    row = await _booking(site, missed)
    assert (row.state, row.reason, row.owner) == (State.NO_SHOW, "lawyer", "lawyer")

    # the register tells it
    _, page = await site.get(second, "/day/register")
    assert "律师未到" in page
    lines = {line.booking: line for line in await register(site.database, site.clock, await site.principal("duty2"))}
    done = lines[first.id]
    assert None not in (done.brought, done.identity_checked, done.escort_left, done.began, done.ended, done.returned)
    assert done.room != "会见室 1"
    assert len(lines) == 19, "all but the one whose new time waits for an answer, held that day or another"
