"""What comes between: transfer, release, illness, court, a broken device, a closed room.

The event marks the bookings it concerns; equivalent windows are proposed; nothing is cancelled by a machine.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from cases import registry
from cases import store as cases
from cases.models import CustodyStatus
from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from core.refusals import Refused
from people import store as people
from people.permissions import Action, allowed, relations, require
from people.principals import Principal
from scheduler import history, holds, search, store
from scheduler.access import relations_to
from scheduler.amending import request_of
from scheduler.models import Block, Booking, State
from scheduler.planning import Plan, make_plan
from scheduler.refusals import Slot
from scheduler.requests import check_window, kind_of
from scheduler.rulebook import rulebook
from scheduler.rules import first_refusal, untimed
from scheduler.views import BookingView, views

WITHIN = timedelta(hours=48)
"""In which equivalent windows are proposed first (CPL 39)."""
MOST_PROPOSALS = 6


class Why(StrEnum):
    """Why a booking must be looked at again."""

    TRANSFERRED = "transferred"
    RELEASED = "released"
    OUTSIDE = "outside"
    ROOM = "room"
    CLOSED = "closed"


_WHY = {CustodyStatus.RELEASED: Why.RELEASED, CustodyStatus.OUTSIDE: Why.OUTSIDE}
BLOCK_TEXT: dict[str, str] = {
    "device": "Device failure",
    "repair": "Repair",
    "cleaning": "Cleaning",
    "security": "Security",
    "power": "Power or network failure",
    "epidemic": "Health protection",
    "other": "Other reason",
}


async def custody_event(
    db: Database,
    clock: Clock,
    *,
    person: str,
    status: CustodyStatus,
    facility: str | None,
    since: datetime | None = None,
    external: str | None = None,
    by: str = "system",
) -> list[str]:
    """A person was admitted, transferred, taken out or released; return ids of the bookings now to be looked at.

    Idempotent by ``external``; a late event takes its place in the past and marks nothing.
    """
    now = clock.now()
    async with db.transaction() as tx:
        if facility is not None and await store.facility(tx, facility) is None:
            raise NotFound("no-facility", "There is no such facility.")
        if await cases.custody_person(tx, person) is None:
            raise NotFound("no-person", "There is no such person.")
        before = await cases.current_custody(tx, person)
        was = (before.status, before.facility) if before else None
        await registry.place(
            tx, clock, person=person, status=status, facility=facility, since=since, external=external, by=by
        )
        current = await cases.current_custody(tx, person)
        if current is None or (current.status, current.facility) == was:
            return []
        why = _WHY.get(current.status, Why.TRANSFERRED)
        coming = await store.coming_of_custody(tx, person, now)
        if why is Why.TRANSFERRED:
            coming = [booking for booking in coming if booking.facility != current.facility]
        return await _mark(tx, coming, why, by, now)


async def block(
    db: Database,
    clock: Clock,
    principal: Principal,
    *,
    start: datetime,
    end: datetime,
    reason: str,
    room: str | None = None,
) -> tuple[Block, list[str]]:
    """The duty post closes a room, or the whole facility, for a time; return the block and the bookings concerned."""
    now = clock.now()
    check_window(start, end, now, planned=False)
    if reason not in BLOCK_TEXT:
        raise Invalid("unknown-reason", "Please choose a reason from the list.", field="reason")
    async with db.transaction() as tx:
        require(principal, Action.MOVE_BOOKING, relations(principal, facility=principal.facility))
        facility = principal.facility or ""
        rooms = await store.rooms_in(tx, facility)
        if room is not None and room not in {r.id for r in rooms}:
            raise NotFound("no-room", "There is no such room.")
        closed = {room} if room is not None else {r.id for r in rooms}
        await holds.take_turns(tx, {f"room:{id_}" for id_ in closed})
        made = Block(facility=facility, room=room, start=start, end=end, reason=reason, by=principal.id, at=now)
        tx.add(made)
        await tx.flush()
        await ledger.append(
            tx, "room.blocked", actor=principal.id, subject=room or facility, at=now, details={"reason": reason}
        )
        concerned = await store.standing_in_rooms(tx, closed, start, end)
        return made, await _mark(tx, concerned, Why.ROOM if room else Why.CLOSED, principal.id, now)


async def lift(db: Database, clock: Clock, principal: Principal, block_id: str) -> None:
    """The room can be used again, from now on."""
    now = clock.now()
    async with db.transaction() as tx:
        found = await tx.get(Block, block_id)
        if found is None:
            raise NotFound("no-block", "There is no such closure.")
        require(principal, Action.MOVE_BOOKING, relations(principal, facility=found.facility))
        if found.lifted is None:
            found.lifted = now
            await ledger.append(tx, "room.unblocked", actor=principal.id, subject=found.room or found.facility, at=now)


async def proposals(db: Database, clock: Clock, principal: Principal, booking: str) -> list[Slot]:
    """Equivalent windows where the person is now: same people and length, within 48 hours first, else the next.

    For whoever may see the booking; found in the name of its maker, so that the answer is the one booking would give.
    """
    now = clock.now()
    async with db.transaction(write=False) as tx:
        found = await store.booking(tx, booking)
        if found is None or not allowed(principal, Action.VIEW_BOOKING, await relations_to(tx, principal, found)):
            raise NotFound("no-booking", "There is no such booking.")
        owner = await people.account_principal(tx, found.created_by)
        if owner is None:
            return []
        was = await request_of(tx, found)
        kind = kind_of(was.kind)
        wish = replace(was, room=None) if kind.custody else was
        plan = await make_plan(tx, owner, wish, kind, now)
        if not isinstance(plan, Plan) or isinstance(
            first_refusal(plan.facts, untimed(await rulebook(tx, now.date()))), Refused
        ):
            return []
        length = was.end - was.start
        soon = await search.find(tx, plan, now, now + WITHIN, length, but=booking)
        if not soon:
            return list(await search.nearest(tx, plan, max(now, was.start), length, now, but=booking))
        soon.sort(key=lambda slot: (abs(slot.start - was.start), slot.start))
        return sorted(search.apart(soon, length, MOST_PROPOSALS), key=lambda slot: slot.start)


async def to_review(db: Database, clock: Clock, principal: Principal) -> list[BookingView]:
    """The bookings of the principal's own facility that must be looked at, by start."""
    async with db.transaction(write=False) as tx:
        require(principal, Action.VIEW_DAY_LIST, relations(principal, facility=principal.facility))
        found = await store.reviews_of_facility(tx, principal.facility or "")
        return await views(tx, principal, found, clock.now())


async def _mark(tx: AsyncSession, bookings: Iterable[Booking], why: Why, by: str, now: datetime) -> list[str]:
    marked = []
    for booking in bookings:
        if booking.state in (State.REQUESTED, State.CONFIRMED) and booking.review != why.value:
            booking.review = why.value
            await history.record(tx, booking, "review", by=by, at=now, details={"why": why.value})
            marked.append(booking.id)
    return marked
