"""Keeping a record: until when and why, legal hold, filing, release of the sealed original, destruction by two."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from core.errors import Conflict, Invalid, NotFound, PersonError
from people import store as people
from people.permissions import Action, require
from people.principals import Principal
from recordings import filing, keeping, retention
from recordings import store as recorded_files
from recordings.models import KeepingRequest, LegalHold, Recording
from recordings.retention import Decider, Kept, Refused
from scheduler import store as calendar
from web import store
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_form, of_rule, sentence
from web.recorded import Recorded, recorded
from web.rendering import page

_DECIDES = {"unseal": Action.RELEASE_ORIGINAL, "delete": Action.DELETE_RECORD}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as this viewer sees it."""

    row: KeepingRequest
    until: datetime | None
    """Of an approved release: when it runs out."""
    mine: bool
    may_decide: bool
    why_not: str
    """Why this viewer cannot approve it now, in words; empty when they can."""


@dataclass(frozen=True, slots=True)
class Held:
    """One recording and what keeps it."""

    recording: Recording
    until: datetime
    holds: Sequence[LegalHold]
    in_force: int
    requests: Sequence[Request]
    refused: str
    """Why it cannot be destroyed now, in words; empty when it can."""
    file_refused: str
    erased_for: str


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/keeping``."""
    return await _show(request, None)


async def _show(request: web.Request, mistake: Mistake | None) -> web.Response:
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        held = await recorded(tx, principal, session)
        rows = await store.recordings_of(tx, session)
        parts = [await _held(tx, request, principal, held, row) for row in rows]
        facility = await calendar.facility(tx, held.booking.facility) if held.booking.facility else None
        names = await people.names(tx, _persons(parts))
    return page(
        request,
        "record/keeping.html",
        status=mistake.status if mistake else 200,
        zone=ZoneInfo(held.booking.zone),
        tab="keeping",
        may=lambda action: held.may(principal, Action(action)),
        booking=held.booking,
        kind=KINDS[held.booking.kind],
        number=held.case.number if held.case else None,
        facility=facility,
        held=held,
        parts=parts,
        names=names,
        error=mistake,
        told=query(request).raw("told"),
        hold_reasons=retention.HOLD_REASONS,
        lift_reasons=retention.LIFT_REASONS,
        reasons=retention.REASONS,
        released_for=filing.RELEASED_FOR // timedelta(hours=1),
    )


async def _held(tx: AsyncSession, request: web.Request, principal: Principal, held: Recorded, row: Recording) -> Held:
    now = context(request).clock.now()
    holds = await keeping.all_holds(tx, row.id)
    in_force = sum(hold.lifted is None for hold in holds)
    refused = retention.may_destroy(Kept(row.kind, row.ended, in_force, held.case_ended), now)
    asked = await keeping.requests(tx, row.id)
    done = next((item.reason for item in asked if item.act == "delete" and item.state == "done"), "")
    unfit = filing.may_file(row, await recorded_files.files(tx, row.id))
    return Held(
        recording=row,
        until=retention.kept_until(row.kind, row.ended),
        holds=holds,
        in_force=in_force,
        requests=[_request(request, principal, held, item, refused) for item in asked],
        refused=sentence(request, refused.text, {}) if refused else "",
        file_refused=sentence(request, unfit.text, {}) if unfit else "",
        erased_for=done,
    )


def _request(
    request: web.Request, principal: Principal, held: Recorded, row: KeepingRequest, refused: Refused | None
) -> Request:
    why = retention.may_decide(Decider(row.asked_by, row.asked_unit), _decider(principal), row.case_unit)
    if why is None and row.act == "delete":
        why = refused
    runs = row.decided + filing.RELEASED_FOR if row.act == "unseal" and row.decided else None
    return Request(
        row=row,
        until=runs if row.state == "approved" else None,
        mine=row.asked_by == principal.id,
        may_decide=held.may(principal, _DECIDES[row.act]),
        why_not=sentence(request, why.text, {}) if why else "",
    )


def _decider(principal: Principal) -> Decider:
    return Decider(principal.id, principal.organisation or "")


def _persons(parts: Sequence[Held]) -> set[str]:
    found: set[str | None] = set()
    for part in parts:
        found |= {person for hold in part.holds for person in (hold.placed_by, hold.lifted_by)}
        found |= {person for item in part.requests for person in (item.row.asked_by, item.row.decided_by)}
    return {person for person in found if person}


async def act(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/keeping/{act}``: hold, lift, file, ask, decide, give back, or carry out what was decided."""
    wanted, session, typed = request.match_info["act"], path_id(request), await form(request)
    try:
        told = await _carry_out(request, wanted, session, typed)
    except PersonError as error:
        return await _show(request, of_form(request, error))
    if isinstance(told, Refused):
        return await _show(request, of_rule(request, told.rule, told.text))
    return see_other(f"/records/{session}/keeping?told={told}")


