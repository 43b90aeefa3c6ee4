"""Administrators: the people of their own tree, their roles, ways in and suspension. Security staff see sign-ins."""

from dataclasses import dataclass

from aiohttp import web
from markupsafe import Markup

from core.errors import PersonError
from people import administration, outside, ways
from people.administration import Post, Registration
from people.models import Account, Organisation, Person, RoleGrant
from people.permissions import Action, Relation, allowed, require
from people.principals import Principal, Tree
from people.roles import PLACED, ROLES_OF
from scheduler.models import Facility
from web import store
from web.agents import device
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import DOOR, account
from web.language import see_other
from web.mistakes import Mistake, of_error
from web.pages.account_keys import drawn
from web.pages.outside import PROVIDERS
from web.rendering import page


@dataclass(frozen=True, slots=True)
class Row:
    """One person in the list."""

    person: Person
    account: Account | None
    unit: str
    grants: list[RoleGrant]


@dataclass(frozen=True, slots=True)
class OnceLink:
    """A one-time link to hand over, shown this once."""

    address: str
    qr: Markup


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /people?q=&unit=``."""
    principal, found = _administrator(request), context(request)
    asked = query(request)
    search, unit = asked.text("q", longest=60, required=False), asked.raw("unit")
    units = await administration.organisations(found.database, principal)
    people = await administration.people(found.database, principal, search=search)
    names = {unit.id: unit.name for unit in units}
    async with found.database.transaction(write=False) as tx:
        grants = await store.grants_of(tx, [person.id for person, _ in people])
    rows = [
        Row(person, login, names.get(person.organisation, ""), grants.get(person.id, []))
        for person, login in people
        if not unit or person.organisation == unit
    ]
    return page(
        request, "people/list.html", rows=rows, units=units, search=search, unit=unit, manages=_manages(principal)
    )


def _administrator(request: web.Request) -> Principal:
    return require(account(request), Action.VIEW_PEOPLE, {Relation.OWN_TREE})


def _manages(principal: Principal) -> bool:
    return allowed(principal, Action.REGISTER_PERSON, {Relation.OWN_TREE})


async def new(request: web.Request) -> web.StreamResponse:
    """``GET /people/new``."""
    return await _new(request, None, None)


async def _new(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    units = await administration.organisations(context(request).database, _administrator(request))
    names = ("name", "number", "login", "phone", "organisation")
    values = {name: typed.raw(name)[:100] if typed else "" for name in names}
    return page(
        request, "people/new.html", status=mistake.status if mistake else 200, units=units, values=values, error=mistake
    )


async def register(request: web.Request) -> web.StreamResponse:
    """``POST /people/new``."""
    principal, found, typed = _administrator(request), context(request), await form(request)
    try:
        person = await administration.register(
            found.database,
            found.clock,
            request.config_dict[DOOR],
            principal,
            Registration(
                organisation=typed.id("organisation"),
                name=typed.text("name", longest=64),
                login=typed.text("login", longest=64),
                password=typed.raw("password")[:200],
                number=typed.text("number", longest=32, required=False),
                phone=typed.text("phone", longest=32, required=False),
            ),
        )
    except PersonError as error:
        if error.status >= 500:
            raise
        return await _new(request, typed, of_error(request, error))
    return see_other(f"/people/{person}?told={'registered' if typed.raw('password') else 'registered-link'}")


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /people/{id}``."""
    return await _show(request, None)


