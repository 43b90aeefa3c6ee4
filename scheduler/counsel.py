"""A person in custody without a lawyer asks for one (LV-7, MPS 49): duty lawyers are told within 24 hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import registry
from cases import store as cases
from cases.models import CustodyPerson, CustodyRecord, Representation, RepresentationState
from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Denied, Invalid, NotFound
from core.jobs import Handler
from people import store as people
from people.models import Organisation, Person, RoleGrant
from people.permissions import Action, Relation, allowed, relations, require
from people.principals import Principal
from scheduler import escalation, notices, store
from scheduler.models import DutyLawyer, Facility, LawyerRequest

DUE = "counsel.due"
WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Wish:
    """One request for a lawyer, as the post or a duty lawyer of the facility sees it."""

    id: str
    name: str
    """Of the person in custody: for the post, and for the lawyer who took the request."""
    facility_name: str
    zone: str
    asked: datetime
    deadline: datetime
    notified: datetime | None
    taken: datetime | None
    lawyer: str
    """Name of whoever took it."""


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody held at the post's facility who has no lawyer here."""

    id: str
    name: str


async def ask(db: Database, clock: Clock, principal: Principal, person: str) -> LawyerRequest:
    """The post writes down that somebody held there asks for a lawyer; the same wish twice is one.

    Raises ``NotFound`` for whoever is not held there, ``Conflict`` for whoever has a lawyer.
    """
    now = clock.now()
    async with db.transaction() as tx:
        require(principal, Action.CONFIRM_CUSTODY, relations(principal, facility=principal.facility))
        if person not in {held.id for held in await _held(tx, principal.facility or "")}:
            raise NotFound("no-person", "There is no such person.")
        if await _defended(tx, person, now):
            raise Conflict("has-lawyer", "This person has a lawyer here already.")
        open_ = select(LawyerRequest).where(LawyerRequest.custody_person == person, LawyerRequest.taken.is_(None))
        there = (await tx.execute(open_.limit(1))).scalar_one_or_none()
        if there is not None:
            return there
        made = LawyerRequest(
            custody_person=person,
            facility=principal.facility,
            asked=now,
            asked_by=principal.id,
            deadline=now + WITHIN,
        )
        tx.add(made)
        await tx.flush()
        await _notify(tx, made, now)
        await jobs.enqueue(tx, DUE, {"request": made.id}, due=made.deadline, key=f"{DUE}:{made.id}")
        await ledger.append(tx, "counsel.asked", actor=principal.id, subject=made.id, at=now)
        return made


async def name_lawyer(db: Database, clock: Clock, principal: Principal, *, facility: str, lawyer: str) -> None:
    """The justice bureau names a duty lawyer for a facility, who is told of what waits there; repeatable."""
    now = clock.now()
    async with db.transaction() as tx:
        await _check_bureau(tx, principal, lawyer)
        if await store.facility(tx, facility) is None:
            raise NotFound("no-facility", "There is no such facility.")
        if await tx.get(DutyLawyer, (facility, lawyer)) is not None:
            return
        tx.add(DutyLawyer(facility=facility, person=lawyer, added=now, added_by=principal.id))
        await tx.flush()
        await ledger.append(
            tx, "counsel.named", actor=principal.id, subject=lawyer, at=now, details={"facility": facility}
        )
        waiting = select(LawyerRequest).where(LawyerRequest.facility == facility, LawyerRequest.notified.is_(None))
        for request in (await tx.execute(waiting)).scalars():
            await _notify(tx, request, now)


async def release_lawyer(db: Database, clock: Clock, principal: Principal, *, facility: str, lawyer: str) -> None:
    """The justice bureau takes a lawyer off a facility's list; repeatable."""
    async with db.transaction() as tx:
        await _check_bureau(tx, principal, lawyer)
        found = await tx.get(DutyLawyer, (facility, lawyer))
        if found is not None:
            await tx.delete(found)
            details = {"facility": facility}
            await ledger.append(
                tx, "counsel.released", actor=principal.id, subject=lawyer, at=clock.now(), details=details
            )


