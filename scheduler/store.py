"""Queries of the calendar. Everything here reads or writes in the caller's transaction and decides nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.models import Case
from people.models import Organisation, Person, RoleGrant
from scheduler.models import Booking, CustodyStep, Facility, Hold, Party, Room, RoomUse, State

HOLDING = (State.REQUESTED, State.CONFIRMED)
"""States in which a booking keeps its resources."""


async def booking(tx: AsyncSession, booking_id: str, *, lock: bool = False) -> Booking | None:
    """The booking, with its row locked when it is about to be changed."""
    query = select(Booking).where(Booking.id == booking_id)
    return (await tx.execute(query.with_for_update() if lock else query)).scalar_one_or_none()


async def bookings(tx: AsyncSession, ids: Collection[str]) -> Sequence[Booking]:
    """Bookings of these ids, by start."""
    query = select(Booking).where(Booking.id.in_(ids)).order_by(Booking.start, Booking.id)
    return (await tx.execute(query)).scalars().all()


async def parties(tx: AsyncSession, bookings: Collection[str]) -> Sequence[Party]:
    """Everybody in these bookings, in the order they were added."""
    query = select(Party).where(Party.booking.in_(bookings)).order_by(Party.booking, Party.id)
    return (await tx.execute(query)).scalars().all()


async def party_with_case(tx: AsyncSession, party: str) -> tuple[Party | None, str | None]:
    """A party and the case of its booking."""
    query = select(Party, Booking.case).join(Booking, Booking.id == Party.booking).where(Party.id == party)
    row = (await tx.execute(query)).first()
    return (row[0], row[1]) if row else (None, None)


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


async def rooms_of(tx: AsyncSession, facility: str, uses: Collection[RoomUse]) -> list[tuple[Room, Facility]]:
    """Rooms in use of a facility that serve one of ``uses``, by name."""
    query = select(Room, Facility).join(Facility, Facility.id == Room.facility)
    query = query.where(Room.facility == facility, Room.use.in_(uses), Room.closed.is_(None), Facility.closed.is_(None))
    return [(row[0], row[1]) for row in await tx.execute(query.order_by(Room.name, Room.id))]


@dataclass(frozen=True, slots=True)
class PersonCard:
    """An account holder as a booking names them."""

    id: str
    name: str
    number: str
    organisation: str
    unit: str
    """Name of the organisation."""
    roles: frozenset[str]


async def person_cards(tx: AsyncSession, persons: Collection[str]) -> dict[str, PersonCard]:
    """The cards of those who are active, by id."""
    return {card.id: card for card in await _cards(tx, _ACTIVE.where(Person.id.in_(persons)))}


async def person_card(tx: AsyncSession, person: str) -> PersonCard | None:
    """Name, number, unit and present roles of an active person."""
    return next(iter(await _cards(tx, _ACTIVE.where(Person.id == person))), None)


async def persons_with_role(tx: AsyncSession, units: Collection[str], role: str, *, but: str) -> list[PersonCard]:
    """Active people of these organisations who have ``role`` now, by unit and name, without ``but``."""
    having = select(RoleGrant.person).where(RoleGrant.role == role, RoleGrant.revoked.is_(None))
    query = _ACTIVE.where(Person.organisation.in_(units), Person.id.in_(having), Person.id != but)
    return await _cards(tx, query.order_by(Organisation.name, Person.name, Person.id))


async def _cards(tx: AsyncSession, query: Select[Person, str, str]) -> list[PersonCard]:
    persons: dict[str, tuple[Person, str]] = {}
    roles: dict[str, set[str]] = {}
    for person, unit, role in await tx.execute(query):
        persons[person.id] = person, unit
        roles.setdefault(person.id, set()).update([role] if role else ())
    return [
        PersonCard(p.id, p.name, p.number, p.organisation, unit, frozenset(roles[p.id])) for p, unit in persons.values()
    ]


_ACTIVE = (
    select(Person, Organisation.name, RoleGrant.role)
    .join(Organisation, Organisation.id == Person.organisation)
    .outerjoin(RoleGrant, (RoleGrant.person == Person.id) & RoleGrant.revoked.is_(None))
    .where(Person.state == "active")
)


async def rooms_by_use(
    tx: AsyncSession, uses: Collection[RoomUse], facility_id: str | None
) -> list[tuple[Room, Facility]]:
    """Rooms in use that serve one of ``uses``, by facility and name; of one facility when given."""
    query = select(Room, Facility).join(Facility, Facility.id == Room.facility)
    query = query.where(Room.use.in_(uses), Room.closed.is_(None), Facility.closed.is_(None))
    if facility_id is not None:
        query = query.where(Facility.id == facility_id)
    return [(row[0], row[1]) for row in await tx.execute(query.order_by(Facility.name, Room.name, Room.id))]


async def busy(
    tx: AsyncSession, resources: Collection[str], start: datetime, end: datetime, *, but: str | None = None
) -> dict[str, list[tuple[datetime, datetime]]]:
    """Windows of each resource held by others than ``but`` that touch ``[start, end)``, earliest first."""
    query = select(Hold.resource, Hold.start, Hold.end).where(
        Hold.resource.in_(resources), Hold.end > start, Hold.start < end
    )
    if but is not None:
        query = query.where(Hold.booking != but)
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for resource, from_, until in await tx.execute(query.order_by(Hold.resource, Hold.start)):
        found.setdefault(resource, []).append((from_, until))
    return found


async def facilities(tx: AsyncSession, ids: Collection[str]) -> Sequence[Facility]:
    """Facilities of these ids."""
    return (await tx.execute(select(Facility).where(Facility.id.in_(ids)))).scalars().all() if ids else ()


async def rooms_in(tx: AsyncSession, facility_id: str) -> Sequence[Room]:
    """Every room in use of a facility, by name."""
    return await rooms_in_use(tx, (facility_id,))


async def rooms_in_use(tx: AsyncSession, facilities: Collection[str]) -> Sequence[Room]:
    """Rooms of the facilities that are not closed for good, by name."""
    query = select(Room).where(Room.facility.in_(facilities), Room.closed.is_(None)).order_by(Room.name, Room.id)
    return (await tx.execute(query)).scalars().all()


async def case_numbers(tx: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    """Numbers of these cases by id."""
    if not ids:
        return {}
    return {row[0]: row[1] for row in await tx.execute(select(Case.id, Case.number).where(Case.id.in_(ids)))}


async def bookings_of_facility(tx: AsyncSession, facility_id: str, start: datetime, end: datetime) -> Sequence[Booking]:
    """Bookings that concern a facility's day, its own and those that use one of its rooms, by start."""
    in_its_rooms = select(Party.booking).join(Room, Room.id == Party.room).where(Room.facility == facility_id)
    query = select(Booking).where(
        or_(Booking.facility == facility_id, Booking.id.in_(in_its_rooms)),
        Booking.start < end,
        Booking.end > start,
        Booking.state.in_((State.REQUESTED, State.CONFIRMED, State.DONE, State.NO_SHOW)),
    )
    return (await tx.execute(query.order_by(Booking.start, Booking.id))).scalars().all()


