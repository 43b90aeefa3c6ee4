"""Handing a record over (随案移送): have it made ready, take it along, print the sheet, enter the receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from core import jobs
from core.errors import NotFound, PersonError
from people import store as people
from people.permissions import Action, require
from recordings import filing, outgoing
from recordings import store as recorded_files
from recordings.handover import Bundle
from recordings.models import Handover, Recording
from recordings.retention import Refused
from scheduler import store as calendar
from web import store
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_form, sentence
from web.playback import serve
from web.recorded import Recorded, recorded
from web.rendering import page

_TYPES = {".zip": "application/zip", ".iso": "application/x-iso9660-image", ".html": "text/html"}


@dataclass(frozen=True, slots=True)
class Made:
    """One handover as the page shows it. ``state`` also knows ``failed``, from its job."""

    row: Handover
    state: str
    percent: int


@dataclass(frozen=True, slots=True)
class Part:
    """One recording, what may leave of it, and what was made ready of it."""

    recording: Recording
    refused: Mapping[str, str]
    """Per form why it cannot leave now, in words; nothing where it can."""
    handovers: Sequence[Made]


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/handover``."""
    return await _show(request, None, None)


async def _show(request: web.Request, mistake: Mistake | None, typed: Form | None) -> web.Response:
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        held = await recorded(tx, principal, session)
        require(principal, Action.EXPORT_RECORD, held.held)
        parts = [await _part(tx, request, row) for row in await store.recordings_of(tx, session)]
        facility = await calendar.facility(tx, held.booking.facility) if held.booking.facility else None
        names = await people.names(tx, {made.row.asked_by for part in parts for made in part.handovers})
    return page(
        request,
        "record/handover.html",
        status=mistake.status if mistake else 200,
        zone=ZoneInfo(held.booking.zone),
        tab="handover",
        may=lambda action: held.may(principal, Action(action)),
        booking=held.booking,
        kind=KINDS[held.booking.kind],
        number=held.case.number if held.case else None,
        facility=facility,
        parts=parts,
        names=names,
        error=mistake,
        recipient=typed.raw("recipient")[:100] if typed else "",
        content=typed.raw("content") if typed else "",
        told=query(request).raw("told"),
        kept_for=outgoing.KEPT_FOR.days,
    )


async def _part(tx: AsyncSession, request: web.Request, row: Recording) -> Part:
    principal, found = account(request), context(request)
    files = await recorded_files.files(tx, row.id)
    is_open = await filing.is_original_open(tx, row.id, now=found.clock.now(), person=principal.id)
    refusals = {content.value: outgoing.may_leave(row, files, content, original_open=is_open) for content in Bundle}
    made = []
    for item in await outgoing.of_recording(tx, row.id):
        failed = item.state == "asked" and await jobs.state(tx, f"handover:{item.id}") == "failed"
        waits = item.state == "asked" and not failed and found.recordings is not None
        percent = outgoing.share(found.recordings, item, row) if waits else 0
        made.append(Made(item, "failed" if failed else item.state, percent))
    said = {content: sentence(request, refused.text, {}) for content, refused in refusals.items() if refused}
    return Part(row, said, made)


