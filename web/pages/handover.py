"""Handing a record over (随案移送): have it made ready, take it along, print the sheet, enter the receipt."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from core import jobs
from core.errors import NotFound, PersonError
from people import store as people
from people.permissions import Action, Relation, require
from recordings import discs, filing, handover, outgoing
from recordings import store as recorded_files
from recordings.handover import Bundle
from recordings.models import Handover, Recording
from recordings.outgoing import Order
from recordings.retention import Refused
from scheduler import store as calendar
from web import store
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_form, of_rule, sentence
from web.playback import serve
from web.recorded import Recorded, recorded
from web.rendering import page

_TYPES = {".zip": "application/zip", ".iso": "application/x-iso9660-image", ".html": "text/html"}


@dataclass(frozen=True, slots=True)
class Scope:
    """What one page hands over from: the recordings of a session, or of all sessions of a case (``case_handover``)."""

    address: str
    sessions: Mapping[str, Recorded]
    """Every session whose record the viewer may export, by id."""
    recordings: Sequence[Recording]
    zone: ZoneInfo

    def held(self, recording: Recording) -> frozenset[Relation]:
        return self.sessions[recording.session].held


ScopeOf = Callable[[AsyncSession, web.Request], Awaitable[Scope]]
"""Finds what the address names. Raises ``NotFound`` and ``Denied``."""


async def of_session(tx: AsyncSession, request: web.Request) -> Scope:
    session = path_id(request)
    held = await recorded(tx, account(request), session)
    require(account(request), Action.EXPORT_RECORD, held.held)
    rows = await store.recordings_of(tx, session)
    return Scope(f"/records/{session}/handover", {session: held}, rows, ZoneInfo(held.booking.zone))


@dataclass(frozen=True, slots=True)
class Made:
    """One handover as the page shows it. ``state`` also knows ``failed``, from its job."""

    row: Handover
    state: str
    percent: int
    several: bool
    sealed: bool
    """Whether it holds an original that was sealed after it was made."""


@dataclass(frozen=True, slots=True)
class Part:
    """One recording, what may leave of it, and what was made ready of it."""

    recording: Recording
    refused: Mapping[str, str]
    """Per form why it cannot leave now, in words; nothing where it can."""
    discs: Mapping[str, Mapping[str, int]]
    """Per size how many discs each form that may leave needs, about."""
    handovers: Sequence[Made]


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/handover``."""
    return await _show(request, None, None)


async def _show(request: web.Request, mistake: Mistake | None, typed: Form | None) -> web.Response:
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        scope = await of_session(tx, request)
        held = scope.sessions[session]
        parts = [await _part(tx, request, row) for row in scope.recordings]
        facility = await calendar.facility(tx, held.booking.facility) if held.booking.facility else None
        names = await people.names(tx, {made.row.asked_by for part in parts for made in part.handovers})
    return page(
        request,
        "record/handover.html",
        status=mistake.status if mistake else 200,
        zone=scope.zone,
        tab="handover",
        may=lambda action: held.may(principal, Action(action)),
        booking=held.booking,
        kind=KINDS[held.booking.kind],
        number=held.case.number if held.case else None,
        facility=facility,
        parts=parts,
        names=names,
        **form_values(request, mistake, typed),
    )


def form_values(request: web.Request, mistake: Mistake | None, typed: Form | None) -> dict[str, object]:
    """What every page with the form of a handover shows of it."""
    return {
        "error": mistake,
        "recipient": typed.raw("recipient")[:100] if typed else "",
        "content": typed.raw("content") if typed else "",
        "disc": typed.raw("disc") if typed else "",
        "told": query(request).raw("told"),
        "kept_for": outgoing.KEPT_FOR.days,
    }


async def _part(tx: AsyncSession, request: web.Request, row: Recording) -> Part:
    refusals = await refusals_of(tx, request, row)
    made = await shown_of(tx, request, await outgoing.of_recording(tx, row.id))
    said = {content: sentence(request, refused.text, {}) for content, refused in refusals.items()}
    files = await recorded_files.files(tx, row.id)
    sizes = {
        content.value: [outgoing.expected_bytes(row, files, content)]
        for content in Bundle
        if content.value not in refusals
    }
    return Part(row, said, discs_of(sizes), made)


