"""What somebody was told: in their language, new ones marked; and where else they want to be told."""

from aiohttp import web

from core.errors import PersonError
from scheduler import notices
from web.context import context
from web.forms import Form, form
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error
from web.rendering import page


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /messages``."""
    return await _listing(request, None, None)


async def _listing(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    ways = await notices.addresses(found.database, principal)
    told = await notices.mine(found.database, found.clock, principal)
    return page(
        request,
        "home/messages.html",
        status=mistake.status if mistake else 200,
        messages=told,
        new=sum(not one.read for one in told),
        addresses={way: typed.raw(way)[:254] if typed else ways.get(way, "") for way in ("mail", "sms")},
        told=request.query.get("told", ""),
        error=mistake,
    )


async def count(request: web.Request) -> web.StreamResponse:
    """``GET /messages/count``: ``{"count"}`` of new ones, for the bell."""
    return web.json_response({"count": await notices.unread(context(request).database, account(request))})


async def read(request: web.Request) -> web.StreamResponse:
    """``POST /messages/read``: everything told so far has been read."""
    principal, found = account(request), context(request)
    await notices.mark_read(found.database, found.clock, principal)
    return see_other("/messages")


async def addresses(request: web.Request) -> web.StreamResponse:
    """``POST /messages/addresses``: mail address and telephone number, each may be empty."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        for way in ("mail", "sms"):
            await notices.set_address(found.database, principal, way, typed.raw(way).strip())
    except PersonError as error:
        if error.status != 422:
            raise
        return await _listing(request, typed, of_error(request, error))
    return see_other("/messages?told=saved")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/messages", listing),
        web.get("/messages/count", count),
        web.post("/messages/read", read),
        web.post("/messages/addresses", addresses),
    ]
