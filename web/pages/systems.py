"""Other systems of an administrator's organisation: their tokens, and the addresses that are told of sessions."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from core.errors import Denied, PersonError
from core.texts import msgid as m
from people import tokens
from scheduler import webhooks
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error
from web.rendering import page

KINDS = {"case_system": m("Case management"), "custody_system": m("Custody")}
"""What a system can be, as its token says it."""
ACTS: Sequence[tuple[str, str]] = (
    ("confirmed", m("confirmed")),
    ("amended", m("moved or changed")),
    ("cancelled", m("cancelled")),
    ("no_show", m("did not take place")),
    ("done", m("has taken place")),
)
"""What an address can be told, as ``webhooks`` names it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A secret that is shown this once."""

    what: str
    """``token`` or ``address``."""
    secret: str


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /systems``."""
    return await _show(request)


async def _show(
    request: web.Request, *, mistake: Mistake | None = None, typed: Form | None = None, made: Made | None = None
) -> web.Response:
    principal, found = account(request), context(request)
    return page(
        request,
        "systems/systems.html",
        status=mistake.status if mistake else 200,
        connected=await tokens.system_tokens(found.database, principal),
        hooks=await webhooks.hooks(found.database, principal),
        kinds=KINDS,
        acts=ACTS,
        told=query(request).raw("told"),
        error=mistake,
        made=made,
        name=typed.raw("name")[:64] if typed else "",
        role=typed.raw("role") if typed else "",
        url=typed.raw("url")[:500] if typed else "",
    )


async def connect(request: web.Request) -> web.StreamResponse:
    """``POST /systems``: a token, shown once on the page that answers."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        _, secret = await tokens.issue_system_token(
            found.database, found.clock, principal, name=typed.raw("name")[:200], role=typed.raw("role")
        )
    except PersonError as error:
        return await _failed(request, error, typed)
    return await _show(request, made=Made("token", secret))


async def disconnect(request: web.Request) -> web.StreamResponse:
    """``POST /systems/{id}/revoke``: the token is void at once."""
    principal, found = account(request), context(request)
    await tokens.revoke_system_token(found.database, found.clock, principal, path_id(request))
    return see_other("/systems?told=revoked")


async def tell(request: web.Request) -> web.StreamResponse:
    """``POST /systems/addresses``: an address that is told, with the secret its messages are signed with."""
    principal, found, typed = account(request), context(request), await form(request)
    acts = tuple(act for act, _ in ACTS if typed.has(f"act-{act}"))
    try:
        _, secret = await webhooks.add(found.database, found.clock, principal, url=typed.raw("url").strip(), acts=acts)
    except PersonError as error:
        return await _failed(request, error, typed)
    return await _show(request, made=Made("address", secret))


async def stop(request: web.Request) -> web.StreamResponse:
    """``POST /systems/addresses/{id}/end``."""
    principal, found = account(request), context(request)
    await webhooks.end(found.database, found.clock, principal, path_id(request))
    return see_other("/systems?told=ended")


async def _failed(request: web.Request, error: PersonError, typed: Form) -> web.Response:
    """The page again with what was typed; who may not be here, or must prove themselves first, is told by the door."""
    if error.status >= 500 or isinstance(error, Denied):
        raise error
    return await _show(request, mistake=of_error(request, error), typed=typed)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/systems", show),
        web.post("/systems", connect),
        web.post("/systems/addresses", tell),
        web.post("/systems/addresses/{id}/end", stop),
        web.post("/systems/{id}/revoke", disconnect),
    ]
