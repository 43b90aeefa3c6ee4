"""Who must never meet, as officers say of their cases and the duty post of those held in its facility.

Each sees the persons it may name and the statements with one of them; the other name only where it may name that too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.models import CustodyPerson, CustodyRecord
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from people import screening
from people.models import KeptApart
from people.permissions import Action, Relation, allowed, require
from people.principals import Principal, Role
from people.screening import Reason
from scheduler.apart import guest_key
from scheduler.models import Booking, Party

MOST = 500
"""Statements a page shows."""


@dataclass(frozen=True, slots=True)
class Group:
    """Persons that may be named, under the number of their case or, for the duty post, under none."""

    label: str
    persons: Mapping[str, str]
    """Names by the key screening uses."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Two persons who must never meet; a name that the viewer may not know is empty."""

    id: str
    one: str
    other: str
    reason: Reason
    stated: datetime


async def overview(db: Database, principal: Principal) -> tuple[list[Group], list[Statement]]:
    """Whom the principal may name, and the statements that stand about any of them, newest first."""
    async with db.transaction(write=False) as tx:
        groups = await _groups(tx, principal)
        names = {key: name for group in groups for key, name in group.persons.items()}
        rows = await _standing(tx, names)
    return groups, [
        Statement(row.id, names.get(row.one, ""), names.get(row.other, ""), Reason(row.reason), row.stated)
        for row in rows
    ]


async def state(db: Database, clock: Clock, principal: Principal, *, one: str, other: str, reason: Reason) -> str:
    """State that two persons must never meet. Both must be persons the principal may name."""
    async with db.transaction() as tx:
        groups = await _groups(tx, principal)
        known = {key for group in groups for key in group.persons}
        for field, key in (("one", one), ("other", other)):
            if key not in known:
                raise Invalid("unknown-person", "Please choose one of the entries.", field=field)
        return await screening.keep_apart(
            tx, clock, principal, _relations(principal), one=one, other=other, reason=reason
        )


async def lift(db: Database, clock: Clock, principal: Principal, statement: str) -> None:
    """Let two persons meet again, whoever of the case or facility had stated it."""
    async with db.transaction() as tx:
        names = {key: name for group in await _groups(tx, principal) for key, name in group.persons.items()}
        if statement not in {row.id for row in await _standing(tx, names)}:
            raise NotFound("apart-unknown", "This was lifted already.")
        await screening.lift(tx, clock, principal, _relations(principal), statement)


def _relations(principal: Principal) -> set[Relation]:
    """What the principal's persons are to it: ``_groups`` finds those of own cases and of the own facility only."""
    return {Relation.OWN_CASE} | ({Relation.OWN_FACILITY} if principal.facility else set())


async def _groups(tx: AsyncSession, principal: Principal) -> list[Group]:
    require(principal, Action.KEEP_APART, _relations(principal))
    found = []
    if allowed(principal, Action.KEEP_APART, {Relation.OWN_CASE}):
        for case in await cases.cases_of_officer(tx, principal.id):
            persons = {person.id: person.name for person in await cases.suspects(tx, case.id)}
            named = select(Party.name).join(Booking, Booking.id == Party.booking).distinct()
            named = named.where(Booking.case == case.id, Party.person.is_(None), Party.custody_person.is_(None))
            guests = (await tx.execute(named.order_by(Party.name))).scalars()
            found.append(Group(case.number, persons | {guest_key(case.id, name): name for name in guests}))
    if principal.facility and principal.has(Role.DUTY_OFFICER):
        query = select(CustodyPerson.id, CustodyPerson.name)
        query = query.join(CustodyRecord, CustodyRecord.person == CustodyPerson.id)
        query = query.where(CustodyRecord.facility == principal.facility, CustodyRecord.until.is_(None))
        held = await tx.execute(query.order_by(CustodyPerson.name, CustodyPerson.id))
        found.append(Group("", {row[0]: row[1] for row in held}))
    return found


async def _standing(tx: AsyncSession, names: Mapping[str, str]) -> list[KeptApart]:
    query = select(KeptApart).where(
        KeptApart.lifted.is_(None), or_(KeptApart.one.in_(names), KeptApart.other.in_(names))
    )
    return list((await tx.execute(query.order_by(KeptApart.stated.desc(), KeptApart.id).limit(MOST))).scalars())
