"""The record of one session: what it is worth as evidence, its players with their timeline, and its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from cases import volume
from cases.kinds import KINDS
from core import jobs, ledger
from core.errors import Denied, NotFound, Unavailable
from core.texts import Texts
from core.texts import msgid as m
from people import stills
from people.models import IdentityStill
from people.permissions import Action, require
from people.veil import Veil
from recordings import covering, filing
from recordings import store as recorded_files
from recordings import words as verdict_words
from recordings.models import DerivedFile, Recording
from recordings.verdicts import Range, Verdict
from scheduler import store as calendar
from web import films, happenings, lanes, links, store, words
from web.context import context
from web.forms import form, path_id, query
from web.happenings import Happening
from web.identity import account
from web.language import locale_of, see_other
from web.mistakes import sentence
from web.playback import serve
from web.recorded import GRANTED, is_opened, recorded
from web.rendering import page


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the last check named: from where to where, and in words."""

    from_ms: int
    to_ms: int
    grave: bool
    text: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A time of which there is no picture, or a false one, to be jumped to."""

    span: lanes.Span
    text: str


@dataclass(frozen=True, slots=True)
class Jump:
    """A moment worth going to: a marker, a stop, a gap."""

    ms: int
    symbol: str
    text: str
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One recording of the session. There are several when the media server was changed while it ran."""

    recording: Recording
    findings: Sequence[Finding]
    remarks: Sequence[str]
    check: Mapping[str, Any]
    films: Sequence[films.Film]
    """What the viewer may open: of a filed recording the working copies, unless its original was released to them."""
    sealed: bool
    """Whether the original is sealed to the viewer."""
    hides: bool
    """Whether somebody in it is protected whom the viewer may not see plainly."""
    names: Mapping[str, str]
    lines: Sequence[Happening]
    lanes: lanes.Lanes | None
    missing: Sequence[Missing]
    jumps: Sequence[Jump]
    composing: str
    """``""``, or where the composed picture stands: ``waiting``, ``running``, ``failed``, ``cancelled``."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A still picture of the identity check: until when it is kept, or since when it is gone."""

    id: str
    name: str
    """msgid"""
    due: datetime
    removed: datetime | None
    digest: str
    shown: bool
    """Whether the viewer may have it shown."""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}?part=``: log, verdict and, once opened, the players."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        held = await recorded(tx, principal, session)
        await ledger.append(tx, "recording.log-viewed", actor=principal.id, subject=session, at=found.clock.now())
        parties = await calendar.parties(tx, [session])
        rows = await store.recordings_of(tx, session)
        now = found.clock.now()
        plain = held.may(principal, Action.SEE_UNMASKED)
        original = [
            await filing.is_original_open(tx, row.id, now=now, person=principal.id, plain=plain) for row in rows
        ]
        veil = await volume.veil(tx, held.booking.case, held.booking.start)
        files = [await recorded_files.files(tx, row.id) for row in rows]
        composing = [await jobs.state(tx, f"compose:{row.id}") for row in rows]
        opened = await is_opened(tx, principal, session, request)
        facility = await calendar.facility(tx, held.booking.facility) if held.booking.facility else None
        sees = held.may(principal, Action.VIEW_STILLS) and (plain or not veil)
        pictures = [_picture(row, sees, now) for row in await stills.of_session(tx, session)]
    zone = ZoneInfo(held.booking.zone)
    seen = [
        Seen(
            row,
            of_row,
            filing.shown(of_row, row.cover, original=open_, plain=plain),
            open_,
            bool(row.cover) and not plain,
        )
        for row, of_row, open_ in zip(rows, files, original, strict=True)
    ]
    parts = [await _part(request, session, one, veil, state) for one, state in zip(seen, composing, strict=True)]
    chosen = min(query(request).ordinal("part"), len(parts) or 1) - 1
    return page(
        request,
        "record/record.html",
        zone=zone,
        tab="record",
        may=lambda action: held.may(principal, Action(action)),
        booking=held.booking,
        kind=KINDS[held.booking.kind],
        number=held.case.number if held.case else None,
        facility=facility,
        parties=parties,
        parts=parts,
        missing=not parts and store.is_missing(held.booking.ended, now),
        numbered=list(enumerate(parts, 1)),
        chosen=chosen,
        opened=opened,
        told=query(request).raw("told"),
        checks=[line for part in parts for line in part.lines if line.event in happenings.IDENTITY],
        pictures=pictures,
        grave=sum(happenings.grave(part.lines) for part in parts),
        views=films.views(parts[chosen].films) if parts else [],
    )