async def requests_of_facility(tx: AsyncSession, facility_id: str) -> Sequence[Booking]:
    """Requests a facility has not answered, longest waiting first."""
    query = select(Booking).where(Booking.facility == facility_id, Booking.state == State.REQUESTED)
    return (await tx.execute(query.order_by(Booking.created, Booking.id))).scalars().all()


async def bookings_of_person(tx: AsyncSession, person: str, since: datetime, limit: int) -> Sequence[Booking]:
    """Bookings a person takes part in or made, that end after ``since``, by start."""
    taking_part = select(Party.booking).where(Party.person == person)
    query = select(Booking).where(or_(Booking.id.in_(taking_part), Booking.created_by == person), Booking.end > since)
    return (await tx.execute(query.order_by(Booking.start, Booking.id).limit(limit))).scalars().all()


async def confirmed_in_room(tx: AsyncSession, room_id: str, now: datetime, until: datetime) -> Sequence[Booking]:
    """Confirmed bookings of a room that are not over: running past their slot included, by start."""
    here = select(Party.booking).where(Party.room == room_id)
    running = Booking.started.is_not(None) & Booking.ended.is_(None)
    query = select(Booking).where(
        Booking.id.in_(here),
        Booking.state == State.CONFIRMED,
        Booking.start < until,
        or_(Booking.end > now, running),
    )
    return (await tx.execute(query.order_by(Booking.start, Booking.id))).scalars().all()


