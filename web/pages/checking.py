"""The duty post checks papers: the three of a visit, the permits of interpreters and interrogations; and opens online
booking again to a lawyer who had missed visits."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import PersonError
from scheduler import papers, reopening
from web import duty
from web.context import context
from web.forms import form, path_id
from web.identity import account
from web.language import see_other
from web.localtime import instant_of
from web.mistakes import Mistake, of_form
from web.rendering import page
from web.uploads import handed_in


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /day/papers``: mandates and permits that wait, the most urgent first."""
    return await _listing(request, None)


async def _listing(request: web.Request, mistake: Mistake | None, lawyer: str = "") -> web.Response:
    principal, found = account(request), context(request)
    waiting = await papers.waiting_for_check(found.database, found.clock, principal)
    return page(
        request,
        "day/papers.html",
        status=mistake.status if mistake else 200,
        zone=await duty.zone_of(found.database, principal, found.settings.zone),
        waiting=waiting,
        texts=papers.PAPER_TEXT,
        refused=list(papers.REFUSED_TEXT.items()),
        why=papers.WHY_REFUSED,
        soon=duty.URGENT_FOR,
        online=await reopening.online_booking(found.database, found.clock, principal),
        reopen_reasons=list(reopening.REOPENED_TEXT.items()),
        wrong=lawyer,
        work=await duty.open_work(found.database, found.clock, principal),
        error=mistake,
    )


async def content(request: web.Request) -> web.StreamResponse:
    """``GET /day/papers/{id}/file``: the paper itself; each look is in the ledger."""
    principal, found, paper = account(request), context(request), path_id(request)
    body, media_type, clean = await papers.content(found.database, found.clock, principal, paper)
    return handed_in(body, media_type, shown=clean)


async def check(request: web.Request) -> web.StreamResponse:
    """``POST /day/papers/{id}``: in order, with how long it is valid, or refused for an enumerated reason."""
    principal, found, paper, typed = account(request), context(request), path_id(request), await form(request)
    try:
        verdict = typed.choice("verdict", ("accepted", "refused"))
        reason = typed.raw("reason") if verdict == "refused" else None
        day = typed.day("until", date.min) if typed.has("until") else None
        zone = await duty.zone_of(found.database, principal, found.settings.zone)
        until = _end_of(day, zone) if day else None
        await papers.check(found.database, found.clock, principal, paper, reason=reason, until=until)
    except PersonError as error:
        return await _listing(request, of_form(request, error))
    return see_other("/day/papers")


async def reopen(request: web.Request) -> web.StreamResponse:
    """``POST /day/lawyers/{id}/reopen``: a lawyer may book online again, for an enumerated reason."""
    principal, found, lawyer, typed = account(request), context(request), path_id(request), await form(request)
    try:
        await reopening.reopen(found.database, found.clock, principal, lawyer, typed.raw("reason"))
    except PersonError as error:
        return await _listing(request, of_form(request, error), lawyer)
    return see_other("/day/papers#online-title")


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    """Valid through the last minute of that day."""
    return instant_of(datetime.combine(day, datetime.min.time()), zone, "until") + timedelta(days=1)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/day/papers", listing),
        web.get("/day/papers/{id}/file", content),
        web.post("/day/papers/{id}", check),
        web.post("/day/lawyers/{id}/reopen", reopen),
    ]
