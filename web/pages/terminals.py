"""Terminals: the duty post pairs those of its own facility by the code on their screens; who oversees a tree sees the
health of all of them, and its administrators put one out of use.
"""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import PersonError
from people import store as people
from people import terminals
from people.models import Terminal
from people.permissions import Action, Relation, allowed
from people.principals import Principal
from scheduler import day as days
from scheduler.facilities import line_of_terminal, place_of
from web import store
from web.context import context
from web.forms import form, path_id, query
from web.identity import DOOR, account
from web.language import see_other
from web.mistakes import Mistake, of_error
from web.rendering import page

SILENT = timedelta(minutes=2)


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /terminals``: of the own facility, with pairing; without a post, of the own tree."""
    principal = account(request)
    if allowed(principal, Action.PAIR_TERMINAL, {Relation.OWN_FACILITY}):
        return await _show(request, None, "", "")
    return await _overview(request, principal)


async def _overview(request: web.Request, principal: Principal) -> web.Response:
    found = context(request)
    async with found.database.transaction(write=False) as tx:
        units = await people.below(tx, principal.organisation or "")
        places = {place.id: place for place in await store.facilities_below(tx, units, "")}
    devices = await terminals.of_tree(found.database, principal, places)
    rows = [(places[device.facility], device, _is_there(request, device)) for device in devices]
    return page(
        request,
        "terminals/overview.html",
        rows=sorted(rows, key=lambda row: (row[0].name, row[1].label)),
        revokes=allowed(principal, Action.REVOKE_TERMINAL, {Relation.OWN_TREE}),
        browser_of=_browser,
        told=query(request).raw("told"),
    )


def _is_there(request: web.Request, device: Terminal) -> bool:
    return device.seen is not None and context(request).clock.now() - device.seen < SILENT


async def _show(request: web.Request, mistake: Mistake | None, code: str, room: str) -> web.Response:
    principal, found = account(request), context(request)
    there = await days.day_list(found.database, found.clock, principal)
    devices = await terminals.of_facility(found.database, principal, there.facility)
    return page(
        request,
        "terminals/terminals.html",
        status=mistake.status if mistake else 200,
        zone=ZoneInfo(there.zone),
        facility_name=there.facility_name,
        rooms=there.rooms,
        paired={device.room for device in devices},
        devices=[(device, _is_there(request, device)) for device in devices],
        browser_of=_browser,
        told=query(request).raw("told"),
        error=mistake,
        code=code,
        room=room,
    )


def _browser(device: Terminal) -> str:
    """Name and major version of the browser a terminal runs, of what it says of itself."""
    found = re.search(r"\b(Chrome|Firefox|Edg)/(\d{1,4})", str((device.health or {}).get("version", "")))
    return f"{found[1]} {found[2]}" if found else ""


async def pair(request: web.Request) -> web.StreamResponse:
    """``POST /terminals``: the device that shows this code stands in this room."""
    principal, found, typed = account(request), context(request), await form(request)
    code, room = typed.raw("code")[:16], typed.raw("room")
    gate = request.config_dict[DOOR].throttle
    try:
        place = await place_of(found.database, typed.id("room"))
        await terminals.confirm(
            found.database, found.clock, gate, principal, code=typed.text("code", longest=16), place=place
        )
    except PersonError as error:
        if error.status >= 500:
            raise
        return await _show(request, of_error(request, error), code, room)
    return see_other("/terminals?told=paired")


async def revoke(request: web.Request) -> web.StreamResponse:
    """``POST /terminals/{id}/revoke``."""
    principal, found = account(request), context(request)
    line = await line_of_terminal(found.database, path_id(request))
    await terminals.revoke(found.database, found.clock, principal, path_id(request), line=line)
    return see_other("/terminals?told=revoked")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/terminals", show),
        web.post("/terminals", pair),
        web.post("/terminals/{id}/revoke", revoke),
    ]
