"""The duty post closes a room at once and opens it again."""

from datetime import timedelta

from aiohttp import web

from scheduler import reviews
from web.context import context
from web.forms import form, path_id
from web.identity import account
from web.language import see_other


async def close(request: web.Request) -> web.StreamResponse:
    """``POST /day/blocks``: from now on for some hours; the sessions concerned stand on top of the list then."""
    principal, found, typed = account(request), context(request), await form(request)
    now, hours = found.clock.now(), typed.number("hours", 1, 24 * 31)
    room = None if typed.raw("room") == "all" else typed.id("room")
    _, concerned = await reviews.block(
        found.database,
        found.clock,
        principal,
        start=now,
        end=now + timedelta(hours=hours),
        reason=typed.raw("reason"),
        room=room,
    )
    return see_other("/day#looked-title" if concerned else "/day#rooms-title")


async def lift(request: web.Request) -> web.StreamResponse:
    """``POST /day/blocks/{id}/lift``."""
    principal, found = account(request), context(request)
    await reviews.lift(found.database, found.clock, principal, path_id(request))
    return see_other("/day#rooms-title")


def routes() -> list[web.RouteDef]:
    return [web.post("/day/blocks", close), web.post("/day/blocks/{id}/lift", lift)]
