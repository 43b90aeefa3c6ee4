"""Queries of cases, custody and representation, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.models import (
    Case,
    CaseOfficer,
    CaseSuspect,
    CustodyPerson,
    CustodyRecord,
    Paper,
    PaperKind,
    Representation,
    RepresentationState,
)


async def case(tx: AsyncSession, case_id: str) -> Case | None:
    """The case of that id."""
    return await tx.get(Case, case_id)


async def cases_of_officer(tx: AsyncSession, person: str) -> Sequence[Case]:
    """Open cases an officer works on, by number."""
    query = select(Case).join(CaseOfficer, CaseOfficer.case == Case.id)
    query = query.where(CaseOfficer.person == person, Case.closed.is_(None)).order_by(Case.number)
    return (await tx.execute(query)).scalars().all()


async def works_on(tx: AsyncSession, person: str, case_id: str) -> bool:
    """Whether an officer works on a case."""
    return await tx.get(CaseOfficer, (case_id, person)) is not None


async def officers_of_case(tx: AsyncSession, case_id: str) -> Sequence[str]:
    """Ids of the officers of a case."""
    return (await tx.execute(select(CaseOfficer.person).where(CaseOfficer.case == case_id))).scalars().all()


async def suspects(tx: AsyncSession, case_id: str) -> Sequence[CustodyPerson]:
    """Persons suspected in a case, by name."""
    query = select(CustodyPerson).join(CaseSuspect, CaseSuspect.person == CustodyPerson.id)
    return (await tx.execute(query.where(CaseSuspect.case == case_id).order_by(CustodyPerson.name))).scalars().all()


async def standing(tx: AsyncSession, case_id: str, officer: str, suspect: str) -> tuple[Case | None, bool, bool]:
    """The case of that id, whether an officer works on it, and whether a person is suspected in it."""
    works = (CaseOfficer.case == Case.id) & (CaseOfficer.person == officer)
    suspected = (CaseSuspect.case == Case.id) & (CaseSuspect.person == suspect)
    query = select(Case, CaseOfficer.person, CaseSuspect.person.label("suspect"))
    query = query.outerjoin(CaseOfficer, works).outerjoin(CaseSuspect, suspected).where(Case.id == case_id)
    row = (await tx.execute(query)).one_or_none()
    return (row[0], row[1] is not None, row[2] is not None) if row else (None, False, False)


async def is_suspect(tx: AsyncSession, person: str, case_id: str) -> bool:
    """Whether a person is suspected in a case."""
    return await tx.get(CaseSuspect, (case_id, person)) is not None


async def co_suspects(tx: AsyncSession, person: str) -> Sequence[str]:
    """Ids of everybody suspected in any case this person is suspected in, without the person."""
    own = select(CaseSuspect.case).where(CaseSuspect.person == person)
    query = select(CaseSuspect.person).where(CaseSuspect.case.in_(own), CaseSuspect.person != person).distinct()
    return (await tx.execute(query)).scalars().all()


async def custody_person(tx: AsyncSession, person: str) -> CustodyPerson | None:
    """The person of that id."""
    return await tx.get(CustodyPerson, person)


async def custody_of(tx: AsyncSession, person: str) -> tuple[CustodyPerson | None, CustodyRecord | None]:
    """The person of that id, and where they are held now."""
    now = (CustodyRecord.person == CustodyPerson.id) & CustodyRecord.until.is_(None)
    query = select(CustodyPerson, CustodyRecord).outerjoin(CustodyRecord, now).where(CustodyPerson.id == person)
    row = (await tx.execute(query)).one_or_none()
    return (row[0], row[1]) if row else (None, None)


async def current_custody(tx: AsyncSession, person: str) -> CustodyRecord | None:
    """Where a person is held now."""
    query = select(CustodyRecord).where(CustodyRecord.person == person, CustodyRecord.until.is_(None))
    return (await tx.execute(query)).scalar_one_or_none()


async def held_at(tx: AsyncSession, facility: str) -> list[tuple[CustodyPerson, CustodyRecord]]:
    """Everybody whose present custody record is at a facility, by name."""
    query = select(CustodyPerson, CustodyRecord).join(CustodyRecord, CustodyRecord.person == CustodyPerson.id)
    query = query.where(CustodyRecord.facility == facility, CustodyRecord.until.is_(None))
    return [(row[0], row[1]) for row in await tx.execute(query.order_by(CustodyPerson.name, CustodyPerson.id))]


async def lawyers_of_held(tx: AsyncSession, facility: str, now: datetime) -> set[str]:
    """Ids of the lawyers with a checked representation in force of somebody held at a facility."""
    query = select(Representation.lawyer).join(CustodyRecord, CustodyRecord.person == Representation.client)
    query = query.where(CustodyRecord.facility == facility, CustodyRecord.until.is_(None), *_stands(now))
    return set((await tx.execute(query.distinct())).scalars())


async def custody_by_external(tx: AsyncSession, external: str) -> CustodyRecord | None:
    """The record an event of the custody system made."""
    return (await tx.execute(select(CustodyRecord).where(CustodyRecord.external == external))).scalar_one_or_none()


async def custody_around(
    tx: AsyncSession, person: str, at: datetime
) -> tuple[CustodyRecord | None, CustodyRecord | None]:
    """The record in force at an instant, and the first one after it."""
    mine = select(CustodyRecord).where(CustodyRecord.person == person)
    before = mine.where(CustodyRecord.since <= at).order_by(CustodyRecord.since.desc(), CustodyRecord.id.desc())
    after = mine.where(CustodyRecord.since > at).order_by(CustodyRecord.since, CustodyRecord.id)
    former = (await tx.execute(before.limit(1))).scalar_one_or_none()
    return former, (await tx.execute(after.limit(1))).scalar_one_or_none()


async def verified_representation(tx: AsyncSession, lawyer: str, client: str, now: datetime) -> Representation | None:
    """The checked representation in force between a lawyer and a client."""
    query = _in_force(lawyer, now).where(Representation.client == client).order_by(Representation.since).limit(1)
    return (await tx.execute(query)).scalar_one_or_none()


async def clients(tx: AsyncSession, lawyer: str, now: datetime) -> list[tuple[Representation, CustodyPerson]]:
    """A lawyer's own checked clients, by name; nobody else's name is ever read."""
    query = _in_force(lawyer, now).join(CustodyPerson, CustodyPerson.id == Representation.client)
    rows = await tx.execute(query.add_columns(CustodyPerson).order_by(CustodyPerson.name))
    return [(row[0], row[1]) for row in rows]


async def defended_cases(tx: AsyncSession, lawyer: str, now: datetime) -> set[str]:
    """Cases a lawyer defends in by a checked representation: the one it names, else every one of the client."""
    held = (await tx.execute(_in_force(lawyer, now))).scalars().all()
    named = {bond.case for bond in held if bond.case}
    clients_of_any = [bond.client for bond in held if not bond.case]
    query = select(CaseSuspect.case).where(CaseSuspect.person.in_(clients_of_any))
    return named | set((await tx.execute(query)).scalars().all())


async def named_in_permits(tx: AsyncSession, case_id: str, person: str, now: datetime) -> set[str]:
    """Officers named by accepted interrogation permits (提讯证) in force for a person in a case."""
    query = select(Paper.officers).where(
        Paper.kind == PaperKind.INTERROGATION_PERMIT,
        Paper.case == case_id,
        Paper.client == person,
        Paper.state == "accepted",
        or_(Paper.until.is_(None), Paper.until > now),
    )
    return {officer for officers in (await tx.execute(query)).scalars() for officer in officers}


def _in_force(lawyer: str, now: datetime):  # type: ignore[no-untyped-def]  # Select's row type changes as columns are added
    return select(Representation).where(Representation.lawyer == lawyer, *_stands(now))


def _stands(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Representation.state == RepresentationState.VERIFIED,
        or_(Representation.until.is_(None), Representation.until > now),
    )
