"""The duty post's day: requests to answer, what is to be looked at, sessions with custody steps, calls for help."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import PersonError
from core.refusals import Refused
from people import terminals
from people.permissions import Action, relations, require
from people.principals import Principal
from scheduler import amending, decisions, offers, reasons, reviews, running
from scheduler import day as days
from scheduler.day import DayList
from scheduler.facts import RoomFacts
from scheduler.models import Step
from scheduler.refusals import Slot
from scheduler.views import BookingView, booking_view
from web import duty
from web.context import context
from web.duty import Entry, entry_of
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_form, of_refusal
from web.rendering import page, shown
from web.timeline import timeline

MOST_PROPOSED = 3
"""Times shown for one booking that is to be looked at."""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /day?day=YYYY-MM-DD``."""
    return await _show(request, None)


async def _show(request: web.Request, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    db, clock = found.database, found.clock
    there = await _list(request, principal)
    now, zone = clock.now(), ZoneInfo(there.zone)
    looked = await reviews.to_review(db, clock, principal)
    rooms = await amending.other_rooms(db, clock, principal, _movable([*there.entries, *looked]))
    entries = _entries(request, principal, there, rooms)
    devices = await terminals.of_facility(db, principal, there.facility)
    closed = await reviews.closures(db, principal, there.start, there.end)
    asked = [entry_of(b, principal, found.hub, now) for b in there.requests if b.review != offers.OFFERED]
    return page(
        request,
        "day/day.html",
        status=mistake.status if mistake else 200,
        zone=zone,
        day=there,
        today=shown(request, zone).calendar_day(now),
        earlier=there.day - timedelta(days=1),
        later=there.day + timedelta(days=1),
        requests=sorted(asked, key=lambda entry: (entry.booking.review != "urgent", entry.booking.deadline or now)),
        offered=[b for b in there.requests if b.review == offers.OFFERED],
        soon=duty.URGENT_FOR,
        room_reviews=amending.ROOM_REVIEWS,
        settled=reviews.SETTLED,
        looked=[
            (entry_of(b, principal, found.hub, now, rooms.get(b.id, ())), await _proposed(request, principal, b))
            for b in looked
            if b.review not in ("urgent", offers.OFFERED)
        ],
        stages={stage: [e for e in entries if e.stage == stage] for stage in ("now", "later", "over")},
        calls=[(entry, label, at) for entry in entries if entry.live for label, at in entry.live.calls],
        timeline=timeline(there, now, closed),
        closed=closed,
        live={entry.booking.id: entry.line.live for entry in entries},
        devices=[(device, device.seen is not None and now - device.seen < duty.SILENT) for device in devices],
        decline_reasons=[(reason.value, text) for reason, text in reasons.DECLINED_TEXT.items()],
        no_show_reasons=_no_show_reasons(),
        block_reasons=list(reviews.BLOCK_TEXT.items()),
        work=await duty.open_work(db, clock, principal),
        mark=duty.mark(there, entries, devices, now),
        error=mistake,
    )


def _no_show_reasons() -> list[tuple[str, str, str]]:
    """Word, sentence, and the msgid of whose cause it is."""
    return [(r.value, text, reasons.OWNER_TEXT[reasons.OWNER[r]]) for r, text in reasons.NO_SHOW_TEXT.items()]


def _movable(bookings: Sequence[BookingView]) -> list[str]:
    return [booking.id for booking in bookings if "move" in booking.may]


def _entries(
    request: web.Request, principal: Principal, there: DayList, rooms: Mapping[str, Sequence[RoomFacts]]
) -> list[Entry]:
    found = context(request)
    now = found.clock.now()
    return [
        entry_of(booking, principal, found.hub, now, rooms.get(booking.id, ()))
        for booking in there.entries
        if str(booking.state) != "requested"
    ]


async def _proposed(request: web.Request, principal: Principal, booking: BookingView) -> list[Slot]:
    """Windows proposed for a booking that cannot simply change its room."""
    if booking.review in amending.ROOM_REVIEWS:
        return []
    found = context(request)
    return (await reviews.proposals(found.database, found.clock, principal, booking.id))[:MOST_PROPOSED]


async def _list(request: web.Request, principal: Principal) -> DayList:
    found = context(request)
    asked = query(request)
    wanted = asked.day("day", found.clock.now().date()) if asked.has("day") else None
    return await days.day_list(found.database, found.clock, principal, day=wanted)


async def mark(request: web.Request) -> web.StreamResponse:
    """``GET /day/mark?day=``: ``{"mark"}``, as ``duty.mark``."""
    principal, found = account(request), context(request)
    there = await _list(request, principal)
    entries = _entries(request, principal, there, {})
    devices = await terminals.of_facility(found.database, principal, there.facility)
    return web.json_response({"mark": duty.mark(there, entries, devices, found.clock.now())})


async def act(request: web.Request) -> web.StreamResponse:
    """``POST /day/{id}/{act}``: confirm, decline, no-show, another time, another room, arrived, looked at."""
    booking, typed = path_id(request), await form(request)
    try:
        refused = await _act(request, booking, typed, request.match_info["act"])
    except PersonError as error:
        return await _show(request, of_form(request, error))
    if refused is not None:
        return await _show(request, of_refusal(request, refused))
    return _back(typed.raw("day"), booking)


async def _act(request: web.Request, booking: str, typed: Form, wanted: str) -> Refused | None:
    principal, found = account(request), context(request)
    db, clock, reason = found.database, found.clock, typed.raw("reason")
    version = typed.number("version", 1, 10**6)
    answer: object = None
    match wanted:
        case "confirm":
            await decisions.confirm(db, clock, principal, booking, version=version)
        case "decline":
            await decisions.decline(db, clock, principal, booking, reason, version=version)
        case "no-show":
            await decisions.no_show(db, clock, principal, booking, reason, version=version)
        case "offer":
            start = typed.instant("start")
            answer = await offers.offer_instead(db, clock, principal, booking, start, version=version)
        case "move":
            # two taps: the room matters, not whether a step was confirmed meanwhile
            answer = await amending.move_room(db, clock, principal, booking, typed.id("room"))
        case "arrived":
            await running.set_arrived(db, clock, principal, booking)
        case "settle":
            await reviews.settle(db, clock, principal, booking, version=version)
        case _:
            raise web.HTTPNotFound
    if found.hub is not None and wanted in ("move", "no-show"):
        await found.hub.window_changed(booking)
    return answer if isinstance(answer, Refused) else None


async def other_times(request: web.Request) -> web.StreamResponse:
    """``GET /day/{id}/times``: another time for a request that cannot be met as asked."""
    principal, found, booking = account(request), context(request), path_id(request)
    view = await booking_view(found.database, found.clock, principal, booking)
    require(principal, Action.CONFIRM_BOOKING, relations(principal, facility=view.facility))
    slots = await reviews.proposals(found.database, found.clock, principal, booking)
    zone = ZoneInfo(view.zone)
    return page(request, "day/times.html", zone=zone, booking=view, slots=slots, deadline=view.deadline)


async def custody(request: web.Request) -> web.StreamResponse:
    """``POST /day/{id}/custody``: brought, identity checked, escort left, returned."""
    principal, found, booking = account(request), context(request), path_id(request)
    typed = await form(request)
    step = Step(typed.choice("step", tuple(step.value for step in Step)))
    try:
        await running.set_custody_step(found.database, found.clock, principal, booking, step)
    except PersonError as error:
        return await _show(request, of_form(request, error))
    if found.hub is not None:
        await found.hub.custody_changed(booking)
    return _back(typed.raw("day"), booking)


async def answered(request: web.Request) -> web.StreamResponse:
    """``POST /day/{id}/calls``: the duty post has seen a silent call and goes there; the callers are told."""
    principal, found, booking = account(request), context(request), path_id(request)
    typed = await form(request)
    view = await booking_view(found.database, found.clock, principal, booking)
    require(principal, Action.CONFIRM_CUSTODY, relations(principal, facility=view.facility))
    if found.hub is not None:
        await found.hub.calls_answered(booking, principal.id)
    return _back(typed.raw("day"), booking)


def _back(day: str, booking: str) -> web.Response:
    return see_other(f"/day?day={day}#d-{booking}" if day else f"/day#d-{booking}")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/day", show),
        web.get("/day/mark", mark),
        web.get("/day/{id}/times", other_times),
        web.post("/day/{id}/custody", custody),
        web.post("/day/{id}/calls", answered),
        web.post("/day/{id}/{act}", act),
    ]
