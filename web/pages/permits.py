"""Interrogation permits (提讯证): an officer hands one in with the two officers it names (IN-2b)."""

from aiohttp import web

from core.errors import PersonError
from scheduler import choices, papers
from scheduler.contents import LARGEST
from web import offers
from web.context import context
from web.forms import Form
from web.identity import account
from web.language import see_other
from web.localtime import end_of_day
from web.mistakes import Mistake, of_error
from web.rendering import page
from web.uploads import form_with_file

_FIELDS = ("who", "officer", "second", "facility", "until")


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /permits``."""
    return await _listing(request, Form({}), None)


async def _listing(request: web.Request, typed: Form, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    return page(
        request,
        "papers/permits.html",
        status=mistake.status if mistake else 200,
        permits=await papers.my_permits(found.database, principal),
        people=await offers.people(found.database, found.clock, principal, "interrogation"),
        officers=await choices.colleagues(found.database, principal),
        me=principal,
        places=await choices.custody_places(found.database),
        typed={name: typed.raw(name)[:50] for name in _FIELDS},
        refused=papers.WHY_REFUSED,
        told="handed-in" if request.query.get("told") == "handed-in" else "",
        error=mistake,
    )


async def hand_in(request: web.Request) -> web.StreamResponse:
    """``POST /permits``."""
    principal, found = account(request), context(request)
    typed = Form({})
    try:
        typed, content = await form_with_file(request, "file", LARGEST)
        case, _, client = typed.raw("who").partition(".")
        await papers.hand_in_permit(
            found.database,
            found.clock,
            principal,
            case=case,
            client=client,
            facility=typed.id("facility"),
            officers=(typed.id("officer"), typed.id("second")),
            content=content or b"",
            until=end_of_day(typed, "until", found.settings.zone),
            scanned=bool(found.settings.virus_scanner),
        )
    except PersonError as error:
        if error.status not in (403, 409, 422):
            raise
        return await _listing(request, typed, of_error(request, error))
    return see_other("/permits?told=handed-in")


def routes() -> list[web.RouteDef]:
    return [web.get("/permits", listing), web.post("/permits", hand_in)]