async def _carry_out(request: web.Request, wanted: str, session: str, typed: Form) -> str | Refused:
    principal, found = account(request), context(request)
    now = found.clock.now()
    if wanted == "destroy":
        return await _destroy(request, principal, session, typed)
    async with found.database.transaction() as tx:
        held = await recorded(tx, principal, session)
        known = {row.id for row in await store.recordings_of(tx, session)}
        match wanted:
            case "hold" | "lift":
                require(principal, Action.HOLD_RECORD, held.held)
                change: Any = keeping.hold if wanted == "hold" else keeping.lift
                await change(tx, _chosen(typed, known), typed.raw("reason"), by=principal.id, now=now)
            case "file":
                filed = await filing.file(tx, principal, held.held, _chosen(typed, known), now=now)
                if isinstance(filed, Refused):
                    return filed
            case "ask":
                return await _ask(tx, principal, held, typed, known, now)
            case "decide":
                return await _decide(request, tx, held, typed, known)
            case "back":
                asked = await _asked(tx, typed, known)
                if asked.asked_by != principal.id:
                    require(principal, Action.RELEASE_ORIGINAL, held.held, now=now)
                await filing.give_back(tx, asked.id, by=principal.id, now=now)
            case _:
                raise web.HTTPNotFound
    return wanted


def _chosen(typed: Form, known: set[str]) -> str:
    """The recording meant; one of another session is not here."""
    recording = typed.raw("recording")
    if recording not in known:
        raise NotFound("no-recording", "There is no recording here that you can see.")
    return recording


async def _asked(tx: AsyncSession, typed: Form, known: set[str]) -> KeepingRequest:
    row = await tx.get(KeepingRequest, typed.id("request"))
    if row is None or row.recording not in known:
        raise NotFound("no-request", "There is no such request.")
    return row


async def _ask(
    tx: AsyncSession, principal: Principal, held: Recorded, typed: Form, known: set[str], now: datetime
) -> str | Refused:
    """Destruction is asked for only when nothing forbids it: a request that cannot be granted helps nobody."""
    require(principal, Action.ASK_KEEPING, held.held)
    recording, wanted = _chosen(typed, known), typed.choice("act", ("unseal", "delete"))
    row = await recorded_files.find(tx, recording)
    if row is None or row.state == "erased" or (wanted == "unseal" and row.state != "filed"):
        raise Conflict("nothing-to-ask", "There is nothing to ask for here any more.")
    if any(item.act == wanted and item.state == "asked" for item in await keeping.requests(tx, recording)):
        raise Conflict("asked-already", "This has been asked for already and waits for a decision.")
    if wanted == "delete":
        holds = len(await keeping.holds(tx, recording))
        refused = retention.may_destroy(Kept(row.kind, row.ended, holds, held.case_ended), now)
        if refused:
            return refused
    reason, unit = typed.raw("reason"), held.case_unit
    await keeping.ask(tx, recording, wanted, reason, asked=_decider(principal), case_unit=unit, now=now)
    return f"asked-{wanted}"


async def _decide(
    request: web.Request, tx: AsyncSession, held: Recorded, typed: Form, known: set[str]
) -> str | Refused:
    principal, now = account(request), context(request).clock.now()
    asked = await _asked(tx, typed, known)
    require(principal, _DECIDES[asked.act], held.held, now=now)
    approve = typed.choice("answer", ("approve", "refuse")) == "approve"
    if approve and asked.act == "delete" and not typed.has("understood"):
        raise Invalid("not-understood", "Please confirm that you know what this does.", field="understood")
    decided = await keeping.decide(
        tx, asked.id, decides=_decider(principal), approve=approve, case_ended=held.case_ended, now=now
    )
    if isinstance(decided, Refused):
        return decided
    return ("approved-" if approve else "refused-") + asked.act


async def _destroy(request: web.Request, principal: Principal, session: str, typed: Form) -> str | Refused:
    """Carry out what two persons decided; the rules are asked once more, and the ledger is told before a key goes."""
    found = context(request)
    async with found.database.transaction(write=False) as tx:
        held = await recorded(tx, principal, session)
        asked = await _asked(tx, typed, {row.id for row in await store.recordings_of(tx, session)})
    require(principal, Action.DELETE_RECORD, held.held, now=found.clock.now())
    if asked.act != "delete" or asked.state != "approved" or found.recordings is None:
        raise Conflict("not-approved", "This request is not approved.")
    refused = await keeping.carry_out(
        found.database, found.recordings, found.clock, asked.id, case_ended=held.case_ended
    )
    return refused or "destroyed"


def routes() -> list[web.RouteDef]:
    return [
        web.get("/records/{id}/keeping", show),
        web.post("/records/{id}/keeping/{act}", act),
    ]
