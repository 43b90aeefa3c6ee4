"""Files handed in wait for the site's virus scanner before anybody opens them; where none is configured nobody waits.

A scanner that is away keeps them waiting: nothing is opened unseen. What holds a virus is taken out and refused.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cases.models import Paper, PaperFile
from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, NotFound, Unavailable
from core.jobs import Handler
from core.viruses import Scanner
from scheduler import notices
from scheduler.models import LateScan

SCAN = "file.scan"
AGAIN = timedelta(minutes=1)
"""How soon a scanner that was away is asked again."""
WAITING, CLEAN, FOUND = "waiting", "clean", "found"
VIRUS = "virus"
"""Why a paper is refused that no post has looked at."""
VIRUS_TEXT = "A virus was found in it"


async def ask(tx: AsyncSession, file: Paper | LateScan, now: datetime) -> None:
    """Let the worker have ``file`` scanned; until then nobody opens it. In the caller's transaction."""
    file.virus_check = WAITING
    await tx.flush()
    what = "paper" if isinstance(file, Paper) else "late_scan"
    await _enqueue(tx, {"what": what, "id": file.id, "try": 0}, now)


def require_clean(file: Paper | LateScan) -> None:
    """Raise in words for a file that is not to be opened."""
    if file.virus_check == WAITING:
        raise Conflict("not-scanned", "This file is still being checked for viruses. Please try again in a moment.")
    if file.virus_check == FOUND:
        raise NotFound("file-virus", "A virus was found in this file. It has been removed.")


def handlers(db: Database, clock: Clock, scanner: Scanner | None) -> dict[str, Handler]:
    """The job for the worker."""

    async def scan(payload: Mapping[str, Any]) -> None:
        async with db.transaction(write=False) as tx:
            file = await _file(tx, payload)
            if file is None or file.virus_check != WAITING:
                return
            content = (await tx.get_one(PaperFile, file.id)).content if isinstance(file, Paper) else file.content
        try:
            found = await scanner.scan(content) if scanner is not None else None
        except Unavailable:
            async with db.transaction() as tx:
                again = {**payload, "try": int(payload["try"]) + 1}
                await _enqueue(tx, again, clock.now() + AGAIN)
            return
        async with db.transaction() as tx:
            file = await _file(tx, payload)
            if file is not None:
                # without a scanner any more the operator has decided that nobody waits
                await _conclude(tx, file, found, clock.now(), scanned=scanner is not None)

    return {SCAN: scan}


async def _file(tx: AsyncSession, payload: Mapping[str, Any]) -> Paper | LateScan | None:
    id_ = str(payload["id"])
    return await tx.get(Paper, id_) if payload["what"] == "paper" else await tx.get(LateScan, id_)


async def _conclude(
    tx: AsyncSession, file: Paper | LateScan, found: str | None, now: datetime, *, scanned: bool
) -> None:
    if found is None:
        file.virus_check = CLEAN if scanned else None
        return
    if isinstance(file, Paper):
        file.virus_check, file.state, file.reason, file.checked = FOUND, "refused", VIRUS, now
        await tx.delete(await tx.get_one(PaperFile, file.id))
        await notices.tell(tx, [file.submitted_by], "papers_refused", at=now, values={"reason": VIRUS_TEXT})
    else:
        file.virus_check, file.content = FOUND, b""
        await notices.tell(tx, [file.by], "scan_refused", at=now, booking=file.booking)
    await tx.flush()
    await ledger.append(tx, "file.virus", actor="system", subject=file.id, at=now, details={"found": found[:100]})


async def _enqueue(tx: AsyncSession, payload: Mapping[str, Any], due: datetime) -> None:
    await jobs.enqueue(tx, SCAN, payload, due=due, key=f"{SCAN}:{payload['id']}:{payload['try']}")
