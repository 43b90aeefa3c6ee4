"""Administrators run facilities of their own tree: rooms, hours and regime, the grid of visits, working days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from people import store as people
from people.permissions import Action, allowed, relations, require
from people.principals import Principal
from people.terminals import no_room
from scheduler import hours, store
from scheduler.facilities import LONGEST_BUFFER
from scheduler.models import Block, Facility, Hours, Room, RoomUse, WorkingDay

GRIDS = (15, 30, 60)
MOST_SEATS = 50
EQUIPMENT_TEXT: dict[str, str] = {
    "printer": "Printer",
    "signature_pad": "Pad for signing",
    "fingerprint": "Reader for fingerprints",
    "document_camera": "Document camera",
    "second_camera": "Second camera",
    "interpreter_phone": "Line for an interpreter",
    "wheelchair": "Wheelchair access",
}
BREAK_TEXT: dict[str, str] = {
    "roll_call": "Roll call",
    "meal": "Meal",
    "yard": "Yard",
    "handover": "Shift change",
    "night": "Night rest",
}


@dataclass(frozen=True, slots=True)
class FacilityCalendar:
    """When the rooms of a facility can be used."""

    facility: Facility
    rooms: Sequence[Room]
    hours: Sequence[Hours]
    """Opening hours first, then breaks."""
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomWish:
    """A room as it is to be."""

    name: str
    use: RoomUse
    capacity: int
    equipment: tuple[str, ...]
    movable: bool
    buffers: tuple[int, int]
    """Minutes before and after each window."""


async def own_facility(tx: AsyncSession, principal: Principal, facility: str) -> Facility:
    """The facility, for an administrator of the tree it hangs in; ``NotFound`` for everybody else's."""
    found = await _managed(tx, principal, facility)
    if found is None:
        raise NotFound("no-facility", "There is no such facility.")
    return found


async def _managed(tx: AsyncSession, principal: Principal, facility: str) -> Facility | None:
    found = await store.facility(tx, facility)
    line = await people.line(tx, found.organisation) if found else ()
    return found if allowed(principal, Action.MANAGE_ORGANISATION, relations(principal, line=line)) else None