def discs_of(sizes: Mapping[str, Sequence[int]]) -> dict[str, dict[str, int]]:
    """Per size of disc how many each form needs, whose bundles are so large. Pure."""
    return {
        disc: {content: outgoing.discs_needed(found, disc) for content, found in sizes.items()} for disc in discs.SIZES
    }


async def refusals_of(tx: AsyncSession, request: web.Request, row: Recording) -> dict[str, Refused]:
    """Per form why a recording cannot leave now; nothing where it can."""
    now = context(request).clock.now()
    found = {content.value: await outgoing.why_not(tx, account(request), row, content, now=now) for content in Bundle}
    return {content: refused for content, refused in found.items() if refused is not None}


async def shown_of(tx: AsyncSession, request: web.Request, rows: Sequence[Handover]) -> list[Made]:
    """How far each is."""
    found, made = context(request), []
    for item in rows:
        failed = item.state == "asked" and await jobs.state(tx, f"handover:{item.id}") == "failed"
        recordings = [recording for _, recording in await outgoing.parts(tx, item.id)]
        waits = item.state == "asked" and not failed and found.recordings is not None
        percent = outgoing.share(found.recordings, item, recordings) if waits else 0
        sealed = item.state == "ready" and not await _is_open(tx, request, item, recordings)
        made.append(Made(item, "failed" if failed else item.state, percent, len(recordings) > 1, sealed))
    return made


async def _is_open(tx: AsyncSession, request: web.Request, row: Handover, recordings: Sequence[Recording]) -> bool:
    """Whether nothing in a handover is an original that is sealed for the viewer."""
    if row.content != Bundle.ORIGINAL.value:
        return True
    now, person = context(request).clock.now(), account(request).id
    opened = [await filing.is_original_open(tx, recording.id, now=now, person=person) for recording in recordings]
    return all(opened)


def order_of(typed: Form, case_number: str) -> Order:
    """What the form asks for. Raises ``Invalid``."""
    return Order(
        content=Bundle(typed.choice("content", tuple(content.value for content in Bundle))),
        disc=typed.choice("disc", ("", *discs.SIZES)),
        recipient=typed.text("recipient", longest=100),
        case_number=case_number,
    )


