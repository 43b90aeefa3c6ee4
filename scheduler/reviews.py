"""What comes between: transfer, release, illness, court, a broken device, a closed room.

The event marks the bookings it concerns; equivalent windows are proposed; nothing is cancelled by a machine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from cases import registry
from cases import store as cases
from cases.models import CustodyRecord, CustodyStatus
from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from core.refusals import Refused
from people import store as people
from people.permissions import Action, allowed, relations, require
from people.principals import Principal
from people.terminals import no_room
from scheduler import absences, history, holds, hours, search, store
from scheduler.access import check_version, load, may, relations_to
from scheduler.amending import request_of
from scheduler.models import Block, Booking, State
from scheduler.planning import Plan, make_plan
from scheduler.refusals import Slot
from scheduler.requests import kind_of
from scheduler.rulebook import rulebook
from scheduler.rules import first_refusal, untimed
from scheduler.views import BookingView, views

WITHIN = timedelta(hours=48)
"""In which equivalent windows are proposed first (CPL 39)."""
MOST_PROPOSALS = 6
LONGEST_BLOCK = timedelta(days=366)


class Why(StrEnum):
    """Why a booking must be looked at again."""

    TRANSFERRED = "transferred"
    RELEASED = "released"
    OUTSIDE = "outside"
    ILL = "ill"
    COURT = "court"
    ROOM = "room"
    DEVICE = "device"
    CLOSED = "closed"


AWAY = frozenset({Why.OUTSIDE, Why.ILL, Why.COURT})
"""Of a person for whom the facility holds the place."""
_OUT = frozenset({Why.OUTSIDE, Why.COURT})
"""Of a person who has left the house for a time."""
SETTLED = frozenset({*AWAY, Why.ROOM, Why.DEVICE, Why.CLOSED, "overrun"})
"""What the post may find to be no hindrance."""
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


DEVICES = frozenset({"device", "power"})
"""Blocks by which a device, not the room, is what failed."""


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

    Idempotent by ``external``; a late event takes its place in the past and marks nothing. Whoever is back takes up
    what still stands.
    """
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
        return await placed(tx, current, clock.now(), by)


async def placed(tx: AsyncSession, current: CustodyRecord, now: datetime, by: str) -> list[str]:
    """Mark what a person's new whereabouts put in question, and let stand again what they no longer do."""
    why = _WHY.get(current.status, Why.TRANSFERRED)
    coming = await store.coming_of_custody(tx, current.person, now)
    if why is not Why.OUTSIDE:
        # whoever is back is no longer out; whoever is held elsewhere or free is not awaited here
        here = current.facility if why is Why.TRANSFERRED else None
        for absence in await absences.touching(tx, {current.person}, now):
            if absence.facility != here or (absence.start <= now and absence.why in _OUT):
                absence.ended = now
        await tx.flush()
        await stand_again(tx, current.person, [b for b in coming if b.facility == here], by, now)
        coming = [booking for booking in coming if booking.facility != here]
    return await mark(tx, coming, why, by, now)


async def stand_again(tx: AsyncSession, person: str, bookings: Iterable[Booking], by: str, now: datetime) -> None:
    """Bookings that an absence of ``person`` had put in question stand again, or name the absence that is left."""
    for booking in bookings:
        if booking.review not in AWAY:
            continue
        touching = await absences.touching(tx, {person}, booking.start, booking.end)
        left = next((a for a in touching if a.facility == booking.facility), None)
        if left is None:
            await _unmark(tx, booking, by, now)
        else:
            booking.review = left.why


async def block(
    db: Database,
    clock: Clock,
    principal: Principal,
    *,
    start: datetime,
    end: datetime,
    reason: str,
    room: str | None = None,
    facility: str | None = None,
) -> tuple[Block, list[str]]:
    """Close a room, or the whole facility, for a time; return the block and the bookings concerned.

    The duty post does it for its own facility, an administrator for any of the own tree.
    """
    now = clock.now()
    if end <= max(start, now) or end - start > LONGEST_BLOCK:
        raise Invalid("end", "The end lies ahead and after the start, at most a year later.", field="end")
    if reason not in BLOCK_TEXT:
        raise Invalid("unknown-reason", "Please choose a reason from the list.", field="reason")
    async with db.transaction() as tx:
        facility = facility or principal.facility or ""
        await _may_close(tx, principal, facility)
        rooms = await store.rooms_in(tx, facility)
        if room is not None and room not in {r.id for r in rooms}:
            raise no_room()
        closed = {room} if room is not None else {r.id for r in rooms}
        await holds.take_turns(tx, {f"room:{id_}" for id_ in closed})
        made = Block(facility=facility, room=room, start=start, end=end, reason=reason, by=principal.id, at=now)
        tx.add(made)
        await tx.flush()
        await ledger.append(
            tx, "room.blocked", actor=principal.id, subject=room or facility, at=now, details={"reason": reason}
        )
        concerned = await store.standing_in_rooms(tx, closed, start, end)
        why = Why.DEVICE if reason in DEVICES else Why.ROOM if room else Why.CLOSED
        return made, await mark(tx, concerned, why, principal.id, now)


