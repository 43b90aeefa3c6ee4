"""The duty post: requests to answer, the day's sessions with their custody steps, rooms, terminals, calls for help."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from cases.kinds import EndpointRole
from core.errors import PersonError
from people import terminals
from people.models import Terminal
from people.permissions import Action, relations, require
from people.principals import Principal
from scheduler import day as days
from scheduler import decisions, reasons, running
from scheduler.day import DayList
from scheduler.models import Step
from scheduler.running import ORDER
from scheduler.views import BookingView, booking_view
from web.context import context
from web.forms import form, path_id, query
from web.identity import account
from web.language import see_other
from web.lines import Line, line
from web.mistakes import Mistake, of_error
from web.rendering import page, shown
from web.timeline import timeline

ANSWER = timedelta(hours=48)
"""Within this a start must be offered (CPL 39)."""
SILENT = timedelta(minutes=2)
"""A terminal that was not heard for so long counts as away."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One session of the day with what the duty post can do about it."""

    booking: BookingView
    line: Line
    steps: Sequence[tuple[str, datetime | None]]
    """The four custody steps in order; empty where nobody is brought."""
    next_step: str | None
    """The step that can be confirmed now."""
    live: Any
    """Snapshot of the running session, or ``None``."""
    post: bool
    """Whether the duty post takes part as host, without picture or sound."""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /day?day=YYYY-MM-DD``."""
    return await _show(request, None)


async def _show(request: web.Request, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    there = await _list(request, principal)
    now, zone = found.clock.now(), ZoneInfo(there.zone)
    today = shown(request, zone).calendar_day(now)
    entries = [_entry(booking, principal, found.hub) for booking in there.entries if str(booking.state) != "requested"]
    devices = await terminals.of_facility(found.database, principal, there.facility)
    return page(
        request,
        "day/day.html",
        status=mistake.status if mistake else 200,
        zone=zone,
        day=there,
        today=today,
        earlier=there.day - timedelta(days=1),
        later=there.day + timedelta(days=1),
        requests=[(_entry(b, principal, found.hub), b.created + ANSWER) for b in there.requests],
        entries=[entry for entry in entries if not entry.line.over or entry.next_step],
        past=[entry for entry in entries if entry.line.over and not entry.next_step],
        calls=[(entry, label, at) for entry in entries if entry.live for label, at in entry.live.calls],
        timeline=timeline(there, now),
        live={entry.booking.id: entry.line.live for entry in entries},
        devices=[(device, device.seen is not None and now - device.seen < SILENT) for device in devices],
        decline_reasons=[(reason.value, text) for reason, text in reasons.DECLINED_TEXT.items()],
        no_show_reasons=[(reason.value, text) for reason, text in reasons.NO_SHOW_TEXT.items()],
        mark=_mark(there, entries, devices, now),
        error=mistake,
    )


async def _list(request: web.Request, principal: Principal) -> DayList:
    found = context(request)
    asked = query(request)
    wanted = asked.day("day", found.clock.now().date()) if asked.has("day") else None
    return await days.day_list(found.database, found.clock, principal, day=wanted)


def _entry(booking: BookingView, principal: Principal, hub: Any) -> Entry:
    kind, steps = booking.kind_entry, booking.steps
    return Entry(
        booking=booking,
        line=line(booking, principal, hub),
        steps=[(step.value, steps.get(step)) for step in ORDER] if kind.custody else [],
        next_step=_next_step(booking, steps) if kind.custody else None,
        live=hub.snapshot(booking.id) if hub is not None else None,
        post=kind.host is EndpointRole.POST,
    )


def _next_step(booking: BookingView, steps: Mapping[Step, datetime]) -> str | None:
    """The step to confirm next; ``returned`` also after the end, when somebody was brought."""
    if str(booking.state) == "done":
        return Step.RETURNED.value if steps and Step.RETURNED not in steps else None
    if "custody" not in booking.may:
        return None
    return next((step.value for step in ORDER if step not in steps), None)


def _mark(there: DayList, entries: Sequence[Entry], devices: Sequence[Terminal], now: datetime) -> str:
    """Changes whenever the page would say something else, so that an open page knows when to show itself anew."""
    facts = [
        *((b.id, b.version, str(b.state)) for b in (*there.entries, *there.requests)),
        *((e.booking.id, str(e.live.state), e.live.calls, len(e.live.endpoints)) for e in entries if e.live),
        *((d.id, d.seen is not None and now - d.seen < SILENT) for d in devices),
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


async def mark(request: web.Request) -> web.StreamResponse:
    """``GET /day/mark?day=``: ``{"mark"}``, as ``_mark``."""
    principal, found = account(request), context(request)
    there = await _list(request, principal)
    entries = [_entry(booking, principal, found.hub) for booking in there.entries if str(booking.state) != "requested"]
    devices = await terminals.of_facility(found.database, principal, there.facility)
    return web.json_response({"mark": _mark(there, entries, devices, found.clock.now())})


async def act(request: web.Request) -> web.StreamResponse:
    """``POST /day/{id}/{act}``: confirm, decline, no-show."""
    principal, found, booking = account(request), context(request), path_id(request)
    typed, wanted = await form(request), request.match_info["act"]
    version, reason = typed.number("version", 1, 10**6), typed.raw("reason")
    try:
        match wanted:
            case "confirm":
                await decisions.confirm(found.database, found.clock, principal, booking, version=version)
            case "decline":
                await decisions.decline(found.database, found.clock, principal, booking, reason, version=version)
            case "no-show":
                await decisions.no_show(found.database, found.clock, principal, booking, reason, version=version)
            case _:
                raise web.HTTPNotFound
    except PersonError as error:
        return await _failed(request, error)
    return _back(typed.raw("day"), booking)


async def custody(request: web.Request) -> web.StreamResponse:
    """``POST /day/{id}/custody``: brought, identity checked, escort left, returned."""
    principal, found, booking = account(request), context(request), path_id(request)
    typed = await form(request)
    step = Step(typed.choice("step", tuple(step.value for step in Step)))
    try:
        await running.set_custody_step(found.database, found.clock, principal, booking, step)
    except PersonError as error:
        return await _failed(request, error)
    if found.hub is not None:
        await found.hub.custody_changed(booking)
    return _back(typed.raw("day"), booking)


async def _failed(request: web.Request, error: PersonError) -> web.Response:
    """Words for somebody whose list was old; whoever may not be here at all gets the page that says so."""
    if error.status not in (409, 422):
        raise error
    return await _show(request, of_error(request, error))


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
        web.post("/day/{id}/custody", custody),
        web.post("/day/{id}/calls", answered),
        web.post("/day/{id}/{act}", act),
    ]