async def ask(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/handover``: have a recording made ready by the worker."""
    principal, found, session, typed = account(request), context(request), path_id(request), await form(request)
    now = found.clock.now()
    try:
        async with found.database.transaction() as tx:
            scope = await of_session(tx, request)
            held = scope.sessions[session]
            require(principal, Action.EXPORT_RECORD, held.held, now=now)
            if typed.raw("recording") not in {row.id for row in scope.recordings}:
                raise NotFound("no-recording", "There is no recording here that you can see.")
            order = order_of(typed, held.case.number if held.case else "")
            made = await outgoing.ask(tx, principal, {typed.raw("recording"): held.held}, order, now=now)
    except PersonError as error:
        return await _show(request, of_form(request, error), typed)
    if isinstance(made, Refused):
        return await _show(request, of_rule(request, made.rule, made.text), typed)
    return see_other(f"{scope.address}?told=asked")


@dataclass(frozen=True, slots=True)
class _Given:
    """The handover in the address, and the recordings in it."""

    scope: Scope
    row: Handover
    recordings: Sequence[Recording]

    @property
    def ids(self) -> list[str]:
        return [recording.id for recording in self.recordings]


async def _found(tx: AsyncSession, request: web.Request, scope_of: ScopeOf) -> _Given:
    """The handover in the address, if all that is in it is of the page's and open to the viewer."""
    scope = await scope_of(tx, request)
    row = await tx.get(Handover, path_id(request, "handover"))
    recordings = [recording for _, recording in await outgoing.parts(tx, row.id)] if row else []
    known = {item.id for item in scope.recordings}
    if row is None or not recordings or not known.issuperset(item.id for item in recordings):
        raise web.HTTPNotFound
    return _Given(scope, row, recordings)


async def take(request: web.Request, *, scope_of: ScopeOf) -> web.StreamResponse:
    """``GET …/{handover}/{name}``: take a file along, in ranges. Each beginning is told first."""
    principal, found = account(request), context(request)
    now, name = found.clock.now(), request.match_info["name"]
    async with found.database.transaction() as tx:
        given = await _found(tx, request, scope_of)
        row = given.row
        for recording in given.recordings:
            require(principal, Action.EXPORT_RECORD, given.scope.held(recording), now=now)
        if not await _is_open(tx, request, row, given.recordings):
            raise NotFound("sealed-original", "The original of this recording is sealed. Please ask for its release.")
        if request.headers.get("Range", "").replace(" ", "") in ("", "bytes=0-"):
            await outgoing.taken(tx, row, name, given.ids, by=principal.id, now=now)
        known = {file["name"] for file in row.files if row.state == "ready"}
    if name not in known or found.recordings is None:
        raise NotFound("no-file", "There is no such file to take along.")
    media_type = _TYPES.get(name[name.rfind(".") :], "application/octet-stream")
    source = await outgoing.open_file(found.recordings, row, name, given.ids, media_type)
    return await serve(request, source, attachment=name)


@dataclass(frozen=True, slots=True)
class Line:
    """One recording on the printed list."""

    recording: Recording
    kind: str
    digest: str


async def sheet(request: web.Request, *, scope_of: ScopeOf) -> web.StreamResponse:
    """``GET …/{handover}``: the sheet and the labels, to be printed on A4."""
    found = context(request)
    async with found.database.transaction(write=False) as tx:
        given = await _found(tx, request, scope_of)
        parts = await outgoing.parts(tx, given.row.id)
        names = await people.names(tx, {given.row.asked_by})
        left_out = [
            (booking, outgoing.WHY[item["rule"]])
            for item in given.row.left_out
            if (booking := await calendar.booking(tx, item["session"])) is not None
        ]
    row = given.row
    if not row.files:
        raise NotFound("not-made", "This has not been made yet.")
    images = [file for file in row.files if file["name"].endswith(".iso")]
    listed = next((file for file in row.files if file["name"] == handover.LIST), row.files[0])
    several = len(parts) > 1
    return page(
        request,
        "record/sheet.html",
        zone=given.scope.zone,
        back=given.scope.address,
        row=row,
        lines=[Line(recording, KINDS[recording.kind].name, part.digest or "") for part, recording in parts],
        left_out=[(booking, KINDS[booking.kind].name, why) for booking, why in left_out],
        listed=listed if several else None,
        labels=images or [listed if several else row.files[0]],
        by=names.get(row.asked_by, ("", "")),
    )


async def receipt(request: web.Request, *, scope_of: ScopeOf, again: "Again") -> web.StreamResponse:
    """``POST …/{handover}/receipt``: what the recipient signed, compared with what was made."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        async with found.database.transaction() as tx:
            given = await _found(tx, request, scope_of)
            signed, sha256 = typed.text("signed", longest=100), typed.text("sha256", longest=100)
            now = found.clock.now()
            await outgoing.receive(tx, given.row, given.ids, sha256=sha256, signed=signed, by=principal.id, now=now)
    except PersonError as error:
        return await again(request, of_form(request, error), typed)
    return see_other(f"{given.scope.address}?told=received")


Again = Callable[[web.Request, Mistake | None, Form | None], Awaitable[web.StreamResponse]]
"""Shows the page with what was wrong."""


async def progress(request: web.Request, *, scope_of: ScopeOf) -> web.StreamResponse:
    """``GET …/{handover}/progress``: for the page that waits."""
    found = context(request)
    async with found.database.transaction(write=False) as tx:
        given = await _found(tx, request, scope_of)
        state = await jobs.state(tx, f"handover:{given.row.id}")
    waits = given.row.state == "asked" and state in ("waiting", "running")
    asked = waits and found.recordings is not None
    percent = outgoing.share(found.recordings, given.row, given.recordings) if asked else 100
    return web.json_response({"waits": waits, "percent": percent})


def routes_of_one(base: str, scope_of: ScopeOf, again: Again) -> list[web.RouteDef]:
    """The addresses of one handover below a page."""
    return [
        web.get(base + "/{handover}", partial(sheet, scope_of=scope_of)),
        web.post(base + "/{handover}/receipt", partial(receipt, scope_of=scope_of, again=again)),
        web.get(base + "/{handover}/progress", partial(progress, scope_of=scope_of)),
        web.get(base + "/{handover}/{name}", partial(take, scope_of=scope_of)),
    ]


def routes() -> list[web.RouteDef]:
    base = "/records/{id}/handover"
    return [web.get(base, show), web.post(base, ask), *routes_of_one(base, of_session, _show)]
