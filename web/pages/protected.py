"""Protected persons: officers put an alias in the place of a name, read the name for a purpose, ask that it end;
a legal reviewer decides on that."""

from collections.abc import Mapping
from datetime import date

from aiohttp import web

from cases.protection import Ending, Ground, Purpose, Source
from core.errors import Invalid, PersonError
from recordings import covering
from scheduler import protecting
from scheduler import store as calendar
from scheduler.apart import guest_key
from scheduler.protecting import Change, InCase, Marking
from signaling import store as live
from web import words
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error
from web.rendering import page

BEYOND = (live.veil_log, covering.due)
"""The copies of a name, and the recordings, that the calendar does not know."""
OTHER = "other"
"""Instead of somebody named in a booking: the name is typed."""
_FIELDS = ("who", "name", "ground", "source", "born", "alias")


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /protected?party=``: aliases by case; a party of a booking is chosen in the form when given."""
    return await _page(request, None, None)


async def protect(request: web.Request) -> web.StreamResponse:
    """``POST /protected``."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        wish = _marking(typed, await protecting.overview(found.database, principal))
        change = await protecting.protect(found.database, found.clock, principal, wish, BEYOND)
    except PersonError as error:
        if error.status not in (409, 422):
            raise
        return await _page(request, typed, of_error(request, error))
    await _tell_live(request, change)
    return see_other("/protected?told=protected")


def _marking(typed: Form, known: list[InCase]) -> Marking:
    case_id, _, key = typed.raw("who").partition(".")
    case = next((case for case in known if case.id == case_id and case.may_mark), None)
    if case is None:
        raise Invalid("unknown-person", "Please choose one of the entries.", field="who")
    if key == OTHER:
        name = typed.text("name", longest=60)
    else:
        name = next((name for name in case.names if guest_key(case.id, name) == key), "")
        if not name:
            raise Invalid("unknown-person", "Please choose one of the entries.", field="who")
    return Marking(
        case=case.id,
        name=name,
        ground=Ground(typed.choice("ground", tuple(words.GROUNDS))),
        source=Source(typed.choice("source", tuple(words.SOURCES))),
        alias=typed.text("alias", longest=30, required=False),
        born=_born(typed),
    )


def _born(typed: Form) -> date | None:
    if not typed.has("born"):
        return None
    try:
        return date.fromisoformat(typed.raw("born"))
    except ValueError:
        raise Invalid("born", "This cannot be a date of birth.", field="born") from None


async def _tell_live(request: web.Request, change: Change | None) -> None:
    """Sessions that run now call the person by the alias at once; what they were writing meanwhile is replaced too."""
    found = context(request)
    if change is None or found.hub is None:
        return
    for session in change.sessions:
        await found.hub.window_changed(session)
    async with found.database.transaction() as tx:
        await live.veil_log(tx, change)


async def _page(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    found = context(request)
    cases = await protecting.overview(found.database, account(request))
    values = {name: typed.raw(name)[:60] if typed else "" for name in _FIELDS}
    if not typed:
        values["who"] = await _chosen(request, cases)
    return page(
        request,
        "protected/list.html",
        status=mistake.status if mistake else 200,
        cases=cases,
        options=_options(cases),
        values=values,
        told=query(request).raw("told"),
        error=mistake,
    )


def _options(cases: list[InCase]) -> Mapping[str, Mapping[str, str]]:
    """By the number of a case the persons that can be chosen: value and name."""
    return {
        case.number: {f"{case.id}.{guest_key(case.id, name)}": name for name in case.names} | {f"{case.id}.{OTHER}": ""}
        for case in cases
        if case.may_mark
    }


async def _chosen(request: web.Request, cases: list[InCase]) -> str:
    """The value of the party in the address, when it is somebody who can be chosen."""
    wanted = query(request).raw("party")
    known = {key for options in _options(cases).values() for key in options}
    async with context(request).database.transaction(write=False) as tx:
        party, case = await calendar.party_with_case(tx, wanted)
    value = f"{case}.{guest_key(case, party.name)}" if party is not None else ""
    return value if value in known else ""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /protected/{id}``."""
    return await _show(request)


async def _show(request: web.Request, *, name: str = "", mistake: Mistake | None = None) -> web.Response:
    found = context(request)
    person, number = await protecting.person(found.database, account(request), path_id(request))
    return page(
        request,
        "protected/person.html",
        status=mistake.status if mistake else 200,
        person=person,
        number=number,
        name=name,
        told=query(request).raw("told"),
        error=mistake,
    )


async def read_name(request: web.Request) -> web.StreamResponse:
    """``POST /protected/{id}/name``: the answer is the only time the name is shown; the ledger is told first."""
    found, typed = context(request), await form(request)
    try:
        purpose = Purpose(typed.choice("purpose", tuple(words.PURPOSES)))
        name = await protecting.read_name(found.database, found.clock, account(request), path_id(request), purpose)
    except PersonError as error:
        if error.status not in (409, 422):
            raise
        return await _show(request, mistake=of_error(request, error))
    return await _show(request, name=name)


async def ask_end(request: web.Request) -> web.StreamResponse:
    """``POST /protected/{id}/end``."""
    found, typed = context(request), await form(request)
    try:
        why = Ending(typed.choice("why", tuple(words.PROTECTION_ENDINGS)))
        await protecting.ask_end(found.database, found.clock, account(request), path_id(request), why)
    except PersonError as error:
        if error.status not in (409, 422):
            raise
        return await _show(request, mistake=of_error(request, error))
    return see_other(f"/protected/{path_id(request)}?told=asked")


async def decide(request: web.Request) -> web.StreamResponse:
    """``POST /protected/{id}/decide``."""
    found, typed = context(request), await form(request)
    try:
        approve = typed.choice("decision", ("end", "keep")) == "end"
        change = await protecting.decide_end(
            found.database, found.clock, account(request), path_id(request), approve=approve, beyond=BEYOND
        )
    except PersonError as error:
        if error.status not in (409, 422):
            raise
        return await _show(request, mistake=of_error(request, error))
    await _tell_live(request, change)
    return see_other(f"/protected/{path_id(request)}?told={'ended' if approve else 'kept'}")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/protected", listing),
        web.post("/protected", protect),
        web.get("/protected/{id}", show),
        web.post("/protected/{id}/name", read_name),
        web.post("/protected/{id}/end", ask_end),
        web.post("/protected/{id}/decide", decide),
    ]
