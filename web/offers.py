"""What the booking pages offer: whom one may ask for, who may come along, where everybody can sit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.clock import Clock
from core.database import Database
from people.principals import Principal
from scheduler import choices, places
from scheduler.facts import RoomFacts
from scheduler.planning import ZONE
from scheduler.store import PersonCard
from web.wishes import Wish


@dataclass(frozen=True, slots=True)
class Whom:
    """One entry of the first step. ``value`` as ``Wish.who``."""

    value: str
    name: str
    case_number: str
    title: str = ""
    facility: str | None = None
    facility_name: str = ""
    """Where the person is held, for those who may know."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A room that can be chosen. ``value`` as ``Wish.place``."""

    value: str
    name: str
    facility: str
    zone: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What the pages say about a wish, and the places it can take."""

    name: str
    case_number: str
    facility_name: str
    officer_name: str
    interpreter_name: str
    zone: str
    own: Sequence[Seat]
    """Rooms for the asking side."""
    shared: Sequence[Seat]
    """Rooms in which all can sit together."""
    far: Sequence[Seat]
    """Rooms for the witness."""
    place: Seat | None
    """The one chosen."""
    room_name: str = ""
    """Room of the chosen window."""


async def people(db: Database, clock: Clock, principal: Principal, kind: str) -> list[Whom]:
    """Whom ``principal`` may ask for: a lawyer's own checked clients, the persons in an officer's cases, the cases."""
    if kind == "visit":
        mine = await choices.my_clients(db, clock, principal)
        return [Whom(p.id, p.name, p.case_number, facility=p.facility) for p in mine]
    cases = await choices.my_cases(db, principal)
    if kind == "statement":
        return [Whom(case.id, case.title, case.number) for case in cases]
    return [
        Whom(f"{case.id}.{p.id}", p.name, case.number, case.title, p.facility, p.facility_name)
        for case in cases
        for p in case.persons
    ]


async def colleagues(db: Database, principal: Principal, kind: str) -> Sequence[PersonCard]:
    """Officers who can be the second one."""
    return [] if kind == "visit" else await choices.colleagues(db, principal)


async def interpreters(db: Database, principal: Principal, kind: str) -> Sequence[PersonCard]:
    """Interpreters who can be asked to take part; a lawyer brings their own, with a permit."""
    return [] if kind == "visit" else await choices.colleagues(db, principal, "interpreter")


async def offer(db: Database, clock: Clock, principal: Principal, wish: Wish) -> Offer:
    """Everything the pages say about ``wish``. What the viewer may not know is empty: the calendar then refuses it."""
    known = next((w for w in await people(db, clock, principal, wish.kind) if w.value == wish.who), None)
    second = next((p for p in await colleagues(db, principal, wish.kind) if p.id == wish.officer), None)
    helper = next((p for p in await interpreters(db, principal, wish.kind) if p.id == wish.interpreter), None)
    held_at = known.facility if known else None
    asking = _seats("own", await choices.rooms_for(db, wish.kind, side="own")) if wish.kind != "statement" else []
    witness = _seats("far", await choices.rooms_for(db, wish.kind, side="far")) if wish.kind == "statement" else []
    far_rooms = await choices.rooms_for(db, wish.kind, side="far", facility=held_at) if held_at else []
    shared = _seats("with", far_rooms) if wish.kind == "interrogation" else []
    chosen = next((seat for seat in [*asking, *shared, *witness] if seat.value == wish.place), None)
    zones = [room.zone for room in far_rooms] + ([chosen.zone] if chosen else [])
    return Offer(
        name=known.name if known else "",
        case_number=known.case_number if known else "",
        facility_name=known.facility_name if known else "",
        officer_name=second.name if second else "",
        interpreter_name=helper.name if helper else "",
        zone=next(iter(zones), ZONE),
        own=asking,
        shared=shared,
        far=witness,
        place=chosen,
        room_name=next((room.name for room in far_rooms if room.id == wish.room), ""),
    )


@dataclass(frozen=True, slots=True)
class Filters:
    """By what places can be narrowed down: only what some room has."""

    facilities: Sequence[tuple[str, str]]
    branches: Sequence[tuple[str, str]]
    equipment: Sequence[str]
    positions: Mapping[str, tuple[float, float]]
    """Of facilities whose position is known: to measure distances from."""
    near: Sequence[tuple[str, str]]


async def filters(db: Database, kind: str) -> Filters:
    """The filters of the places where the asking side, or the witness, could sit."""
    found = await places.choices(db, kind)
    return Filters(
        facilities=list(dict.fromkeys((place.id, place.name) for _, place in found.rooms)),
        branches=found.branches,
        equipment=sorted({word for room, _ in found.rooms for word in room.equipment}),
        positions={
            f.id: (f.latitude, f.longitude) for f in found.known if f.latitude is not None and f.longitude is not None
        },
        near=[(f.id, f.name) for f in found.known if f.latitude is not None],
    )


def _seats(side: str, rooms: Sequence[RoomFacts]) -> list[Seat]:
    return [Seat(f"{side}.{room.id}", room.name, room.facility_name, room.zone) for room in rooms]
