"""The guest chooses when: among the times offered, shown in their own zone where the browser can."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import Denied, PersonError
from core.refusals import Refused
from people.principals import Principal
from scheduler import choosing
from scheduler.choosing import Choice
from scheduler.roster import roster
from web.context import context, principal_of
from web.forms import form
from web.language import see_other
from web.mistakes import Mistake, of_error, of_refusal
from web.rendering import page


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /i/time``."""
    return await _show(request, None)


async def _show(request: web.Request, mistake: Mistake | None) -> web.Response:
    guest, found = _guest(request), context(request)
    async with found.database.transaction(write=False) as tx:
        booked = await roster(tx, guest.session or "")
    choices: Sequence[Choice] = ()
    over = ""
    try:
        choices = await choosing.choices(found.database, found.clock, guest)
    except PersonError as error:
        if error.status not in (404, 409):
            raise
        over = of_error(request, error).text
    return page(
        request,
        "guest/times.html",
        status=mistake.status if mistake else 200,
        zone=ZoneInfo(booked.zone) if booked else None,
        zone_name=booked.zone if booked else "",
        start=booked.start if booked else None,
        end=booked.end if booked else None,
        choices=choices,
        over=over,
        session=guest.session,
        told=request.query.get("told", ""),
        error=mistake,
    )


async def choose(request: web.Request) -> web.StreamResponse:
    """``POST /i/time``: take one of them."""
    guest, found, typed = _guest(request), context(request), await form(request)
    try:
        answer = await choosing.choose(found.database, found.clock, guest, typed.instant("start"))
    except PersonError as error:
        if error.status >= 500:
            raise
        return await _show(request, of_error(request, error))
    if isinstance(answer, Refused):
        return await _show(request, of_refusal(request, answer))
    return see_other("/i/time?told=chosen")


def _guest(request: web.Request) -> Principal:
    principal = principal_of(request)
    if principal is None or principal.kind != "guest":
        raise Denied("guest-unknown", "Please open the link of your invitation first.")
    return principal


def routes() -> list[web.RouteDef]:
    return [web.get("/i/time", show), web.post("/i/time", choose)]