async def _show(request: web.Request, mistake: Mistake | None, link: OnceLink | None = None) -> web.Response:
    principal, found, wanted = _administrator(request), context(request), path_id(request)
    units: list[Organisation] = list(await administration.organisations(found.database, principal))
    people = await administration.people(found.database, principal)
    person, login = next(((p, a) for p, a in people if p.id == wanted), (None, None))
    if person is None:
        raise web.HTTPNotFound
    async with found.database.transaction(write=False) as tx:
        grants = (await store.grants_of(tx, [person.id])).get(person.id, [])
        facilities = list(await store.facilities_below(tx, [unit.id for unit in units], ""))
        has = await ways.of(tx, person.id) if login else None
    history = await administration.sign_ins(found.database, found.clock, principal, person=person.id)
    sees_where = allowed(principal, Action.VIEW_ADDRESSES, {Relation.OWN_TREE})
    provider = found.settings.single_sign_on.get(Tree(principal.tree or Tree.POLICE).value)
    bound = await outside.bound(found.database, person.id)
    return page(
        request,
        "people/person.html",
        status=mistake.status if mistake else 200,
        person=person,
        login=login,
        unit=next((unit.name for unit in units if unit.id == person.organisation), ""),
        grants=grants,
        roles=sorted(role.value for role in ROLES_OF[Tree(principal.tree or Tree.POLICE)]),
        placed=sorted(role.value for role in PLACED),
        facilities=facilities,
        places={facility.id: facility.name for facility in facilities},
        sign_ins=[(one, device(one.login.agent) if sees_where else "") for one in history[:10]],
        sees_where=sees_where,
        own=person.id == principal.id,
        manages=_manages(principal),
        has=has,
        provider=provider,
        bound=bound,
        link=link,
        told=query(request).raw("told"),
        error=mistake,
    )


async def act(request: web.Request) -> web.StreamResponse:
    """``POST /people/{id}/{act}``: a role, suspension, a password, a one-time link, the end of all sign-ins, or the
    binding to a provider of single sign-on."""
    principal, person, typed = _administrator(request), path_id(request), await form(request)
    wanted = request.match_info["act"]
    try:
        if wanted in _LINKS:
            return await _show(request, None, await _link(request, principal, person, wanted))
        await _carry_out(request, principal, person, wanted, typed)
    except PersonError as error:
        if error.status >= 500 or error.code == "step-up":
            raise
        return await _show(request, of_error(request, error))
    return see_other(f"/people/{person}?told={wanted}")


async def _carry_out(request: web.Request, principal: Principal, person: str, wanted: str, typed: Form) -> None:
    found = context(request)
    db, clock = found.database, found.clock
    match wanted:
        case "grant":
            post = await _post(request, typed)
            role = typed.text("role", longest=32)
            await administration.grant_role(
                db, clock, principal, person=person, role=role, post=post, licence_checked=typed.has("licence")
            )
        case "revoke":
            await administration.revoke_role(db, clock, principal, grant=typed.id("grant"))
        case "suspend":
            await administration.suspend(db, clock, principal, person=person)
        case "restore":
            await administration.restore(db, clock, principal, person=person)
        case "password":
            door, new_one = request.config_dict[DOOR], typed.raw("password")[:200]
            await administration.reset_password(db, clock, door, principal, person=person, password=new_one)
        case "end":
            await administration.end_logins(db, clock, principal, person=person)
        case "bind":
            providers, subject = request.config_dict[PROVIDERS], typed.text("subject", longest=255)
            await outside.bind(db, clock, providers, principal, person=person, subject=subject)
        case "unbind":
            await outside.unbind(db, clock, principal, person=person)
        case _:
            raise web.HTTPNotFound


_LINKS = {"link": administration.invite, "reset": administration.reset_credentials}
"""Acts that end with a one-time link, which stands in this one answer and nowhere else."""


async def _link(request: web.Request, principal: Principal, person: str, wanted: str) -> OnceLink:
    found = context(request)
    secret = await _LINKS[wanted](found.database, found.clock, principal, person=person)
    address = f"{found.settings.base_url}/enrol#{secret}"
    return OnceLink(address, drawn(address))


async def _post(request: web.Request, typed: Form) -> Post | None:
    """The facility chosen for a role that is held at one."""
    wanted = typed.optional_id("facility")
    if wanted is None or typed.raw("role") not in PLACED:
        return None
    async with context(request).database.transaction(write=False) as tx:
        facility = await tx.get(Facility, wanted)
    return Post(facility.id, facility.organisation) if facility else None


def routes() -> list[web.RouteDef]:
    return [
        web.get("/people", listing),
        web.get("/people/new", new),
        web.post("/people/new", register),
        web.get("/people/{id}", show),
        web.post("/people/{id}/{act}", act),
    ]
