"""What case-management systems ask: bookings, sessions that took place, and to book for an officer.

A system reaches what belongs to its organisation and those below. Of a visit it learns only that it took place, from
when to when; what it books for an officer the calendar allows exactly as if the officer had typed it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from cases.models import Case
from core.database import Database
from core.errors import Invalid, NotFound
from people import store as people
from people import tokens
from people.permissions import Action
from people.principals import Principal
from scheduler import store
from scheduler.integration import by_identity, officer_id, require_reach
from scheduler.models import Booking, Facility, Party, Room, State
from scheduler.requests import GuestWish, Request

MOST = 500
"""Rows of one answer."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a session; of a visit only that it took place."""

    booking: str
    kind: str
    case: str | None
    """Id in the other system."""
    state: State | None
    started: datetime | None
    ended: datetime


@dataclass(frozen=True, slots=True)
class Planned:
    """A booking that is not a visit."""

    booking: str
    kind: str
    case: str | None
    """Id in the other system."""
    state: State
    start: datetime
    end: datetime
    zone: str
    facility: str | None
    rooms: tuple[str, ...]
    officers: tuple[str, ...]
    """Numbers of those who lead or take part."""
    reason: str | None
    review: str | None
    started: datetime | None
    ended: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A session a case system asks for, in its own words: external case, identity number, officers' numbers."""

    kind: str
    case: str
    start: datetime
    end: datetime
    person: str | None = None
    """Identity number of the person in custody."""
    officers: tuple[str, ...] = ()
    cooperating: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    guests: tuple[GuestWish, ...] = ()
    room: str | None = None
    own_room: str | None = None


@dataclass(frozen=True, slots=True)
class RoomName:
    """A room in use."""

    room: str
    name: str
    use: str


@dataclass(frozen=True, slots=True)
class Place:
    """A facility with its rooms, as other systems name them in requests."""

    facility: str
    name: str
    kind: str
    zone: str
    rooms: tuple[RoomName, ...]


async def wished(db: Database, principal: Principal, officer: str, wish: Wish) -> tuple[Principal, Request]:
    """The officer a system asks for, and the request in the calendar's own ids. Raises ``NotFound``, ``Invalid``.

    What the officer may is asked by the calendar itself, as if the officer had typed it.
    """
    async with db.transaction(write=False) as tx:
        who = await tokens.act_for(tx, principal, officer)
        case = (await tx.execute(select(Case.id).where(Case.external == wish.case))).scalar_one_or_none()
        if case is None:
            raise Invalid("no-case", "There is no such case in this organisation.", field="case")
        person = await by_identity(tx, wish.person) if wish.person else None
        if wish.person and person is None:
            raise Invalid("no-person", "This person is not known here.", field="person")
        return who, Request(
            kind=wish.kind,
            start=wish.start,
            end=wish.end,
            room=wish.room,
            own_room=wish.own_room,
            custody_person=person.id if person else None,
            case=case,
            officers=tuple([await officer_id(tx, principal, n) for n in wish.officers]),
            cooperating=tuple([await officer_id(tx, principal, n, "cooperating") for n in wish.cooperating]),
            interpreters=tuple([await officer_id(tx, principal, n, "interpreters") for n in wish.interpreters]),
            guests=wish.guests,
        )


async def acting(db: Database, principal: Principal, officer: str) -> Principal:
    """The officer a system asks for. Raises ``NotFound``."""
    async with db.transaction(write=False) as tx:
        return await tokens.act_for(tx, principal, officer)


async def planned(
    db: Database, principal: Principal, *, from_: datetime, until: datetime, limit: int = MOST
) -> Sequence[Planned]:
    """Bookings that start in ``[from_, until)`` and are no visits, earliest first."""
    async with db.transaction(write=False) as tx:
        query = select(Booking, Case.external).outerjoin(Case, Case.id == Booking.case)
        query = query.where(
            Booking.start >= from_, Booking.start < until, Booking.organisation.in_(await _reach(tx, principal))
        )
        query = query.where(Booking.kind.in_(_TOLD)).order_by(Booking.start, Booking.id).limit(min(limit, MOST))
        return await _planned(tx, [(row[0], row[1]) for row in await tx.execute(query)])


