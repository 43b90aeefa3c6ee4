"""Lists of sessions: the day of a facility, "my sessions", what a terminal shows, and what police learn of visits."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from core.clock import Clock
from core.database import Database
from core.errors import Denied, NotFound
from people.permissions import Action, Relation, relations, require
from people.principals import Principal
from scheduler import store
from scheduler.models import Facility
from scheduler.views import BookingView, RoomView, views

AGENDA = timedelta(hours=24)
BACK = timedelta(days=7)
"""How far back "my sessions" reaches by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayList:
    """The day of one facility for its duty post."""

    facility: str
    facility_name: str
    zone: str
    day: date
    start: datetime
    end: datetime
    rooms: tuple[RoomView, ...]
    entries: tuple[BookingView, ...]
    """Of the day, by start; declined, withdrawn and cancelled ones are left out."""
    requests: tuple[BookingView, ...]
    """Waiting for an answer, whatever their day, longest waiting first."""


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """One session on a terminal's idle screen: nothing but its times."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Agenda:
    """What the terminal of a room shows while idle, and the sessions it may enter by itself."""

    room: str
    room_name: str
    facility_name: str
    zone: str
    items: tuple[AgendaItem, ...]
    next_session: str | None
    """Id of the session that runs or comes next; never shown."""


@dataclass(frozen=True, slots=True)
class VisitSeen:
    """All that police learn of a visit: that it took place, from when to when."""

    start: datetime
    end: datetime


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """The local day as instants; 23 or 25 hours long when the clocks change."""
    there = ZoneInfo(zone)
    first = datetime.combine(day, time(), there)
    return first.astimezone(UTC), datetime.combine(day + timedelta(days=1), time(), there).astimezone(UTC)


async def day_list(
    db: Database, clock: Clock, principal: Principal, *, day: date | None = None, facility: str | None = None
) -> DayList:
    """The duty post's list; ``day`` defaults to today there, ``facility`` to the principal's own."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        place = await _own_facility(tx, principal, facility)
        day = day or now.astimezone(ZoneInfo(place.zone)).date()
        start, end = day_bounds(day, place.zone)
        found = await store.bookings_of_facility(tx, place.id, start, end)
        waiting = await store.requests_of_facility(tx, place.id)
        return DayList(
            facility=place.id,
            facility_name=place.name,
            zone=place.zone,
            day=day,
            start=start,
            end=end,
            rooms=tuple(
                RoomView(r.id, r.name, place.id, place.name, r.movable) for r in await store.rooms_in(tx, place.id)
            ),
            entries=tuple(await views(tx, principal, found, now)),
            requests=tuple(await views(tx, principal, waiting, now)),
        )


async def week_board(
    db: Database, clock: Clock, principal: Principal, *, first: date | None = None, days: int = 7
) -> list[DayList]:
    """The post's lists of the ``days`` from ``first`` (default: today there) on, for a board of rooms by days."""
    async with db.transaction(write=False) as tx:
        place = await _own_facility(tx, principal, None)
    start = first or clock.now().astimezone(ZoneInfo(place.zone)).date()
    shown = [start + timedelta(days=number) for number in range(max(1, min(days, 14)))]
    return [await day_list(db, clock, principal, day=day) for day in shown]


async def my_sessions(
    db: Database, clock: Clock, principal: Principal, *, since: datetime | None = None, limit: int = 200
) -> list[BookingView]:
    """Sessions the principal takes part in or asked for, by start, from ``since`` (default: a week ago) on."""
    require(principal, Action.VIEW_BOOKING, {Relation.SELF, Relation.PARTICIPANT})
    now = clock.now()
    async with db.transaction(write=False) as tx:
        found = await store.bookings_of_person(tx, principal.id, since or now - BACK, limit)
        return await views(tx, principal, found, now)


async def terminal_agenda(db: Database, clock: Clock, principal: Principal) -> Agenda:
    """What the principal's own room shows while idle. Other detained persons read it: times alone."""
    now = clock.now()
    if principal.kind != "terminal" or principal.room is None:
        raise Denied("not-allowed", "This page is for the terminal of a room.")
    async with db.transaction(write=False) as tx:
        found = await store.rooms_with_facilities(tx, {principal.room})
        if not found:
            raise NotFound("no-room", "This room is no longer in use. Please call the duty post.")
        room, place = found[0]
        coming = await store.confirmed_in_room(tx, room.id, now, now + AGENDA)
        return Agenda(
            room=room.id,
            room_name=room.name,
            facility_name=place.name,
            zone=place.zone,
            items=tuple(AgendaItem(b.start, b.end) for b in coming),
            next_session=coming[0].id if coming else None,
        )


async def visits_seen(db: Database, principal: Principal, custody_person: str, case: str) -> list[VisitSeen]:
    """For the officers of a case: when the person had visits. Not by whom, not where, none that is still to come."""
    async with db.transaction(write=False) as tx:
        held = {Relation.OWN_CASE} if await cases.works_on(tx, principal.id, case) else set()
        require(principal, Action.VIEW_CASE, held)
        if not await cases.is_suspect(tx, custody_person, case):
            raise NotFound("no-person", "This person does not belong to the case.")
        return [VisitSeen(start, end) for start, end in await store.visits_held(tx, custody_person)]


async def _own_facility(tx: AsyncSession, principal: Principal, facility: str | None) -> Facility:
    wanted = facility or principal.facility
    require(principal, Action.VIEW_DAY_LIST, relations(principal, facility=wanted))
    place = await store.facility(tx, wanted or "")
    if place is None:
        raise NotFound("no-facility", "There is no such facility.")
    return place
