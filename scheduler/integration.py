"""What case-management and custody systems tell: idempotent by their own ids; late events are tolerated.

A system reaches the objects of its organisation and those below; its token stands in the ledger.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import registry
from cases.models import Case, CustodyPerson, CustodyRecord, CustodyStatus, Offence, Stage
from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from people import store as people
from people.permissions import Action, relations, require
from people.principals import Principal
from scheduler import store
from scheduler.reviews import custody_event


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person as the other system names them; the identity number is the key."""

    name: str
    identity_number: str
    sex: str = ""
    born: date | None = None
    needs_interpreter: bool = False


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """A case as it stands in the other system."""

    external: str
    number: str
    title: str
    organisation: str
    offence: Offence = Offence.ORDINARY
    stage: Stage = Stage.INVESTIGATION
    officers: tuple[str, ...] = ()
    """Officers' numbers within the system's organisation."""
    suspects: tuple[KnownPerson, ...] = ()


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """Somebody is somewhere else from ``since`` on."""

    external: str
    person: KnownPerson
    status: CustodyStatus
    facility: str | None
    since: datetime


async def take_case(db: Database, clock: Clock, principal: Principal, event: CaseEvent) -> str:
    """Write down a case or bring it up to date; the same event again changes nothing. Return its id."""
    by = principal.id
    async with db.transaction() as tx:
        found = (await tx.execute(select(Case).where(Case.external == event.external))).scalar_one_or_none()
        await require_reach(tx, principal, Action.TELL_CASE, found.organisation if found else event.organisation)
        if found is None:
            found = await _open_case(tx, clock, event, by)
        found.title, found.offence, found.stage = event.title.strip(), event.offence, event.stage
        if event.stage is Stage.CLOSED and found.closed is None:
            found.closed = clock.now()
        for number in event.officers:
            await registry.assign(tx, clock, case=found.id, person=await officer_id(tx, principal, number), by=by)
        for person in event.suspects:
            known = await _know(tx, clock, person, by)
            await registry.suspect(tx, clock, case=found.id, person=known, by=by)
        return found.id


async def _open_case(tx: AsyncSession, clock: Clock, event: CaseEvent, by: str) -> Case:
    same = (await tx.execute(select(Case.id).where(Case.number == event.number.strip()))).first()
    if same:
        raise Invalid("number-taken", "Another case has this number.", field="number")
    return await registry.add_case(
        tx,
        clock,
        number=event.number,
        title=event.title,
        organisation=event.organisation,
        offence=event.offence,
        stage=event.stage,
        external=event.external,
        by=by,
    )


async def require_reach(tx: AsyncSession, principal: Principal, action: Action, organisation: str | None) -> None:
    """Raise ``Denied`` unless the system may do this to objects of ``organisation``."""
    require(principal, action, relations(principal, line=await people.line(tx, organisation)))


async def officer_id(tx: AsyncSession, principal: Principal, number: str, field: str = "officers") -> str:
    """Id of the one person of the system's organisation with this number."""
    found = await people.account_by_number(tx, number, await people.below(tx, principal.organisation or ""))
    if found is None:
        raise Invalid("no-officer", "There is no such officer in this organisation.", field=field)
    return found


async def take_custody(db: Database, clock: Clock, principal: Principal, event: CustodyEvent) -> list[str]:
    """Take a custody event; return the bookings it marks for review. Repeated: none. Late: its place in the past."""
    if event.since.tzinfo is None or event.since > clock.now():
        raise Invalid("since", "The time of the event needs a zone and lies in the past.", field="since")
    if (event.facility is None) is (event.status in (CustodyStatus.DETAINED, CustodyStatus.NOT_ADMITTED)):
        raise Invalid("facility", "A person who is held is held somewhere, others nowhere.", field="facility")
    async with db.transaction() as tx:
        await require_reach(tx, principal, Action.TELL_CUSTODY, await _held_by(tx, principal, event))
        person = await _know(tx, clock, event.person, principal.id)
    return await custody_event(
        db,
        clock,
        person=person,
        status=event.status,
        facility=event.facility,
        since=event.since,
        external=event.external,
        by=principal.id,
    )


async def _held_by(tx: AsyncSession, principal: Principal, event: CustodyEvent) -> str | None:
    """The organisation that holds the person: of the facility named, else of the one they were in last."""
    facility = event.facility
    if facility is None:
        number = _identity(event.person)
        query = select(CustodyRecord.facility).join(CustodyPerson, CustodyPerson.id == CustodyRecord.person)
        query = query.where(CustodyPerson.identity_number == number, CustodyRecord.facility.is_not(None))
        facility = (await tx.execute(query.order_by(CustodyRecord.since.desc()).limit(1))).scalar_one_or_none()
        if facility is None:
            return principal.organisation  # nobody has ever held them: there is nothing of others to change
    found = (await store.facilities(tx, {facility})) or None
    if found is None:
        raise Invalid("facility", "There is no such facility.", field="facility")
    return found[0].organisation


def _identity(person: KnownPerson) -> str:
    number = person.identity_number.strip().upper()
    if not number or not person.name.strip():
        raise Invalid("person", "A person has a name and an identity number.", field="person")
    return number


async def _know(tx: AsyncSession, clock: Clock, person: KnownPerson, by: str) -> str:
    """The id of a person by identity number, written down when not known yet."""
    number = _identity(person)
    found = await by_identity(tx, number)
    if found is None:
        found = await registry.add_custody_person(
            tx, clock, name=person.name, sex=person.sex, born=person.born, identity_number=number, by=by
        )
    found.needs_interpreter = found.needs_interpreter or person.needs_interpreter
    return found.id


async def by_identity(tx: AsyncSession, number: str) -> CustodyPerson | None:
    """The person in custody with an identity number."""
    query = select(CustodyPerson).where(CustodyPerson.identity_number == number.strip().upper())
    return (await tx.execute(query.order_by(CustodyPerson.id).limit(1))).scalar_one_or_none()
