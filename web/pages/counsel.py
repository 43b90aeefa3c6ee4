"""Somebody in custody asks for a lawyer (LV-7): the post writes it down, a duty lawyer takes it."""

from aiohttp import web

from core.errors import Denied, PersonError
from scheduler import choices, counsel
from web.context import context
from web.forms import form, path_id
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error, of_form
from web.rendering import page


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /counsel``: the page of whoever asks: post, duty lawyer or justice bureau."""
    return await _show(request, None)


async def _show(request: web.Request, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    wishes: list[counsel.Wish] = []
    held: list[counsel.Held] = []
    lawyers: list[counsel.Lawyer] = []
    places: list[tuple[str, str]] = []
    if principal.has("duty_officer"):
        wishes, held = await counsel.of_post(found.database, found.clock, principal)
    elif principal.has("lawyer"):
        wishes = await counsel.of_lawyer(found.database, principal)
    elif await counsel.is_bureau(found.database, principal):
        lawyers = await counsel.duty_lawyers(found.database, principal)
        places = await choices.custody_places(found.database)
    else:
        raise Denied("not-allowed", "This is not open to you. If you need it for your work, ask your administrator.")
    return page(
        request,
        "papers/counsel.html",
        status=mistake.status if mistake else 200,
        wishes=wishes,
        held=held,
        lawyers=lawyers,
        places=places,
        told=request.query.get("told", ""),
        error=mistake,
    )


async def ask(request: web.Request) -> web.StreamResponse:
    """``POST /counsel``: the post writes down who asks."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        await counsel.ask(found.database, found.clock, principal, typed.id("person"))
    except PersonError as error:
        return await _show(request, of_form(request, error))
    return see_other("/counsel?told=asked")


async def take(request: web.Request) -> web.StreamResponse:
    """``POST /counsel/{id}/take``: a duty lawyer takes it and hands in the papers next."""
    principal, found = account(request), context(request)
    try:
        mandate = await counsel.take(found.database, found.clock, principal, path_id(request))
    except PersonError as error:
        if error.status != 409:
            raise
        return await _show(request, of_error(request, error))
    return see_other(f"/papers/{mandate}?told=named")


async def name(request: web.Request) -> web.StreamResponse:
    """``POST /counsel/lawyers``: the bureau names a duty lawyer for a facility, or takes one off its list."""
    principal, found, typed = account(request), context(request), await form(request)
    act = counsel.release_lawyer if typed.raw("act") == "release" else counsel.name_lawyer
    try:
        await act(found.database, found.clock, principal, facility=typed.id("facility"), lawyer=typed.id("lawyer"))
    except PersonError as error:
        return await _show(request, of_form(request, error))
    return see_other("/counsel?told=saved")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/counsel", show),
        web.post("/counsel", ask),
        web.post("/counsel/lawyers", name),
        web.post("/counsel/{id}/take", take),
    ]
