"""What makes the handwritten book unnecessary: escort orders, register, day list on paper, late entries, CSV."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import Invalid, PersonError
from core.texts import msgid as m
from core.texts import translate
from scheduler import day as days
from scheduler import registers
from scheduler.contents import LARGEST
from scheduler.day import DayList
from scheduler.models import Step
from scheduler.running import ORDER
from scheduler.views import BookingView, booking_view
from web import duty, words
from web.context import context
from web.csv_file import csv_response
from web.forms import Form, path_id, query
from web.identity import account
from web.language import locale_of, see_other
from web.localtime import on_day
from web.mistakes import Mistake, of_form
from web.rendering import page, shown
from web.uploads import form_with_file, handed_in


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /day/register?day=``: the register of a day, made to be printed."""
    principal, found = account(request), context(request)
    there = await _list(request)
    lines = await registers.register(found.database, found.clock, principal, day=there.day)
    scans = await registers.scanned(found.database, principal, [line.booking for line in lines])
    return await _page(request, "day/register.html", there, lines=lines, scans=scans)


async def escorts(request: web.Request) -> web.StreamResponse:
    """``GET /day/escorts?day=&booking=``: the day's escort orders, or one of them."""
    principal, found, asked = account(request), context(request), query(request)
    there = await _list(request)
    orders = await registers.escort_orders(found.database, found.clock, principal, day=there.day)
    one = asked.optional_id("booking")
    return await _page(request, "day/escorts.html", there, orders=[o for o in orders if one in (None, o.booking)])


async def sheet(request: web.Request) -> web.StreamResponse:
    """``GET /day/sheet?day=``: the day list with lines to write on, for when the power is out."""
    there = await _list(request)
    return await _page(request, "day/sheet.html", there, entries=[e for e in there.entries if _stands(e)], blank=6)


def _stands(booking: BookingView) -> bool:
    return str(booking.state) in ("confirmed", "done")


async def _list(request: web.Request) -> DayList:
    principal, found, asked = account(request), context(request), query(request)
    wanted = asked.day("day", found.clock.now().date()) if asked.has("day") else None
    return await days.day_list(found.database, found.clock, principal, day=wanted)


async def _page(request: web.Request, template: str, there: DayList, **values: Any) -> web.Response:
    principal, found = account(request), context(request)
    zone = ZoneInfo(there.zone)
    return page(
        request,
        template,
        zone=zone,
        day=there,
        today=shown(request, zone).calendar_day(found.clock.now()),
        earlier=there.day - timedelta(days=1),
        later=there.day + timedelta(days=1),
        work=await duty.open_work(found.database, found.clock, principal),
        **values,
    )


async def late(request: web.Request) -> web.StreamResponse:
    """``GET /day/{id}/late``: write down from paper what was done while the system was away."""
    return await _late(request, None, None)


