"""What defence counsel sees of a case that left investigation: the recordings filed with it, as working copies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.kinds import KINDS
from core.errors import Denied, NotFound
from people.permissions import Action, Relation, allowed, require
from people.principals import Principal
from recordings import filing
from recordings import store as recorded_files
from recordings.models import DerivedFile, Recording
from scheduler import access
from scheduler import store as calendar
from scheduler.models import Booking
from web import links, store
from web.context import context
from web.forms import path_id, query
from web.identity import account
from web.language import see_other
from web.playback import serve, serve_stream
from web.recorded import GRANT, no_record
from web.rendering import page

PER_PAGE = 50
_VIEWED = "recording.filed-viewed"


@dataclass(frozen=True, slots=True)
class Copy:
    """One recording that was filed, with its working copies and the check value of each."""

    recording: Recording
    files: Sequence[DerivedFile]
    sums: Mapping[str, str]
    opened: bool


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /filed?page=``: sessions of the cases the viewer defends in whose recording was filed, newest first."""
    principal, found, number = account(request), context(request), query(request).ordinal("page")
    if not allowed(principal, Action.VIEW_FILED, {Relation.OWN_CASE}):
        raise Denied("not-allowed", "This page is for lawyers who defend in a case.")
    async with found.database.transaction(write=False) as tx:
        mine = await cases.defended_cases(tx, principal.id, found.clock.now())
        rows = await store.filed_sessions(tx, mine, PER_PAGE + 1, (number - 1) * PER_PAGE)
    return page(request, "record/filed.html", rows=rows[:PER_PAGE], number=number, more=len(rows) > PER_PAGE)


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /filed/{id}``: what was filed of one session, to be viewed or copied."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        booking, _, rows = await _filed(tx, request, principal, session)
        case = await cases.case(tx, booking.case or "")
        known = [
            (
                row,
                filing.working_copies(await recorded_files.files(tx, row.id), row.cover),
                await _opened(tx, principal, row.id, found.clock.now()),
            )
            for row in rows
        ]
    sums = {row.id: await _sums(request, row.id) for row in rows}
    return page(
        request,
        "record/filed_session.html",
        zone=ZoneInfo(booking.zone),
        booking=booking,
        kind=KINDS[booking.kind],
        number=case.number if case else None,
        link=partial(links.sign, request, principal),
        copies=[Copy(row, files, sums[row.id], opened) for row, files, opened in known],
    )


async def _sums(request: web.Request, recording: str) -> dict[str, str]:
    """SHA-256 of each playable file, as its signed description says it."""
    library = context(request).recordings
    try:
        return {item.file: item.content_sha256 for item in await library.files(recording)} if library else {}
    except NotFound:
        return {}


async def _filed(
    tx: AsyncSession, request: web.Request, principal: Principal, session: str
) -> tuple[Booking, frozenset[Relation], list[Recording]]:
    """The session as its counsel may see it. What was never filed, or is not theirs to see, does not exist."""
    booking = await calendar.booking(tx, session)
    if booking is None:
        raise no_record()
    held = await access.defends(tx, principal, booking, context(request).clock.now())
    rows = [row for row in await store.recordings_of(tx, session) if row.state == "filed"]
    if not rows or not allowed(principal, Action.VIEW_FILED, held):
        raise no_record()
    return booking, held, rows


async def view(request: web.Request) -> web.StreamResponse:
    """``POST /filed/{id}/view``: open the working copies; the ledger is told first."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        _, held, rows = await _filed(tx, request, principal, session)
        for row in rows:
            await filing.view_filed(tx, principal, held, row.id, now=found.clock.now())
    return see_other(f"/filed/{session}")


async def media(request: web.Request) -> web.StreamResponse:
    """``GET /filed/{id}/media/{recording}/{file}``: a working copy in ranges, after it was opened."""
    principal, found, session = account(request), context(request), path_id(request)
    recording, now = request.match_info["recording"], found.clock.now()
    async with found.database.transaction(write=False) as tx:
        _, held, rows = await _filed(tx, request, principal, session)
        require(principal, Action.VIEW_FILED, held)
        name = await _copy(tx, rows, recording, request.match_info["file"])
        if not await _opened(tx, principal, recording, now):
            raise Denied("not-opened", "Please open the recording on its page first: that is noted in the ledger.")
        links.require(request, principal)
    return await serve(request, await found.recordings.open(recording, name))


async def copy(request: web.Request) -> web.StreamResponse:
    """``GET /filed/{id}/copy/{recording}``: take the working copies along, with digests and signature, as a zip file
    that is made while it is sent. Each time is told first."""
    principal, found, session = account(request), context(request), path_id(request)
    recording, now = request.match_info["recording"], found.clock.now()
    async with found.database.transaction() as tx:
        _, held, rows = await _filed(tx, request, principal, session)
        require(principal, Action.COPY_FILED, held, now=now)
        if recording not in {row.id for row in rows}:
            raise no_record()
        copies = await filing.copy_filed(tx, principal, held, recording, now=now)
        if not copies:
            raise NotFound("not-ready-yet", "The copy that is open to you is still being made. Please come back later.")
    pieces = await found.recordings.working_copy(recording, {item.file for item in copies}, found.settings.zone)
    return await serve_stream(request, pieces, "application/zip", f"{recording}.zip")


async def _opened(tx: AsyncSession, principal: Principal, recording: str, now: datetime) -> bool:
    return await store.in_ledger(tx, _VIEWED, actor=principal.id, subject=recording, since=now - GRANT)


async def _copy(tx: AsyncSession, rows: Sequence[Recording], recording: str, name: str) -> str:
    """The name of a working copy of one of ``rows``."""
    row = next((row for row in rows if row.id == recording), None)
    if row is None:
        raise no_record()
    files = filing.working_copies(await recorded_files.files(tx, recording), row.cover)
    found = next((file.file for file in files if file.file == name), None)
    if found is None:
        raise NotFound("no-recorded-file", "This part of the recording cannot be played, or not yet.")
    return found


def routes() -> list[web.RouteDef]:
    return [
        web.get("/filed", listing),
        web.get("/filed/{id}", show),
        web.post("/filed/{id}/view", view),
        web.get("/filed/{id}/media/{recording}/{file}", media),
        web.get("/filed/{id}/copy/{recording}", copy),
    ]
