"""Records: what took place in the own cases or the own tree, and the record of one session with its players."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from core import ledger
from core.errors import Denied, NotFound, Unavailable
from people import store as people
from people.permissions import Action, Relation, allowed, require
from people.principals import Principal
from recordings import filing
from recordings import store as recorded
from recordings import words as verdict_words
from recordings.models import DerivedFile, Recording
from recordings.verdicts import Verification
from scheduler import access
from scheduler import store as calendar
from scheduler.models import Booking
from web import happenings, store
from web.context import context
from web.forms import path_id, query
from web.happenings import Happening
from web.identity import account
from web.language import see_other
from web.mistakes import sentence
from web.playback import serve
from web.rendering import page

GRANT = timedelta(hours=12)
"""How long an opened recording can be played before it is opened, and noted, anew."""
GRANTED = "recording.play-granted"
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Player:
    """One playable file."""

    file: str
    media_type: str
    name: str
    role: str
    start_ms: int
    duration_ms: int
    address: str


@dataclass(frozen=True, slots=True)
class Part:
    """One recording of the session. There are several when the media server was changed while it ran."""

    recording: Recording
    verdict: str
    checked: bool
    """Whether the verdict is of this very moment."""
    summary: Sequence[str]
    findings: Sequence[tuple[str, str]]
    players: Sequence[Player]
    """What the viewer may open: of a filed recording the working copies, unless its original was released to them."""
    sealed: bool
    """Whether the original is sealed to the viewer."""
    lines: Sequence[Happening]


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /records?q=``: sessions whose record the viewer may open, newest first."""
    principal, found = account(request), context(request)
    search = query(request).text("q", longest=60, required=False)
    async with found.database.transaction(write=False) as tx:
        tree = await people.below(tx, principal.organisation or "") if _of_tree(principal) else ()
        if not tree and not principal.has("officer"):
            raise Denied("not-allowed", "Records are open to the officers of a case and to reviewers.")
        rows = await store.recorded_sessions(tx, principal.id, tree, search, PER_PAGE)
    return page(request, "record/list.html", rows=rows, search=search)


