"""What the worker does with recordings, by kind of job."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import NotFound, Unavailable
from core.jobs import Handler, Wanted, ask_again, enqueue, enqueue_all
from people.veil import NOTHING, Cover
from recordings import captions, covering, derived, keeping, outgoing, printed, scrub, store, upkeep
from recordings.abandoned import EndLost
from recordings.compose import Wishes
from recordings.covering import Covers
from recordings.filesystem import Disk
from recordings.layout import RecordingFiles
from recordings.library import Library
from recordings.models import Recording
from recordings.proving import NotYet, prove
from recordings.retention import keeping_of
from recordings.storage import Differs, Store, StoreAway, bring, bring_ended
from recordings.timestamps import Authority, AuthorityAway, HttpAuthority, TokenInvalid, pin, stamp_closed

log = structlog.get_logger()


EXPIRE_EVERY = timedelta(hours=1)
SCRUB_EVERY = timedelta(days=7)
PROVE_AFTER = timedelta(seconds=90)
"""When the ledger's next signed head will hold what it was told at the end of a session."""
ASK_AGAIN = timedelta(minutes=10)
"""How long to wait for a time stamp authority that was away."""


class WorkFailed(Exception):
    """A program that worked on a recording ended with a failure; the job is tried again."""


def handlers(
    data_dir: Path,
    database: Database,
    clock: Clock,
    authority: Authority | None = None,
    copies: Sequence[Store] = (),
    covers: Covers | None = None,
    zone: ZoneInfo = printed.ZONE,
) -> Mapping[str, Handler]:
    """Handlers for ``core.jobs.Worker``; payloads name the ``recording``. Clocks of films and pages are those of
    ``zone``.

    With an ``authority`` ended chains are time-stamped; to each store of ``copies`` a second copy is brought.
    ``covers`` says what a recording hides; without it nobody is protected.
    """
    library = Library(data_dir, clock)
    if isinstance(authority, HttpAuthority):
        pin(data_dir, authority.root)

    async def finalize(payload: Mapping[str, Any]) -> None:
        recording = str(payload["recording"])
        row = await finalize_recording(library, database, clock, recording, covered=covers is not None)
        if row is not None and covers is not None and not await is_plain(library, database, recording, covers):
            async with database.transaction() as tx:
                await covering.ask(tx, recording, clock.now())
        await timestamp_recording(library, database, clock, recording, authority)
        await copy_recording(library, database, clock, recording, copies)
        async with database.transaction() as tx:
            await _next_round(tx, clock)
            if row is not None:
                await _prove_later(tx, clock, recording, key=f"prove:{recording}")
            if row is not None and not keeping_of(row.kind).by_itself:
                await _compose(tx, library, clock, recording)

    async def copy(payload: Mapping[str, Any]) -> None:
        await copy_recording(library, database, clock, str(payload["recording"]), copies)

    async def copy_segments(payload: Mapping[str, Any]) -> None:
        await copy_running(library, str(payload["recording"]), copies)

    async def compose(payload: Mapping[str, Any]) -> None:
        await compose_recording(library, database, clock, payload, covers, zone)

    async def cover(payload: Mapping[str, Any]) -> None:
        if covers is not None:
            await cover_recording(library, database, clock, str(payload["recording"]), covers, zone)

    async def timestamp(payload: Mapping[str, Any]) -> None:
        await timestamp_recording(library, database, clock, str(payload["recording"]), authority)

    async def anchor(payload: Mapping[str, Any]) -> None:
        recording = str(payload["recording"])
        await prove_recording(library, database, clock, recording)
        await copy_recording(library, database, clock, recording, copies)

    async def expire(_payload: Mapping[str, Any]) -> None:
        await keeping.remove_expired(database, library, clock)
        await outgoing.remove_old(database, library, clock)
        await outgoing.remove_torn(database, library)
        async with database.transaction() as tx:
            if covers is not None:
                await covering.ask_again(tx, clock.now())
            await _next_round(tx, clock)

    async def scrub(_payload: Mapping[str, Any]) -> None:
        await upkeep.scrub_round(library, database, clock, copies)

    async def hand_over(payload: Mapping[str, Any]) -> None:
        await outgoing.make(library, database, clock, str(payload["handover"]), zone)

    return {
        outgoing.JOB: hand_over,
        "finalize_recording": finalize,
        "compose_recording": compose,
        covering.JOB: cover,
        "copy_recording": copy,
        "copy_segments": copy_segments,
        "timestamp_recording": timestamp,
        "prove_recording": anchor,
        "expire_recordings": expire,
        "scrub_recordings": scrub,
    }


async def _next_round(tx: AsyncSession, clock: Clock) -> None:
    """Keep the hourly look for what expires, and the weekly scrub, going; each is asked for once."""
    due = clock.now() + EXPIRE_EVERY
    await enqueue(tx, "expire_recordings", {}, due=due, key=f"expire:{due:%Y-%m-%dT%H}")
    week = clock.now() + SCRUB_EVERY
    await enqueue(tx, "scrub_recordings", {}, due=week, key=f"scrub:{week:%G-%V}")


