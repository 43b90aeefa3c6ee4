"""Figures for planning: waiting time from request to visit, use of rooms, capacity and sessions by kind.

Never per lawyer, never per person; a figure or count from fewer than five sessions is left out, none at all included:
whether a count is nought or one would tell of that one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from core.clock import Clock
from core.database import Database
from people import store as people
from people.permissions import Action, Relation, require
from people.principals import Principal, Tree
from scheduler import store
from scheduler.distances import kilometres
from scheduler.facts import room_facts
from scheduler.hours import calendars_of
from scheduler.models import Booking, Facility, Room, RoomUse, State
from scheduler.rooms import SERVES
from scheduler.search import Seat, grid, slots

FEWEST = 5
_SERVED: dict[RoomUse, str] = {
    RoomUse.VISIT: "visit",
    RoomUse.LAWYER: "visit",
    RoomUse.INTERROGATION: "interrogation",
    RoomUse.EVIDENCE: "statement",
}
"""The kind by whose hours the open time of a room counts."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Hours from request to the visit's start at one facility."""

    facility: str
    facility_name: str
    count: int | None
    """Visits that began; ``None`` when they are too few to say, as are all other figures then."""
    median: float | None
    ninetieth: float | None
    within_48: float | None
    """Share that began within 48 hours of the request."""


@dataclass(frozen=True, slots=True)
class RoomUsed:
    """How much of its open time a room was held."""

    room: str
    room_name: str
    facility_name: str
    held_hours: float | None
    """``None`` when it was held too few times to say."""
    open_hours: float

    @property
    def share(self) -> float | None:
        """Held over open, 0 to 1; ``None`` with ``held_hours``."""
        return _share(self.held_hours, self.open_hours)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the rooms that serve a kind's far side, custody or witness, hold and could hold."""

    kind: str
    rooms: int
    open_hours: float
    held_hours: float | None
    """``None`` when it would tell of a room held too few times to say."""
    fits: int
    """So many sessions of the usual length fit into the open time, one after the other."""

    @property
    def share(self) -> float | None:
        """Held over open, 0 to 1; ``None`` with ``held_hours``."""
        return _share(self.held_hours, self.open_hours)


@dataclass(frozen=True, slots=True)
class KindCount:
    """Sessions of one kind in one state, at least ``FEWEST``."""

    kind: str
    state: State
    count: int


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a police node is from the nearest lawyer's room, for planning new ones."""

    facility: str
    facility_name: str
    nearest: str
    kilometres: float


async def waiting_times(db: Database, principal: Principal, *, since: datetime, until: datetime) -> list[Waiting]:
    """Per facility of the principal's organisation and below, by name; visits that took place."""
    async with db.transaction(write=False) as tx:
        places = await _places(tx, principal)
        query = select(Booking.facility, Booking.created, Booking.started).where(
            Booking.kind == "visit",
            Booking.state == State.DONE,
            Booking.started.is_not(None),
            Booking.created >= since,
            Booking.created < until,
            Booking.facility.in_([place.id for place in places]),
        )
        hours: dict[str, list[float]] = {}
        for facility, created, started in await tx.execute(query):
            if facility is not None and started is not None:
                hours.setdefault(facility, []).append((started - created) / timedelta(hours=1))
        return [_waiting(place, sorted(hours.get(place.id, ()))) for place in places]


async def room_use(
    db: Database, principal: Principal, *, since: datetime, until: datetime
) -> tuple[list[RoomUsed], list[Capacity]]:
    """Per room of the principal's organisation and below, and per kind over the rooms that serve it.

    Blocks and closing time do not count as open.
    """
    rooms = await _rooms(db, principal, since, until)
    used = [
        RoomUsed(one.room.id, one.room.name, one.place, one.hours if one.times >= FEWEST else None, one.open_hours)
        for one in rooms
    ]
    return used, _capacity(rooms)