async def take(db: Database, clock: Clock, principal: Principal, request: str) -> str:
    """A duty lawyer takes a request and learns the name; return the mandate, to which the papers are handed in."""
    now = clock.now()
    async with db.transaction() as tx:
        query = select(LawyerRequest).where(LawyerRequest.id == request).with_for_update()
        found = (await tx.execute(query)).scalar_one_or_none()
        if found is None or found.facility not in await _posts_of(tx, principal):
            raise NotFound("no-request", "There is no such request.")
        if found.taken is not None:
            raise Conflict("taken-by-other", "Somebody else has taken this already.")
        found.taken, found.taken_by = now, principal.id
        await ledger.append(tx, "counsel.taken", actor=principal.id, subject=found.id, at=now)
        bond = await registry.represent(
            tx, clock, lawyer=principal.id, client=found.custody_person, case=None, by=principal.id
        )
        return bond.id


async def of_post(db: Database, clock: Clock, principal: Principal) -> tuple[list[Wish], list[Held]]:
    """For the post: what was asked at its facility, newest first, and who could ask."""
    async with db.transaction(write=False) as tx:
        require(principal, Action.CONFIRM_CUSTODY, relations(principal, facility=principal.facility))
        mine = LawyerRequest.facility == (principal.facility or "")
        free = [
            held for held in await _held(tx, principal.facility or "") if not await _defended(tx, held.id, clock.now())
        ]
        return await _wishes(tx, mine, lambda _: True), free


async def of_lawyer(db: Database, principal: Principal) -> list[Wish]:
    """For a duty lawyer: what waits at the facilities they are named for, and what they took; names of the latter."""
    async with db.transaction(write=False) as tx:
        posts = await _posts_of(tx, principal)
        open_ = LawyerRequest.facility.in_(posts) & LawyerRequest.taken.is_(None)
        mine = or_(open_, LawyerRequest.taken_by == principal.id)
        return await _wishes(tx, mine, lambda row: row.taken_by == principal.id)


@dataclass(frozen=True, slots=True)
class Lawyer:
    """A lawyer of the bureau's tree, with the facilities they are named for as (id, name)."""

    id: str
    name: str
    firm: str
    facilities: tuple[tuple[str, str], ...]


async def is_bureau(db: Database, principal: Principal) -> bool:
    """Whether somebody keeps the lists of duty lawyers: an administrator of the justice tree."""
    async with db.transaction(write=False) as tx:
        return principal.id in await _bureau(tx)


async def duty_lawyers(db: Database, principal: Principal) -> list[Lawyer]:
    """Every active lawyer of the bureau's own tree, by firm and name, with what they are named for."""
    async with db.transaction(write=False) as tx:
        if principal.id not in await _bureau(tx):
            return []
        units = await people.below(tx, principal.organisation or "")
        query = select(DutyLawyer.person, Facility.id, Facility.name)
        query = query.join(Facility, Facility.id == DutyLawyer.facility).order_by(Facility.name)
        named: dict[str, list[tuple[str, str]]] = {}
        for person, facility, place in await tx.execute(query):
            named.setdefault(person, []).append((facility, place))
        cards = await store.persons_with_role(tx, units, "lawyer", but=principal.id)
        return [Lawyer(c.id, c.name, c.unit, tuple(named.get(c.id, ()))) for c in cards]


def handlers(db: Database, clock: Clock) -> dict[str, Handler]:
    """The job of the deadline for the worker."""

    async def due(payload: Mapping[str, Any]) -> None:
        now = clock.now()
        async with db.transaction() as tx:
            found = await tx.get(LawyerRequest, str(payload["request"]))
            if found is None or found.notified is not None:
                return
            place = await store.facility(tx, found.facility)
            await ledger.append(tx, "counsel.breach", actor="system", subject=found.id, at=now)
            values = {"facility": place.name if place else ""}
            told = [*await escalation.prosecutors(tx), *await _bureau(tx)]
            await notices.tell(tx, told, "counsel_breach", at=now, values=values)

    return {DUE: due}