async def _compose(tx: AsyncSession, library: Library, clock: Clock, recording: str) -> None:
    """Ask for the composed picture once, and again when what it was made from was made anew, or it is spoilt."""
    made = await library.files(recording)
    if not made:
        return
    wanted = Wanted("compose_recording", {"recording": recording}, clock.now(), f"compose:{recording}")
    spoilt = await asyncio.to_thread(scrub.spoilt_derived, RecordingFiles.of(library.data_dir, recording))
    if {item.file for item in made if item.kind == "composed"} & {*derived.outdated(made), *spoilt}:
        await ask_again(tx, wanted)
    else:
        await enqueue_all(tx, [wanted])


async def _prove_later(tx: AsyncSession, clock: Clock, recording: str, key: str | None = None) -> None:
    await enqueue(tx, "prove_recording", {"recording": recording}, due=clock.now() + PROVE_AFTER, key=key)


async def prove_recording(library: Library, database: Database, clock: Clock, recording: str) -> None:
    """Lay the ledger's proofs beside the chain; while no signed head of the ledger holds them, try again later."""
    try:
        await prove(library, database, recording)
    except NotYet:
        async with database.transaction() as tx:
            await _prove_later(tx, clock, recording)


async def copy_recording(
    library: Library, database: Database, clock: Clock, recording: str, copies: Sequence[Store]
) -> None:
    """Bring what is finished to each store; one that is away or full is asked again later, and the copy here stays.

    Raises ``storage.Differs`` when a store holds something else under a name: an operator must look.
    """
    if not library.has(recording) or library.is_erased(recording):
        return
    files = RecordingFiles.of(library.data_dir, recording)
    for copy in copies:
        try:
            await asyncio.to_thread(bring, files, copy)
        except StoreAway as error:
            log.error("a second copy waits for its store", recording=recording, error=str(error))
            async with database.transaction() as tx:
                await enqueue(tx, "copy_recording", {"recording": recording}, due=clock.now() + ASK_AGAIN)
            return


async def copy_running(library: Library, recording: str, copies: Sequence[Store]) -> None:
    """Bring the ended segments of a recording that runs to each store. It is asked for again with the next minute, so
    that a store that is away is only told."""
    if not copies or not library.has(recording) or library.is_erased(recording):
        return
    files = RecordingFiles.of(library.data_dir, recording)
    for copy in copies:
        try:
            await asyncio.to_thread(bring_ended, files, copy, time.time())
        except (StoreAway, Differs) as error:
            log.error("a second copy waits while it is recorded", recording=recording, error=type(error).__name__)


async def compose_recording(
    library: Library,
    database: Database,
    clock: Clock,
    payload: Mapping[str, Any],
    covers: Covers | None = None,
    zone: ZoneInfo = printed.ZONE,
) -> None:
    """Make the composed picture; an interrupted run goes on where it was. ``payload`` may hold ``wishes`` as
    ``recordings.work`` reads them, which are labels and ids; never put names into a payload that is kept."""
    recording = str(payload["recording"])
    if not library.has(recording) or library.is_erased(recording):
        return
    said: dict[str, Any] = {"zone": zone.key} | dict(payload.get("wishes") or {})
    with contextlib.suppress(Unavailable):  # a log that cannot be opened names nobody
        veil = (await covers(await _session_of(library, recording))).veil if covers is not None else NOTHING
        said.setdefault("labels", captions.labels(await library.log(recording), veil))
    await _run("compose", str(library.data_dir), recording, given=json.dumps(said).encode())
    await refresh(library, database, clock, recording)


async def _session_of(library: Library, recording: str) -> str:
    return str((await library.summary(recording)).genesis["session"])


async def is_plain(library: Library, database: Database, recording: str, covers: Covers) -> bool:
    """Whether a recording hides nobody; if so it is said at once, and nobody waits for a copy they do not need."""
    async with database.transaction(write=False) as tx:
        row = await store.find(tx, recording)
    if row is None or row.policy != "clear":
        return True
    try:
        plain = not await _hidden(library, recording, await covers(row.session))
    except (NotFound, Unavailable):  # then the job finds out, again and again
        return False
    return plain and await _settle(database, recording, was=row.cover, now="")


async def _hidden(library: Library, recording: str, hides: Cover) -> frozenset[str]:
    """The endpoints that have to be masked; none in a recording without picture and sound."""
    tracks = {item.endpoint: item.role for item in await library.files(recording) if item.kind == "participant"}
    return covering.masked(await library.log(recording), tracks, hides) if tracks else frozenset()


