"""Booking in four steps: whom, when, check, done. Each step is a page of its own; going back loses nothing.

The second step is in ``searching``.
"""

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from aiohttp import web

from cases.kinds import KINDS, Role
from core.errors import Denied, PersonError
from core.refusals import Refused
from people.principals import Principal
from scheduler import bookings
from scheduler.refusals import Slot, Taken
from scheduler.requests import GuestWish
from web import offers, wishes
from web.context import context
from web.forms import Form, form, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error, of_refusal
from web.rendering import page
from web.wishes import Wish


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
    principal, wish = asked(request)
    return await ask_whom(request, principal, wish, None)


async def ask_whom(request: web.Request, principal: Principal, wish: Wish, mistake: Mistake | None) -> web.Response:
    """The page of the first step, with a mistake beside its field."""
    found = context(request)
    people = await offers.people(found.database, found.clock, principal, wish.kind)
    officers = await offers.colleagues(found.database, principal, wish.kind)
    status = mistake.status if mistake else 200
    interpreters = await offers.interpreters(found.database, principal, wish.kind)
    return page(
        request,
        "book/whom.html",
        status=status,
        wish=wish,
        people=people,
        officers=officers,
        interpreters=interpreters,
        error=mistake,
    )


async def check(request: web.Request) -> web.StreamResponse:
    """``GET /book/{kind}/check``: step 3, everything once more before it is sent."""
    principal, wish = asked(request)
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
        guardian_name=typed.raw("guardian_name")[:100] if typed else "",
    )


async def send(request: web.Request) -> web.StreamResponse:
    """``POST /book/{kind}``: ask for it. A refusal shows the same page with the reason and the nearest free windows."""
    principal, found = asker(request), context(request)
    typed = await form(request)
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
    """The person who gives a statement and the guardian, as the form names them."""
    found = []
    if wish.kind == "statement":
        role = typed.choice("guest_role", ("witness", "victim"))
        found.append(GuestWish(Role(role), typed.text("guest_name", longest=60)))
    if wish.guardian:
        found.append(GuestWish(Role.GUARDIAN, typed.text("guardian_name", longest=60)))
    return tuple(found)


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


def asked(request: web.Request) -> tuple[Principal, Wish]:
    """Who asks and what they have chosen so far. Raises ``Denied`` as ``asker``."""
    return asker(request), wishes.read(request.match_info["kind"], query(request))


def asker(request: web.Request) -> Principal:
    """Who asks. Raises ``Denied`` for a kind that is not theirs to book."""
    principal = account(request)
    if request.match_info["kind"] not in _kinds(principal):
        raise Denied("not-allowed", "Booking is for lawyers and officers. If you need it, ask your administrator.")
    return principal


def routes() -> list[web.RouteDef]:
    return [
        web.get("/book", begin),
        web.get("/book/{kind}", whom),
        web.get("/book/{kind}/check", check),
        web.post("/book/{kind}", send),
        web.get("/start", begin_now),
        web.post("/start", start_now),
    ]