async def _notify(tx: AsyncSession, request: LawyerRequest, now: datetime) -> None:
    """Tell the facility's duty lawyers; where there is none, the justice bureau, which can name one."""
    query = select(DutyLawyer.person).join(Person, Person.id == DutyLawyer.person)
    query = query.where(DutyLawyer.facility == request.facility, Person.state == "active")
    lawyers = (await tx.execute(query.order_by(DutyLawyer.person))).scalars().all()
    place = await store.facility(tx, request.facility)
    values = {"facility": place.name if place else "", "deadline": request.deadline}
    if lawyers:
        request.notified = now
        await notices.tell(tx, lawyers, "counsel_wanted", at=now, values=values)
    else:
        await notices.tell(tx, await _bureau(tx), "counsel_none", at=now, values=values)


async def _bureau(tx: AsyncSession) -> Sequence[str]:
    """Administrators of justice bureaus."""
    trees = select(Organisation.id).where(Organisation.tree == "justice")
    query = select(RoleGrant.person).where(
        RoleGrant.role == "administrator", RoleGrant.revoked.is_(None), RoleGrant.organisation.in_(trees)
    )
    return (await tx.execute(query.order_by(RoleGrant.person))).scalars().all()


async def _check_bureau(tx: AsyncSession, principal: Principal, lawyer: str) -> None:
    if principal.id not in await _bureau(tx):
        raise Denied("not-allowed", "This is not open to you. If you need it for your work, ask your administrator.")
    card = await store.person_card(tx, lawyer)
    if card is None or "lawyer" not in card.roles:
        raise Invalid("unknown-person", "Somebody named here is not known in this role.", field="lawyer")
    require(principal, Action.NAME_LAWYERS, relations(principal, line=await people.line(tx, card.organisation)))


async def _posts_of(tx: AsyncSession, principal: Principal) -> set[str]:
    if not allowed(principal, Action.TAKE_WISH, {Relation.OWN_FACILITY}):
        return set()
    return set((await tx.execute(select(DutyLawyer.facility).where(DutyLawyer.person == principal.id))).scalars())


async def _held(tx: AsyncSession, facility: str) -> list[Held]:
    query = select(CustodyPerson.id, CustodyPerson.name)
    query = query.join(CustodyRecord, CustodyRecord.person == CustodyPerson.id)
    query = query.where(CustodyRecord.facility == facility, CustodyRecord.until.is_(None))
    return [Held(row.id, row.name) for row in await tx.execute(query.order_by(CustodyPerson.name, CustodyPerson.id))]


async def _defended(tx: AsyncSession, person: str, now: datetime) -> bool:
    query = select(Representation.id).where(
        Representation.client == person,
        Representation.state == RepresentationState.VERIFIED,
        or_(Representation.until.is_(None), Representation.until > now),
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def _wishes(tx: AsyncSession, which: Any, named: Any) -> list[Wish]:
    query = select(LawyerRequest).where(which).order_by(LawyerRequest.asked.desc(), LawyerRequest.id)
    found = []
    for row in (await tx.execute(query.limit(100))).scalars():
        person = await cases.custody_person(tx, row.custody_person)
        place = await store.facility(tx, row.facility)
        card = await store.person_card(tx, row.taken_by) if row.taken_by else None
        found.append(
            Wish(
                id=row.id,
                name=person.name if person and named(row) else "",
                facility_name=place.name if place else "",
                zone=place.zone if place else "",
                asked=row.asked,
                deadline=row.deadline,
                notified=row.notified,
                taken=row.taken,
                lawyer=card.name if card else "",
            )
        )
    return found
