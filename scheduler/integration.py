"""What case-management and custody systems say and ask: idempotent by their own ids; late events are tolerated.

The caller has authenticated the system; ``by`` is the id of its token and stands in the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from cases import registry
from cases.kinds import KINDS
from cases.models import Case, CustodyPerson, CustodyStatus, Offence, Stage
from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from scheduler.models import Booking, State
from scheduler.reviews import custody_event

MOST = 500


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
    suspects: tuple[KnownPerson, ...] = ()


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """Somebody is somewhere else from ``since`` on."""

    external: str
    person: KnownPerson
    status: CustodyStatus
    facility: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a session; of a visit only that it took place."""

    booking: str
    kind: str
    case: str | None
    """Id in the other system."""
    state: State | None
    started: datetime | None
    ended: datetime | None


async def take_case(db: Database, clock: Clock, event: CaseEvent, *, by: str) -> str:
    """Write down a case or bring it up to date; the same event again changes nothing. Return its id."""
    async with db.transaction() as tx:
        found = (await tx.execute(select(Case).where(Case.external == event.external))).scalar_one_or_none()
        if found is None:
            same = (await tx.execute(select(Case.id).where(Case.number == event.number.strip()))).first()
            if same:
                raise Invalid("number-taken", "Another case has this number.", field="number")
            found = await registry.add_case(
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
        found.title, found.offence, found.stage = event.title.strip(), event.offence, event.stage
        if event.stage is Stage.CLOSED and found.closed is None:
            found.closed = clock.now()
        for officer in event.officers:
            await registry.assign(tx, clock, case=found.id, person=officer, by=by)
        case_id = found.id
    for person in event.suspects:
        known = await know(db, clock, person, by=by)
        async with db.transaction() as tx:
            await registry.suspect(tx, clock, case=case_id, person=known, by=by)
    return case_id


async def take_custody(db: Database, clock: Clock, event: CustodyEvent, *, by: str) -> list[str]:
    """Take a custody event; return the bookings it marks for review. Repeated: none. Late: its place in the past."""
    if event.since.tzinfo is None or event.since > clock.now():
        raise Invalid("since", "The time of the event needs a zone and lies in the past.", field="since")
    if (event.facility is None) is (event.status in (CustodyStatus.DETAINED, CustodyStatus.NOT_ADMITTED)):
        raise Invalid("facility", "A person who is held is held somewhere, others nowhere.", field="facility")
    person = await know(db, clock, event.person, by=by)
    return await custody_event(
        db,
        clock,
        person=person,
        status=event.status,
        facility=event.facility,
        since=event.since,
        external=event.external,
        by=by,
    )


async def know(db: Database, clock: Clock, person: KnownPerson, *, by: str) -> str:
    """The id of a person by identity number, written down when not known yet."""
    number = person.identity_number.strip().upper()
    if not number or not person.name.strip():
        raise Invalid("person", "A person has a name and an identity number.", field="person")
    async with db.transaction() as tx:
        query = select(CustodyPerson).where(CustodyPerson.identity_number == number).order_by(CustodyPerson.id)
        found = (await tx.execute(query.limit(1))).scalar_one_or_none()
        if found is None:
            found = await registry.add_custody_person(
                tx, clock, name=person.name, sex=person.sex, born=person.born, identity_number=number, by=by
            )
        found.needs_interpreter = found.needs_interpreter or person.needs_interpreter
        return found.id


async def results(db: Database, *, since: datetime, limit: int = MOST) -> Sequence[Result]:
    """Sessions that ended after ``since``, earliest first; ask again from the last one's ``ended``."""
    async with db.transaction(write=False) as tx:
        query = select(Booking, Case.external).outerjoin(Case, Case.id == Booking.case)
        query = query.where(Booking.ended > since, Booking.state == State.DONE).order_by(Booking.ended, Booking.id)
        counted = [(row[0], row[1]) for row in await tx.execute(query.limit(min(limit, MOST)))]
        return [_result(booking, case) for booking, case in counted if KINDS[booking.kind].statistics]


def _result(booking: Booking, case: str | None) -> Result:
    hidden = KINDS[booking.kind].privileged
    return Result(
        booking=booking.id,
        kind=booking.kind,
        case=None if hidden else case,
        state=None if hidden else booking.state,
        started=booking.started,
        ended=booking.ended,
    )
