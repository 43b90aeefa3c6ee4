"""Who has looked at a record: what the ledger says of it, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from cases.kinds import KINDS
from core import ledger
from people import store as people
from people.permissions import Action, require
from scheduler import store as calendar
from web import store, words
from web.context import context
from web.forms import path_id, query
from web.identity import account
from web.recorded import recorded
from web.rendering import page

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Look:
    """One entry of the ledger."""

    number: int
    at: datetime
    name: str
    unit: str
    symbol: str
    text: str
    """msgid, or the bare tag of what has no words yet"""
    reason: str
    """msgid"""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/access?before=``: newest first."""
    principal, found, session = account(request), context(request), path_id(request)
    asked = query(request)
    before = asked.number("before", 1, 999_999_999) if asked.has("before") else None
    async with found.database.transaction(write=False) as tx:
        held = await recorded(tx, principal, session)
        require(principal, Action.VIEW_LEDGER, held.held)
        subjects = [session, *(row.id for row in await store.recordings_of(tx, session))]
        entries = await store.entries_of(tx, subjects, words.LOOKS, before, PER_PAGE + 1)
        names = await people.names(tx, {entry.actor for entry in entries})
        facility = await calendar.facility(tx, held.booking.facility) if held.booking.facility else None
    return page(
        request,
        "record/access.html",
        zone=ZoneInfo(held.booking.zone),
        tab="access",
        may=lambda action: held.may(principal, Action(action)),
        booking=held.booking,
        kind=KINDS[held.booking.kind],
        number=held.case.number if held.case else None,
        facility=facility,
        looks=_looks(entries[:PER_PAGE], names),
        more=entries[PER_PAGE - 1].number if len(entries) > PER_PAGE else None,
    )


def _looks(entries: Sequence[ledger.Entry], names: Mapping[str, tuple[str, str]]) -> list[Look]:
    reasons = {**words.HOLD_REASONS, **words.LIFT_REASONS, **words.KEEPING_REASONS}
    return [
        Look(
            entry.number,
            entry.at,
            *names.get(entry.actor, ("", "")),
            *words.LOOKS[entry.tag],
            reasons.get(str(entry.details.get("reason", "")), ""),
        )
        for entry in entries
    ]


def routes() -> list[web.RouteDef]:
    return [web.get("/records/{id}/access", show)]
