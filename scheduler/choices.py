"""What a booking form offers: own clients, own cases, colleagues, rooms. Nobody else's names are read."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.models import CustodyStatus
from core.clock import Clock
from core.database import Database
from people import store as people
from people.permissions import Action, Relation, require
from people.principals import Principal
from scheduler import store
from scheduler.facts import RoomFacts, room_facts
from scheduler.models import Facility, FacilityKind
from scheduler.rooms import SERVES


@dataclass(frozen=True, slots=True)
class PersonChoice:
    """A person in custody that may be chosen, with where they are."""

    id: str
    name: str
    status: CustodyStatus | None
    facility: str | None
    facility_name: str
    case: str | None
    case_number: str


@dataclass(frozen=True, slots=True)
class CaseChoice:
    """A case of the officer, with the persons suspected in it."""

    id: str
    number: str
    title: str
    persons: tuple[PersonChoice, ...]


async def my_clients(db: Database, clock: Clock, principal: Principal) -> list[PersonChoice]:
    """A lawyer's own checked clients, by name. No other person in custody is ever named to a lawyer."""
    require(principal, Action.VIEW_CLIENTS, {Relation.SELF})
    async with db.transaction(write=False) as tx:
        found = await cases.clients(tx, principal.id, clock.now())
        return [await _choice(tx, person.id, person.name, bond.case) for bond, person in found]


async def my_cases(db: Database, principal: Principal) -> list[CaseChoice]:
    """An officer's open cases and the persons suspected in them."""
    require(principal, Action.VIEW_CASE, {Relation.OWN_CASE})
    async with db.transaction(write=False) as tx:
        found = []
        for case in await cases.cases_of_officer(tx, principal.id):
            persons = [await _choice(tx, p.id, p.name, case.id) for p in await cases.suspects(tx, case.id)]
            found.append(CaseChoice(case.id, case.number, case.title, tuple(persons)))
        return found


async def colleagues(db: Database, principal: Principal, role: str = "officer") -> list[store.PersonCard]:
    """Active people with ``role`` in the principal's own tree, without the principal, by unit and name."""
    require(principal, Action.VIEW_CASE, {Relation.OWN_CASE})
    async with db.transaction(write=False) as tx:
        line = await people.line(tx, principal.organisation)
        units = await people.below(tx, line[-1]) if line else ()
        return await store.persons_with_role(tx, units, role, but=principal.id)


async def rooms_for(db: Database, kind: str, *, side: str, facility: str | None = None) -> list[RoomFacts]:
    """Rooms that serve a kind at ``side`` (``far`` or ``own``), by facility and name; of one facility when given."""
    serves = SERVES[kind]
    uses = serves.far if side == "far" else serves.own
    async with db.transaction(write=False) as tx:
        return [room_facts(room, place) for room, place in await store.rooms_by_use(tx, uses, facility)]


async def custody_places(db: Database) -> list[tuple[str, str]]:
    """Id and name of every place where somebody can be held, by name: public knowledge."""
    async with db.transaction(write=False) as tx:
        query = select(Facility.id, Facility.name)
        query = query.where(Facility.kind != FacilityKind.STATION, Facility.closed.is_(None))
        return [(row.id, row.name) for row in await tx.execute(query.order_by(Facility.name, Facility.id))]


async def _choice(tx: AsyncSession, person: str, name: str, case: str | None) -> PersonChoice:
    custody = await cases.current_custody(tx, person)
    place = await store.facility(tx, custody.facility) if custody and custody.facility else None
    return PersonChoice(
        id=person,
        name=name,
        status=custody.status if custody else None,
        facility=place.id if place else None,
        facility_name=place.name if place else "",
        case=case,
        case_number=await store.case_number(tx, case) or "",
    )
