"""Moving a booking of one's own: another time, length or room; then one look at old and new, and the button."""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import PersonError
from core.refusals import Refused
from scheduler import amending, moving, search
from scheduler.amending import Change
from scheduler.day import day_bounds
from scheduler.refusals import Slot, Taken
from scheduler.views import BookingView, booking_view
from scheduler.windows import next_on_grid
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.lines import line
from web.localtime import wall_clock
from web.mistakes import Mistake, of_form, of_refusal
from web.pages.searching import DAYS, SOONEST, days_of
from web.rendering import page, shown
from web.wishes import LENGTHS


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /bookings/{id}/move``: free times; with ``start`` the chosen one, to be confirmed."""
    return await _show(request, query(request))


async def _show(
    request: web.Request, typed: Form, mistake: Mistake | None = None, nearest: Sequence[Slot] = ()
) -> web.Response:
    principal, found = account(request), context(request)
    booking = await booking_view(found.database, found.clock, principal, path_id(request))
    zone, now = ZoneInfo(booking.zone), found.clock.now()
    minutes = _minutes(typed, booking)
    today = shown(request, zone).calendar_day(now)
    first = max(today, typed.day("from", max(today, booking.start.astimezone(zone).date() - timedelta(days=1))))
    start = max(next_on_grid(now), day_bounds(first, booking.zone)[0])
    until = day_bounds(first + timedelta(days=DAYS), booking.zone)[0]
    length = timedelta(minutes=minutes)
    free = await moving.free_moves(
        found.database, found.clock, principal, booking.id, start=start, until=until, length=length
    )
    slots = [] if isinstance(free, Refused) else free
    chosen = typed.instant("start") if typed.has("start") and mistake is None else None
    near = sorted(slots, key=lambda slot: abs(slot.start - booking.start))
    return page(
        request,
        "book/move.html",
        status=mistake.status if mistake else 200,
        zone=zone,
        booking=booking,
        line=line(booking, principal, found.hub),
        minutes=minutes,
        lengths=sorted({*LENGTHS.get(booking.kind, ()), _now_minutes(booking)}),
        chosen=chosen,
        chosen_end=chosen + length if chosen else None,
        room=next((slot for slot in slots if slot.start == chosen), None),
        refused=of_refusal(request, free) if isinstance(free, Refused) else None,
        near=sorted(search.apart(near, length, SOONEST), key=lambda slot: slot.start),
        nearest=nearest,
        days=days_of(slots, zone, first, minutes),
        error=mistake,
        typed={
            "day": typed.raw("day")[:10] or booking.start.astimezone(zone).date().isoformat(),
            "at": typed.raw("at")[:5] or f"{booking.start.astimezone(zone):%H:%M}",
            "end": typed.raw("end")[:5] or f"{booking.end.astimezone(zone):%H:%M}",
        },
        earlier=first - timedelta(days=DAYS) if first > today else None,
        later=first + timedelta(days=DAYS),
    )


def _now_minutes(booking: BookingView) -> int:
    return int((booking.end - booking.start).total_seconds()) // 60


def _minutes(typed: Form, booking: BookingView) -> int:
    return typed.number("minutes", 15, 480) if typed.has("minutes") else _now_minutes(booking)


async def move(request: web.Request) -> web.StreamResponse:
    """``POST /bookings/{id}/move``: the window of a slot (``start``, ``minutes``), or as typed (``day, at, end``)."""
    principal, found, booking, typed = account(request), context(request), path_id(request), await form(request)
    try:
        seen = await booking_view(found.database, found.clock, principal, booking)
        change = _change(typed, seen)
        version = typed.number("version", 1, 10**6)
        answer = await amending.amend(found.database, found.clock, principal, booking, change, version=version)
    except PersonError as error:
        return await _show(request, typed, of_form(request, error))
    if isinstance(answer, Refused):
        nearest = answer.alternatives if isinstance(answer, Taken) else ()
        return await _show(request, typed, of_refusal(request, answer), nearest)
    if found.hub is not None:
        await found.hub.window_changed(booking)
    return see_other(f"/bookings/{booking}?told=moved")


def _change(typed: Form, booking: BookingView) -> Change:
    """The change a form asks for. A room is kept where the people chose it: a station's, or one they share."""
    if typed.has("start"):
        start = typed.instant("start")
        end = start + timedelta(minutes=_minutes(typed, booking))
    else:
        zone = ZoneInfo(booking.zone)
        start, end = wall_clock(typed, "day", "at", zone), wall_clock(typed, "day", "end", zone)
    return Change(start=start, end=end, room=typed.optional_id("room") or _any_room(booking))


def _any_room(booking: BookingView) -> str | None:
    far = next((party.room for party in booking.parties if party.custody_person), None)
    shared = any(party.room == far for party in booking.parties if party.lead)
    return "" if booking.kind_entry.custody and far and not shared else None


def routes() -> list[web.RouteDef]:
    return [web.get("/bookings/{id}/move", show), web.post("/bookings/{id}/move", move)]
