"""A lawyer's clients and the papers for them: naming a client, handing in, seeing what was found, what is missing."""

from collections.abc import Mapping

from aiohttp import web

from cases.models import PaperKind
from core.errors import NotFound, PersonError
from people.permissions import Action, Relation, require
from scheduler import choices, papers
from scheduler.contents import LARGEST
from scheduler.papers import Mandate
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.localtime import end_of_day
from web.mistakes import Mistake, of_error, of_form
from web.rendering import page
from web.uploads import form_with_file, handed_in

KINDS = (
    PaperKind.LICENCE,
    PaperKind.FIRM_LETTER,
    PaperKind.POWER_OF_ATTORNEY,
    PaperKind.LEGAL_AID_LETTER,
    PaperKind.INTERPRETER_PERMIT,
)


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /papers``: every mandate, what is missing first."""
    principal, found = account(request), context(request)
    mine = await papers.my_mandates(found.database, found.clock, principal)
    return page(
        request,
        "papers/list.html",
        mandates=sorted(mine, key=lambda one: not one.missing),
        texts=papers.PAPER_TEXT,
    )


async def new(request: web.Request) -> web.StreamResponse:
    """``GET /papers/new``: name a client for the first time."""
    return await _new(request, None, None)


async def _new(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    require(account(request), Action.VIEW_CLIENTS, {Relation.SELF})
    return page(
        request,
        "papers/new.html",
        status=mistake.status if mistake else 200,
        places=await choices.custody_places(context(request).database),
        typed={name: typed.raw(name)[:100] if typed else "" for name in ("name", "identity_number", "facility")},
        error=mistake,
    )


async def name(request: web.Request) -> web.StreamResponse:
    """``POST /papers/new``: the answer is the same whether or not the person is held there (LV-6)."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        mandate = await papers.first_request(
            found.database,
            found.clock,
            principal,
            name=typed.text("name", longest=100),
            identity_number=typed.raw("identity_number"),
            facility=typed.id("facility"),
        )
    except PersonError as error:
        if error.status != 422:
            raise
        return await _new(request, typed, of_error(request, error))
    return see_other(f"/papers/{mandate}?facility={typed.id('facility')}&told=named")


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /papers/{id}``: one client's papers."""
    return await _show(request, query(request), None)


async def _show(request: web.Request, typed: Form, mistake: Mistake | None) -> web.Response:
    mandate, found = await _mandate(request), context(request)
    newest: Mapping[str, object] = {paper.kind.value: paper for paper in mandate.papers}
    return page(
        request,
        "papers/mandate.html",
        status=mistake.status if mistake else 200,
        mandate=mandate,
        newest=newest,
        kinds=[kind.value for kind in KINDS],
        wanted=typed.raw("kind") or next(iter(mandate.missing), ""),
        places=await choices.custody_places(found.database),
        facility=typed.raw("facility") or mandate.facility,
        until=typed.raw("until")[:10],
        texts=papers.PAPER_TEXT,
        refused=papers.WHY_REFUSED,
        told=typed.raw("told"),
        error=mistake,
    )


async def _mandate(request: web.Request) -> Mandate:
    principal, found, wanted = account(request), context(request), path_id(request)
    for mandate in await papers.my_mandates(found.database, found.clock, principal):
        if mandate.id == wanted:
            return mandate
    raise NotFound("no-representation", "There is no such mandate of yours.")


async def hand_in(request: web.Request) -> web.StreamResponse:
    """``POST /papers/{id}``: one paper as a file; it goes to the post of the facility."""
    principal, found = account(request), context(request)
    await _mandate(request)
    typed = Form({})
    try:
        typed, content = await form_with_file(request, "file", LARGEST)
        await papers.hand_in(
            found.database,
            found.clock,
            principal,
            representation=path_id(request),
            facility=typed.id("facility"),
            kind=typed.raw("kind"),
            content=content or b"",
            until=end_of_day(typed, "until", found.settings.zone) if typed.has("until") else None,
            scanned=bool(found.settings.virus_scanner),
        )
    except PersonError as error:
        return await _show(request, typed, of_form(request, error))
    return see_other(f"/papers/{path_id(request)}?told=handed-in&facility={typed.id('facility')}")


async def content(request: web.Request) -> web.StreamResponse:
    """``GET /papers/files/{id}``: the paper as it was handed in; each look is in the ledger."""
    principal, found = account(request), context(request)
    body, media_type, _ = await papers.content(found.database, found.clock, principal, path_id(request))
    return handed_in(body, media_type, shown=False)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/papers", listing),
        web.get("/papers/new", new),
        web.post("/papers/new", name),
        web.get("/papers/files/{id}", content),
        web.get("/papers/{id}", show),
        web.post("/papers/{id}", hand_in),
    ]
