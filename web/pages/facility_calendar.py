"""Administrators: when the rooms of a facility can be used, the grid of visits, closures ahead, working days."""

from datetime import date
from zoneinfo import ZoneInfo

from aiohttp import web

from cases.kinds import KINDS
from core.errors import PersonError
from scheduler import administration, reviews
from scheduler.administration import BREAK_TEXT, EQUIPMENT_TEXT, GRIDS, MOST_SEATS, RoomWish
from scheduler.facilities import LONGEST_BUFFER
from scheduler.models import RoomUse
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.localtime import clock_minutes, local_instant
from web.mistakes import Mistake, of_form
from web.rendering import page, shown
from web.words import DAY_SETS

_FIELDS = ("opens", "closes", "days", "word", "kind", "room", "start", "end", "reason", "minutes")


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /facilities/{id}/calendar``."""
    return await _show(request, None, None)


async def _show(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found, facility = account(request), context(request), path_id(request)
    there = await administration.calendar_of(found.database, found.clock, principal, facility)
    return page(
        request,
        "facilities/calendar.html",
        status=mistake.status if mistake else 200,
        zone=ZoneInfo(there.facility.zone),
        facility=there.facility,
        rooms={room.id: room.name for room in there.rooms},
        opening=[row for row in there.hours if not row.is_break],
        breaks=[row for row in there.hours if row.is_break],
        blocks=there.blocks,
        break_words=list(BREAK_TEXT.items()),
        block_reasons=list(reviews.BLOCK_TEXT.items()),
        day_sets=list(DAY_SETS.items()),
        kinds=[kind.code for kind in KINDS.values() if kind.statistics],
        grids=GRIDS,
        values={name: typed.raw(name)[:40] if typed else "" for name in _FIELDS},
        error=mistake,
    )


async def act(request: web.Request) -> web.StreamResponse:
    """``POST /facilities/{id}/calendar/{act}``: hours, remove, grid, block, lift."""
    facility, typed = path_id(request), await form(request)
    try:
        await _act(request, facility, typed, request.match_info["act"])
    except PersonError as error:
        return await _show(request, typed, of_form(request, error))
    return see_other(f"/facilities/{facility}/calendar")


async def _act(request: web.Request, facility: str, typed: Form, wanted: str) -> None:
    principal, found = account(request), context(request)
    db, clock = found.database, found.clock
    match wanted:
        case "hours":
            kind = typed.choice("kind", ("", *KINDS)) if typed.has("kind") else ""
            await administration.add_hours(
                db,
                clock,
                principal,
                facility,
                opens=clock_minutes(typed, "opens"),
                closes=clock_minutes(typed, "closes"),
                days=typed.choice("days", tuple(DAY_SETS)),
                word=typed.raw("word"),
                room=typed.optional_id("room"),
                kinds=(kind,) if kind else (),
            )
        case "remove":
            await administration.remove_hours(db, clock, principal, facility, typed.id("row"))
        case "grid":
            await administration.set_grid(db, clock, principal, facility, typed.number("minutes", 1, 1440))
        case "block":
            there = await administration.calendar_of(db, clock, principal, facility)
            zone = ZoneInfo(there.facility.zone)
            start, end = local_instant(typed, "start", zone), local_instant(typed, "end", zone)
            room, reason = typed.optional_id("room"), typed.raw("reason")
            await reviews.block(db, clock, principal, start=start, end=end, reason=reason, room=room, facility=facility)
        case "lift":
            await reviews.lift(db, clock, principal, typed.id("row"))
        case _:
            raise web.HTTPNotFound


async def room(request: web.Request) -> web.StreamResponse:
    """``GET /rooms/{id}``: one room to be changed."""
    return await _room(request, None, None)


async def _room(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    row, facility = await administration.room_of(found.database, principal, path_id(request))
    names = ("name", "use", "capacity", "before", "after", "movable")
    now = (row.name, row.use.value, row.capacity, row.buffer_before, row.buffer_after, "1" if row.movable else "")
    return page(
        request,
        "facilities/room.html",
        status=mistake.status if mistake else 200,
        room=row,
        facility=facility,
        uses=[use.value for use in RoomUse],
        equipment=list(EQUIPMENT_TEXT.items()),
        there=typed.many("equipment") if typed else tuple(row.equipment),
        values={name: typed.raw(name)[:100] for name in names} if typed else dict(zip(names, now, strict=True)),
        told=query(request).raw("told"),
        error=mistake,
    )


async def change(request: web.Request) -> web.StreamResponse:
    """``POST /rooms/{id}``: the room as it is now, or out of use."""
    principal, found, wanted, typed = account(request), context(request), path_id(request), await form(request)
    db, clock = found.database, found.clock
    try:
        if typed.has("close"):
            closed = typed.choice("close", ("yes", "no")) == "yes"
            await administration.close_room(db, clock, principal, wanted, closed=closed)
        else:
            await administration.change_room(db, clock, principal, wanted, _wish(typed))
    except PersonError as error:
        return await _room(request, None if typed.has("close") else typed, of_form(request, error))
    return see_other(f"/rooms/{wanted}?told=changed")


def _wish(typed: Form) -> RoomWish:
    return RoomWish(
        name=typed.text("name", longest=100),
        use=RoomUse(typed.choice("use", tuple(use.value for use in RoomUse))),
        capacity=typed.number("capacity", 1, MOST_SEATS),
        equipment=typed.many("equipment"),
        movable=typed.has("movable"),
        buffers=(typed.number("before", 0, LONGEST_BUFFER), typed.number("after", 0, LONGEST_BUFFER)),
    )


async def days(request: web.Request) -> web.StreamResponse:
    """``GET /working-days?year=``: days that differ from their weekday."""
    return await _days(request, None, None)


async def _days(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found, asked = account(request), context(request), query(request)
    this = shown(request).calendar_day(found.clock.now()).year
    year = asked.number("year", 2000, 2199) if asked.has("year") else this
    rows = await administration.working_year(found.database, principal, year)
    return page(
        request,
        "facilities/days.html",
        status=mistake.status if mistake else 200,
        year=year,
        rows=rows,
        values={name: typed.raw(name)[:64] if typed else "" for name in ("day", "working", "name")},
        error=mistake,
    )


async def set_day(request: web.Request) -> web.StreamResponse:
    """``POST /working-days``: one day worked or free, or the public holidays of a year."""
    principal, found, typed = account(request), context(request), await form(request)
    db, clock = found.database, found.clock
    try:
        if typed.has("seed"):
            year = typed.number("seed", 2000, 2199)
            await administration.seed_year(db, clock, principal, year)
        else:
            day = typed.day("day", date.min) if typed.has("day") else date.fromisoformat(typed.text("day"))
            working = typed.choice("working", ("yes", "no")) == "yes"
            name = typed.text("name", longest=64, required=False)
            await administration.set_working_day(db, clock, principal, day, working, name)
            year = day.year
    except PersonError as error:
        return await _days(request, typed, of_form(request, error))
    return see_other(f"/working-days?year={year}")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/facilities/{id}/calendar", show),
        web.post("/facilities/{id}/calendar/{act}", act),
        web.get("/rooms/{id}", room),
        web.post("/rooms/{id}", change),
        web.get("/working-days", days),
        web.post("/working-days", set_day),
    ]
