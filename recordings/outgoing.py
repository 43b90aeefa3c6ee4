"""Recordings made ready to leave the house, asked for on a page: written by the worker, taken along, receipted.

What is written lies sealed under the recording's own key until it is taken along, so that a disk gives nothing away
and destruction of the key reaches it too; what holds several recordings, under a key of all their keys. After a week
it is removed; the list, its digests and the receipt stay.
"""

import asyncio
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from core.texts import msgid as m
from people.permissions import Action, Relation, require
from people.principals import Principal
from recordings import discs, filing, handover, keys, store
from recordings.backup import digest_of
from recordings.canonical import instant
from recordings.derived import SealedWriter
from recordings.filesystem import Disk
from recordings.handover import Bundle
from recordings.library import Library, Lock, Playable
from recordings.models import DerivedFile, Handover, HandoverPart, Recording
from recordings.retention import Refused

log = structlog.get_logger()

JOB = "hand_over_recording"
KEPT_FOR = timedelta(days=7)
"""How long what was made can be taken along."""
CLEAR = "clear"
"""Folder in which files are written before they are sealed."""
_CHUNK = 1 << 20
WHY: Mapping[str, str] = {
    "erased": m("This recording was destroyed; there is nothing to hand over."),
    "protected-person": m(
        "Somebody in this recording is protected: only the copy that hides them can be handed over. The original "
        "needs a release."
    ),
    "sealed-original": m("The original of this recording is sealed. Please ask for its release."),
    "no-working-copy": m("There is no working copy yet. Please try again when it has been made."),
    "not-ready": m("There is no finished recording of this session yet."),
}
"""Why something cannot leave, by rule."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A session of a case of which a recording cannot leave now."""

    session: str
    at: datetime
    rule: str
    """A key of ``WHY``."""

    def to_json(self) -> dict[str, Any]:
        return {"session": self.session, "at": instant(self.at), "rule": self.rule}


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants made ready."""

    content: Bundle
    disc: str
    """A name of ``discs.SIZES``, to have disc images of that size too; empty for none."""
    recipient: str
    case_number: str
    case: str | None = None
    """The case of which all that may leave is wanted."""
    left_out: Sequence[LeftOut] = ()


def folder_of(data_dir: Path, handover_id: str) -> Path:
    """Where the sealed files of a handover lie."""
    return data_dir / "handovers" / handover_id


def may_leave(
    recording: Recording, files: Sequence[DerivedFile], content: Bundle, *, original_open: bool
) -> Refused | None:
    """Whether a recording can be made ready in that form now. Pure."""
    if recording.state == "erased":
        return _refused("erased")
    if content is Bundle.ORIGINAL and not original_open:
        return _refused("protected-person" if recording.cover else "sealed-original")
    if content is Bundle.WORKING and not filing.working_copies(files, recording.cover):
        return _refused("no-working-copy")
    return None


def _refused(rule: str) -> Refused:
    return Refused(rule, WHY[rule])


async def ask(
    tx: AsyncSession,
    principal: Principal,
    relations: Mapping[str, Collection[Relation]],
    order: Order,
    *,
    now: datetime,
) -> Refused | Handover:
    """Have recordings made ready; ``relations``: how ``principal`` stands to each, in their order.

    Raises ``Denied`` (also for want of fresh proof) and ``NotFound``.
    """
    rows = []
    for recording, held in relations.items():
        require(principal, Action.EXPORT_RECORD, held, now=now)
        row = await store.find(tx, recording)
        if row is None:
            raise NotFound("no-recording", "There is no recording here that you can see.")
        refused = await why_not(tx, principal, row, order.content, now=now)
        if refused is not None:
            return refused
        rows.append(row)
    if not rows:
        return Refused("nothing-to-leave", "Nothing of this case can be handed over in this form now.")
    made = Handover(
        case=order.case,
        case_number=order.case_number,
        recipient=order.recipient,
        content=order.content.value,
        disc=order.disc,
        asked_by=principal.id,
        asked=now,
        files=[],
        left_out=[item.to_json() for item in order.left_out],
    )
    tx.add(made)
    await tx.flush()
    for place, row in enumerate(rows):
        tx.add(HandoverPart(handover=made.id, recording=row.id, place=place))
        details = {"handover": made.id, "content": made.content, "digest": row.digest}
        await ledger.append(tx, "recording.export-asked", actor=principal.id, subject=row.id, at=now, details=details)
    await jobs.enqueue(tx, JOB, {"handover": made.id}, due=now, key=f"handover:{made.id}")
    return made


async def why_not(
    tx: AsyncSession, principal: Principal, row: Recording, content: Bundle, *, now: datetime
) -> Refused | None:
    """Why a recording cannot leave in that form now, for ``principal``."""
    original_open = await filing.is_original_open(tx, row.id, now=now, person=principal.id)
    return may_leave(row, await store.files(tx, row.id), content, original_open=original_open)


PER_SECOND = 2_048
"""Bytes of chain and log in a bundle for a second of recording, rather more than less."""
PER_BUNDLE = 1 << 18
"""Bytes of what is in every bundle: pages, verifiers, keys, statement."""


def expected_bytes(recording: Recording, files: Sequence[DerivedFile], content: Bundle) -> int:
    """How large the bundle of a recording will be: a little more than it turns out. Pure."""
    if content is Bundle.WORKING:
        return PER_BUNDLE + sum(file.length for file in filing.working_copies(files, recording.cover))
    kept = recording.bytes + PER_SECOND * (recording.duration_ms // 1000 + 1)
    stored = sum(file.length + file.length // 2048 for file in files)  # sealed in chunks of 64 KiB
    return PER_BUNDLE + kept + stored


def discs_needed(sizes: Sequence[int], disc: str) -> int:
    """How many discs of that size bundles of such sizes need; as many as are made, or one more. Pure."""
    files = [(str(place), size) for place, size in enumerate(sizes)]
    return len(discs.plan(files, PER_BUNDLE, discs.SIZES[disc]))


async def of_recording(tx: AsyncSession, recording: str) -> Sequence[Handover]:
    """What was made ready of a recording, alone or with others of its case, newest first."""
    query = select(Handover).join(HandoverPart, HandoverPart.handover == Handover.id)
    query = query.where(HandoverPart.recording == recording)
    return (await tx.execute(query.order_by(Handover.asked.desc(), Handover.id))).scalars().all()


async def of_case(tx: AsyncSession, case: str) -> Sequence[Handover]:
    """What was made ready of a whole case, newest first."""
    query = select(Handover).where(Handover.case == case).order_by(Handover.asked.desc(), Handover.id)
    return (await tx.execute(query)).scalars().all()


async def parts(tx: AsyncSession, handover_id: str) -> Sequence[tuple[HandoverPart, Recording]]:
    """The recordings of a handover in their order."""
    query = select(HandoverPart, Recording).join(Recording, Recording.id == HandoverPart.recording)
    query = query.where(HandoverPart.handover == handover_id).order_by(HandoverPart.place)
    return [(row[0], row[1]) for row in await tx.execute(query)]


async def make(library: Library, database: Database, clock: Clock, handover_id: str, zone: ZoneInfo) -> None:
    """The worker's part. Safe to run again: what was half written is written anew. ``zone``: whose clocks are printed.

    Raises ``OSError``, ``KeyMissing`` and ``ValueError``; the job is tried again then.
    """
    async with database.transaction(write=False) as tx:
        row = await tx.get(Handover, handover_id)
        known = await parts(tx, handover_id)
    if row is None or row.state != "asked" or any(recording.state == "erased" for _, recording in known):
        return
    made = await asyncio.to_thread(_make, library, clock, row, [recording.id for _, recording in known], zone)
    async with database.transaction() as tx:
        row = await tx.get_one(Handover, handover_id)
        if row.state != "asked":  # somebody in it was protected meanwhile, or it was destroyed
            await asyncio.to_thread(shutil.rmtree, folder_of(library.data_dir, row.id), True)
            return
        row.state, row.ready, row.files, row.fingerprint = "ready", clock.now(), made.files, made.fingerprint
        for part, _ in await parts(tx, handover_id):
            part.digest = made.digests[part.recording]


@dataclass(frozen=True, slots=True)
class _Made:
    """What the worker wrote."""

    files: list[dict[str, Any]]
    digests: Mapping[str, str]
    """Of the chain's last line, by recording."""
    fingerprint: str