async def one_planned(db: Database, principal: Principal, booking: str) -> Planned:
    """One booking. Raises ``NotFound``, for visits and those of others too."""
    async with db.transaction(write=False) as tx:
        query = select(Booking, Case.external).outerjoin(Case, Case.id == Booking.case)
        query = query.where(
            Booking.id == booking, Booking.kind.in_(_TOLD), Booking.organisation.in_(await _reach(tx, principal))
        )
        found = await _planned(tx, [(row[0], row[1]) for row in await tx.execute(query)])
    if not found:
        raise NotFound("no-booking", "There is no such booking.")
    return found[0]


_TOLD = tuple(code for code, kind in KINDS.items() if kind.statistics and not kind.privileged)
"""Kinds of which systems learn more than that they took place."""


async def _reach(tx: AsyncSession, principal: Principal) -> tuple[str, ...]:
    await require_reach(tx, principal, Action.VIEW_RESULTS, principal.organisation)
    return await people.below(tx, principal.organisation or "")


async def _planned(tx: AsyncSession, rows: Sequence[tuple[Booking, str | None]]) -> list[Planned]:
    parties = await store.parties(tx, [booking.id for booking, _ in rows])
    return [_plan(booking, case, [p for p in parties if p.booking == booking.id]) for booking, case in rows]


def _plan(booking: Booking, case: str | None, parties: Sequence[Party]) -> Planned:
    return Planned(
        booking=booking.id,
        kind=booking.kind,
        case=case,
        state=booking.state,
        start=booking.start,
        end=booking.end,
        zone=booking.zone,
        facility=booking.facility,
        rooms=tuple(dict.fromkeys(p.room for p in parties if p.room)),
        officers=tuple(p.number for p in parties if p.number),
        reason=booking.reason,
        review=booking.review,
        started=booking.started,
        ended=booking.ended,
        version=booking.version,
    )


async def results(
    db: Database, principal: Principal, *, since: datetime, after: str = "", limit: int = MOST
) -> Sequence[Result]:
    """Sessions that ended after ``since``, or then with an id above ``after``; earliest first."""
    async with db.transaction(write=False) as tx:
        query = select(Booking, Case.external).outerjoin(Case, Case.id == Booking.case)
        query = query.where(Booking.organisation.in_(await _reach(tx, principal)), Booking.state == State.DONE)
        query = query.where(Booking.kind.in_([code for code, kind in KINDS.items() if kind.statistics]))
        query = query.where(or_(Booking.ended > since, and_(Booking.ended == since, Booking.id > after)))
        rows = await tx.execute(query.order_by(Booking.ended, Booking.id).limit(min(limit, MOST)))
        return [_result(row[0], row[1]) for row in rows]


def _result(booking: Booking, case: str | None) -> Result:
    hidden = KINDS[booking.kind].privileged
    assert booking.ended is not None
    return Result(
        booking=booking.id,
        kind=booking.kind,
        case=None if hidden else case,
        state=None if hidden else booking.state,
        started=booking.started,
        ended=booking.ended,
    )


async def places(db: Database, principal: Principal) -> Sequence[Place]:
    """Facilities of the system's organisation and those below, with the rooms in use, by name."""
    async with db.transaction(write=False) as tx:
        query = select(Facility).where(
            Facility.organisation.in_(await _reach(tx, principal)), Facility.closed.is_(None)
        )
        found = (await tx.execute(query.order_by(Facility.name, Facility.id))).scalars().all()
        rooms = await store.rooms_in_use(tx, [facility.id for facility in found])
        return [_place(facility, [room for room in rooms if room.facility == facility.id]) for facility in found]


def _place(facility: Facility, rooms: Sequence[Room]) -> Place:
    return Place(
        facility=facility.id,
        name=facility.name,
        kind=facility.kind.value,
        zone=facility.zone,
        rooms=tuple(RoomName(room.id, room.name, room.use.value) for room in rooms),
    )
