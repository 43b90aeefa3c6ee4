"""Searching over places: in which room near me, with what I need, could this session take place, and when first?

For a lawyer the room of their own side, for a witness the station they would come to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from core.refusals import Refused
from people import store as people
from people.models import Organisation
from people.principals import Principal
from scheduler import holds, store
from scheduler.distances import kilometres
from scheduler.facts import RoomFacts, room_facts
from scheduler.hours import calendars_of
from scheduler.models import Facility, Room
from scheduler.planning import Plan, make_plan
from scheduler.refusals import Slot
from scheduler.requests import HORIZON, Request, kind_of
from scheduler.rooms import SERVES
from scheduler.rules import first_refusal, untimed
from scheduler.search import Seat, grid, slots

MOST_PLACES = 50
MOST_SLOTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearby:
    """What a place should be like; everything may be left out."""

    position: tuple[float, float] | None = None
    """Latitude and longitude to measure from."""
    facility: str | None = None
    branch: str | None = None
    """Organisation: places of it and below."""
    equipment: frozenset[str] = frozenset()
    persons: int = 1
    """How many must find a seat."""


@dataclass(frozen=True, slots=True)
class PlaceOffer:
    """A room with its first free windows; ``kilometres`` only where both positions are known."""

    room: RoomFacts
    kilometres: float | None
    slots: tuple[Slot, ...]


async def free_places(
    db: Database,
    clock: Clock,
    principal: Principal,
    request: Request,
    *,
    until: datetime,
    nearby: Nearby | None = None,
) -> list[PlaceOffer] | Refused:
    """Rooms of the asking side (visit, interrogation) or for the witness (statement) that are free with everybody else.

    Starts in ``[request.start, until)``; nearest first where a position is given, else the one free earliest first. A
    refusal here is the refusal booking would give.
    """
    wanted, now, kind = nearby or Nearby(), clock.now(), kind_of(request.kind)
    if until - request.start > timedelta(days=31):
        raise Invalid("too-wide", "Please search at most a month at a time.", field="until")
    async with db.transaction(write=False) as tx:
        plan = await make_plan(tx, principal, request, kind, now)
        if isinstance(plan, Refused):
            return plan
        refused = first_refusal(plan.facts, untimed(plan.rules))
        if refused is not None:
            return refused
        uses = SERVES[kind.code].own if kind.custody else SERVES[kind.code].far
        coming = plan.facts.own_persons if kind.custody else plan.facts.far_persons
        wanted = replace(wanted, persons=max(wanted.persons, coming))
        rooms = [pair for pair in await store.rooms_by_use(tx, uses, wanted.facility) if _fits(pair[0], wanted)]
        if wanted.branch is not None:
            below = set(await people.below(tx, wanted.branch))
            rooms = [(room, place) for room, place in rooms if place.organisation in below]
        rooms = _nearest(rooms, wanted)[:MOST_PLACES]
        reach = max(now, request.start), min(until, now + HORIZON)
        return await _offers(tx, plan, rooms, wanted, reach, request.end - request.start)


@dataclass(frozen=True, slots=True)
class PlaceChoices:
    """What a search over places can be narrowed by."""

    rooms: Sequence[tuple[Room, Facility]]
    branches: Sequence[tuple[str, str]]
    """Id and name of the organisations that have such a room, or have one below them; by name."""
    known: Sequence[Facility]
    """Every facility in use, by name."""


async def choices(db: Database, kind: str) -> PlaceChoices:
    """The rooms that could serve somebody's own side of a kind, with their facilities and branches."""
    serves = SERVES[kind_of(kind).code]
    async with db.transaction(write=False) as tx:
        rooms = await store.rooms_by_use(tx, serves.own if kind_of(kind).custody else serves.far, None)
        above = {place.organisation for _, place in rooms}
        lines = [await people.line(tx, organisation) for organisation in sorted(above)]
        branches = select(Organisation.id, Organisation.name).where(
            Organisation.id.in_([i for li in lines for i in li])
        )
        known = select(Facility).where(Facility.closed.is_(None)).order_by(Facility.name)
        return PlaceChoices(
            rooms=rooms,
            branches=[(row.id, row.name) for row in await tx.execute(branches.order_by(Organisation.name))],
            known=(await tx.execute(known)).scalars().all(),
        )


async def _offers(
    tx: AsyncSession,
    plan: Plan,
    rooms: Sequence[tuple[Room, Facility]],
    wanted: Nearby,
    reach: tuple[datetime, datetime],
    length: timedelta,
) -> list[PlaceOffer]:
    """The first free windows of each room, all read at once."""
    facts = [room_facts(room, place) for room, place in rooms]
    used = {room.id: room for room in (*plan.far, *facts)}
    always = holds.people_resources(plan.parties)
    resources = [*always, *(holds.room_resource(room) for room in used.values())]
    margin = max((r.before + r.after for r in resources), default=timedelta(0))
    wide = reach[0] - margin, reach[1] + length + margin
    busy = await store.busy(tx, {r.key for r in resources}, *wide)
    calendars = await calendars_of(tx, {room.facility for room in used.values()}, *wide)
    seats = {id_: Seat(r, calendars[r.facility].closed(plan.kind.code, id_, *wide)) for id_, r in used.items()}
    times = grid(*reach, length)
    found = []
    for room, (_, place) in zip(facts, rooms, strict=True):
        far = [seats[r.id] for r in plan.far] if plan.kind.custody else [seats[room.id]]
        own = seats[room.id] if plan.kind.custody else None
        free = slots(far, always, own, busy, times, most=MOST_SLOTS)
        if free:
            found.append(PlaceOffer(room, _away(place, wanted), tuple(free)))
    if wanted.position is None:
        found.sort(key=lambda offer: (offer.slots[0].start, offer.room.facility_name, offer.room.name))
    return found


def _fits(room: Room, wanted: Nearby) -> bool:
    return wanted.equipment <= set(room.equipment) and room.capacity >= wanted.persons


def _nearest(rooms: list[tuple[Room, Facility]], wanted: Nearby) -> list[tuple[Room, Facility]]:
    if wanted.position is None:
        return rooms

    def order(pair: tuple[Room, Facility]) -> tuple[float, str, str]:
        away = _away(pair[1], wanted)
        return (float("inf") if away is None else away, pair[1].name, pair[0].name)

    return sorted(rooms, key=order)


def _away(place: Facility, wanted: Nearby) -> float | None:
    if wanted.position is None or place.latitude is None or place.longitude is None:
        return None
    return round(kilometres(wanted.position, (place.latitude, place.longitude)), 1)