async def ask(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/handover``: have a recording made ready by the worker."""
    principal, found, session, typed = account(request), context(request), path_id(request), await form(request)
    now = found.clock.now()
    try:
        async with found.database.transaction() as tx:
            held = await recorded(tx, principal, session)
            require(principal, Action.EXPORT_RECORD, held.held, now=now)
            if typed.raw("recording") not in {row.id for row in await store.recordings_of(tx, session)}:
                raise NotFound("no-recording", "There is no recording here that you can see.")
            made = await outgoing.ask(
                tx,
                principal,
                held.held,
                typed.raw("recording"),
                content=Bundle(typed.choice("content", tuple(content.value for content in Bundle))),
                with_discs=typed.has("discs"),
                recipient=typed.text("recipient", longest=100),
                case_number=held.case.number if held.case else "",
                now=now,
            )
    except PersonError as error:
        return await _show(request, of_form(request, error), typed)
    if isinstance(made, Refused):
        return await _show(request, Mistake(made.rule, sentence(request, made.text, {}), status=409), typed)
    return see_other(f"/records/{session}/handover?told=asked")


async def _found(tx: AsyncSession, request: web.Request) -> tuple[Recorded, Handover, Recording]:
    """The handover in the address, if it is of this session's and open to the viewer."""
    principal, session = account(request), path_id(request)
    held = await recorded(tx, principal, session)
    require(principal, Action.EXPORT_RECORD, held.held)
    row = await tx.get(Handover, path_id(request, "handover"))
    known = {item.id: item for item in await store.recordings_of(tx, session)}
    if row is None or row.recording not in known:
        raise web.HTTPNotFound
    return held, row, known[row.recording]


async def take(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/handover/{handover}/{name}``: take a file along, in ranges. Each beginning is told first."""
    principal, found = account(request), context(request)
    now, name = found.clock.now(), request.match_info["name"]
    async with found.database.transaction() as tx:
        held, row, _ = await _found(tx, request)
        require(principal, Action.EXPORT_RECORD, held.held, now=now)
        if row.content == Bundle.ORIGINAL.value and not await filing.is_original_open(
            tx, row.recording, now=now, person=principal.id
        ):
            raise NotFound("sealed-original", "The original of this recording is sealed. Please ask for its release.")
        if request.headers.get("Range", "").replace(" ", "") in ("", "bytes=0-"):
            await outgoing.taken(tx, row, name, by=principal.id, now=now)
        known = {file["name"] for file in row.files if row.state == "ready"}
    if name not in known or found.recordings is None:
        raise NotFound("no-file", "There is no such file to take along.")
    path = outgoing.folder_of(found.settings.data_dir, row.id) / name
    suffix = name[name.rfind(".") :]
    source = await found.recordings.open_outgoing(row.recording, path, _TYPES.get(suffix, "application/octet-stream"))
    return await serve(request, source, attachment=name)


async def sheet(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/handover/{handover}``: the sheet and the label, to be printed on A4."""
    found = context(request)
    async with found.database.transaction(write=False) as tx:
        held, row, recording = await _found(tx, request)
        names = await people.names(tx, {row.asked_by})
    if not row.files:
        raise NotFound("not-made", "This has not been made yet.")
    return page(
        request,
        "record/sheet.html",
        zone=ZoneInfo(held.booking.zone),
        booking=held.booking,
        kind=KINDS[held.booking.kind],
        row=row,
        recording=recording,
        by=names.get(row.asked_by, ("", "")),
    )


async def receipt(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/handover/{handover}/receipt``: what the recipient signed, compared with what was made."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        async with found.database.transaction() as tx:
            _, row, _ = await _found(tx, request)
            signed, sha256 = typed.text("signed", longest=100), typed.text("sha256", longest=100)
            await outgoing.receive(tx, row, sha256=sha256, signed=signed, by=principal.id, now=found.clock.now())
    except PersonError as error:
        return await _show(request, of_form(request, error), typed)
    return see_other(f"/records/{path_id(request)}/handover?told=received")


async def progress(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/handover/{handover}/progress``: for the page that waits."""
    found = context(request)
    async with found.database.transaction(write=False) as tx:
        _, row, recording = await _found(tx, request)
        state = await jobs.state(tx, f"handover:{row.id}")
    waits = row.state == "asked" and state in ("waiting", "running")
    percent = outgoing.share(found.recordings, row, recording) if waits and found.recordings is not None else 100
    return web.json_response({"waits": waits, "percent": percent})


def routes() -> list[web.RouteDef]:
    return [
        web.get("/records/{id}/handover", show),
        web.post("/records/{id}/handover", ask),
        web.get("/records/{id}/handover/{handover}", sheet),
        web.post("/records/{id}/handover/{handover}/receipt", receipt),
        web.get("/records/{id}/handover/{handover}/progress", progress),
        web.get("/records/{id}/handover/{handover}/{name}", take),
    ]
