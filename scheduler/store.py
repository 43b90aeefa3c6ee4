"""Queries of the calendar. Everything here reads or writes in the caller's transaction and decides nothing."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.models import Case
from scheduler.models import Booking, CustodyStep, Facility, Hold, Party, Room, State

HOLDING = (State.REQUESTED, State.CONFIRMED)
"""States in which a booking keeps its resources."""


async def booking(tx: AsyncSession, booking_id: str, *, lock: bool = False) -> Booking | None:
    """The booking, with its row locked when it is about to be changed."""
    query = select(Booking).where(Booking.id == booking_id)
    return (await tx.execute(query.with_for_update() if lock else query)).scalar_one_or_none()


async def parties(tx: AsyncSession, bookings: Collection[str]) -> Sequence[Party]:
    """Everybody in these bookings, in the order they were added."""
    query = select(Party).where(Party.booking.in_(bookings)).order_by(Party.booking, Party.id)
    return (await tx.execute(query)).scalars().all()


async def holds(tx: AsyncSession, bookings: Collection[str]) -> Sequence[Hold]:
    """What these bookings hold."""
    return (await tx.execute(select(Hold).where(Hold.booking.in_(bookings)))).scalars().all()


async def holds_of(tx: AsyncSession, resources: Collection[str], start: datetime, end: datetime) -> Sequence[Hold]:
    """Holds on any of ``resources`` that touch ``[start, end)``, earliest first."""
    query = select(Hold).where(Hold.resource.in_(resources), Hold.end > start, Hold.start < end).order_by(Hold.start)
    return (await tx.execute(query)).scalars().all()


async def custody_steps(tx: AsyncSession, bookings: Collection[str]) -> Sequence[CustodyStep]:
    """Steps confirmed so far, earliest first."""
    query = select(CustodyStep).where(CustodyStep.booking.in_(bookings)).order_by(CustodyStep.at)
    return (await tx.execute(query)).scalars().all()


async def facility(tx: AsyncSession, facility_id: str) -> Facility | None:
    """The facility of that id."""
    return await tx.get(Facility, facility_id)


async def room(tx: AsyncSession, room_id: str) -> Room | None:
    """The room of that id."""
    return await tx.get(Room, room_id)


async def rooms_with_facilities(tx: AsyncSession, rooms: Collection[str]) -> list[tuple[Room, Facility]]:
    """Rooms of these ids, each with its facility."""
    if not rooms:
        return []
    query = select(Room, Facility).join(Facility, Facility.id == Room.facility).where(Room.id.in_(rooms))
    return [(row[0], row[1]) for row in await tx.execute(query.order_by(Room.id))]


async def case_number(tx: AsyncSession, case: str | None) -> str | None:
    """The number people call a case by."""
    if case is None:
        return None
    return (await tx.execute(select(Case.number).where(Case.id == case))).scalar_one_or_none()