def _make(library: Library, clock: Clock, row: Handover, recordings: Sequence[str], zone: ZoneInfo) -> _Made:
    target = folder_of(library.data_dir, row.id)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, mode=0o700)
    clear, site = target / CLEAR, library.site()
    try:
        items = handover.hand_over(
            library.data_dir,
            recordings,
            clear,
            site,
            clock,
            recipient=row.recipient,
            case=row.case_number,
            bundle=Bundle(row.content),
            left_out=[(item["at"], WHY[item["rule"]]) for item in row.left_out],
            zone=zone,
        )
        common = (handover.LIST, handover.SHEET)
        names = [item.file for item in items]
        images = [path.name for path in discs.burn(clear, common, names, discs.SIZES[row.disc])] if row.disc else []
        holds = {item.file: [item.recording] for item in items}
        files = []
        for name in [*names, *images, *common]:
            lock = library.lock_of(holds.get(name, recordings), row.id)
            owner = {"recording": holds[name][0]} if name in holds and len(recordings) > 1 else {}
            files.append(_seal(clear / name, target / name, lock) | owner)
    finally:
        shutil.rmtree(clear, ignore_errors=True)
    return _Made(files, {item.recording: item.digest for item in items}, keys.fingerprint(site.public()))


def _seal(source: Path, target: Path, lock: Lock) -> dict[str, Any]:
    writer = SealedWriter(Disk(), target, lock.key, lock.tag)
    try:
        with source.open("rb") as file:
            while data := file.read(_CHUNK):
                writer.write(data)
        writer.finish()
    finally:
        writer.discard()
    return {"name": target.name, "bytes": source.stat().st_size, "sha256": digest_of(source)}


