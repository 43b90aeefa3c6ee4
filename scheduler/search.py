"""Free windows: when could these people meet, in which room? Pure arithmetic over what is held."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from core.refusals import Refused
from people.principals import Principal
from scheduler import holds, store
from scheduler.facts import RoomFacts
from scheduler.holds import Resource
from scheduler.planning import Plan, make_plan
from scheduler.refusals import Slot
from scheduler.requests import HORIZON, LONGEST, SHORTEST, Request, kind_of
from scheduler.rules import RULES, first_refusal
from scheduler.windows import GRID, next_on_grid

NEAREST = 3
AROUND = timedelta(days=7)
"""How far from the wish alternatives are looked for."""
MOST_DAYS = 31

Windows = Sequence[tuple[datetime, datetime]]
Busy = Mapping[str, Windows]


@dataclass(frozen=True, slots=True)
class Seat:
    """A room that may serve, as a resource."""

    room: RoomFacts
    resource: Resource


def free(resource: Resource, busy: Busy, start: datetime, end: datetime) -> bool:
    """Whether nothing held touches the window with the resource's buffers."""
    from_, until = resource.window(start, end)
    return all(until <= s or e <= from_ for s, e in busy.get(resource.key, ()))


def slots(
    seats: Sequence[Seat],
    always: Sequence[Resource],
    own: RoomFacts | None,
    busy: Busy,
    starts: Iterable[datetime],
    length: timedelta,
) -> list[Slot]:
    """For each start at which everybody in ``always`` is free, the first room of ``seats`` that is free too.

    Without ``seats`` no room is needed and each such start counts.
    """
    found = []
    for start in starts:
        end = start + length
        if not all(free(resource, busy, start, end) for resource in always):
            continue
        seat = next((s for s in seats if free(s.resource, busy, start, end)), None)
        if seat is not None or not seats:
            found.append(_slot(start, end, seat.room if seat else None, own))
    return found


def grid(start: datetime, end: datetime) -> list[datetime]:
    """Every quarter hour in ``[start, end)``."""
    first = next_on_grid(start)
    count = max(0, -((first - end) // GRID))
    return [first + GRID * n for n in range(count)]


async def nearest(tx: AsyncSession, plan: Plan, wish: datetime, length: timedelta, now: datetime) -> tuple[Slot, ...]:
    """The free windows closest to ``wish``, at most ``NEAREST``, earliest first."""
    from_, until = max(now, wish - AROUND), wish + AROUND
    found = await _find(tx, plan, from_, until, length)
    found.sort(key=lambda slot: (abs(slot.start - wish), slot.start))
    return tuple(sorted(_apart(found, length)[:NEAREST], key=lambda slot: slot.start))


async def free_slots(
    db: Database, clock: Clock, principal: Principal, request: Request, *, until: datetime
) -> list[Slot] | Refused:
    """Every free window of the length of ``request`` that starts in ``[request.start, until)``, earliest first.

    The same people, permission and rules as for booking: a refusal here is the refusal booking would give.
    """
    now = clock.now()
    kind = kind_of(request.kind)
    length = request.end - request.start
    if not SHORTEST <= length <= LONGEST:
        raise Invalid("length", "Between 15 minutes and 24 hours can be booked.", field="end")
    if until - request.start > timedelta(days=MOST_DAYS):
        raise Invalid("too-wide", "Please search at most a month at a time.", field="until")
    async with db.transaction(write=False) as tx:
        plan = await make_plan(tx, principal, request, kind, now)
        if isinstance(plan, Refused):
            return plan
        refused = first_refusal(plan.facts, RULES)
        if refused is not None:
            return refused
        return await _find(tx, plan, max(now, request.start), min(until, now + HORIZON), length)


async def _find(tx: AsyncSession, plan: Plan, from_: datetime, until: datetime, length: timedelta) -> list[Slot]:
    seats = [Seat(room, holds.room_resource(room)) for room in plan.far]
    own = plan.own
    always = [*holds.people_resources(plan.parties)]
    if own is not None:
        always.append(holds.room_resource(own))
        seats = [seat for seat in seats if seat.room.id != own.id] if len(seats) > 1 else seats
    keys = {seat.resource.key for seat in seats} | {resource.key for resource in always}
    margin = max((r.before + r.after for r in [*always, *(s.resource for s in seats)]), default=timedelta(0))
    busy = await store.busy(tx, keys, from_ - margin, until + length + margin)
    return slots(seats, always, own, busy, grid(from_, until), length)


def _apart(found: Sequence[Slot], length: timedelta) -> list[Slot]:
    """Alternatives that do not overlap one another, so that three of them are three choices."""
    chosen: list[Slot] = []
    for slot in found:
        if all(abs(slot.start - other.start) >= length for other in chosen):
            chosen.append(slot)
        if len(chosen) == NEAREST:
            break
    return chosen


def _slot(start: datetime, end: datetime, room: RoomFacts | None, own: RoomFacts | None) -> Slot:
    return Slot(
        start=start,
        end=end,
        room=room.id if room else None,
        room_name=room.name if room else "",
        facility=room.facility if room else None,
        facility_name=room.facility_name if room else "",
        own_room=own.id if own else None,
        own_room_name=own.name if own else "",
    )
