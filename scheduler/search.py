"""Free windows: when could these people meet, in which room? Pure arithmetic over what is held."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from core.refusals import Refused
from people.principals import Principal
from scheduler import escorts, holds, seating, store
from scheduler.facts import RoomFacts
from scheduler.holds import Resource
from scheduler.hours import calendars_of
from scheduler.planning import Plan, make_plan
from scheduler.refusals import Slot
from scheduler.requests import HORIZON, LONGEST, SHORTEST, Request, kind_of
from scheduler.rules import first_refusal, kept_at, timed, untimed
from scheduler.windows import GRID, next_on_grid

NEAREST = 3
AROUND = timedelta(days=7)
"""How far from the wish alternatives are looked for."""
MOST_DAYS = 31

Windows = Sequence[tuple[datetime, datetime]]
Busy = Mapping[str, Windows]


@dataclass(frozen=True, slots=True)
class Seat:
    """A room that may serve: what is held of it, and when it is closed whatever is held."""

    room: RoomFacts
    closed: Windows = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """The quarter hours in ``[first, first + count * 15 min)`` at which something of ``length`` may start."""

    first: datetime
    count: int
    length: timedelta

    def at(self, number: int) -> datetime:
        """The instant of a place on the grid."""
        return self.first + GRID * number

    def mark(self, blocked: bytearray, windows: Windows, before: timedelta, after: timedelta) -> None:
        """Mark in ``blocked`` every start whose session, with its buffers, would touch one of ``windows``."""
        for start, end in windows:
            low = max(0, (start - self.length - after - self.first) // GRID + 1)
            high = min(self.count, -((self.first - end - before) // GRID))
            if high > low:
                blocked[low:high] = b"\x01" * (high - low)


def grid(start: datetime, end: datetime, length: timedelta) -> Grid:
    """Every quarter hour in ``[start, end)``."""
    first = next_on_grid(start)
    return Grid(first, max(0, -((first - end) // GRID)), length)


def slots(
    seats: Sequence[Seat],
    always: Sequence[Resource],
    own: Seat | None,
    busy: Busy,
    times: Grid,
    *,
    most: int | None = None,
) -> list[Slot]:
    """For each start at which everybody in ``always`` is free, the first room of ``seats`` that is free too.

    Without ``seats`` no room is needed and each such start counts. ``own`` is the asking side's room.
    """
    blocked = bytearray(times.count)
    for resource in always:
        times.mark(blocked, busy.get(resource.key, ()), resource.before, resource.after)
    if own is not None:
        _mark_seat(blocked, own, busy, times)
    chosen: list[Seat | None] = [None] * times.count
    open_ = [number for number in range(times.count) if not blocked[number]]
    for seat in seats:
        shut = bytearray(times.count)
        _mark_seat(shut, seat, busy, times)
        left = []
        for number in open_:
            if shut[number]:
                left.append(number)
            else:
                chosen[number] = seat
        open_ = left
        if not open_:
            break
    picked = [n for n in range(times.count) if not blocked[n] and (chosen[n] is not None or not seats)]
    return [_slot(times, number, chosen[number], own) for number in picked[:most]]


def _mark_seat(blocked: bytearray, seat: Seat, busy: Busy, times: Grid) -> None:
    resource = holds.room_resource(seat.room)
    times.mark(blocked, busy.get(resource.key, ()), resource.before, resource.after)
    times.mark(blocked, seat.closed, timedelta(0), timedelta(0))


async def nearest(
    tx: AsyncSession, plan: Plan, wish: datetime, length: timedelta, now: datetime, *, but: str | None = None
) -> tuple[Slot, ...]:
    """The free windows closest to ``wish``, at most ``NEAREST``, earliest first; holds of ``but`` do not count."""
    from_, until = max(now, wish - AROUND), wish + AROUND
    free = await _free(tx, plan, from_, until, length, but=but)
    free.sort(key=lambda slot: (abs(slot.start - wish), slot.start))
    return tuple(sorted(apart(_allowed(plan, free), length, NEAREST), key=lambda slot: slot.start))


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
        refused = first_refusal(plan.facts, untimed(plan.rules))
        if refused is not None:
            return refused
        return await find(tx, plan, max(now, request.start), min(until, now + HORIZON), length)


async def find(
    tx: AsyncSession, plan: Plan, from_: datetime, until: datetime, length: timedelta, *, but: str | None = None
) -> list[Slot]:
    """Every free window of ``length`` for a plan that starts in ``[from_, until)``, earliest first."""
    return list(_allowed(plan, await _free(tx, plan, from_, until, length, but=but)))


def _allowed(plan: Plan, free: Iterable[Slot]) -> Iterator[Slot]:
    """Those that keep the rules about the time; judged one by one as they are asked for."""
    rules = timed(plan.facts, plan.rules)
    return (slot for slot in free if kept_at(plan.facts, rules, slot.start, slot.end))


async def _free(
    tx: AsyncSession, plan: Plan, from_: datetime, until: datetime, length: timedelta, *, but: str | None
) -> list[Slot]:
    """What nobody holds, whatever the rules say."""
    times = grid(from_, until, length)
    if times.count == 0:
        return []
    people = holds.people_resources(plan.parties)
    used = [*plan.far, *([plan.own] if plan.own else [])]
    rooms = [holds.room_resource(room) for room in used]
    margin = max((r.before + r.after for r in rooms), default=timedelta(0))
    reach = from_ - margin, until + length + margin
    busy = await store.busy(tx, {r.key for r in [*people, *rooms]}, *reach, but=but)
    calendars = await calendars_of(tx, {room.facility for room in used}, *reach)
    screened = await seating.closed(tx, plan.apart, plan.seated(), *reach, but=but)
    shut = {
        room.id: [*calendars[room.facility].closed(plan.kind.code, room.id, *reach), *screened.get(room.id, ())]
        for room in used
    }
    seats = {room.id: Seat(room, shut[room.id]) for room in used}
    shared = plan.own is not None and [room.id for room in plan.far] == [plan.own.id]
    own = seats[plan.own.id] if plan.own and not shared else None
    far = [seats[room.id] for room in plan.far if own is None or room.id != own.room.id]
    client = next((party.custody_person for party in plan.parties if party.custody_person), None)
    moved, gap = await escorts.moves(tx, plan.rules, client, {room.facility for room in plan.far}, *reach, but)
    free = slots(far, people, own, busy, times)
    return [slot for slot in free if not escorts.clash(moved, gap, slot.start, slot.end)]


def apart(found: Iterable[Slot], length: timedelta, most: int) -> list[Slot]:
    """The first ``most`` that do not overlap one another, so that three of them are three choices."""
    chosen: list[Slot] = []
    for slot in found:
        if all(abs(slot.start - other.start) >= length for other in chosen):
            chosen.append(slot)
        if len(chosen) == most:
            break
    return chosen


def _slot(times: Grid, number: int, seat: Seat | None, own: Seat | None) -> Slot:
    start = times.at(number)
    return Slot(
        start=start,
        end=start + times.length,
        room=seat.room.id if seat else None,
        room_name=seat.room.name if seat else "",
        facility=seat.room.facility if seat else None,
        facility_name=seat.room.facility_name if seat else "",
        own_room=own.room.id if own else None,
        own_room_name=own.room.name if own else "",
    )