def _capacity(rooms: Sequence["_Held"]) -> list[Capacity]:
    """Per kind that needs a room at the far side."""
    found = []
    for code, kind in KINDS.items():
        serving = [one for one in rooms if one.room.use in SERVES[code].far] if code in SERVES else []
        if not serving:
            continue
        # a sum beside the figures of the single rooms must not tell of those that have none
        few = [one.times for one in serving if one.times < FEWEST]
        held = None if few and sum(few) < FEWEST else sum(one.hours for one in serving)
        length = kind.duration / timedelta(hours=1)
        fits = sum(int(one.open_hours // length) for one in serving)
        found.append(Capacity(code, len(serving), sum(one.open_hours for one in serving), held, fits))
    return found


@dataclass(frozen=True, slots=True)
class _Held:
    """A room with what was held of it: never told as it is."""

    room: Room
    place: str
    times: int
    hours: float
    open_hours: float


async def _rooms(db: Database, principal: Principal, since: datetime, until: datetime) -> list[_Held]:
    async with db.transaction(write=False) as tx:
        places = {place.id: place for place in await _places(tx, principal)}
        calendars = await calendars_of(tx, set(places), since, until)
        rooms = [room for place in places for room in await store.rooms_in(tx, place)]
        busy = await store.busy(tx, {f"room:{room.id}" for room in rooms}, since, until)
        used = []
        for room in rooms:
            holds = [(max(s, since), min(e, until)) for s, e in busy.get(f"room:{room.id}", ())]
            closed = calendars[room.facility].closed(_SERVED[room.use], room.id, since, until)
            whole = (until - since) / timedelta(hours=1)
            open_ = max(0.0, whole - _hours(_joined(closed, since, until)))
            used.append(_Held(room, places[room.facility].name, len(holds), _hours(holds), open_))
        return used


async def by_kind(db: Database, principal: Principal, *, since: datetime, until: datetime) -> list[KindCount]:
    """Sessions by kind and state; rehearsals and counts below ``FEWEST`` are left out."""
    async with db.transaction(write=False) as tx:
        places = [place.id for place in await _places(tx, principal)]
        counted = [code for code, kind in KINDS.items() if kind.statistics]
        query = (
            select(Booking.kind, Booking.state, func.count())
            .where(Booking.start >= since, Booking.start < until, Booking.facility.in_(places))
            .where(Booking.kind.in_(counted))
            .group_by(Booking.kind, Booking.state)
            .having(func.count() >= FEWEST)
            .order_by(Booking.kind, Booking.state)
        )
        return [KindCount(kind, State(state), count) for kind, state, count in await tx.execute(query)]


async def reach(db: Database, principal: Principal) -> list[Reach]:
    """How far each station is from the nearest lawyer's room, farthest first."""
    async with db.transaction(write=False) as tx:
        places = [p for p in await _places(tx, principal) if p.latitude is not None]
        with_room = set((await tx.execute(select(Room.facility).where(Room.use == RoomUse.LAWYER))).scalars())
        havens = [p for p in places if p.id in with_room]
        found = []
        for place in places:
            near = min(havens, key=lambda haven: distance(place, haven), default=None)
            if near is not None:
                found.append(Reach(place.id, place.name, near.name, round(distance(place, near), 1)))
        return sorted(found, key=lambda r: (-r.kilometres, r.facility_name))


async def forecast(
    db: Database, clock: Clock, facility: str, *, length: timedelta = timedelta(minutes=60)
) -> float | None:
    """Hours until the next free window of a visiting room of a facility: what a request made now can expect."""
    now = clock.now()
    until = now + timedelta(days=14)
    async with db.transaction(write=False) as tx:
        rooms = [room_facts(r, f) for r, f in await store.rooms_of(tx, facility, SERVES["visit"].far)]
        if not rooms:
            return None
        calendar = (await calendars_of(tx, {facility}, now, until))[facility]
        busy = await store.busy(tx, {f"room:{room.id}" for room in rooms}, now, until)
        seats = [Seat(room, calendar.closed("visit", room.id, now, until)) for room in rooms]
        first = slots(seats, [], None, busy, grid(now, until - length, length), most=1)
        return (first[0].start - now) / timedelta(hours=1) if first else None


def distance(one: Facility, other: Facility) -> float:
    """Kilometres on the great circle; infinite where a position is not known."""
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return float("inf")
    return kilometres((one.latitude, one.longitude), (other.latitude, other.longitude))


async def _places(tx: AsyncSession, principal: Principal) -> Sequence[Facility]:
    require(principal, Action.VIEW_STATISTICS, {Relation.OWN_TREE} if principal.tree == Tree.POLICE else ())
    units = await people.below(tx, principal.organisation or "")
    query = select(Facility).where(Facility.organisation.in_(units), Facility.closed.is_(None)).order_by(Facility.name)
    found: Sequence[Facility] = (await tx.execute(query)).scalars().all()
    return found


def _waiting(place: Facility, hours: Sequence[float]) -> Waiting:
    if len(hours) < FEWEST:
        return Waiting(place.id, place.name, None, None, None, None)
    within = sum(h <= 48 for h in hours) / len(hours)
    ninetieth = hours[min(len(hours) - 1, int(len(hours) * 0.9))]
    median = hours[len(hours) // 2]
    return Waiting(place.id, place.name, len(hours), round(median, 1), round(ninetieth, 1), round(within, 3))


def _share(held: float | None, open_: float) -> float | None:
    if held is None:
        return None
    return min(1.0, held / open_) if open_ else 0.0


def _hours(windows: Sequence[tuple[datetime, datetime]]) -> float:
    return sum(((e - s) / timedelta(hours=1) for s, e in windows if e > s), 0.0)


def _joined(
    windows: Sequence[tuple[datetime, datetime]], since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """Windows cut to the span, overlaps counted once."""
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(windows):
        start, end = max(start, since), min(end, until)
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif start < end:
            joined.append((start, end))
    return joined
