"""The waiting list: putting a wish on it, one's own wishes, leaving. Offers are taken at the booking they keep."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import PersonError
from core.refusals import Refused
from scheduler import waiting
from scheduler.day import day_bounds
from scheduler.windows import next_on_grid
from web import offers, wishes
from web.context import context
from web.forms import Form, form, path_id
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_form, of_refusal
from web.rendering import page


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /waiting``."""
    return await _listing(request, None)


async def _listing(request: web.Request, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    return page(
        request,
        "book/waiting.html",
        status=mistake.status if mistake else 200,
        wishes=await waiting.my_waiting(found.database, principal),
        told=request.query.get("told", ""),
        zone_of=ZoneInfo,
        error=mistake,
    )


async def join(request: web.Request) -> web.StreamResponse:
    """``POST /waiting``: any window of this length between two days, both included."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        wish = wishes.complete(wishes.read(typed.raw("kind"), typed))
        offer = await offers.offer(found.database, found.clock, principal, wish)
        first, last = _day(typed, "first"), _day(typed, "last")
        start = max(next_on_grid(found.clock.now()), day_bounds(first, offer.zone)[0])
        until = day_bounds(last + timedelta(days=1), offer.zone)[0]
        answer = await waiting.wait(found.database, found.clock, principal, wish.search(start), until=until)
    except PersonError as error:
        return await _listing(request, of_form(request, error))
    if isinstance(answer, Refused):
        return await _listing(request, of_refusal(request, answer))
    return see_other("/waiting?told=joined")


def _day(typed: Form, name: str) -> date:
    return typed.day(name, date.min)


async def leave(request: web.Request) -> web.StreamResponse:
    """``POST /waiting/{id}/leave``."""
    principal, found = account(request), context(request)
    await waiting.leave(found.database, found.clock, principal, path_id(request))
    return see_other("/waiting?told=left")


def routes() -> list[web.RouteDef]:
    return [web.get("/waiting", listing), web.post("/waiting", join), web.post("/waiting/{id}/leave", leave)]
