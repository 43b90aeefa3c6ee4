"""Placing a plan: a room that can be held, the rows that say so, and the refusal when there is none."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from core.refusals import Refused
from people.principals import Principal
from scheduler import escalation, escorts, history, holds, search, seating
from scheduler.facts import PlannedParty, RoomFacts
from scheduler.hours import calendars_of
from scheduler.models import Booking, Party, State
from scheduler.planning import Plan, make_plan
from scheduler.refusals import Taken
from scheduler.requests import Request
from scheduler.windows import ZONE

SELF_TAKEN = "You have another session at that time. Nearest free: {alternatives}."
OTHERS_TAKEN = "That time has just been taken. Nearest free: {alternatives}."
CLOSED_THEN = "Not available at that time. Nearest free: {alternatives}."
NONE_FREE = "That time has just been taken, and nothing is free in the two weeks around it."
CALENDAR = ("calendar",)
"""Instead of taken resources: nobody holds anything, but the facility is closed then."""


async def chosen_room(
    tx: AsyncSession, plan: Plan, request: Request, *, but: str | None = None
) -> tuple[RoomFacts | None, tuple[str, ...]]:
    """The first room of the far side that can be held, and nothing; or ``None`` and the keys of what is in the way.

    ``but`` names a booking whose own holds do not count. Others who want the same wait from here on.
    """
    shut = await _shut(tx, plan, request, but)
    fixed = [*holds.people_resources(plan.parties), *([holds.room_resource(plan.own)] if plan.own else [])]
    seats = {room.id: holds.room_resource(room) for room in plan.far}
    taken = await holds.conflicts(tx, [*fixed, *seats.values()], request.start, request.end, but=but)
    blocked = tuple(resource.key for resource in fixed if resource.key in taken)
    shared = plan.own.id if plan.own else ""
    if blocked or shared in shut:
        return None, blocked or CALENDAR
    open_ = [room for room in plan.far if room.id not in shut]
    far = next((room for room in open_ if room.id == shared or seats[room.id].key not in taken), None)
    if plan.far and far is None:
        return None, tuple(sorted(taken)) or CALENDAR
    places = {far.facility} if far else set()
    found, gap = await escorts.moves(tx, plan.rules, request.custody_person, places, request.start, request.end, but)
    return (None, CALENDAR) if escorts.clash(found, gap, request.start, request.end) else (far, ())


async def place(
    tx: AsyncSession,
    plan: Plan,
    principal: Principal,
    request: Request,
    state: State,
    now: datetime,
    *,
    act: str | None = None,
    review: str | None = None,
) -> Booking | tuple[str, ...]:
    """Write the booking in the first room that can be held, or return the keys of what is taken."""
    far, taken = await chosen_room(tx, plan, request)
    if taken:
        return taken
    booking = _row(plan, principal, request, state, now, far)
    booking.review = review
    parties = await write(tx, booking, plan.parties, far, plan.own)
    rooms = {room.id: room for room in (far, plan.own) if room is not None}
    wanted = [*holds.people_resources(plan.parties), *(holds.room_resource(room) for room in rooms.values())]
    await holds.insert(tx, booking.id, wanted, request.start, request.end)
    if plan.kind.privileged:
        await escalation.begin(tx, booking, now)
    by, via = principal.id, principal.via
    act = act or state.value
    await history.record(tx, booking, act, by=by, via=via, at=now, first=True, facts=plan.facts, parties=parties)
    return booking


def _row(
    plan: Plan, principal: Principal, request: Request, state: State, now: datetime, far: RoomFacts | None
) -> Booking:
    place = far or plan.own
    return Booking(
        kind=plan.kind.code,
        state=state,
        start=request.start,
        end=request.end,
        zone=place.zone if place else ZONE,
        organisation=plan.organisation,
        facility=place.facility if place else None,
        case=plan.case,
        created_by=principal.id,
        created=now,
        version=1,
        decided=now if state is State.CONFIRMED else None,
        decided_by=principal.id if state is State.CONFIRMED else None,
    )


async def write(
    tx: AsyncSession,
    booking: Booking,
    parties: tuple[PlannedParty, ...] | list[PlannedParty],
    far: RoomFacts | None,
    own: RoomFacts | None,
) -> list[Party]:
    """Write a booking and its parties in their seats, and return these; what it holds is written apart."""
    tx.add(booking)
    await tx.flush()
    seats = {"far": far.id if far else None, "own": own.id if own else None, "device": None}
    ids = sorted(new_id() for _ in parties)  # read back in this order
    rows = [
        Party(
            id=id_,
            booking=booking.id,
            role=party.role,
            endpoint_role=party.endpoint_role,
            person=party.person,
            custody_person=party.custody_person,
            name=party.name,
            number=party.number,
            room=seats[party.side],
            lead=party.lead,
        )
        for id_, party in zip(ids, parties, strict=True)
    ]
    tx.add_all(rows)
    await tx.flush()
    return rows


async def taken_refusal(
    tx: AsyncSession,
    now: datetime,
    principal: Principal,
    request: Request,
    keys: tuple[str, ...],
    *,
    plan: Plan,
    but: str | None = None,
) -> Taken | Refused:
    """The refusal with the nearest windows that are free for the same people, in any room that serves.

    ``plan`` is that of ``request``; only a wish for one room among several needs another.
    """
    if plan.kind.custody and request.room is not None and request.room != request.own_room:
        other = await make_plan(tx, principal, replace(request, room=None), plan.kind, now)
        if isinstance(other, Refused):
            return Taken("taken", NONE_FREE, input="start")
        plan = other
    nearest = await search.nearest(tx, plan, request.start, request.end - request.start, now, but=but)
    if not nearest:
        return Taken("taken", NONE_FREE, input="start")
    text = SELF_TAKEN if f"person:{principal.id}" in keys else CLOSED_THEN if keys == CALENDAR else OTHERS_TAKEN
    return Taken("taken", text, {"alternatives": tuple(slot.start for slot in nearest)}, "start", nearest)


async def _shut(tx: AsyncSession, plan: Plan, request: Request, but: str | None) -> frozenset[str]:
    """Rooms of the plan that are closed to this kind in the window, or to those who would sit there."""
    rooms = [*plan.far, *([plan.own] if plan.own else [])]
    calendars = await calendars_of(tx, {room.facility for room in rooms}, request.start, request.end)
    screened = await seating.closed(tx, plan.apart, plan.seated(), request.start, request.end, but=but)
    return frozenset(
        room.id
        for room in rooms
        if not calendars[room.facility].allows(plan.kind.code, room.id, request.start, request.end)
        or any(start < request.end and request.start < end for start, end in screened.get(room.id, ()))
    )
