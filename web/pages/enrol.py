"""The one-time link of an administrator: first sign-in, or the way back after everything was lost."""

from aiohttp import web

from core.errors import PersonError
from people import enrolment
from web.context import context
from web.forms import form
from web.identity import DOOR
from web.mistakes import Mistake, of_error
from web.pages.signin import came_from, signed_in_to
from web.rendering import page


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /enrol#secret``: opening it consumes nothing, so that a preview or a wrong browser does no harm."""
    return _page(request)


async def submit(request: web.Request) -> web.StreamResponse:
    """``POST /enrol``."""
    found, typed = context(request), await form(request)
    try:
        secret, principal = await enrolment.enter(
            found.database,
            found.clock,
            request.config_dict[DOOR],
            secret=typed.raw("secret").strip().rpartition("#")[2],
            **came_from(request),
        )
    except PersonError as error:
        if error.status >= 500:
            raise
        return _page(request, of_error(request, error))
    return signed_in_to(request, secret, principal, "/account/begin")


def _page(request: web.Request, error: Mistake | None = None) -> web.Response:
    return page(request, "signin/enrol.html", status=error.status if error else 200, error=error)


def routes() -> list[web.RouteDef]:
    return [web.get("/enrol", show), web.post("/enrol", submit)]
