"""Rooms used at once: decided by the duty officer alone, looked at by a reviewer the next day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from people import store as people
from people.permissions import Action, Relation, require
from people.principals import Principal
from scheduler import history, store
from scheduler.access import load
from scheduler.models import Booking, BookingChange, State


class Finding(StrEnum):
    """What the review comes to."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


FINDING_TEXT: dict[Finding, str] = {
    Finding.JUSTIFIED: "The urgency was justified",
    Finding.NOT_JUSTIFIED: "The urgency was not justified",
}
_ASKED = "urgent"
_FOUND = "urgent_reviewed"


@dataclass(frozen=True, slots=True)
class UrgentUse:
    """One room asked for at once, with what became of it."""

    booking: str
    kind: str
    facility_name: str
    asked: datetime
    asked_by: str
    start: datetime
    end: datetime
    state: State
    decided_by: str
    """Name of the duty officer; empty while undecided."""
    finding: Finding | None
    reviewer: str
    """Name of whoever looked at it; empty before."""


async def urgent_uses(db: Database, principal: Principal, *, since: datetime, until: datetime) -> list[UrgentUse]:
    """What was asked for as urgent in a span by units of the principal's tree, earliest first."""
    require(principal, Action.REVIEW_URGENT, {Relation.OWN_TREE})
    async with db.transaction(write=False) as tx:
        units = await people.below(tx, principal.organisation) if principal.organisation else ()
        query = (
            select(BookingChange, Booking)
            .join(Booking, BookingChange.booking == Booking.id)
            .where(BookingChange.act == _ASKED, BookingChange.at >= since, BookingChange.at < until)
            .where(Booking.organisation.in_(units))
        )
        rows = [(row[0], row[1]) for row in await tx.execute(query.order_by(BookingChange.at, BookingChange.id))]
        return await _uses(tx, rows)


async def review(db: Database, clock: Clock, principal: Principal, booking: str, finding: str) -> None:
    """Write down what the reviewer thinks of an urgent use; once, and by somebody who did not decide it."""
    require(principal, Action.REVIEW_URGENT, {Relation.OWN_TREE})
    try:
        found = Finding(finding)
    except ValueError:
        raise Invalid("unknown-reason", "Please choose a reason from the list.", field="finding") from None
    async with db.transaction() as tx:
        row = await load(tx, booking)
        acts = (await tx.execute(select(BookingChange.act).where(BookingChange.booking == booking))).scalars().all()
        units = await people.below(tx, principal.organisation or "")
        if _ASKED not in acts or row.organisation not in units:
            raise NotFound("no-booking", "There is no such booking.")
        if row.state is State.REQUESTED or _FOUND in acts:
            raise Conflict("state", "This is no longer possible: the booking has moved on.")
        details = {"finding": found.value}
        await history.record(tx, row, _FOUND, by=principal.id, at=clock.now(), details=details, note=found.value)


async def _uses(tx: AsyncSession, rows: Sequence[tuple[BookingChange, Booking]]) -> list[UrgentUse]:
    ids = {booking.id for _, booking in rows}
    query = select(BookingChange).where(BookingChange.booking.in_(ids), BookingChange.act == _FOUND)
    found = {change.booking: change for change in (await tx.execute(query)).scalars()}
    persons = {asked.by for asked, _ in rows} | {b.decided_by for _, b in rows if b.decided_by}
    names = await people.names(tx, persons | {change.by for change in found.values()})
    places = {f.id: f.name for f in await store.facilities(tx, {b.facility for _, b in rows if b.facility})}

    def name(person: str | None) -> str:
        return names.get(person or "", ("", ""))[0]

    return [
        UrgentUse(
            booking=b.id,
            kind=b.kind,
            facility_name=places.get(b.facility or "", ""),
            asked=asked.at,
            asked_by=name(asked.by),
            start=b.start,
            end=b.end,
            state=b.state,
            decided_by=name(b.decided_by),
            finding=Finding(found[b.id].snapshot["note"]) if b.id in found else None,
            reviewer=name(found[b.id].by) if b.id in found else "",
        )
        for asked, b in rows
    ]