async def visits_held(tx: AsyncSession, custody_person: str) -> list[tuple[datetime, datetime]]:
    """When visits of a person really took place, latest first."""
    query = (
        select(Booking.started, Booking.ended)
        .join(Party, Party.booking == Booking.id)
        .where(Party.custody_person == custody_person, Booking.kind == "visit", Booking.state == State.DONE)
        .where(Booking.started.is_not(None), Booking.ended.is_not(None))
    )
    rows = await tx.execute(query.order_by(Booking.started.desc()))
    return [(started, ended) for started, ended in rows if started is not None and ended is not None]


async def coming_of_custody(tx: AsyncSession, person: str, now: datetime) -> Sequence[Booking]:
    """Standing bookings of a person in custody that have not begun and are not over, by start."""
    mine = select(Party.booking).where(Party.custody_person == person)
    query = select(Booking).where(
        Booking.id.in_(mine), Booking.state.in_(HOLDING), Booking.end > now, Booking.started.is_(None)
    )
    return (await tx.execute(query.order_by(Booking.start, Booking.id))).scalars().all()


async def standing_in_rooms(
    tx: AsyncSession, rooms: Collection[str], start: datetime, end: datetime
) -> Sequence[Booking]:
    """Standing bookings in any of the rooms that touch ``[start, end)``, by start."""
    here = select(Party.booking).where(Party.room.in_(rooms))
    query = select(Booking).where(
        Booking.id.in_(here), Booking.state.in_(HOLDING), Booking.start < end, Booking.end > start
    )
    return (await tx.execute(query.order_by(Booking.start, Booking.id))).scalars().all()


async def reviews_of_facility(tx: AsyncSession, facility_id: str) -> Sequence[Booking]:
    """Standing bookings of a facility that must be looked at, by start."""
    query = select(Booking).where(
        Booking.facility == facility_id, Booking.review.is_not(None), Booking.state.in_(HOLDING)
    )
    return (await tx.execute(query.order_by(Booking.start, Booking.id))).scalars().all()


async def last_questioned(tx: AsyncSession, custody_person: str, before: datetime) -> datetime | None:
    """When the last questioning of a person that starts before an instant ends."""
    query = (
        select(Booking.end, Booking.ended)
        .join(Party, Party.booking == Booking.id)
        .where(Party.custody_person == custody_person, Booking.kind == "interrogation", Booking.start < before)
        .where(Booking.state.in_((State.CONFIRMED, State.DONE)))
    )
    row = (await tx.execute(query.order_by(Booking.start.desc()).limit(1))).first()
    return (row.ended or row.end) if row else None


async def own_no_shows(tx: AsyncSession, lawyers: Collection[str], since: datetime) -> dict[str, int]:
    """How often each lawyer was the cause that a visit did not take place, since an instant: missed or cancelled late.

    Who never was is not in it.
    """
    query = select(Booking.created_by, func.count()).where(
        Booking.created_by.in_(lawyers),
        Booking.state.in_((State.NO_SHOW, State.CANCELLED)),
        Booking.owner == "lawyer",
        Booking.start > since,
    )
    return {row[0]: row[1] for row in await tx.execute(query.group_by(Booking.created_by))}


async def next_in_the_way(tx: AsyncSession, booking: Booking, end: datetime) -> Sequence[Booking]:
    """Standing bookings that hold one of this booking's resources between its end and a later one, by start."""
    mine = [hold.resource for hold in await holds(tx, [booking.id])]
    there = select(Hold.booking).where(
        Hold.resource.in_(mine), Hold.booking != booking.id, Hold.end > booking.end, Hold.start < end
    )
    query = select(Booking).where(Booking.id.in_(there), Booking.state.in_(HOLDING), Booking.started.is_(None))
    return (await tx.execute(query.order_by(Booking.start, Booking.id))).scalars().all()
