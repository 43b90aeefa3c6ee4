"""Booking in four steps: whom, when, check, done. Each step is a page of its own; going back loses nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from aiohttp import web

from cases.kinds import KINDS, Role
from core.errors import Denied, PersonError
from core.refusals import Refused
from people.principals import Principal
from scheduler import bookings, search
from scheduler.refusals import Slot, Taken
from scheduler.requests import GuestWish
from scheduler.windows import next_on_grid
from web import offers, wishes
from web.context import context
from web.forms import Form, form, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error, of_refusal
from web.rendering import page, shown
from web.wishes import LENGTHS, Wish

DAYS = 5
"""Days shown at a time."""
SOONEST = 4
"""Free windows offered on top, whatever the hour."""
BY_DAY = range(8, 20)
"""Hours whose windows are shown at once; the others are one tap away."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of free windows: those shown at once, and the others."""

    day: date
    first: Sequence[Slot]
    more: Sequence[Slot] = field(default_factory=tuple)


async def begin(request: web.Request) -> web.StreamResponse:
    """``GET /book``: what kind of session, where somebody can choose."""
    principal = account(request)
    kinds = _kinds(principal)
    if not kinds:
        raise Denied("not-allowed", "Booking is for lawyers and officers. If you need it, ask your administrator.")
    if len(kinds) == 1:
        return see_other(f"/book/{kinds[0]}")
    return page(request, "book/kind.html", kinds=[KINDS[kind] for kind in kinds])


def _kinds(principal: Principal) -> list[str]:
    mine = {"lawyer": ["visit"], "officer": ["interrogation", "statement"]}
    return [kind for role, kinds in mine.items() if principal.has(role) for kind in kinds]


async def whom(request: web.Request) -> web.StreamResponse:
    """``GET /book/{kind}``: step 1."""
    principal, wish = _asked(request)
    return await _whom(request, principal, wish, None)


async def _whom(request: web.Request, principal: Principal, wish: Wish, mistake: Mistake | None) -> web.Response:
    found = context(request)
    people = await offers.people(found.database, found.clock, principal, wish.kind)
    officers = await offers.colleagues(found.database, principal, wish.kind)
    status = mistake.status if mistake else 200
    return page(request, "book/whom.html", status=status, wish=wish, people=people, officers=officers, error=mistake)


async def when(request: web.Request) -> web.StreamResponse:
    """``GET /book/{kind}/time``: step 2, how long, where and when."""
    principal, wish = _asked(request)
    try:
        wishes.complete(wish)
    except PersonError as error:
        return await _whom(request, principal, wish, of_error(request, error))
    found = context(request)
    offer = await offers.offer(found.database, found.clock, principal, wish)
    zone = ZoneInfo(offer.zone)
    show = shown(request, zone)
    today = show.calendar_day(found.clock.now())
    first = max(today, query(request).day("from", today))
    until = datetime.combine(first + timedelta(days=DAYS), datetime.min.time(), zone)
    start = max(next_on_grid(found.clock.now()), datetime.combine(first, datetime.min.time(), zone))
    free = await search.free_slots(found.database, found.clock, principal, wish.request(start), until=until)
    refused = of_refusal(request, free) if isinstance(free, Refused) else None
    slots = [] if isinstance(free, Refused) else free
    return page(
        request,
        "book/when.html",
        zone=zone,
        wish=wish,
        offer=offer,
        refused=refused,
        soonest=slots[:SOONEST] if first == today else [],
        days=_days(slots, zone, first, wish.minutes),
        lengths=LENGTHS[wish.kind],
        first=first,
        earlier=first - timedelta(days=DAYS) if first > today else None,
        later=first + timedelta(days=DAYS),
    )


def _days(slots: Sequence[Slot], zone: ZoneInfo, first: date, minutes: int) -> list[Day]:
    """The windows by local day; each day is there even when nothing is free in it."""
    by_day = {day: list(some) for day, some in groupby(slots, lambda slot: slot.start.astimezone(zone).date())}
    step = 30 if minutes <= 30 else 60
    found = []
    for day in (first + timedelta(days=n) for n in range(DAYS)):
        some = by_day.get(day, [])
        at_once = [slot for slot in some if _plain(slot.start.astimezone(zone), step)]
        found.append(Day(day, at_once, [slot for slot in some if slot not in at_once]))
    return found


def _plain(start: datetime, step: int) -> bool:
    return start.hour in BY_DAY and start.minute % step == 0


async def check(request: web.Request) -> web.StreamResponse:
    """``GET /book/{kind}/check``: step 3, everything once more before it is sent."""
    principal, wish = _asked(request)
    wishes.complete(wish)
    if wish.start is None:
        return see_other(wish.address("time"))
    return await _check(request, principal, wish)