def _of_tree(principal: Principal) -> bool:
    return allowed(principal, Action.VIEW_RECORD, {Relation.OWN_TREE})


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}``: log, verdict and, once opened, the players."""
    return await _show(request, {})


async def _show(request: web.Request, checked: Mapping[str, Verification]) -> web.Response:
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        booking, held = await _booking(tx, principal, session)
        require(principal, Action.VIEW_RECORD, held)
        now = found.clock.now()
        await ledger.append(tx, "recording.log-viewed", actor=principal.id, subject=session, at=now)
        parties = await calendar.parties(tx, [session])
        recordings = [
            (
                row,
                await recorded.files(tx, row.id),
                await filing.is_original_open(tx, row.id, now=now, person=principal.id),
            )
            for row in await store.recordings_of(tx, session)
        ]
        opened = await _granted(tx, principal, session, request)
        number = await calendar.case_number(tx, booking.case)
        facility = await calendar.facility(tx, booking.facility) if booking.facility else None
    parts = [
        await _part(
            request,
            session,
            row,
            [item for item in files if is_open or filing.is_working_copy(item)],
            checked.get(row.id),
            not is_open,
        )
        for row, files, is_open in recordings
    ]
    return page(
        request,
        "record/record.html",
        zone=ZoneInfo(booking.zone),
        booking=booking,
        kind=KINDS[booking.kind],
        number=number,
        facility=facility,
        parties=parties,
        parts=parts,
        players=sum(len(part.players) for part in parts),
        may_play=allowed(principal, Action.PLAY_RECORD, held),
        opened=opened,
        grave=sum(happenings.grave(part.lines) for part in parts),
    )


async def _part(
    request: web.Request,
    session: str,
    recording: Recording,
    files: Sequence[DerivedFile],
    checked: Verification | None,
    sealed: bool,
) -> Part:
    entries = await _entries(context(request).recordings, recording)
    names = happenings.labels(entries)
    said = verdict_words.summary(checked) if checked else []
    return Part(
        recording=recording,
        verdict=str(checked.verdict) if checked else recording.verdict,
        checked=checked is not None,
        summary=[sentence(request, text, values) for text, values in said],
        findings=_findings(request, checked),
        players=[_player(session, file, names) for file in files],
        sealed=sealed,
        lines=happenings.read(entries),
    )


async def _booking(tx: AsyncSession, principal: Principal, session: str) -> tuple[Booking, frozenset[Relation]]:
    """The booking and the relations to it. A privileged session has no record that could be opened here."""
    booking = await calendar.booking(tx, session)
    if booking is None or KINDS[booking.kind].privileged:
        raise NotFound("no-record", "There is no record here that is open to you.")
    held = await access.relations_to(tx, principal, booking)
    if not allowed(principal, Action.VIEW_RECORD, held):
        raise NotFound("no-record", "There is no record here that is open to you.")
    return booking, held


async def _granted(tx: AsyncSession, principal: Principal, session: str, request: web.Request) -> bool:
    since = context(request).clock.now() - GRANT
    return await store.in_ledger(tx, GRANTED, actor=principal.id, subject=session, since=since)


async def _entries(library: Any, recording: Recording) -> Sequence[Mapping[str, Any]]:
    """The log as the chain holds it; nothing while the recording is not at hand or its key is away."""
    if library is None:
        return ()
    try:
        found: Sequence[Mapping[str, Any]] = await library.log(recording.id)
    except (NotFound, Unavailable):
        return ()
    return found


def _player(session: str, file: DerivedFile, names: Mapping[str, str]) -> Player:
    return Player(
        file=file.file,
        media_type=file.media_type,
        name=names.get(file.endpoint, ""),
        role=file.role,
        start_ms=file.start_ms,
        duration_ms=file.duration_ms,
        address=f"/records/{session}/media/{file.recording}/{file.file}",
    )


def _findings(request: web.Request, checked: Verification | None) -> list[tuple[str, str]]:
    if checked is None:
        return []
    found = []
    for item in checked.findings():
        text, values = verdict_words.cause(item)
        found.append((verdict_words.clock(item.from_ms), sentence(request, text, values)))
    return found[:100]


async def play(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/play``: open the recording. The ledger is told first; what it holds is the permission."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        _, held = await _booking(tx, principal, session)
        require(principal, Action.PLAY_RECORD, held)
        await ledger.append(tx, GRANTED, actor=principal.id, subject=session, at=found.clock.now())
    return see_other(f"/records/{session}#players")


async def check(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/verify``: check every byte again, now."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        _, held = await _booking(tx, principal, session)
        require(principal, Action.VERIFY_RECORD, held)
        recordings = await store.recordings_of(tx, session)
        await ledger.append(tx, "recording.verified", actor=principal.id, subject=session, at=found.clock.now())
    if not recordings or found.recordings is None:
        raise _nothing_yet()
    return await _show(request, {row.id: await found.recordings.verify(row.id) for row in recordings})


async def media(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/media/{recording}/{file}``: a playable file in ranges, after the recording was opened."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        _, held = await _booking(tx, principal, session)
        require(principal, Action.PLAY_RECORD, held)
        if not await _granted(tx, principal, session, request):
            raise Denied("not-opened", "Please open the recording on its page first: that is noted in the ledger.")
        recording = request.match_info["recording"]
        if recording not in {row.id for row in await store.recordings_of(tx, session)}:
            raise _nothing_yet()
        now = found.clock.now()
        file = await filing.require_open(tx, recording, request.match_info["file"], person=principal.id, now=now)
        name = file.file
    if found.recordings is None:
        raise _nothing_yet()
    return await serve(request, await found.recordings.open(recording, name))


def _nothing_yet() -> NotFound:
    return NotFound("no-recording", "There is no recording of this session yet.")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/records", listing),
        web.get("/records/{id}", show),
        web.post("/records/{id}/play", play),
        web.post("/records/{id}/verify", check),
        web.get("/records/{id}/media/{recording}/{file}", media),
    ]