async def calendar_of(db: Database, clock: Clock, principal: Principal, facility: str) -> FacilityCalendar:
    """Hours, breaks and closures that are not over."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        found = await own_facility(tx, principal, facility)
        far = now.replace(year=now.year + 2, day=1)
        return FacilityCalendar(
            facility=found,
            rooms=await store.rooms_in(tx, facility),
            hours=await hours.hours_of(tx, facility),
            blocks=await hours.blocks_of(tx, facility, now, far),
        )


async def add_hours(
    db: Database,
    clock: Clock,
    principal: Principal,
    facility: str,
    *,
    opens: int,
    closes: int,
    days: str,
    word: str = "",
    room: str | None = None,
    kinds: tuple[str, ...] = (),
) -> None:
    """Opening hours, or with ``word`` a break of the regime. A time that ends before it begins ends the next day."""
    if word and word not in BREAK_TEXT:
        raise Invalid("unknown-break", "Please choose which break it is.", field="word")
    async with db.transaction() as tx:
        await own_facility(tx, principal, facility)
        if room is not None and room not in {r.id for r in await store.rooms_in(tx, facility)}:
            raise no_room()
        await hours.add_hours(
            tx,
            clock,
            facility=facility,
            opens=opens,
            closes=closes if closes > opens else closes + 24 * 60,
            days=days,
            kinds=kinds,
            room=room,
            is_break=bool(word),
            word=word,
            by=principal.id,
        )


async def remove_hours(db: Database, clock: Clock, principal: Principal, facility: str, row: str) -> None:
    """Take hours or a break back."""
    async with db.transaction() as tx:
        await own_facility(tx, principal, facility)
        await hours.remove_hours(tx, clock, facility=facility, hours=row, by=principal.id)


async def set_grid(db: Database, clock: Clock, principal: Principal, facility: str, minutes: int) -> None:
    """Visits begin every so many minutes from now on; what is booked stands."""
    if minutes not in GRIDS:
        raise Invalid("grid", "Please choose one of the entries.", field="minutes")
    async with db.transaction() as tx:
        found = await own_facility(tx, principal, facility)
        found.slot_minutes = minutes
        details = {"minutes": minutes}
        await ledger.append(tx, "facility.grid", actor=principal.id, subject=facility, at=clock.now(), details=details)


async def room_of(db: Database, principal: Principal, room: str) -> tuple[Room, Facility]:
    """A room of the own tree with its facility."""
    async with db.transaction(write=False) as tx:
        return await _room(tx, principal, room)


async def change_room(db: Database, clock: Clock, principal: Principal, room: str, wish: RoomWish) -> None:
    """Write the room down as it is now. Buffers count for what is booked from now on."""
    if not all(0 <= minutes <= LONGEST_BUFFER for minutes in wish.buffers):
        raise Invalid("buffer", "A buffer is between 0 and 120 minutes.", field="before")
    if not set(wish.equipment) <= set(EQUIPMENT_TEXT):
        raise Invalid("equipment", "Please choose from the list.", field="equipment")
    async with db.transaction() as tx:
        found, _ = await _room(tx, principal, room)
        found.name, found.use, found.capacity = wish.name, wish.use, wish.capacity
        found.equipment, found.movable = list(wish.equipment), wish.movable
        found.buffer_before, found.buffer_after = wish.buffers
        await ledger.append(tx, "room.changed", actor=principal.id, subject=room, at=clock.now())


async def close_room(db: Database, clock: Clock, principal: Principal, room: str, *, closed: bool) -> None:
    """Take a room out of use for good, or into use again. Standing bookings must be moved first."""
    now = clock.now()
    async with db.transaction() as tx:
        found, facility = await _room(tx, principal, room)
        far = now.replace(year=now.year + 2, day=1)
        if closed and await store.standing_in_rooms(tx, {room}, now, far):
            raise Invalid("room-in-use", "Bookings stand in this room. Please close it for a time first.", field="room")
        found.closed = now if closed else None
        tag = "room.closed" if closed else "room.opened"
        await ledger.append(tx, tag, actor=principal.id, subject=room, at=now, details={"facility": facility.id})


async def working_year(db: Database, principal: Principal, year: int) -> Sequence[WorkingDay]:
    """The days of a year that differ from their weekday."""
    async with db.transaction(write=False) as tx:
        line = await people.line(tx, principal.organisation)
        require(principal, Action.MANAGE_ORGANISATION, relations(principal, line=line))
        return await hours.days_of(tx, year)


async def set_working_day(
    db: Database, clock: Clock, principal: Principal, day: date, working: bool, name: str
) -> None:
    """A day is worked, or free, for every facility of the country."""
    async with db.transaction() as tx:
        await _whole(tx, principal)
        await hours.set_day(tx, clock, day, working, name[:64], by=principal.id)


async def seed_year(db: Database, clock: Clock, principal: Principal, year: int) -> int:
    """Fill in the public holidays of a year; days that were edited stay. Return how many were added."""
    async with db.transaction() as tx:
        await _whole(tx, principal)
        return await hours.seed_working_days(tx, clock, {year})


async def _whole(tx: AsyncSession, principal: Principal) -> None:
    line = await people.line(tx, principal.organisation)
    require(principal, Action.MANAGE_ORGANISATION, relations(principal, line=line))
    if principal.tree != "police" or len(line) != 1:
        raise Invalid(
            "whole-authority", "Working days are set by the administrator of the whole authority.", field="day"
        )


async def _room(tx: AsyncSession, principal: Principal, room: str) -> tuple[Room, Facility]:
    found = await store.room(tx, room)
    facility = await _managed(tx, principal, found.facility) if found else None
    if found is None or facility is None:
        raise no_room()
    return found, facility
