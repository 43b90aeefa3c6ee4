"""Recordings made ready to leave the house, asked for on a page: written by the worker, taken along, receipted.

What is written lies sealed under the recording's own key until it is taken along, so that a disk gives nothing away
and destruction of the key reaches it too. After a week it is removed; the list, its digests and the receipt stay.
"""

import asyncio
import shutil
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from people.permissions import Action, Relation, require
from people.principals import Principal
from recordings import discs, filing, handover, keys, store
from recordings.backup import digest_of
from recordings.derived import SealedWriter
from recordings.filesystem import Disk
from recordings.handover import Bundle
from recordings.layout import RecordingFiles
from recordings.library import Library
from recordings.models import DerivedFile, Handover, Recording
from recordings.retention import Refused

log = structlog.get_logger()

JOB = "hand_over_recording"
KEPT_FOR = timedelta(days=7)
"""How long what was made can be taken along."""
CLEAR = "clear"
"""Folder in which files are written before they are sealed."""
_CHUNK = 1 << 20


def folder_of(data_dir: Path, handover_id: str) -> Path:
    """Where the sealed files of a handover lie."""
    return data_dir / "handovers" / handover_id


def may_leave(
    recording: Recording, files: Sequence[DerivedFile], content: Bundle, *, original_open: bool
) -> Refused | None:
    """Whether a recording can be made ready in that form now. Pure."""
    if recording.state == "erased":
        return Refused("erased", "This recording was destroyed; there is nothing to hand over.")
    if content is Bundle.ORIGINAL and recording.cover and not original_open:
        return Refused(
            "protected-person",
            "Somebody in this recording is protected: only the copy that hides them can be handed over. The original "
            "needs a release.",
        )
    if content is Bundle.ORIGINAL and not original_open:
        return Refused("sealed-original", "The original of this recording is sealed. Please ask for its release.")
    if content is Bundle.WORKING and not filing.working_copies(files, recording.cover):
        return Refused("no-working-copy", "There is no working copy yet. Please try again when it has been made.")
    return None


async def ask(
    tx: AsyncSession,
    principal: Principal,
    relations: Collection[Relation],
    recording: str,
    *,
    content: Bundle,
    with_discs: bool,
    recipient: str,
    case_number: str,
    now: datetime,
) -> Refused | Handover:
    """Have a recording made ready. Raises ``Denied`` (also for want of fresh proof) and ``NotFound``."""
    require(principal, Action.EXPORT_RECORD, relations, now=now)
    row = await store.find(tx, recording)
    if row is None:
        raise NotFound("no-recording", "There is no recording here that you can see.")
    original_open = await filing.is_original_open(tx, recording, now=now, person=principal.id)
    refused = may_leave(row, await store.files(tx, recording), content, original_open=original_open)
    if refused:
        return refused
    made = Handover(
        recording=recording,
        case_number=case_number,
        recipient=recipient,
        content=content.value,
        discs=with_discs,
        asked_by=principal.id,
        asked=now,
        files=[],
    )
    tx.add(made)
    await tx.flush()
    details = {"handover": made.id, "content": content.value, "digest": row.digest}
    await ledger.append(tx, "recording.export-asked", actor=principal.id, subject=recording, at=now, details=details)
    await jobs.enqueue(tx, JOB, {"handover": made.id}, due=now, key=f"handover:{made.id}")
    return made


async def of_recording(tx: AsyncSession, recording: str) -> Sequence[Handover]:
    """What was made ready of a recording, newest first."""
    query = select(Handover).where(Handover.recording == recording)
    return (await tx.execute(query.order_by(Handover.asked.desc(), Handover.id))).scalars().all()


async def make(library: Library, database: Database, clock: Clock, handover_id: str) -> None:
    """The worker's part. Safe to run again: what was half written is written anew.

    Raises ``OSError``, ``KeyMissing`` and ``ValueError``; the job is tried again then.
    """
    async with database.transaction(write=False) as tx:
        row = await tx.get(Handover, handover_id)
        recording = await store.find(tx, row.recording) if row else None
    if row is None or row.state != "asked" or recording is None or recording.state == "erased":
        return
    made = await asyncio.to_thread(_make, library, clock, row)
    async with database.transaction() as tx:
        known = await tx.get_one(Handover, handover_id)
        if known.state != "asked":  # somebody in it was protected meanwhile
            await asyncio.to_thread(shutil.rmtree, folder_of(library.data_dir, row.id), True)
            return
        known.state, known.ready, known.files = "ready", clock.now(), made["files"]
        known.digest, known.fingerprint = made["digest"], made["fingerprint"]