def _picture(row: IdentityStill, may: bool, now: datetime) -> Picture:
    name = m("Face") if row.part == "face" else m("Document")
    gone = row.removed or (row.due if now >= row.due else None)
    return Picture(row.id, name, row.due, gone, row.digest, shown=may and gone is None)


@dataclass(frozen=True, slots=True)
class Seen:
    """One recording as its viewer may see it: the files open to them, and what is not."""

    row: Recording
    every: Sequence[DerivedFile]
    files: Sequence[DerivedFile]
    original: bool
    hides: bool


async def _part(request: web.Request, session: str, seen: Seen, veil: Veil, composing: str | None) -> Part:
    library, row = context(request).recordings, seen.row
    entries = covering.veiled(await _entries(library, row), veil)
    names = happenings.labels(entries)
    check = row.last_check or {}
    shown = films.films(session, seen.files, names, partial(links.sign, request, account(request)))
    try:
        drawn = lanes.lanes(await library.summary(row.id), seen.every, check.get("ranges", ())) if library else None
    except NotFound:
        drawn = None
    made = any(film.composed and not film.outdated for film in shown)
    missing = [Missing(span, _cause(request, span.cause)) for span in (drawn.missing() if drawn else ())]
    lines = happenings.read(entries)
    return Part(
        recording=row,
        findings=_findings(request, check),
        remarks=[sentence(request, *verdict_words.remark(str(word))) for word in check.get("remarks", ())],
        check=check,
        films=shown,
        sealed=row.state == "filed" and not seen.original,
        hides=seen.hides and not seen.original,
        names=names,
        lines=lines,
        lanes=drawn,
        missing=missing,
        jumps=_jumps(request, lines, missing),
        composing="" if made or composing in (None, "done") else str(composing),
    )


def _jumps(request: web.Request, lines: Sequence[Happening], missing: Sequence[Missing]) -> list[Jump]:
    """Markers, stops and gaps in order of time."""
    say = Texts(locale_of(request))
    found = [Jump(item.span.from_ms, words.SPANS[item.span.sort][1], item.text, grave=True) for item in missing]
    for line in lines:
        if line.event == "marker":
            found.append(Jump(line.ms, line.symbol, line.said or say(line.text)))
        elif line.event == "held":
            found.append(Jump(line.ms, line.symbol, say(line.text)))
    return sorted(found, key=lambda jump: jump.ms)


def _cause(request: web.Request, word: str) -> str:
    return sentence(request, *verdict_words.cause(Range(0, 0, Verdict.GAP, word)))


def _findings(request: web.Request, check: Mapping[str, Any]) -> list[Finding]:
    return [
        Finding(int(item["from_ms"]), int(item["to_ms"]), item["verdict"] != "GAP", _cause(request, str(item["cause"])))
        for item in check.get("ranges", ())
    ]


async def _entries(library: Any, row: Recording) -> Sequence[Mapping[str, Any]]:
    """The log as the chain holds it; nothing while the recording is not at hand or its key is away."""
    if library is None:
        return ()
    try:
        found: Sequence[Mapping[str, Any]] = await library.log(row.id)
    except (NotFound, Unavailable):
        return ()
    return found


