"""Administrators: facilities of the own tree and their rooms, as tables with search, and adding one."""

from aiohttp import web

from core.errors import PersonError
from people import administration
from people import store as people
from people.permissions import Action, Relation, relations, require
from people.principals import Principal
from scheduler import facilities
from scheduler.models import Facility, FacilityKind, Room, RoomUse
from web import store
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error
from web.rendering import page


def _administrator(request: web.Request) -> Principal:
    return require(account(request), Action.MANAGE_ORGANISATION, {Relation.OWN_TREE})


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /facilities?q=``."""
    return await _listing(request, None, None)


async def _listing(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found = _administrator(request), context(request)
    search = query(request).text("q", longest=60, required=False)
    units = await administration.organisations(found.database, principal)
    names = {unit.id: unit.name for unit in units}
    async with found.database.transaction(write=False) as tx:
        rows = list(await store.facilities_below(tx, list(names), search))
        rooms = await store.rooms_below(tx, [facility.id for facility in rows], "")
    counts = {facility.id: sum(room.facility == facility.id for room, _ in rooms) for facility in rows}
    return page(
        request,
        "facilities/list.html",
        status=mistake.status if mistake else 200,
        rows=rows,
        names=names,
        counts=counts,
        units=units,
        kinds=[kind.value for kind in FacilityKind],
        search=search,
        values={name: typed.raw(name)[:200] if typed else "" for name in ("name", "kind", "organisation", "phone")},
        told=query(request).raw("told"),
        police=principal.tree == "police",
        error=mistake,
    )


async def add(request: web.Request) -> web.StreamResponse:
    """``POST /facilities``."""
    principal, found, typed = _administrator(request), context(request), await form(request)
    try:
        async with found.database.transaction() as tx:
            organisation = typed.id("organisation")
            line = await people.line(tx, organisation)
            require(principal, Action.MANAGE_ORGANISATION, relations(principal, line=line))
            kind = FacilityKind(typed.choice("kind", tuple(kind.value for kind in FacilityKind)))
            name, phone = typed.text("name", longest=100), typed.text("phone", longest=32, required=False)
            made = await facilities.add_facility(
                tx, found.clock, organisation=organisation, name=name, kind=kind, phone=phone, by=principal.id
            )
    except PersonError as error:
        if error.status >= 500:
            raise
        return await _listing(request, typed, of_error(request, error))
    return see_other(f"/facilities/{made.id}?told=added")


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /facilities/{id}?q=``: its rooms."""
    return await _show(request, None, None)


async def _show(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found, wanted = _administrator(request), context(request), path_id(request)
    search = query(request).text("q", longest=60, required=False)
    async with found.database.transaction(write=False) as tx:
        facility = await tx.get(Facility, wanted)
        if facility is None or principal.organisation not in await people.line(tx, facility.organisation):
            raise web.HTTPNotFound
        rooms: list[Room] = [room for room, _ in await store.rooms_below(tx, [facility.id], search)]
        devices = await store.terminals_of_rooms(tx, [room.id for room in rooms])
        unit = (await store.organisation_names(tx, [facility.organisation])).get(facility.organisation, "")
    return page(
        request,
        "facilities/facility.html",
        status=mistake.status if mistake else 200,
        facility=facility,
        unit=unit,
        rooms=rooms,
        devices=devices,
        uses=[use.value for use in RoomUse],
        search=search,
        values={name: typed.raw(name)[:100] if typed else "" for name in ("name", "use", "capacity")},
        told=query(request).raw("told"),
        error=mistake,
    )


async def add_room(request: web.Request) -> web.StreamResponse:
    """``POST /facilities/{id}/rooms``."""
    principal, found, wanted, typed = _administrator(request), context(request), path_id(request), await form(request)
    try:
        async with found.database.transaction() as tx:
            facility = await tx.get(Facility, wanted)
            if facility is None:
                raise web.HTTPNotFound
            line = await people.line(tx, facility.organisation)
            require(principal, Action.MANAGE_ORGANISATION, relations(principal, line=line))
            use = RoomUse(typed.choice("use", tuple(use.value for use in RoomUse)))
            name, capacity = typed.text("name", longest=100), typed.number("capacity", 1, 50)
            await facilities.add_room(
                tx, found.clock, facility=wanted, name=name, use=use, capacity=capacity, by=principal.id
            )
    except PersonError as error:
        if error.status >= 500:
            raise
        return await _show(request, typed, of_error(request, error))
    return see_other(f"/facilities/{wanted}?told=room")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/facilities", listing),
        web.post("/facilities", add),
        web.get("/facilities/{id}", show),
        web.post("/facilities/{id}/rooms", add_room),
    ]
