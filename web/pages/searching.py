"""The second step of booking: when, and in which place. Answers "when can I meet them for 45 minutes this week?"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import PersonError
from core.refusals import Refused
from people.principals import Principal
from scheduler import explaining, places, search
from scheduler.day import day_bounds
from scheduler.places import Nearby
from scheduler.refusals import Slot
from scheduler.requests import HORIZON
from scheduler.windows import next_on_grid
from web import offers, wishes
from web.context import context
from web.forms import Form, query
from web.localtime import wall_clock
from web.mistakes import Mistake, of_error, of_refusal, sentence
from web.pages.booking import ask_whom, asked
from web.rendering import page, shown
from web.wishes import LENGTHS, Wish

DAYS = 5
"""Days shown at a time."""
SOONEST = 4
"""Free windows offered on top, whatever the hour."""
BY_DAY = range(8, 20)
"""Hours whose windows are shown at once; the others are one tap away."""
FEW = 6
"""So many odd times of a day are shown at once when there is no plain one."""
SPAN = timedelta(days=7)
"""In which places are searched."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of free windows: those shown at once, and the others; ``why`` there is none."""

    day: date
    first: Sequence[Slot]
    more: Sequence[Slot] = field(default_factory=tuple)
    why: str = ""


async def when(request: web.Request) -> web.StreamResponse:
    """``GET /book/{kind}/time``: how long, where and when; around ``day`` and ``at`` where given."""
    principal, wish = asked(request)
    try:
        wishes.complete(wish)
    except PersonError as error:
        return await ask_whom(request, principal, wish, of_error(request, error))
    found, typed = context(request), query(request)
    offer = await offers.offer(found.database, found.clock, principal, wish)
    zone = ZoneInfo(offer.zone)
    now, today = found.clock.now(), shown(request, zone).calendar_day(found.clock.now())
    wished, mistake = _wished(request, typed, zone, now)
    first = max(today, typed.day("from", wished.astimezone(zone).date() if wished else today))
    start = max(next_on_grid(now), day_bounds(first, offer.zone)[0])
    until = day_bounds(first + timedelta(days=DAYS), offer.zone)[0]
    free = await search.free_slots(found.database, found.clock, principal, wish.search(start), until=until)
    slots = [] if isinstance(free, Refused) else free
    days = days_of(slots, zone, first, wish.minutes)
    reasons = {} if isinstance(free, Refused) else await _reasons(request, principal, wish, days, offer.zone)
    near = sorted(slots, key=lambda slot: abs(slot.start - wished)) if wished else slots if first == today else []
    return page(
        request,
        "book/when.html",
        status=mistake.status if mistake else 200,
        zone=zone,
        wish=wish,
        offer=offer,
        refused=of_refusal(request, free) if isinstance(free, Refused) else None,
        soonest=sorted(search.apart(near, wish.length, SOONEST), key=lambda slot: slot.start),
        wished=wished,
        error=mistake,
        typed_day=typed.raw("day")[:10] or first.isoformat(),
        typed_at=typed.raw("at")[:5],
        days=[Day(one.day, one.first, one.more, reasons.get(one.day, "")) for one in days],
        next_one=None if slots or isinstance(free, Refused) else await _next(request, principal, wish, until),
        lengths=LENGTHS[wish.kind],
        first=first,
        earlier=first - timedelta(days=DAYS) if first > today else None,
        later=first + timedelta(days=DAYS),
        can_wait=wish.kind == "visit",
    )


def _wished(request: web.Request, typed: Form, zone: ZoneInfo, now: datetime) -> tuple[datetime | None, Mistake | None]:
    """The wished instant, or what is wrong with it; neither when none was given."""
    if not typed.has("day") and not typed.has("at"):
        return None, None
    try:
        wished = wall_clock(typed, "day", "at", zone)
    except PersonError as error:
        return None, of_error(request, error)
    if wished < now:
        text = sentence(request, "This time has already begun. Please choose a later one.", {})
        return None, Mistake("in-the-past", text, "at", 422)
    if wished > now + HORIZON:
        text = sentence(request, "This is too far ahead: the next 90 days can be booked.", {})
        return None, Mistake("too-far-ahead", text, "day", 422)
    return wished, None