def _make(library: Library, clock: Clock, row: Handover) -> dict[str, Any]:
    target = folder_of(library.data_dir, row.id)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, mode=0o700)
    clear, site = target / CLEAR, library.site()
    try:
        items = handover.hand_over(
            library.data_dir,
            [row.recording],
            clear,
            site,
            clock,
            recipient=row.recipient,
            case=row.case_number,
            bundle=Bundle(row.content),
        )
        common = (handover.LIST, handover.SHEET)
        names = [item.file for item in items]
        if row.discs:
            names += [path.name for path in discs.burn(clear, common, names, discs.SIZES["dvd"])]
        data_key = keys.load_data_key(site, RecordingFiles.of(library.data_dir, row.recording), row.recording)
        files = [_seal(clear / name, target / name, data_key, row.recording) for name in [*names, *common]]
    finally:
        shutil.rmtree(clear, ignore_errors=True)
    return {"files": files, "digest": items[0].digest, "fingerprint": keys.fingerprint(site.public())}


def _seal(source: Path, target: Path, data_key: bytes, recording: str) -> dict[str, Any]:
    writer = SealedWriter(Disk(), target, data_key, recording)
    try:
        with source.open("rb") as file:
            while data := file.read(_CHUNK):
                writer.write(data)
        writer.finish()
    finally:
        writer.discard()
    return {"name": target.name, "bytes": source.stat().st_size, "sha256": digest_of(source)}


def share(library: Library, row: Handover, recording: Recording) -> int:
    """Percent made, by what is written so far; never the whole before it is ready."""
    written = sum(path.stat().st_size for path in folder_of(library.data_dir, row.id).rglob("*") if path.is_file())
    copies = 3 if row.discs else 2
    return min(99, 100 * written // max(1, recording.bytes * copies))


async def taken(tx: AsyncSession, row: Handover, name: str, *, by: str, now: datetime) -> None:
    """Tell the ledger, first, that a file is taken along. Raises ``NotFound`` and ``Conflict``."""
    file = next((file for file in row.files if file["name"] == name), None)
    if file is None:
        raise NotFound("no-file", "There is no such file to take along.")
    if row.state != "ready":
        raise Conflict("gone", "This was removed after a week. Please have it made again.")
    details = {"handover": row.id, "file": name, "sha256": file["sha256"]}
    await ledger.append(tx, "recording.exported", actor=by, subject=row.recording, at=now, details=details)


async def receive(tx: AsyncSession, row: Handover, *, sha256: str, signed: str, by: str, now: datetime) -> None:
    """Enter the recipient's receipt, with the check value they read off what arrived.

    Raises ``Invalid`` and ``Conflict``.
    """
    if row.received is not None:
        raise Conflict("received-already", "The receipt has been entered already.")
    if not row.files:
        raise Conflict("not-made", "This has not been made yet.")
    if sha256.replace(" ", "").lower() not in {file["sha256"] for file in row.files}:
        raise Invalid(
            "other-digest",
            "This is not the check value of what was handed over. Please have what arrived checked.",
            field="sha256",
        )
    row.received, row.received_by = now, signed
    details = {"handover": row.id, "sha256": sha256.replace(" ", "").lower()}
    await ledger.append(tx, "recording.received", actor=by, subject=row.recording, at=now, details=details)


async def remove_withdrawn(database: Database, library: Library, recording: str) -> None:
    """Remove what was made of a recording before somebody in it was protected."""
    async with database.transaction(write=False) as tx:
        query = select(Handover.id).where(Handover.recording == recording, Handover.state == "gone")
        gone = (await tx.execute(query)).scalars().all()
    for handover_id in gone:
        await asyncio.to_thread(shutil.rmtree, folder_of(library.data_dir, handover_id), True)


async def remove_old(database: Database, library: Library, clock: Clock) -> int:
    """Remove what was ready for longer than ``KEPT_FOR``; return how many. Safe to run again."""
    before = clock.now() - KEPT_FOR
    async with database.transaction() as tx:
        query = select(Handover).where(Handover.state == "ready", Handover.ready < before)
        old = (await tx.execute(query)).scalars().all()
        for row in old:
            row.state = "gone"
    for row in old:
        await asyncio.to_thread(shutil.rmtree, folder_of(library.data_dir, row.id), True)
    return len(old)


async def remove_torn(database: Database, library: Library) -> int:
    """Remove what a worker that died left in clear, unless somebody is writing it now; return how many. Safe to run
    again, at any time."""
    torn = 0
    for folder in sorted((library.data_dir / "handovers").glob(f"*/{CLEAR}")):
        async with database.transaction(write=False) as tx:
            state = await jobs.state(tx, f"handover:{folder.parent.name}")
        if state != "running":
            await asyncio.to_thread(shutil.rmtree, folder, True)
            log.warning("what a dead worker left in clear was removed", handover=folder.parent.name)
            torn += 1
    return torn
