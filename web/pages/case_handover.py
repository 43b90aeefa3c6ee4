"""Handing over all recordings of a case at once (随案移送): one list, one set of discs, one receipt.

Lawyer visits have no record that could be opened here, so none is ever in it. What cannot leave in the form that was
chosen is left out, and page, sheet and signed list say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.kinds import KINDS
from cases.models import Case
from core.errors import PersonError
from people import store as people
from people.permissions import Action, allowed, relations, require_known
from recordings import outgoing
from recordings import store as recorded_files
from recordings.handover import Bundle
from recordings.models import DerivedFile, Recording
from recordings.outgoing import LeftOut
from recordings.retention import Refused
from scheduler import access
from scheduler.models import Booking
from web import store
from web.context import context
from web.forms import Form, form, path_id
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_form, of_rule, sentence
from web.pages.handover import Made, Scope, discs_of, form_values, order_of, refusals_of, routes_of_one, shown_of
from web.recorded import Recorded, no_record
from web.rendering import page


@dataclass(frozen=True, slots=True)
class Item:
    """One recording of the case, or a session that has none yet."""

    booking: Booking
    recording: Recording | None
    files: Sequence[DerivedFile]
    refused: Mapping[str, str]
    """Per form the rule why it cannot leave now (a key of ``outgoing.WHY``)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What one form would hold, and what it would leave out."""

    leaves: int
    left_out: Sequence[tuple[Booking, str, str]]
    """Session, name of its kind, and why, in words."""
    bytes: Sequence[int]
    """How large each bundle will be, about."""


async def of_case(tx: AsyncSession, request: web.Request) -> Scope:
    """Every record of the case that the viewer may export. Raises ``NotFound``, also where none of the case is."""
    principal, found = account(request), context(request)
    case = await cases.case(tx, path_id(request))
    if case is None:
        raise no_record()
    line = await people.line(tx, case.organisation)
    held = relations(principal, line=line)
    require_known(principal, Action.EXPORT_RECORD, held, see=Action.VIEW_CASE, missing=no_record())
    sessions = {}
    for booking in await store.recorded_of_case(tx, case.id):
        held = await access.relations_to(tx, principal, booking)
        if allowed(principal, Action.EXPORT_RECORD, held):
            sessions[booking.id] = Recorded(booking, case, held)
    rows = [row for id_ in sessions for row in await store.recordings_of(tx, id_) if row.policy == "clear"]
    return Scope(f"/cases/{case.id}/handover", sessions, rows, found.settings.zone)


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /cases/{id}/handover``."""
    return await _show(request, None, None)


async def _show(request: web.Request, mistake: Mistake | None, typed: Form | None) -> web.Response:
    async with context(request).database.transaction(write=False) as tx:
        scope = await of_case(tx, request)
        case: Case = await tx.get_one(Case, path_id(request))
        items = await _items(tx, request, scope)
        handovers: list[Made] = await shown_of(tx, request, await outgoing.of_case(tx, case.id))
        names = await people.names(tx, {made.row.asked_by for made in handovers})
    choices = {content.value: _choice(request, items, content) for content in Bundle}
    return page(
        request,
        "record/case_handover.html",
        status=mistake.status if mistake else 200,
        zone=scope.zone,
        address=scope.address,
        number=case.number,
        items=[(item, KINDS[item.booking.kind].name) for item in items],
        choices=choices,
        discs=discs_of({content: choice.bytes for content, choice in choices.items() if choice.leaves}),
        handovers=handovers,
        names=names,
        **form_values(request, mistake, typed),
    )


async def _items(tx: AsyncSession, request: web.Request, scope: Scope) -> list[Item]:
    items = []
    for id_, held in scope.sessions.items():
        rows = [row for row in scope.recordings if row.session == id_]
        for row in rows:
            refused = await refusals_of(tx, request, row)
            files = await recorded_files.files(tx, row.id)
            items.append(Item(held.booking, row, files, {content: why.rule for content, why in refused.items()}))
        if not rows:
            items.append(Item(held.booking, None, (), {content.value: "not-ready" for content in Bundle}))
    return items


def _left_out(items: Sequence[Item], content: Bundle) -> list[LeftOut]:
    return [
        LeftOut(item.booking.id, item.booking.started or item.booking.start, item.refused[content.value])
        for item in items
        if content.value in item.refused
    ]


def _choice(request: web.Request, items: Sequence[Item], content: Bundle) -> Choice:
    bookings = {item.booking.id: (item.booking, KINDS[item.booking.kind].name) for item in items}
    left_out = _left_out(items, content)
    said = [(*bookings[item.session], sentence(request, outgoing.WHY[item.rule], {})) for item in left_out]
    leaves = [item for item in items if item.recording and content.value not in item.refused]
    sizes = [outgoing.expected_bytes(item.recording, item.files, content) for item in leaves if item.recording]
    return Choice(len(leaves), said, sizes)


async def ask(request: web.Request) -> web.StreamResponse:
    """``POST /cases/{id}/handover``: have all that may leave made ready by the worker."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        async with found.database.transaction() as tx:
            scope = await of_case(tx, request)
            case = await tx.get_one(Case, path_id(request))
            now, items = found.clock.now(), await _items(tx, request, scope)
            order = order_of(typed, case.number)
            order = replace(order, case=case.id, left_out=_left_out(items, order.content))
            leaves = [item.recording for item in items if item.recording and order.content.value not in item.refused]
            made = await outgoing.ask(tx, principal, {row.id: scope.held(row) for row in leaves}, order, now=now)
    except PersonError as error:
        return await _show(request, of_form(request, error), typed)
    if isinstance(made, Refused):
        return await _show(request, of_rule(request, made.rule, made.text), typed)
    return see_other(f"{scope.address}?told=asked")


def routes() -> list[web.RouteDef]:
    base = "/cases/{id}/handover"
    return [web.get(base, show), web.post(base, ask), *routes_of_one(base, of_case, _show)]
