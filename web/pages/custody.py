"""Whoever is held at the post's facility: away, ill, back, transferred, released."""

from datetime import timedelta

from aiohttp import web

from core.errors import PersonError
from scheduler import custody
from scheduler.custody import Moved
from scheduler.rules import RULES
from web import duty, words
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.localtime import end_of_day, local_instant
from web.mistakes import Mistake, of_form
from web.rendering import page


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /day/custody?q=``."""
    return await _listing(request, None, None, None)


async def _listing(
    request: web.Request, person: str | None, typed: Form | None, mistake: Mistake | None
) -> web.Response:
    principal, found = account(request), context(request)
    search = query(request).text("q", longest=60, required=False)
    held = await custody.held_here(found.database, found.clock, principal)
    zone = await duty.zone_of(found.database, principal, found.settings.zone)
    told = query(request).raw("told")
    return page(
        request,
        "day/custody.html",
        status=mistake.status if mistake else 200,
        zone=zone,
        held=[one for one in held if search.casefold() in one.name.casefold()],
        total=len(held),
        search=search,
        places=await custody.other_facilities(found.database, principal),
        moves=list(words.MOVED.items()),
        approvals=[(one, _approval(one)) for one in custody.APPROVALS],
        tomorrow=(found.clock.now() + timedelta(days=1)).astimezone(zone).date().isoformat(),
        wrong=person,
        values={name: typed.raw(name)[:40] if typed else "" for name in ("what", "to", "start", "until")},
        at=found.clock.now(),
        marked=int(told) if told.isascii() and told.isdigit() and len(told) < 4 else None,
        work=await duty.open_work(found.database, found.clock, principal),
        error=mistake,
    )


def _approval(exception: str) -> str:
    """The msgid of what is approved."""
    rule, _, word = exception.partition(":")
    return next(one.exceptions[word] for one in RULES if one.id == rule)


async def report(request: web.Request) -> web.StreamResponse:
    """``POST /day/custody/{id}``: what became of a person."""
    principal, found, person, typed = account(request), context(request), path_id(request), await form(request)
    try:
        what = typed.choice("what", tuple(moved.value for moved in Moved))
        zone = await duty.zone_of(found.database, principal, found.settings.zone)
        start, until = (local_instant(typed, n, zone) if typed.has(n) else None for n in ("start", "until"))
        to = typed.optional_id("to")
        marked = await custody.report(
            found.database, found.clock, principal, person, what, to=to, start=start, until=until
        )
    except PersonError as error:
        return await _listing(request, person, typed, of_form(request, error))
    return see_other(f"/day/custody?told={len(marked)}")


async def call_off(request: web.Request) -> web.StreamResponse:
    """``POST /day/custody/{id}/off``: a planned absence does not take place."""
    principal, found, person, typed = account(request), context(request), path_id(request), await form(request)
    try:
        await custody.call_off(found.database, found.clock, principal, person, typed.id("absence"))
    except PersonError as error:
        return await _listing(request, person, None, of_form(request, error))
    return see_other("/day/custody?told=0")


async def approve(request: web.Request) -> web.StreamResponse:
    """``POST /day/custody/{id}/approval``: what the head of the facility has approved for a person, through a day."""
    principal, found, person, typed = account(request), context(request), path_id(request), await form(request)
    try:
        zone = await duty.zone_of(found.database, principal, found.settings.zone)
        until = end_of_day(typed, "through", zone)
        await custody.approve(found.database, found.clock, principal, person, typed.raw("exception"), until)
    except PersonError as error:
        return await _listing(request, person, typed, of_form(request, error))
    return see_other("/day/custody?told=0")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/day/custody", listing),
        web.post("/day/custody/{id}", report),
        web.post("/day/custody/{id}/off", call_off),
        web.post("/day/custody/{id}/approval", approve),
    ]
