"""Writing down cases, persons in custody, custody and representation: in the caller's transaction, with ledger entry.

Whether the asker may is decided before.
"""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cases import store
from cases.models import (
    Case,
    CaseOfficer,
    CaseSuspect,
    CustodyPerson,
    CustodyRecord,
    CustodyStatus,
    Offence,
    Representation,
    RepresentationState,
    Stage,
)
from core import ledger
from core.clock import Clock
from core.errors import Invalid

SYSTEM = "system"


async def add_case(
    tx: AsyncSession,
    clock: Clock,
    *,
    number: str,
    title: str,
    organisation: str,
    offence: Offence = Offence.ORDINARY,
    stage: Stage = Stage.INVESTIGATION,
    external: str | None = None,
    by: str = SYSTEM,
) -> Case:
    """Open a case of a unit."""
    case = Case(
        number=number.strip(),
        title=title.strip(),
        organisation=organisation,
        offence=offence,
        stage=stage,
        opened=clock.now(),
        external=external,
    )
    tx.add(case)
    await tx.flush()
    await ledger.append(tx, "case.opened", actor=by, subject=case.id, at=clock.now())
    return case


async def assign(tx: AsyncSession, clock: Clock, *, case: str, person: str, by: str = SYSTEM) -> None:
    """An officer works on a case from now on; the same again changes nothing."""
    if await store.works_on(tx, person, case):
        return
    tx.add(CaseOfficer(case=case, person=person))
    await tx.flush()
    await ledger.append(tx, "case.assigned", actor=by, subject=case, at=clock.now(), details={"person": person})


async def add_custody_person(
    tx: AsyncSession,
    clock: Clock,
    *,
    name: str,
    sex: str = "",
    born: date | None = None,
    identity_number: str = "",
    needs_interpreter: bool = False,
    by: str = SYSTEM,
) -> CustodyPerson:
    """Write down a person of whom custody or suspicion is known."""
    person = CustodyPerson(
        name=name.strip(), sex=sex, born=born, identity_number=identity_number, needs_interpreter=needs_interpreter
    )
    tx.add(person)
    await tx.flush()
    await ledger.append(tx, "custody.person", actor=by, subject=person.id, at=clock.now())
    return person


async def suspect(tx: AsyncSession, clock: Clock, *, case: str, person: str, by: str = SYSTEM) -> None:
    """A person is suspected in a case; the same again changes nothing."""
    if await store.is_suspect(tx, person, case):
        return
    tx.add(CaseSuspect(case=case, person=person))
    await tx.flush()
    await ledger.append(tx, "case.suspect", actor=by, subject=case, at=clock.now(), details={"person": person})


async def place(
    tx: AsyncSession,
    clock: Clock,
    *,
    person: str,
    status: CustodyStatus,
    facility: str | None,
    since: datetime | None = None,
    external: str | None = None,
    by: str = SYSTEM,
) -> CustodyRecord:
    """A person is somewhere else from ``since`` (default: now) on; the former record ends then.

    The same ``external`` id again changes nothing. An event that comes late takes its place in the past and leaves what
    is known of today alone.
    """
    since = since or clock.now()
    known = await store.custody_by_external(tx, external) if external else None
    if known is not None:
        return known
    former, later = await store.custody_around(tx, person, since)
    if former is not None:
        former.until = since
        await tx.flush()
    until = later.since if later else None
    record = CustodyRecord(person=person, facility=facility, status=status, since=since, until=until, external=external)
    tx.add(record)
    await tx.flush()
    details = {"status": status.value, "facility": facility}
    await ledger.append(tx, "custody.placed", actor=by, subject=person, at=clock.now(), details=details)
    return record


async def represent(
    tx: AsyncSession,
    clock: Clock,
    *,
    lawyer: str,
    client: str,
    case: str | None,
    checked_by: str | None = None,
    until: datetime | None = None,
    by: str = SYSTEM,
) -> Representation:
    """A lawyer defends a person. Checked at once when ``checked_by`` says who saw the papers, else pending."""
    if lawyer == client:
        raise Invalid("same-person", "Nobody defends themselves here.", field="client")
    state = RepresentationState.VERIFIED if checked_by else RepresentationState.PENDING
    bond = Representation(
        lawyer=lawyer,
        client=client,
        case=case,
        state=state,
        since=clock.now(),
        checked=clock.now() if checked_by else None,
        checked_by=checked_by,
        until=until,
    )
    tx.add(bond)
    await tx.flush()
    await ledger.append(tx, "representation." + state.value, actor=by, subject=bond.id, at=clock.now())
    return bond
