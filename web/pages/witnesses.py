"""Many witnesses of one case asked in one go: each a time, a link and others to choose from; and how far they are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from cases.kinds import Role
from core.errors import Invalid, NotFound, PersonError
from people.principals import Principal
from scheduler import choices, choosing, invites, store
from scheduler.choosing import MOST_WITNESSES, Asked, Progress
from scheduler.requests import GuestWish, Request
from scheduler.windows import ZONE, next_on_grid
from web import offers
from web.context import context
from web.forms import Form, form, path_id
from web.identity import account
from web.localtime import end_of_day, wall_clock
from web.mistakes import Mistake, of_error, of_refusal
from web.rendering import page

LENGTHS = (30, 60, 90, 120)
_FIELDS = ("who", "officer", "minutes", "guest_role", "names", "day", "at", "until")


async def new(request: web.Request) -> web.StreamResponse:
    """``GET /witnesses``."""
    return await _new(request, None, None)


async def _new(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    return page(
        request,
        "book/witnesses.html",
        status=mistake.status if mistake else 200,
        people=await offers.people(found.database, found.clock, principal, "statement"),
        officers=await choices.colleagues(found.database, principal),
        lengths=LENGTHS,
        most=MOST_WITNESSES,
        typed={name: typed.raw(name)[:4000] if typed else "" for name in _FIELDS},
        error=mistake,
    )


async def ask(request: web.Request) -> web.StreamResponse:
    """``POST /witnesses``: book, offer other times, make the links; the answer is the only time they are shown."""
    principal, found, typed = account(request), context(request), await form(request)
    zone = ZoneInfo(ZONE)
    try:
        names = _names(typed)
        start = max(next_on_grid(found.clock.now()), wall_clock(typed, "day", "at", zone))
        until = end_of_day(typed, "until", zone)
        role = Role(typed.choice("guest_role", ("witness", "victim")))
        wish = Request(
            kind="statement",
            start=start,
            end=start + timedelta(minutes=typed.number("minutes", 15, 240)),
            case=typed.id("who"),
            officers=(typed.id("officer"),),
            guests=(GuestWish(role, names[0]),),
        )
        if until <= start:
            raise Invalid("end-before-start", "The end must come after the start.", field="until")
        asked = await choosing.ask_many(found.database, found.clock, principal, wish, names, until=until)
        for one in asked:
            if one.booking:
                await _let_choose(request, principal, one.booking, until)
        links = [(one, await _link(request, principal, one)) for one in asked]
    except PersonError as error:
        if error.status not in (403, 409, 422):
            raise
        return await _new(request, typed, of_error(request, error))
    refused = [(one.name, of_refusal(request, one.refused).text) for one in asked if one.refused]
    return page(
        request,
        "book/asked.html",
        zone=zone,
        links=[(one, link) for one, link in links if link],
        refused=refused,
        case=typed.id("who"),
    )


def _names(typed: Form) -> list[str]:
    """One name per line, each once."""
    lines = [" ".join(line.split()) for line in typed.raw("names").splitlines()]
    names = list(dict.fromkeys(line for line in lines if line))
    if not 1 <= len(names) <= MOST_WITNESSES or any(len(name) > 60 or not name.isprintable() for name in names):
        raise Invalid("names", "Please name between one and thirty people.", field="names")
    return names


async def _let_choose(request: web.Request, principal: Principal, booking: str, until: datetime) -> None:
    found = context(request)
    try:
        await choosing.offer_free(found.database, found.clock, principal, booking, until=until)
    except Invalid:
        return  # nothing else is free: the time stands as it is


async def _link(request: web.Request, principal: Principal, one: Asked) -> str:
    found = context(request)
    if one.booking is None:
        return ""
    async with found.database.transaction(write=False) as tx:
        party = next(p.id for p in await store.parties(tx, [one.booking]) if not p.person and not p.custody_person)
    _, secret = await invites.invite(found.database, found.clock, principal, one.booking, party)
    return f"{found.settings.base_url}/i#{secret}"


async def progress(request: web.Request) -> web.StreamResponse:
    """``GET /witnesses/{id}``: how far the witnesses of a case are."""
    principal, found, case = account(request), context(request), path_id(request)
    mine = {one.value: one for one in await offers.people(found.database, found.clock, principal, "statement")}
    if case not in mine:
        raise NotFound("no-case", "There is no such case of yours.")
    all_: Sequence[Progress] = await choosing.progress(found.database, principal, case)
    return page(
        request,
        "book/progress.html",
        zone=ZoneInfo(ZONE),
        case=mine[case],
        witnesses=all_,
        chosen=sum(one.chosen for one in all_),
        opened=sum(one.invitation == "accepted" for one in all_),
    )


def routes() -> list[web.RouteDef]:
    return [web.get("/witnesses", new), web.post("/witnesses", ask), web.get("/witnesses/{id}", progress)]
