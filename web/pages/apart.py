"""Who must never meet: officers say so of their cases, the duty post of those held in its facility."""

from aiohttp import web

from core.errors import PersonError
from core.texts import msgid as m
from people.screening import Reason
from scheduler import screening
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error
from web.rendering import page

REASONS = {
    Reason.CO_SUSPECTS: m("Suspected of the same matter"),
    Reason.VICTIM_AND_SUSPECT: m("Victim and suspect"),
    Reason.WITNESS_AND_SUSPECT: m("Witness and suspect"),
    Reason.THREAT: m("One threatens the other"),
}


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /apart``."""
    return await _page(request, None, None)


async def state(request: web.Request) -> web.StreamResponse:
    """``POST /apart``: state that two persons must never meet."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        reason = Reason(typed.choice("reason", tuple(REASONS)))
        one, other = typed.text("one", longest=32), typed.text("other", longest=32)
        await screening.state(found.database, found.clock, principal, one=one, other=other, reason=reason)
    except PersonError as error:
        if error.status != 422:
            raise
        return await _page(request, typed, of_error(request, error))
    return see_other("/apart?told=stated")


async def lift(request: web.Request) -> web.StreamResponse:
    """``POST /apart/{id}/lift``."""
    found = context(request)
    await screening.lift(found.database, found.clock, account(request), path_id(request))
    return see_other("/apart?told=lifted")


async def _page(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    groups, statements = await screening.overview(context(request).database, account(request))
    return page(
        request,
        "apart/apart.html",
        status=mistake.status if mistake else 200,
        groups=groups,
        statements=statements,
        reasons=REASONS,
        values={name: typed.raw(name)[:32] if typed else "" for name in ("one", "other", "reason")},
        told=query(request).raw("told"),
        error=mistake,
    )


def routes() -> list[web.RouteDef]:
    return [
        web.get("/apart", listing),
        web.post("/apart", state),
        web.post("/apart/{id}/lift", lift),
    ]
