"""Pages of those who look on: the resident prosecutor's clocks, the next day's review of urgent uses."""

from datetime import timedelta

from aiohttp import web

from core.errors import PersonError
from scheduler import urgent
from scheduler.watch import watch
from web.context import context
from web.forms import form, path_id
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_form
from web.rendering import page

BACK = timedelta(days=14)


async def clocks(request: web.Request) -> web.StreamResponse:
    """``GET /clocks``."""
    principal, found = account(request), context(request)
    return page(request, "watching/clocks.html", watch=await watch(found.database, found.clock, principal))


async def uses(request: web.Request) -> web.StreamResponse:
    """``GET /urgent``: rooms used at once in the last two weeks."""
    return await _uses(request, None)


async def _uses(request: web.Request, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    now = found.clock.now()
    rows = await urgent.urgent_uses(found.database, principal, since=now - BACK, until=now)
    return page(
        request,
        "watching/urgent.html",
        status=mistake.status if mistake else 200,
        rows=list(reversed(rows)),
        findings=[(finding.value, text) for finding, text in urgent.FINDING_TEXT.items()],
        error=mistake,
    )


async def review(request: web.Request) -> web.StreamResponse:
    """``POST /urgent/{id}``: justified, or not."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        await urgent.review(found.database, found.clock, principal, path_id(request), typed.raw("finding"))
    except PersonError as error:
        return await _uses(request, of_form(request, error))
    return see_other("/urgent")


def routes() -> list[web.RouteDef]:
    return [web.get("/clocks", clocks), web.get("/urgent", uses), web.post("/urgent/{id}", review)]
