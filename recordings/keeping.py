"""Legal hold, unsealing and destruction: use cases. Each writes the ledger in the transaction of what it does, and
destruction only begins when that is durable.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from recordings import erasure, outgoing, retention, store
from recordings.library import Library
from recordings.models import KeepingRequest, LegalHold, Recording
from recordings.retention import Decider, Kept, Refused


async def hold(tx: AsyncSession, recording: str, reason: str, *, by: str, now: datetime) -> LegalHold:
    """Order that a recording be kept. Raises ``NotFound`` and ``Invalid``."""
    await _recording(tx, recording)
    if reason not in retention.HOLD_REASONS:
        raise Invalid("unknown-reason", "Choose one of the reasons listed.", field="reason")
    placed = LegalHold(recording=recording, reason=reason, placed_by=by, placed=now)
    tx.add(placed)
    await tx.flush()
    await ledger.append(
        tx, "recording.held", actor=by, subject=recording, at=now, details={"reason": reason, "hold": placed.id}
    )
    return placed


async def lift(tx: AsyncSession, recording: str, reason: str, *, by: str, now: datetime) -> int:
    """Lift every legal hold of a recording; return how many there were. Raises ``NotFound`` and ``Invalid``."""
    await _recording(tx, recording)
    if reason not in retention.LIFT_REASONS:
        raise Invalid("unknown-reason", "Choose one of the reasons listed.", field="reason")
    held = await holds(tx, recording)
    for item in held:
        item.lifted_by, item.lifted, item.lifted_for = by, now, reason
        details = {"hold": item.id, "reason": reason}
        await ledger.append(tx, "recording.hold-lifted", actor=by, subject=recording, at=now, details=details)
    return len(held)


async def all_holds(tx: AsyncSession, recording: str) -> Sequence[LegalHold]:
    """Holds in force and lifted ones, oldest first."""
    query = select(LegalHold).where(LegalHold.recording == recording).order_by(LegalHold.placed, LegalHold.id)
    return (await tx.execute(query)).scalars().all()


async def requests(tx: AsyncSession, recording: str) -> Sequence[KeepingRequest]:
    """What was asked for, newest first."""
    query = select(KeepingRequest).where(KeepingRequest.recording == recording)
    return (await tx.execute(query.order_by(KeepingRequest.asked.desc(), KeepingRequest.id))).scalars().all()


async def holds(tx: AsyncSession, recording: str) -> Sequence[LegalHold]:
    """Holds in force."""
    query = select(LegalHold).where(LegalHold.recording == recording, LegalHold.lifted.is_(None))
    return (await tx.execute(query)).scalars().all()


async def ask(
    tx: AsyncSession, recording: str, act: str, reason: str, *, asked: Decider, case_unit: str, now: datetime
) -> KeepingRequest:
    """Ask that a recording's original be unsealed, or destroyed. Raises ``NotFound`` and ``Invalid``."""
    await _recording(tx, recording)
    if act not in ("unseal", "delete") or reason not in retention.REASONS:
        raise Invalid("unknown-reason", "Choose one of the reasons listed.", field="reason")
    request = KeepingRequest(
        recording=recording,
        act=act,
        reason=reason,
        case_unit=case_unit,
        asked_by=asked.person,
        asked_unit=asked.unit,
        asked=now,
    )
    tx.add(request)
    await tx.flush()
    details = {"request": request.id, "reason": reason}
    await ledger.append(tx, f"recording.{act}-asked", actor=asked.person, subject=recording, at=now, details=details)
    return request


async def decide(
    tx: AsyncSession, request_id: str, *, decides: Decider, approve: bool, case_ended: bool, now: datetime
) -> Refused | KeepingRequest:
    """Approve or refuse a request. A refusal by rule is a value; nothing has changed then."""
    request = await tx.get(KeepingRequest, request_id)
    if request is None:
        raise NotFound("no-request", "There is no such request.")
    if request.state != "asked":
        raise Conflict("already-decided", "This request has been decided already.")
    refused = await _rules(tx, request, decides, case_ended, now) if approve else None
    if refused is not None:
        return refused
    request.decided_by, request.decided_unit, request.decided = decides.person, decides.unit, now
    request.state = "approved" if approve else "refused"
    tag = f"recording.{request.act}-{request.state}"
    await ledger.append(
        tx, tag, actor=decides.person, subject=request.recording, at=now, details={"request": request.id}
    )
    return request


async def _rules(
    tx: AsyncSession, request: KeepingRequest, decides: Decider, case_ended: bool, now: datetime
) -> Refused | None:
    asked = Decider(request.asked_by, request.asked_unit)
    refused = retention.may_decide(asked, decides, request.case_unit)
    if refused or request.act != "delete":
        return refused
    row = await _recording(tx, request.recording)
    return retention.may_destroy(await _kept(tx, row, case_ended), now)


async def carry_out(
    database: Database, library: Library, clock: Clock, request_id: str, *, case_ended: bool
) -> Refused | None:
    """Destroy the keys of a recording whose destruction two persons decided. Safe to run again.

    The rules are asked once more: a hold may have come in between. The ledger entry is durable before a key goes.
    """
    now = clock.now()
    async with database.transaction() as tx:
        request = await tx.get(KeepingRequest, request_id)
        if request is None or request.act != "delete" or request.state not in ("approved", "done"):
            raise Conflict("not-approved", "This request is not approved.")
        row = await _recording(tx, request.recording)
        refused = retention.may_destroy(await _kept(tx, row, case_ended), now)
        if refused:
            return refused
        details = {"request": request.id, "reason": request.reason, "digest": row.digest}
        actor = str(request.decided_by)
        if request.state == "approved":
            await ledger.append(tx, "recording.erased", actor=actor, subject=row.id, at=now, details=details)
        request.state, row.state = "done", "erased"
        await store.withdraw(tx, row.id, encrypted=True)
    await erasure.erase_in(library, request.recording, request.reason, clock)
    await outgoing.remove_withdrawn(database, library, request.recording)
    return None


async def remove_expired(database: Database, library: Library, clock: Clock) -> list[str]:
    """Remove what goes by itself when its time is over (rehearsals); return the ids. Safe to run again."""
    now, gone = clock.now(), []
    async with database.transaction() as tx:
        for row in await store.ended_before(tx, now):
            if retention.goes_by_itself(await _kept(tx, row, case_ended=True), now):
                await ledger.append(tx, "recording.expired", actor="system", subject=row.id, at=now)
                row.state = "erased"
                await store.withdraw(tx, row.id, encrypted=True)
                gone.append(row.id)
    for recording in gone:
        await erasure.erase_in(library, recording, "term-over", clock)
        await outgoing.remove_withdrawn(database, library, recording)
    return gone


async def _recording(tx: AsyncSession, recording: str) -> Recording:
    row = await store.find(tx, recording)
    if row is None:
        raise NotFound("no-recording", "There is no recording here that you can see.")
    return row


async def _kept(tx: AsyncSession, row: Recording, case_ended: bool) -> Kept:
    return Kept(row.kind, row.ended, len(await holds(tx, row.id)), case_ended)