async def play(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/play``: open the recording. The ledger is told first; what it holds is the permission."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        held = await recorded(tx, principal, session)
        require(principal, Action.PLAY_RECORD, held.held)
        if not await is_opened(tx, principal, session, request):
            await ledger.append(tx, GRANTED, actor=principal.id, subject=session, at=found.clock.now())
    return see_other(f"/records/{session}#players")


async def check(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/verify``: check every byte again, now, and keep what is found."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        held = await recorded(tx, principal, session)
        require(principal, Action.VERIFY_RECORD, held.held)
        known = {row.id: await recorded_files.known_heads(tx, row.id) for row in await store.recordings_of(tx, session)}
        await ledger.append(tx, "recording.verified", actor=principal.id, subject=session, at=found.clock.now())
    if not known or found.recordings is None:
        raise _nothing_yet()
    results = {recording: await found.recordings.verify(recording, heads) for recording, heads in known.items()}
    async with found.database.transaction() as tx:
        for row in await store.recordings_of(tx, session):
            if row.id in results:
                recorded_files.checked(row, results[row.id], found.clock.now())
    return see_other(f"/records/{session}?told=checked")


async def media(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/media/{recording}/{file}``: a playable file in ranges, after the recording was opened, by a
    link of the viewer's own that still holds."""
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        held = await recorded(tx, principal, session)
        require(principal, Action.PLAY_RECORD, held.held)
        if not await is_opened(tx, principal, session, request):
            raise Denied("not-opened", "Please open the recording on its page first: that is noted in the ledger.")
        recording = request.match_info["recording"]
        if recording not in {row.id for row in await store.recordings_of(tx, session)}:
            raise _nothing_yet()
        now = found.clock.now()
        plain, wanted = held.may(principal, Action.SEE_UNMASKED), request.match_info["file"]
        file = await filing.require_open(tx, recording, wanted, person=principal.id, now=now, plain=plain)
        links.require(request, principal)
        name = file.file
    if found.recordings is None:
        raise _nothing_yet()
    return await serve(request, await found.recordings.open(recording, name))


def _nothing_yet() -> NotFound:
    return NotFound("no-recording", "There is no recording of this session yet.")


async def progress(request: web.Request) -> web.StreamResponse:
    """``GET /records/{id}/progress?recording=``: how far the composed pictures of a session are, or one of them, for
    the page that waits."""
    principal, found, session = account(request), context(request), path_id(request)
    wanted = query(request).raw("recording")
    async with found.database.transaction(write=False) as tx:
        await recorded(tx, principal, session)
        rows = [row for row in await store.recordings_of(tx, session) if wanted in ("", row.id)]
        states = [await jobs.state(tx, f"compose:{row.id}") for row in rows]
    at = [_share(found.recordings, row.id) for row in rows]
    said = {
        "waits": any(state in ("waiting", "running") for state in states),
        "made": all(state in ("done", None) for state in states),
        "percent": max((share for share in at if share is not None), default=0),
    }
    return web.json_response(said)


def _share(library: Any, recording: str) -> int | None:
    """Percent composed while a composition runs."""
    try:
        said = library.progress(recording) if library is not None else None
    except NotFound:
        said = None
    return int(100 * said[0] / max(1, said[1])) if said else None


_COMPOSING = {
    "cancel": ("recording.compose-cancelled", jobs.cancel),
    "resume": ("recording.compose-resumed", jobs.resume),
}
"""Per act what the ledger is told, and what is done with the job."""


async def composition(request: web.Request) -> web.StreamResponse:
    """``POST /records/{id}/composition/{act}``: stop making the composed picture, or go on with it. What is finished of
    it stays. An act that comes too late does nothing, and the page shows how it stands."""
    principal, found, session = account(request), context(request), path_id(request)
    if request.match_info["act"] not in _COMPOSING:
        raise web.HTTPNotFound
    what, does = _COMPOSING[request.match_info["act"]]
    wanted, now = (await form(request)).raw("recording"), found.clock.now()
    async with found.database.transaction() as tx:
        held = await recorded(tx, principal, session)
        require(principal, Action.FILE_RECORD, held.held)
        ids = [row.id for row in await store.recordings_of(tx, session)]
        if wanted not in ids:
            raise _nothing_yet()
        if await does(tx, f"compose:{wanted}", now=now):
            await ledger.append(tx, what, actor=principal.id, subject=wanted, at=now)
    return see_other(f"/records/{session}?part={ids.index(wanted) + 1}#players")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/records/{id}", show),
        web.post("/records/{id}/play", play),
        web.post("/records/{id}/verify", check),
        web.get("/records/{id}/progress", progress),
        web.post("/records/{id}/composition/{act}", composition),
        web.get("/records/{id}/media/{recording}/{file}", media),
    ]
