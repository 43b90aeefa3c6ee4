"""Writing down facilities and rooms, in the caller's transaction and with its ledger entry."""

from zoneinfo import available_timezones

from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from people import store as people
from people.models import Terminal
from people.terminals import Place, no_room
from scheduler import store
from scheduler.models import Facility, FacilityKind, Room, RoomUse

SYSTEM = "system"
LONGEST_BUFFER = 120
"""Minutes before or after a window."""


async def add_facility(
    tx: AsyncSession,
    clock: Clock,
    *,
    organisation: str,
    name: str,
    kind: FacilityKind,
    zone: str = "Asia/Shanghai",
    phone: str = "",
    address: str = "",
    position: tuple[float, float] | None = None,
    by: str = SYSTEM,
) -> Facility:
    """Add a place to a police node. ``position`` is latitude and longitude, for distances."""
    if zone not in available_timezones():
        raise Invalid("unknown-zone", "This is not a time zone, such as Asia/Shanghai.", field="zone")
    facility = Facility(
        organisation=organisation,
        name=name.strip(),
        kind=kind,
        zone=zone,
        phone=phone,
        address=address,
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
    )
    tx.add(facility)
    await tx.flush()
    await ledger.append(tx, "facility.added", actor=by, subject=facility.id, at=clock.now())
    return facility


async def add_room(
    tx: AsyncSession,
    clock: Clock,
    *,
    facility: str,
    name: str,
    use: RoomUse,
    capacity: int = 4,
    equipment: tuple[str, ...] = (),
    buffers: tuple[int, int] = (0, 0),
    movable: bool = False,
    by: str = SYSTEM,
) -> Room:
    """Add a room. ``buffers`` are minutes before and after each window."""
    if not all(0 <= minutes <= LONGEST_BUFFER for minutes in buffers):
        raise Invalid("buffer", "A buffer is between 0 and 120 minutes.", field="buffers")
    room = Room(
        facility=facility,
        name=name.strip(),
        use=use,
        capacity=capacity,
        equipment=list(equipment),
        buffer_before=buffers[0],
        buffer_after=buffers[1],
        movable=movable,
    )
    tx.add(room)
    await tx.flush()
    await ledger.append(tx, "room.added", actor=by, subject=room.id, at=clock.now())
    return room


async def place_of(db: Database, room: str) -> Place:
    """Where a room is, as pairing a terminal asks. Raises ``NotFound``."""
    async with db.transaction(write=False) as tx:
        found = await store.rooms_with_facilities(tx, {room})
        if not found:
            raise no_room()
        where, facility = found[0]
        line = await people.line(tx, facility.organisation)
        return Place(room=where.id, facility=facility.id, label=f"{facility.name} {where.name}", line=line)


async def line_of_terminal(db: Database, terminal: str) -> tuple[str, ...]:
    """Organisation of a terminal's facility and those above it; none for a terminal nobody knows."""
    async with db.transaction(write=False) as tx:
        found = await tx.get(Terminal, terminal)
        place = await store.facility(tx, found.facility) if found and found.facility else None
        return tuple(await people.line(tx, place.organisation)) if place else ()
