"""Filing: from then on the original of a recording is sealed (封存原件), and working copies are what people see.

The original is the journal and the participants' files, which hold its pictures and sound as they arrived. A working
copy is a composed picture, made from it and signed. Whoever needs a sealed original asks for its release, somebody
else approves (``keeping``), and the one who asked may open it for three days.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.errors import Conflict, Denied, NotFound
from people.permissions import Action, Relation, require
from people.principals import Principal
from recordings import store
from recordings.covering import is_due
from recordings.derived import PROTECTED
from recordings.models import DerivedFile, KeepingRequest, Recording
from recordings.retention import Refused

RELEASED_FOR = timedelta(hours=72)
"""How long an approved release opens a sealed original."""


# What is what: pure


def is_working_copy(file: DerivedFile, cover: str = "") -> bool:
    """Whether a playable file is a working copy; everything else shows the original itself.

    Where a recording has a ``cover``, only that file is: what shows somebody plainly who must be hidden is no copy.
    """
    return file.kind == "composed" and (not cover or file.file == cover)


def working_copies(files: Sequence[DerivedFile], cover: str = "") -> list[DerivedFile]:
    """The copies for people outside the case's unit; none while the one that hides somebody is still to be made, or
    what it was composed of was made anew.

    Without a cover a masked copy made by hand goes before the plain ones.
    """
    copies = [file for file in files if is_working_copy(file, cover) and not file.outdated]
    return [file for file in copies if file.file.startswith(PROTECTED)] or copies


def shown(files: Sequence[DerivedFile], cover: str, *, original: bool, plain: bool) -> list[DerivedFile]:
    """What somebody may play who opened a recording: the working copies, or everything while the ``original`` is open.

    ``plain``: may see plainly who is hidden from others; the original then is open or sealed as any.
    """
    return [file for file in files if original or is_working_copy(file, "" if plain else cover)]


def may_file(recording: Recording, files: Sequence[DerivedFile]) -> Refused | None:
    """Whether a recording can be filed now. Without a working copy nobody could see what was filed."""
    if recording.state == "erased":
        return Refused("erased", "This recording was destroyed; there is nothing to file.")
    if recording.verdict != "INTACT":
        return Refused("not-intact", "The check of this recording found something. Please have it looked into first.")
    if recording.policy == "clear" and not working_copies(files, recording.cover):
        return Refused("no-working-copy", "The working copy is still being made. Please file the recording after that.")
    return None


# Use cases, in the caller's transaction


async def file(
    tx: AsyncSession, principal: Principal, relations: Collection[Relation], recording: str, *, now: datetime
) -> Refused | Recording:
    """Seal the original of a recording. Doing it again changes nothing. Raises ``Denied`` and ``NotFound``."""
    require(principal, Action.FILE_RECORD, relations)
    row = await _recording(tx, recording)
    if row.state == "filed":
        return row
    refused = may_file(row, await store.files(tx, recording))
    if refused:
        return refused
    row.state = "filed"
    details = {"digest": row.digest}
    await ledger.append(tx, "recording.filed", actor=principal.id, subject=recording, at=now, details=details)
    return row


async def is_unsealed(tx: AsyncSession, recording: str, *, now: datetime, person: str | None = None) -> bool:
    """Whether a release of the original is in force: approved, not given back, not run out, and asked for by
    ``person`` when one is named."""
    query = select(KeepingRequest.id).where(
        KeepingRequest.recording == recording,
        KeepingRequest.act == "unseal",
        KeepingRequest.state == "approved",
        KeepingRequest.decided > now - RELEASED_FOR,
    )
    if person is not None:
        query = query.where(KeepingRequest.asked_by == person)
    return (await tx.execute(query.limit(1))).first() is not None


async def give_back(tx: AsyncSession, request_id: str, *, by: str, now: datetime) -> KeepingRequest:
    """End a release before its time: the original is sealed again. Raises ``NotFound`` and ``Conflict``."""
    request = await tx.get(KeepingRequest, request_id)
    if request is None or request.act != "unseal":
        raise NotFound("no-request", "There is no such request.")
    if request.state != "approved":
        raise Conflict("not-approved", "This request is not approved.")
    request.state = "done"
    details = {"request": request.id}
    await ledger.append(tx, "recording.resealed", actor=by, subject=request.recording, at=now, details=details)
    return request


async def is_original_open(
    tx: AsyncSession, recording: str, *, now: datetime, person: str | None = None, plain: bool = False
) -> bool:
    """Whether the original may be opened: it is neither filed nor shows somebody who is hidden, or it is released.

    ``plain``: may see plainly who is hidden from others (``Action.SEE_UNMASKED``). What is not known is not open.
    """
    row = await store.find(tx, recording)
    if row is None or row.state not in ("closed", "filed"):
        return False
    if row.state == "closed" and (plain or not row.cover):
        return True
    return await is_unsealed(tx, recording, now=now, person=person)


async def require_open(
    tx: AsyncSession, recording: str, name: str, *, person: str, now: datetime, plain: bool = False
) -> DerivedFile:
    """The playable file ``name``, when it may be opened: a working copy, or the original while that is not sealed.

    Raises ``Denied`` (``sealed-original``, ``protected-person``) and ``NotFound`` (``not-ready-yet``).
    """
    row = await store.find(tx, recording)
    found = next((item for item in await store.files(tx, recording) if item.file == name), None)
    if row is None or found is None:
        raise NotFound("no-recorded-file", "This part of the recording cannot be played, or not yet.")
    original = await is_original_open(tx, recording, now=now, person=person, plain=plain)
    if shown([found], row.cover, original=original, plain=plain):
        return found
    if is_due(row.cover) and not plain:
        raise NotFound("not-ready-yet", "The copy that is open to you is still being made. Please come back later.")
    if row.cover and not plain:
        raise Denied(
            "protected-person", "Somebody in this recording is protected. Only the copy that hides them is open."
        )
    raise Denied("sealed-original", "The original of this recording is sealed. Please ask for its release.")


# Defence counsel: the lawyers who defend in the case, by a checked representation


async def view_filed(
    tx: AsyncSession, principal: Principal, relations: Collection[Relation], recording: str, *, now: datetime
) -> list[DerivedFile]:
    """The working copies counsel may play; the ledger is told. Raises ``Denied`` and ``NotFound``."""
    return await _for_counsel(tx, principal, relations, recording, Action.VIEW_FILED, "recording.filed-viewed", now)


async def copy_filed(
    tx: AsyncSession, principal: Principal, relations: Collection[Relation], recording: str, *, now: datetime
) -> list[DerivedFile]:
    """The working copies counsel may take along; the ledger is told. Raises ``Denied`` and ``NotFound``."""
    return await _for_counsel(tx, principal, relations, recording, Action.COPY_FILED, "recording.filed-copied", now)


async def _for_counsel(
    tx: AsyncSession,
    principal: Principal,
    relations: Collection[Relation],
    recording: str,
    action: Action,
    tag: str,
    now: datetime,
) -> list[DerivedFile]:
    """What was never filed does not exist for counsel."""
    require(principal, action, relations, now=now)
    row = await store.find(tx, recording)
    if row is None or row.state != "filed":
        raise _no_recording()
    copies = working_copies(await store.files(tx, recording), row.cover)
    details = {"digest": row.digest, "files": [item.file for item in copies]}
    await ledger.append(tx, tag, actor=principal.id, subject=recording, at=now, details=details)
    return copies


async def _recording(tx: AsyncSession, recording: str) -> Recording:
    row = await store.find(tx, recording)
    if row is None:
        raise _no_recording()
    return row


def _no_recording() -> NotFound:
    return NotFound("no-recording", "There is no recording here that you can see.")