async def _settle(database: Database, recording: str, *, was: str, now: str) -> bool:
    """Say which copy hides somebody, unless names have changed meanwhile; return whether it was said."""
    async with database.transaction() as tx:
        stands = update(Recording).where(Recording.id == recording, Recording.cover == was)
        done = await tx.execute(stands.values(cover=now))
    return bool(done.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result


async def cover_recording(
    library: Library,
    database: Database,
    clock: Clock,
    recording: str,
    covers: Covers,
    zone: ZoneInfo = printed.ZONE,
) -> None:
    """Work out who has to be hidden, make the copy that hides them, and only then say that it is the one to be given.

    Raises ``NotFound``, ``Unavailable`` and ``WorkFailed``: the job is tried again, and until then there is no copy.
    """
    async with database.transaction(write=False) as tx:
        row = await store.find(tx, recording)
    if row is None or row.policy != "clear" or not library.has(recording) or library.is_erased(recording):
        return
    hides = await covers(row.session)
    hidden, made = await _hidden(library, recording, hides), ""
    if hidden:
        await library.mark_cover(recording, covering.due_mark())
        labels = captions.labels(await library.log(recording), hides.veil)
        said = {"labels": labels, "protected": sorted(hidden), "zone": zone.key}
        await _run("compose", str(library.data_dir), recording, given=json.dumps(said).encode())
        made = Wishes(labels=labels, protected=hidden).file
    await refresh(library, database, clock, recording)
    if await _settle(database, recording, was=row.cover, now=made):
        await library.mark_cover(recording, made)
        await refresh(library, database, clock, recording)
        await outgoing.remove_withdrawn(database, library, recording)


async def timestamp_recording(
    library: Library, database: Database, clock: Clock, recording: str, authority: Authority | None
) -> None:
    """Time-stamp the end of a closed chain; while the authority is away, ask again later, for as long as it takes."""
    if authority is None or not library.has(recording):
        return
    files = RecordingFiles.of(library.data_dir, recording)
    try:
        await asyncio.to_thread(stamp_closed, files, authority, Disk())
    except (AuthorityAway, TokenInvalid) as error:
        log.warning("a recording waits for its time stamp", recording=recording, error=type(error).__name__)
        async with database.transaction() as tx:
            await enqueue(tx, "timestamp_recording", {"recording": recording}, due=clock.now() + ASK_AGAIN)


async def finalize_recording(
    library: Library, database: Database, clock: Clock, recording: str, *, covered: bool = False
) -> Recording | None:
    """Close the chain if its recorder is gone, make the playable files, verify, and tell the database.

    ``covered``: whom it hides is still to be worked out, and nobody outside is given a copy before.
    Returns what the database was told, ``None`` when there is nothing to finalise: of a chain that lost its end no film
    is made anew, for those that are there show more.

    Raises ``abandoned.StillRecording`` while a recorder is at work, ``WorkFailed`` when the files cannot be made.
    """
    if not library.has(recording):
        log.warning("a recording to be finalised does not exist", recording=recording)
        return None
    if library.is_erased(recording):
        return None
    try:
        await library.close_abandoned(recording)
    except EndLost:
        log.error("a recording that was ended has lost its end: it is left as it is", recording=recording)
        await refresh(library, database, clock, recording, covered=covered)
        return None
    await _run("finalize", str(library.data_dir), recording)
    return await refresh(library, database, clock, recording, covered=covered)


async def refresh(
    library: Library, database: Database, clock: Clock, recording: str, *, covered: bool = False
) -> Recording:
    """Verify a recording and put what is found into the database."""
    async with database.transaction(write=False) as tx:
        heads = await store.known_heads(tx, recording)
    found = await library.verify(recording, heads)
    await library.keep_summary(recording)
    said = await library.summary(recording)
    files = await library.files(recording)
    genesis, now = said.genesis, clock.now()
    row = Recording(
        id=recording,
        session=genesis["session"],
        kind=genesis["kind"],
        policy=genesis["policy"],
        state="erased" if "erased" in found.remarks else "closed",
        started=said.started,
        ended=said.ended,
        duration_ms=found.duration_ms,
        takes=found.takes,
        gaps=len(said.gaps),
        bytes=found.bytes,
        digest=found.digest,
        verdict=found.verdict.value,
        verified=now,
        last_check=found.brief(),
        finalized=now,
    )
    async with database.transaction() as tx:
        known = await store.find(tx, recording)
        if known is None:
            details = {
                "digest": row.digest,
                "ms": found.duration_ms,
                "frames": found.frames,
                "verdict": row.verdict,
            }
            await ledger.append(tx, "recording.closed", actor="system", subject=recording, at=now, details=details)
            row.cover = covering.due_mark() if covered and row.policy == "clear" else ""
        elif known.digest != row.digest:
            log.error("a recording ends elsewhere than when it was closed", recording=recording)
            row.digest = known.digest
        if known is not None and known.state == "filed" and row.state == "closed":
            row.state = known.state
        await store.put(tx, row, files)
    return row


async def _run(*arguments: str, given: bytes = b"") -> None:
    """Run ``recordings.work``; a cancelled job ends it, what is finished stays."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "recordings.work",
        *arguments,
        cwd=Path(__file__).parent.parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await program.communicate(given)
    except asyncio.CancelledError:
        program.terminate()
        await program.wait()
        raise
    if program.returncode:
        raise WorkFailed(f"status {program.returncode}")
