"""The 48-hour clocks at work (LV-1): jobs that remind the post, and tell the resident prosecutor of a breach."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.jobs import Handler
from people.models import Organisation, Person, RoleGrant
from scheduler import clocks, notices, papers, promises, store
from scheduler.clocks import ClockState
from scheduler.models import Booking, State

TICK = "visit.clock"
PAUSED = timedelta(hours=1)
"""How soon a clock that stands still is looked at again."""


def deadline_of(booking: Booking, hours: float = clocks.HOURS) -> datetime | None:
    """By when a request for a visit must be answered; ``None`` for what has no clock."""
    return booking.complete + timedelta(hours=hours) if booking.complete is not None else None


async def begin(tx: AsyncSession, booking: Booking, now: datetime) -> None:
    """Start both clocks of a request whose papers are in order, with the jobs that watch them."""
    booking.complete = booking.checked = now
    deadline = deadline_of(booking)
    assert deadline is not None
    for at in clocks.warnings(deadline, now):
        payload = {"booking": booking.id, "deadline": deadline.isoformat()}
        await jobs.enqueue(tx, TICK, payload, due=at, key=f"{TICK}:{booking.id}:{at.isoformat()}")


def handlers(db: Database, clock: Clock) -> dict[str, Handler]:
    """The jobs of the clocks for the worker."""

    async def tick(payload: Mapping[str, Any]) -> None:
        await _tick(db, clock, str(payload["booking"]), datetime.fromisoformat(str(payload["deadline"])))

    async def due(payload: Mapping[str, Any]) -> None:
        await _papers_due(db, clock, str(payload["representation"]))

    return {TICK: tick, papers.DUE: due}


async def _tick(db: Database, clock: Clock, booking_id: str, deadline: datetime) -> None:
    now = clock.now()
    async with db.transaction() as tx:
        booking = await store.booking(tx, booking_id, lock=True)
        if booking is None or booking.state is not State.REQUESTED:
            return
        mine = (await promises.clocks_of(tx, booking, now)).submitted
        if mine.state is ClockState.MET:
            return
        post = await notices.post_of(tx, booking.facility)
        if mine.deadline != deadline:
            # a missing paper has stopped the clock, or it began anew
            at = mine.deadline or now + PAUSED
            payload = {"booking": booking.id, "deadline": at.isoformat()}
            await jobs.enqueue(tx, TICK, payload, due=at, key=f"{TICK}:{booking.id}:{at.isoformat()}")
            return
        values = {"start": booking.start, "deadline": deadline}
        if mine.state is ClockState.RUNNING:
            await notices.tell(tx, post, "clock", at=now, booking=booking.id, values=values)
            return
        place = await store.facility(tx, booking.facility or "")
        await ledger.append(tx, "visit.breach", actor="system", subject=booking.id, at=now)
        await notices.tell(tx, [*post, booking.created_by], "breach", at=now, booking=booking.id, values=values)
        said = {"facility": place.name if place else ""}
        await notices.tell(tx, await prosecutors(tx), "breach_prosecutor", at=now, booking=None, values=said)


async def _papers_due(db: Database, clock: Clock, representation: str) -> None:
    """The check is overdue: tell the post again, the lawyer, and the prosecutor, who learns the place and no name."""
    now = clock.now()
    async with db.transaction() as tx:
        waiting = [p for p in await papers.of_representation(tx, representation) if p.state == "submitted"]
        overdue = [p for p in waiting if p.due <= now]
        if not overdue:
            return
        await ledger.append(tx, "papers.overdue", actor="system", subject=representation, at=now)
        place = await store.facility(tx, overdue[0].facility)
        values = {"deadline": overdue[0].due, "facility": place.name if place else ""}
        await notices.tell(tx, await notices.post_of(tx, overdue[0].facility), "papers_due", at=now, values=values)
        await notices.tell(tx, [overdue[0].submitted_by], "papers_overdue", at=now, values=values)
        await notices.tell(tx, await prosecutors(tx), "papers_prosecutor", at=now, values=values)


async def prosecutors(tx: AsyncSession) -> list[str]:
    """Active people with the role of prosecutor; where none is resident, the administrators of their tree."""
    for role in ("prosecutor", "administrator"):
        query = select(RoleGrant.person).join(Person, Person.id == RoleGrant.person)
        query = query.where(RoleGrant.role == role, RoleGrant.revoked.is_(None), Person.state == "active")
        found = list((await tx.execute(query.where(RoleGrant.organisation.in_(_procuratorates())))).scalars())
        if found:
            return found
    return []


def _procuratorates() -> Any:
    return select(Organisation.id).where(Organisation.tree == "procuratorate")