def held_by(file: Mapping[str, Any], recordings: Sequence[str]) -> Sequence[str]:
    """Of which of a handover's recordings a file holds something; disc images, list and sheet are of all."""
    return [file["recording"]] if "recording" in file else recordings


async def open_file(library: Library, row: Handover, name: str, recordings: Sequence[str], media_type: str) -> Playable:
    """Open a file to be taken along. Raises ``NotFound`` and ``Unavailable``."""
    file = _file(row, name)
    path = folder_of(library.data_dir, row.id) / name
    return await library.open_outgoing(held_by(file, recordings), row.id, path, media_type)


def _file(row: Handover, name: str) -> Mapping[str, Any]:
    file = next((file for file in row.files if file["name"] == name), None)
    if file is None:
        raise NotFound("no-file", "There is no such file to take along.")
    return file


def share(library: Library, row: Handover, recordings: Sequence[Recording]) -> int:
    """Percent made, by what is written so far; never the whole before it is ready."""
    written = sum(path.stat().st_size for path in folder_of(library.data_dir, row.id).rglob("*") if path.is_file())
    copies = 3 if row.disc else 2
    return min(99, 100 * written // max(1, sum(recording.bytes for recording in recordings) * copies))


async def taken(
    tx: AsyncSession, row: Handover, name: str, recordings: Sequence[str], *, by: str, now: datetime
) -> None:
    """Tell the ledger, first, that a file is taken along. Raises ``NotFound`` and ``Conflict``."""
    file = _file(row, name)
    if row.state != "ready":
        raise Conflict("gone", "This is no longer kept here. Please have it made again.")
    details = {"handover": row.id, "file": name, "sha256": file["sha256"]}
    for recording in held_by(file, recordings):
        await ledger.append(tx, "recording.exported", actor=by, subject=recording, at=now, details=details)


def counts_as_receipt(row: Handover, sha256: str, *, several: bool) -> bool:
    """Whether a check value is one of what was handed over; of several recordings only that of the signed list, which
    holds those of all bundles. Pure."""
    return sha256 in {file["sha256"] for file in row.files if not several or file["name"] == handover.LIST}


async def receive(
    tx: AsyncSession, row: Handover, recordings: Sequence[str], *, sha256: str, signed: str, by: str, now: datetime
) -> None:
    """Enter the recipient's receipt, with the check value they read off what arrived.

    Raises ``Invalid`` and ``Conflict``.
    """
    if row.received is not None:
        raise Conflict("received-already", "The receipt has been entered already.")
    if not row.files:
        raise Conflict("not-made", "This has not been made yet.")
    read = sha256.replace(" ", "").lower()
    if not counts_as_receipt(row, read, several=len(recordings) > 1):
        raise Invalid(
            "other-digest",
            "This is not the check value of what was handed over. Please have what arrived checked.",
            field="sha256",
        )
    row.received, row.received_by = now, signed
    details = {"handover": row.id, "sha256": read}
    for recording in recordings:
        await ledger.append(tx, "recording.received", actor=by, subject=recording, at=now, details=details)


async def remove_withdrawn(database: Database, library: Library, recording: str) -> None:
    """Remove what was made of a recording before somebody in it was protected, or it was destroyed."""
    async with database.transaction(write=False) as tx:
        gone = [row.id for row in await of_recording(tx, recording) if row.state == "gone"]
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
