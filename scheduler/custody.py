"""Whoever is held at a facility, as its duty post sees and reports it: taken out, back, transferred, released."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select

from cases import store as cases
from cases.models import CustodyStatus
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from people.permissions import Action, relations, require
from people.principals import Principal
from scheduler import store
from scheduler.models import Facility
from scheduler.reviews import custody_event

LONGEST_AWAY = timedelta(days=60)


class Moved(StrEnum):
    """What the post can report of a person it holds."""

    HOSPITAL = "hospital"
    COURT = "court"
    BACK = "back"
    TRANSFERRED = "transferred"
    RELEASED = "released"


AWAY = frozenset({Moved.HOSPITAL, Moved.COURT})
_STATUS = {
    Moved.HOSPITAL: CustodyStatus.OUTSIDE,
    Moved.COURT: CustodyStatus.OUTSIDE,
    Moved.BACK: CustodyStatus.DETAINED,
    Moved.TRANSFERRED: CustodyStatus.DETAINED,
    Moved.RELEASED: CustodyStatus.RELEASED,
}


@dataclass(frozen=True, slots=True)
class HeldPerson:
    """Somebody the facility answers for now."""

    id: str
    name: str
    status: CustodyStatus
    since: datetime
    coming: int
    """How many bookings stand for them."""


async def held_here(db: Database, clock: Clock, principal: Principal) -> list[HeldPerson]:
    """Everybody the principal's own facility holds, or holds the place for while they are out, by name."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        require(principal, Action.CONFIRM_CUSTODY, relations(principal, facility=principal.facility))
        found = []
        for person, record in await cases.held_at(tx, principal.facility or ""):
            coming = await store.coming_of_custody(tx, person.id, now)
            here = sum(booking.facility == principal.facility for booking in coming)
            found.append(HeldPerson(person.id, person.name, record.status, record.since, here))
        return found


async def other_facilities(db: Database, principal: Principal) -> list[Facility]:
    """Where somebody can be transferred to: every other facility in use, by name."""
    async with db.transaction(write=False) as tx:
        require(principal, Action.CONFIRM_CUSTODY, relations(principal, facility=principal.facility))
        query = select(Facility).where(Facility.closed.is_(None), Facility.id != principal.facility)
        return list((await tx.execute(query.order_by(Facility.name, Facility.id))).scalars())


async def report(
    db: Database,
    clock: Clock,
    principal: Principal,
    person: str,
    what: str,
    *,
    to: str | None = None,
    back: datetime | None = None,
) -> list[str]:
    """The post reports what became of a person it holds; return the bookings that must now be looked at.

    ``to`` is the facility of a transfer; ``back`` when somebody taken out is expected again.
    """
    now = clock.now()
    moved = _moved(what)
    async with db.transaction(write=False) as tx:
        require(principal, Action.CONFIRM_CUSTODY, relations(principal, facility=principal.facility))
        current = await cases.current_custody(tx, person)
    if current is None or current.facility != principal.facility:
        raise NotFound("no-person", "Nobody of this name is held here.")
    if (moved is Moved.BACK) != (current.status is CustodyStatus.OUTSIDE) and moved in (*AWAY, Moved.BACK):
        raise Conflict("state", "This has been written down already.")
    if moved is Moved.TRANSFERRED and (to is None or to == principal.facility):
        raise Invalid("to", "Please choose where the person was taken.", field="to")
    if moved in AWAY and back is not None and not now < back <= now + LONGEST_AWAY:
        raise Invalid("back", "The return lies ahead, at most 60 days.", field="back")
    facility = {Moved.TRANSFERRED: to, Moved.RELEASED: None}.get(moved, principal.facility)
    return await custody_event(
        db,
        clock,
        person=person,
        status=_STATUS[moved],
        facility=facility,
        back=back if moved in AWAY else None,
        by=principal.id,
    )


def _moved(word: str) -> Moved:
    try:
        return Moved(word)
    except ValueError:
        raise Invalid("unknown-reason", "Please choose a reason from the list.", field="what") from None