async def _check(
    request: web.Request,
    principal: Principal,
    wish: Wish,
    *,
    mistake: Mistake | None = None,
    nearest: Sequence[Slot] = (),
    typed: Form | None = None,
    status: int = 200,
) -> web.Response:
    found = context(request)
    offer = await offers.offer(found.database, found.clock, principal, wish)
    return page(
        request,
        "book/check.html",
        status=status,
        zone=ZoneInfo(offer.zone),
        wish=wish,
        offer=offer,
        kind=KINDS[wish.kind],
        error=mistake,
        nearest=nearest,
        guest_name=typed.raw("guest_name")[:100] if typed else "",
        guest_role=typed.raw("guest_role") if typed else "witness",
        now_start=False,
    )


async def send(request: web.Request) -> web.StreamResponse:
    """``POST /book/{kind}``: ask for it. A refusal shows the same page with the reason and the nearest free windows."""
    principal, typed, found = account(request), await form(request), context(request)
    wish = wishes.complete(wishes.read(request.match_info["kind"], typed))
    if wish.start is None:
        return see_other(wish.address("time"))
    try:
        answer = await bookings.request_booking(
            found.database, found.clock, principal, wish.request(wish.start, guests(wish, typed), room=wish.room)
        )
    except PersonError as error:
        if error.status >= 500:
            raise
        mistake = of_error(request, error)
        return await _check(request, principal, wish, mistake=mistake, typed=typed, status=error.status)
    if isinstance(answer, Refused):
        nearest = answer.alternatives if isinstance(answer, Taken) else ()
        mistake = of_refusal(request, answer)
        return await _check(request, principal, wish, mistake=mistake, nearest=nearest, typed=typed, status=409)
    return see_other(f"/bookings/{answer.id}?told=booked")


def guests(wish: Wish, typed: Form) -> tuple[GuestWish, ...]:
    """The person who gives a statement, as the form names them."""
    if wish.kind != "statement":
        return ()
    role = typed.choice("guest_role", ("witness", "victim"))
    return (GuestWish(Role(role), typed.text("guest_name", longest=60)),)


async def begin_now(request: web.Request) -> web.StreamResponse:
    """``GET /start``: a witness statement this minute; one page, two taps."""
    principal, wish = account(request), wishes.read("statement", query(request))
    return await _start_page(request, principal, wish, None, None)


async def _start_page(
    request: web.Request, principal: Principal, wish: Wish, mistake: Mistake | None, typed: Form | None
) -> web.Response:
    found = context(request)
    if not principal.has("officer"):
        raise Denied("not-allowed", "Statements are taken by officers. If you need this right, ask your administrator.")
    people = await offers.people(found.database, found.clock, principal, "statement")
    officers = await offers.colleagues(found.database, principal, "statement")
    return page(
        request,
        "book/start.html",
        status=mistake.status if mistake else 200,
        wish=wish,
        people=people,
        officers=officers,
        error=mistake,
        guest_name=typed.raw("guest_name")[:100] if typed else "",
        guest_role=typed.raw("guest_role") if typed else "witness",
    )


async def start_now(request: web.Request) -> web.StreamResponse:
    """``POST /start``."""
    principal, typed, found = account(request), await form(request), context(request)
    wish = replace(wishes.read("statement", typed), minutes=60)
    try:
        wishes.complete(wish)
        wanted = wish.request(found.clock.now(), guests(wish, typed))
        answer = await bookings.start_now(found.database, found.clock, principal, wanted)
    except PersonError as error:
        if error.status >= 500:
            raise
        return await _start_page(request, principal, wish, of_error(request, error), typed)
    if isinstance(answer, Refused):
        return await _start_page(request, principal, wish, of_refusal(request, answer), typed)
    return see_other(f"/bookings/{answer.id}/invitations?told=started")


def _asked(request: web.Request) -> tuple[Principal, Wish]:
    principal = account(request)
    wish = wishes.read(request.match_info["kind"], query(request))
    if wish.kind not in _kinds(principal):
        raise Denied("not-allowed", "Booking is for lawyers and officers. If you need it, ask your administrator.")
    return principal, wish


def routes() -> list[web.RouteDef]:
    return [
        web.get("/book", begin),
        web.get("/book/{kind}", whom),
        web.get("/book/{kind}/time", when),
        web.get("/book/{kind}/check", check),
        web.post("/book/{kind}", send),
        web.get("/start", begin_now),
        web.post("/start", start_now),
    ]