async def lift(db: Database, clock: Clock, principal: Principal, block_id: str) -> None:
    """The room can be used again, from now on."""
    now = clock.now()
    async with db.transaction() as tx:
        found = await tx.get(Block, block_id)
        if found is None or not await _closes(tx, principal, found.facility):
            raise NotFound("no-block", "There is no such closure.")
        if found.lifted is None:
            found.lifted = now
            await ledger.append(tx, "room.unblocked", actor=principal.id, subject=found.room or found.facility, at=now)
            await _stand_again(tx, found, principal.id, now)


async def _may_close(tx: AsyncSession, principal: Principal, facility: str) -> None:
    if not await _closes(tx, principal, facility):
        require(principal, Action.MOVE_BOOKING)


async def _closes(tx: AsyncSession, principal: Principal, facility: str) -> bool:
    """Whether somebody closes rooms of a facility: its post, and the administrators above it."""
    place = await store.facility(tx, facility)
    line = await people.line(tx, place.organisation) if place else ()
    held = relations(principal, facility=facility or None, line=line)
    return any(allowed(principal, action, held) for action in (Action.MANAGE_ORGANISATION, Action.MOVE_BOOKING))


async def _stand_again(tx: AsyncSession, block: Block, by: str, now: datetime) -> None:
    """Bookings that only this closure had put in question stand again."""
    rooms = {block.room} if block.room else {room.id for room in await store.rooms_in(tx, block.facility)}
    others = await hours.blocks_of(tx, block.facility, max(now, block.start), block.end)
    for booking in await store.standing_in_rooms(tx, rooms, max(now, block.start), block.end):
        seats = {party.room for party in await store.parties(tx, [booking.id])}
        still = any(
            other.room in (None, *seats) and other.start < booking.end and booking.start < other.end for other in others
        )
        if booking.review in (Why.ROOM, Why.DEVICE, Why.CLOSED) and not still:
            await _unmark(tx, booking, by, now)


async def settle(db: Database, clock: Clock, principal: Principal, booking: str, *, version: int | None = None) -> None:
    """The post has looked: the booking takes place as planned. Not while the person is held elsewhere or released."""
    now = clock.now()
    async with db.transaction() as tx:
        found = await load(tx, booking)
        await may(tx, principal, Action.MOVE_BOOKING, found)
        check_version(found, version)
        if found.review in (Why.TRANSFERRED, Why.RELEASED):
            raise Conflict("not-here", "The person is no longer held here, so it cannot take place as planned.")
        if found.review not in SETTLED:
            raise Conflict("state", "This is no longer possible: the booking has moved on.")
        await _unmark(tx, found, principal.id, now)


async def closures(
    db: Database, principal: Principal, start: datetime, end: datetime, *, facility: str | None = None
) -> Sequence[Block]:
    """Closures that touch ``[start, end)`` and were not lifted, earliest first, for who may close there."""
    async with db.transaction(write=False) as tx:
        facility = facility or principal.facility or ""
        await _may_close(tx, principal, facility)
        return await hours.blocks_of(tx, facility, start, end)


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
            first_refusal(plan.facts, untimed(await rulebook(tx, now.date(), plan.facts.facility))), Refused
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


async def _unmark(tx: AsyncSession, booking: Booking, by: str, now: datetime) -> None:
    booking.review = None
    await history.record(tx, booking, "settled", by=by, at=now)


async def mark(tx: AsyncSession, bookings: Iterable[Booking], why: Why, by: str, now: datetime) -> list[str]:
    """Put standing bookings in question and tell everybody concerned; return the ids of those newly marked."""
    marked = []
    for booking in bookings:
        if booking.state in (State.REQUESTED, State.CONFIRMED) and booking.review != why.value:
            booking.review = why.value
            await history.record(tx, booking, "review", by=by, at=now, details={"why": why.value})
            marked.append(booking.id)
    return marked
