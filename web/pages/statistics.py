"""Figures for planning: waiting time, use of rooms, sessions by kind, distance to a lawyer's room. Never per lawyer."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import Invalid
from core.texts import msgid as m
from core.texts import translate
from scheduler import statistics
from scheduler.day import day_bounds
from scheduler.statistics import Capacity, KindCount, Reach, RoomUsed, Waiting
from web import words
from web.context import context
from web.csv_file import csv_response
from web.forms import query
from web.identity import account
from web.language import locale_of
from web.plots import bars
from web.rendering import page, shown

LONGEST = timedelta(days=366)
BACK = timedelta(days=30)


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /statistics?since=&until=``: by default the last thirty days."""
    first, last, since, until = _span(request)
    waiting, rooms, capacity, kinds, reach = await _figures(request, since, until)
    shown_waiting = [w for w in waiting if w.median is not None]
    return page(
        request,
        "planning/statistics.html",
        first=first,
        last=last,
        waiting=waiting,
        rooms=rooms,
        capacity=capacity,
        kinds=_by_kind(kinds),
        reach=reach,
        fewest=statistics.FEWEST,
        waiting_plot=bars(
            [(w.facility_name, w.ninetieth or 0, f"{w.median:g} / {w.ninetieth:g} h") for w in shown_waiting],
            mark=48.0 if shown_waiting else None,
            mark_label="48 h",
        ),
        room_plot=bars(
            [(f"{r.facility_name} {r.room_name}", share, f"{share:.0%}") for share, r in _busiest(rooms)], most=1.0
        ),
        capacity_plot=bars(
            [
                (_said(locale_of(request), words.KINDS, one.kind), one.share, f"{one.share:.0%}")
                for one in capacity
                if one.share is not None
            ],
            most=1.0,
        ),
        reach_plot=bars([(r.facility_name, r.kilometres, f"{r.kilometres:g} km") for r in reach[:12]]),
    )


async def export(request: web.Request) -> web.StreamResponse:
    """``GET /statistics/{list}.csv?since=&until=``."""
    what, locale = request.match_info["list"], locale_of(request)
    _, _, since, until = _span(request)
    waiting, rooms, capacity, kinds, reach = await _figures(request, since, until)
    table: dict[str, tuple[tuple[str, ...], list[list[object]]]] = {
        "waiting": (WAITING_HEAD, [[w.facility_name, w.count, w.median, w.ninetieth, w.within_48] for w in waiting]),
        "rooms": (
            ROOMS_HEAD,
            [[r.facility_name, r.room_name, _tenth(r.held_hours), _tenth(r.open_hours), r.share] for r in rooms],
        ),
        "capacity": (
            CAPACITY_HEAD,
            [
                [_said(locale, words.KINDS, c.kind), c.rooms, _tenth(c.open_hours), _tenth(c.held_hours), c.fits]
                for c in capacity
            ],
        ),
        "kinds": (
            KINDS_HEAD,
            [[_said(locale, words.KINDS, k.kind), _said(locale, words.STATES, k.state), k.count] for k in kinds],
        ),
        "reach": (REACH_HEAD, [[r.facility_name, r.nearest, r.kilometres] for r in reach]),
    }
    head, rows = table[what]
    return csv_response(f"statistics-{what}", [translate(locale, text) for text in head], rows)


WAITING_HEAD = (
    m("Facility"),
    m("Visits"),
    m("Half began within (hours)"),
    m("Nine of ten within (hours)"),
    m("Share within 48 hours"),
)
ROOMS_HEAD = (m("Facility"), m("Room"), m("Hours held"), m("Hours open"), m("Share used"))
CAPACITY_HEAD = (m("Kind"), m("Rooms"), m("Hours open"), m("Hours held"), m("Sessions that fit"))
KINDS_HEAD = (m("Kind"), m("State"), m("Count"))
REACH_HEAD = (m("Facility"), m("Nearest lawyer’s room"), m("Kilometres"))


def _said(locale: str, table: object, value: object) -> str:
    return translate(locale, words.word(table, str(value)))  # type: ignore[arg-type]  # a table of words


async def _figures(
    request: web.Request, since: datetime, until: datetime
) -> tuple[list[Waiting], list[RoomUsed], list[Capacity], list[KindCount], list[Reach]]:
    principal, found = account(request), context(request)
    db = found.database
    rooms, capacity = await statistics.room_use(db, principal, since=since, until=until)
    return (
        await statistics.waiting_times(db, principal, since=since, until=until),
        rooms,
        capacity,
        await statistics.by_kind(db, principal, since=since, until=until),
        await statistics.reach(db, principal),
    )


def _span(request: web.Request) -> tuple[object, object, datetime, datetime]:
    found, asked = context(request), query(request)
    zone: ZoneInfo = found.settings.zone
    today = shown(request, zone).calendar_day(found.clock.now())
    last = asked.day("until", today)
    first = asked.day("since", last - BACK)
    if not first <= last <= first + LONGEST:
        raise Invalid("span", "The span ends after it begins, at most a year later.", field="until")
    return first, last, day_bounds(first, zone.key)[0], day_bounds(last, zone.key)[1]


def _busiest(rooms: list[RoomUsed]) -> list[tuple[float, RoomUsed]]:
    told = [(room.share, room) for room in rooms if room.share is not None]
    return sorted(told, key=lambda one: (-one[0], one[1].facility_name, one[1].room_name))[:16]


def _tenth(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 1)


def _by_kind(kinds: list[KindCount]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in kinds:
        found.setdefault(one.kind, {})[str(one.state)] = one.count
    return found


def routes() -> list[web.RouteDef]:
    return [
        web.get("/statistics", show),
        web.get("/statistics/{list:waiting|rooms|capacity|kinds|reach}.csv", export),
    ]
