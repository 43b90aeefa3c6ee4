"""The weekly round: every recording verified, compared with what the ledger was told, and mended from a second copy."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.jobs import enqueue
from recordings import scrub, storage, store
from recordings.filesystem import Disk
from recordings.layout import RecordingFiles, recordings_dir
from recordings.library import Library
from recordings.storage import Differs, Store, StoreAway
from recordings.verdicts import Verification

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found."""

    sound: int
    mended: tuple[str, ...]
    spoilt: tuple[str, ...]
    """Recordings that are not what they were and could not be mended: somebody must look."""
    rotten: tuple[str, ...] = ()
    """Objects of second copies that are not what is here, or are not there: never replaced by us."""


async def scrub_round(library: Library, database: Database, clock: Clock, copies: Sequence[Store]) -> Round:
    """Verify each recording that has ended; mend what is spoilt; tell the ledger of either. Safe to run again."""
    sound = 0
    mended: list[str] = []
    rotten: list[str] = []
    spoilt: list[str] = []
    for root in sorted(recordings_dir(library.data_dir).glob("*")):
        recording = root.name
        if not library.has(recording):
            continue
        found = await _verified(library, database, recording)
        if not await _is_spoilt(database, recording, found):
            sound += 1
            await _keep(database, clock, recording, found)
            await _look_at_films(library, database, clock, recording)
            rotten += await _compare(library, database, clock, recording, copies)
            continue
        repaired = await _mend(library, recording, copies)
        found = await _verified(library, database, recording)
        still = await _is_spoilt(database, recording, found)
        (spoilt if still else mended).append(recording)
        await _tell(database, clock, recording, found, repaired, still=still)
    return Round(sound, tuple(mended), tuple(spoilt), tuple(rotten))


async def _verified(library: Library, database: Database, recording: str) -> Verification:
    async with database.transaction(write=False) as tx:
        heads = await store.known_heads(tx, recording)
    return await library.verify(recording, heads)


async def _is_spoilt(database: Database, recording: str, found: Verification) -> bool:
    """Modified, missing, or ending elsewhere than when it was closed: a chain cut short verifies as far as it goes."""
    if found.verdict in scrub.GRAVE or found.unusable:
        return True
    async with database.transaction(write=False) as tx:
        row = await store.find(tx, recording)
    return row is not None and row.digest != found.digest


async def _keep(database: Database, clock: Clock, recording: str, found: Verification) -> None:
    """That it is sound, and when that was seen."""
    async with database.transaction() as tx:
        row = await store.find(tx, recording)
        if row is not None:
            store.checked(row, found, clock.now())


async def _look_at_films(library: Library, database: Database, clock: Clock, recording: str) -> None:
    """A film that rotted is made again: the recording it was made from is sound."""
    spoilt = await asyncio.to_thread(scrub.spoilt_derived, RecordingFiles.of(library.data_dir, recording))
    if spoilt:
        log.warning("films of a recording rotted and are made again", recording=recording, files=len(spoilt))
        async with database.transaction() as tx:
            await _finalize(tx, clock, recording)


async def _finalize(tx: AsyncSession, clock: Clock, recording: str) -> None:
    await enqueue(tx, "finalize_recording", {"recording": recording}, due=clock.now())


async def _mend(library: Library, recording: str, copies: Sequence[Store]) -> list[str]:
    for copy in copies:
        try:
            done = await asyncio.to_thread(storage.repair_from, library.data_dir, recording, copy, Disk())
        except (StoreAway, OSError) as error:
            log.error("a second copy could not be read", recording=recording, error=type(error).__name__)
            continue
        if done:
            return done
    return []


async def _compare(
    library: Library, database: Database, clock: Clock, recording: str, copies: Sequence[Store]
) -> list[str]:
    """Bring what a second copy lacks and read all of it back; what differs is told to the ledger and an operator."""
    files, wrong = RecordingFiles.of(library.data_dir, recording), []
    for copy in copies:
        try:
            with contextlib.suppress(Differs):  # the comparison names it
                await asyncio.to_thread(storage.bring, files, copy)
            wrong += await asyncio.to_thread(storage.verify_copy, copy, recording, files)
        except StoreAway as error:
            log.error("a second copy could not be compared", recording=recording, error=str(error))
    if wrong:
        log.error("a second copy is not what is here", recording=recording, objects=len(wrong))
        async with database.transaction() as tx:
            details = {"files": wrong[:50]}
            await ledger.append(
                tx, "recording.copy-spoilt", actor="system", subject=recording, at=clock.now(), details=details
            )
    return wrong


async def _tell(
    database: Database, clock: Clock, recording: str, found: Verification, repaired: Sequence[str], *, still: bool
) -> None:
    """The database and the ledger learn of it; an operator by an error in the log. Films that lack what was mended
    are made anew."""
    tag = "recording.spoilt" if still else "recording.mended"
    details = {"verdict": found.verdict.value, "files": list(repaired), "digest": found.digest}
    async with database.transaction() as tx:
        row = await store.find(tx, recording)
        if row is not None:
            store.checked(row, found, clock.now())
        await ledger.append(tx, tag, actor="system", subject=recording, at=clock.now(), details=details)
        if repaired:
            await _finalize(tx, clock, recording)
    if still:
        log.error("a recording is spoilt and no copy mends it", recording=recording, verdict=found.verdict.value)
    else:
        log.warning("a recording was mended from its copy", recording=recording, files=len(repaired))
