"""From one shift to the next: the list of what is open, given by one person, acknowledged by another."""

from aiohttp import web

from core.errors import PersonError
from scheduler import registers
from scheduler.views import views_of
from web import duty
from web.context import context
from web.forms import Form, form, path_id
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_form
from web.rendering import page


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /day/handover``."""
    return await _show(request, None, None)


async def _show(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    db, clock = found.database, found.clock
    items = await registers.open_items(db, clock, principal)
    given = await registers.handovers(db, principal)
    named = {one["booking"] for handed in given for one in handed.row.items} | {item.booking for item in items}
    return page(
        request,
        "day/handover.html",
        status=mistake.status if mistake else 200,
        zone=await duty.zone_of(db, principal, found.settings.zone),
        items=items,
        given=given,
        bookings={view.id: view for view in await views_of(db, clock, principal, named)},
        note=typed.raw("note")[:600] if typed else "",
        work=await duty.open_work(db, clock, principal),
        error=mistake,
    )


async def give(request: web.Request) -> web.StreamResponse:
    """``POST /day/handover``: write down what is open for whoever comes."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        await registers.hand_over(found.database, found.clock, principal, typed.raw("note"))
    except PersonError as error:
        return await _show(request, typed, of_form(request, error))
    return see_other("/day/handover")


async def take(request: web.Request) -> web.StreamResponse:
    """``POST /day/handover/{id}``: acknowledge the list."""
    principal, found = account(request), context(request)
    await registers.take_over(found.database, found.clock, principal, path_id(request))
    return see_other("/day/handover")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/day/handover", show),
        web.post("/day/handover", give),
        web.post("/day/handover/{id}", take),
    ]