async def _late(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found, booking = account(request), context(request), path_id(request)
    view = await booking_view(found.database, found.clock, principal, booking)
    zone = ZoneInfo(view.zone)
    names = ("date", "reason", *(step.value for step in ORDER))
    first = shown(request, zone).calendar_day(view.start).isoformat()
    return page(
        request,
        "day/late.html",
        status=mistake.status if mistake else 200,
        zone=zone,
        booking=view,
        steps=[(step.value, view.steps.get(step)) for step in ORDER],
        reasons=list(registers.LATE_TEXT.items()),
        values={name: typed.raw(name)[:20] if typed else "" for name in names} | ({} if typed else {"date": first}),
        error=mistake,
    )


async def enter_late(request: web.Request) -> web.StreamResponse:
    """``POST /day/{id}/late``: date, times of the steps, reason, a scan of the page."""
    principal, found, booking = account(request), context(request), path_id(request)
    view = await booking_view(found.database, found.clock, principal, booking)
    typed, scan = await form_with_file(request, "scan", LARGEST)
    try:
        times = _times(typed, view)
        await registers.late_entry(
            found.database,
            found.clock,
            principal,
            booking,
            times,
            reason=typed.raw("reason"),
            scan=scan,
            scanned=bool(found.settings.virus_scanner),
        )
    except PersonError as error:
        return await _late(request, typed, of_form(request, error))
    if found.hub is not None:
        await found.hub.custody_changed(booking)
    return see_other(f"/day/register?day={typed.day('date', date.min).isoformat()}")


def _times(typed: Form, view: BookingView) -> dict[Step, datetime]:
    zone = ZoneInfo(view.zone)
    if not typed.has("date"):
        raise Invalid("field-date", "Please give a date such as 2026-11-21.", field="date")
    day = typed.day("date", date.min)
    found = {step: on_day(typed, step.value, day, zone) for step in ORDER if step not in view.steps}
    return {step: at for step, at in found.items() if at is not None}


async def scan(request: web.Request) -> web.StreamResponse:
    """``GET /day/{id}/scan``: the scanned page; each look is in the ledger."""
    principal, found, booking = account(request), context(request), path_id(request)
    body, media_type, clean = await registers.late_scan(found.database, found.clock, principal, booking)
    return handed_in(body, media_type, shown=clean)


async def export(request: web.Request) -> web.StreamResponse:
    """``GET /day/{list}.csv?day=``: day list, register, or a week of bookings."""
    principal, found, what = account(request), context(request), request.match_info["list"]
    there = await _list(request)
    zone, locale = ZoneInfo(there.zone), locale_of(request)
    head: tuple[str, ...]
    if what == "register":
        lines = await registers.register(found.database, found.clock, principal, day=there.day)
        head, rows = REGISTER_HEAD, [_register_row(line, zone, locale) for line in lines]
    else:
        count = 1 if what == "list" else 7
        board = await days.week_board(found.database, found.clock, principal, first=there.day, days=count)
        head, rows = LIST_HEAD, [_list_row(entry, zone, locale) for one in board for entry in one.entries]
    await registers.exported(found.database, found.clock, principal, what, there.day)
    return csv_response(f"{what}-{there.day.isoformat()}", [translate(locale, text) for text in head], rows)


LIST_HEAD: tuple[str, ...] = (
    m("Date"),
    m("Begin"),
    m("End"),
    m("Kind"),
    m("State"),
    m("Room"),
    m("Persons"),
    m("Reason"),
    m("Whose cause"),
)
REGISTER_HEAD: tuple[str, ...] = (
    m("No."),
    m("Kind"),
    m("Person in custody"),
    m("Asked by"),
    m("Room"),
    m("Planned from"),
    m("Planned to"),
    m("Brought"),
    m("Identity checked"),
    m("Escort left"),
    m("Began"),
    m("Ended"),
    m("Returned"),
    m("Remark"),
)


def _list_row(entry: BookingView, zone: ZoneInfo, locale: str) -> list[object]:
    def said(table: dict[str, str], value: object) -> str:
        return translate(locale, words.word(table, value)) if value else ""

    begin = entry.start.astimezone(zone)
    return [
        begin.date().isoformat(),
        f"{begin:%H:%M}",
        f"{entry.end.astimezone(zone):%H:%M}",
        said(dict(words.KINDS), entry.kind),
        said(dict(words.STATES), str(entry.state)),
        "、".join(room.name for room in entry.rooms),
        "、".join(party.name for party in entry.parties),
        said(dict(words.REASONS), entry.reason),
        said(dict(words.OWNERS), entry.owner),
    ]


def _register_row(line: registers.RegisterLine, zone: ZoneInfo, locale: str) -> list[object]:
    times = (
        *line.planned,
        line.brought,
        line.identity_checked,
        line.escort_left,
        line.began,
        line.ended,
        line.returned,
    )
    return [
        line.number,
        translate(locale, words.word(words.KINDS, line.kind)),
        line.person,
        line.asking,
        line.room,
        *(f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "" for at in times),
        translate(locale, words.word(words.REASONS, line.remark)) if line.remark else "",
    ]


def routes() -> list[web.RouteDef]:
    return [
        web.get("/day/register", show),
        web.get("/day/escorts", escorts),
        web.get("/day/sheet", sheet),
        web.get("/day/{list:register|list|bookings}.csv", export),
        web.get("/day/{id}/late", late),
        web.post("/day/{id}/late", enter_late),
        web.get("/day/{id}/scan", scan),
    ]
