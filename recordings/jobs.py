"""What the worker does with recordings, by kind of job."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from core.clock import Clock
from core.database import Database
from core.jobs import Handler
from recordings import store
from recordings.library import Library
from recordings.models import Recording

log = structlog.get_logger()


class WorkFailed(Exception):
    """A program that worked on a recording ended with a failure; the job is tried again."""


def handlers(data_dir: Path, database: Database, clock: Clock) -> Mapping[str, Handler]:
    """Handlers for ``core.jobs.Worker``; payloads name the ``recording``."""
    library = Library(data_dir, clock)

    async def finalize(payload: Mapping[str, Any]) -> None:
        await finalize_recording(library, database, clock, str(payload["recording"]))

    return {"finalize_recording": finalize}


async def finalize_recording(library: Library, database: Database, clock: Clock, recording: str) -> None:
    """Close the chain if its recorder is gone, make the playable files, verify, and tell the database.

    Raises ``abandoned.StillRecording`` while a recorder is at work, ``WorkFailed`` when the files cannot be made.
    """
    if not library.has(recording):
        log.warning("a recording to be finalised does not exist", recording=recording)
        return
    await library.close_abandoned(recording)
    await _run("finalize", str(library.data_dir), recording)
    await refresh(library, database, clock, recording)


async def refresh(library: Library, database: Database, clock: Clock, recording: str) -> Recording:
    """Verify a recording and put what is found into the database."""
    found = await library.verify(recording)
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
        finalized=now,
    )
    async with database.transaction() as tx:
        await store.put(tx, row, files)
    return row


async def _run(*arguments: str) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "recordings.work", *arguments, cwd=Path(__file__).parent.parent
    )
    try:
        status = await program.wait()
    except asyncio.CancelledError:
        program.terminate()
        raise
    if status:
        raise WorkFailed(f"status {status}")