async def _reasons(
    request: web.Request, principal: Principal, wish: Wish, days: Sequence[Day], zone: str
) -> Mapping[date, str]:
    """Why each empty day is empty, in the visitor's words."""
    found = context(request)
    empty = {day_bounds(one.day, zone): one.day for one in days if not one.first and not one.more}
    wanted = wish.search(next_on_grid(found.clock.now()))
    told = await explaining.explain(found.database, found.clock, principal, wanted, list(empty))
    return {
        day: sentence(request, told[bounds[0]].text, told[bounds[0]].values)
        for bounds, day in empty.items()
        if bounds[0] in told
    }


async def _next(request: web.Request, principal: Principal, wish: Wish, after: datetime) -> Slot | None:
    found = context(request)
    return await explaining.next_free(found.database, found.clock, principal, wish.search(after), after=after)


def days_of(slots: Sequence[Slot], zone: ZoneInfo, first: date, minutes: int) -> list[Day]:
    """The windows by local day; each day is there even when nothing is free in it."""
    by_day = {day: list(some) for day, some in groupby(slots, lambda slot: slot.start.astimezone(zone).date())}
    step = 30 if minutes <= 30 else 60
    found = []
    for day in (first + timedelta(days=n) for n in range(DAYS)):
        some = by_day.get(day, [])
        at_once = [slot for slot in some if _plain(slot.start.astimezone(zone), step)]
        if not at_once and len(some) <= FEW:
            at_once = some  # such as the bands of a facility that begin at half past
        found.append(Day(day, at_once, [slot for slot in some if slot not in at_once]))
    return found


def _plain(start: datetime, step: int) -> bool:
    return start.hour in BY_DAY and start.minute % step == 0


async def near(request: web.Request) -> web.StreamResponse:
    """``GET /book/{kind}/places``: which room near me, with what I need, is free first, from now or a wish on?"""
    principal, wish = asked(request)
    try:
        wishes.complete(wish)
    except PersonError as error:
        return await ask_whom(request, principal, wish, of_error(request, error))
    found, typed = context(request), query(request)
    offer = await offers.offer(found.database, found.clock, principal, wish)
    choices = await offers.filters(found.database, wish.kind)
    wanted = Nearby(
        position=choices.positions.get(typed.optional_id("near") or ""),
        facility=typed.optional_id("facility"),
        branch=typed.optional_id("branch"),
        equipment=frozenset(word for word in choices.equipment if typed.raw(f"has-{word}") == "1"),
        persons=typed.number("persons", 1, 20) if typed.has("persons") else 1,
    )
    zone, now = ZoneInfo(offer.zone), found.clock.now()
    wished, mistake = _wished(request, typed, zone, now)
    start = next_on_grid((wished or now).astimezone(UTC))
    plain = wishes.without_place(wish).search(start)
    answer = await places.free_places(found.database, found.clock, principal, plain, until=start + SPAN, nearby=wanted)
    return page(
        request,
        "book/places.html",
        status=mistake.status if mistake else 200,
        zone=zone,
        wished=wished,
        error=mistake,
        wish=wish,
        offer=offer,
        choices=choices,
        typed={name: typed.raw(name) for name in ("near", "facility", "branch", "persons", "day", "at")},
        equipment=wanted.equipment,
        refused=of_refusal(request, answer) if isinstance(answer, Refused) else None,
        places=[] if isinstance(answer, Refused) else answer,
        side="far" if wish.kind == "statement" else "own",
        days=SPAN.days,
    )


def routes() -> list[web.RouteDef]:
    return [web.get("/book/{kind}/time", when), web.get("/book/{kind}/places", near)]
