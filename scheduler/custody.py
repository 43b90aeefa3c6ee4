"""Whoever is held at a facility, as its duty post sees and reports it: away, ill, back, transferred, released."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import registry
from cases import store as cases
from cases.models import CustodyRecord, CustodyStatus
from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from people.permissions import Action, relations, require
from people.principals import Principal
from scheduler import absences, holds, reviews, store
from scheduler.models import Absence, Facility
from scheduler.reviews import Why
from scheduler.rulebook import LONGEST_EXCEPTION, write_exception

FARTHEST = timedelta(days=60)
"""How far ahead an absence begins, and how long it lasts."""


APPROVALS = ("IN-2n:approved", "LV-4w:sooner")
"""What the facility itself grants of the rules' exceptions, for whoever it holds."""


class Moved(StrEnum):
    """What the post can report of a person it holds."""

    HOSPITAL = "hospital"
    COURT = "court"
    ILL = "ill"
    BACK = "back"
    TRANSFERRED = "transferred"
    RELEASED = "released"


AWAY: dict[Moved, Why] = {Moved.HOSPITAL: Why.OUTSIDE, Moved.COURT: Why.COURT, Moved.ILL: Why.ILL}
"""Reports of an absence, and what it is called towards everybody else: where somebody is treated is not told."""


@dataclass(frozen=True, slots=True)
class HeldPerson:
    """Somebody the facility answers for now."""

    id: str
    name: str
    status: CustodyStatus
    since: datetime
    coming: int
    """How many bookings stand for them."""
    absences: Sequence[Absence]
    """Under way and planned, earliest first."""
    away: bool
    """Out, or ill, now: the next report can be that this is over."""


async def held_here(db: Database, clock: Clock, principal: Principal) -> list[HeldPerson]:
    """Everybody the principal's own facility holds, or holds the place for while they are out, by name."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        require(principal, Action.CONFIRM_CUSTODY, relations(principal, facility=principal.facility))
        found = []
        for person, record in await cases.held_at(tx, principal.facility or ""):
            coming = await store.coming_of_custody(tx, person.id, now)
            here = sum(booking.facility == principal.facility for booking in coming)
            planned = await absences.touching(tx, {person.id}, now)
            away = record.status is CustodyStatus.OUTSIDE or any(absence.start <= now for absence in planned)
            found.append(HeldPerson(person.id, person.name, record.status, record.since, here, planned, away))
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
    start: datetime | None = None,
    until: datetime | None = None,
) -> list[str]:
    """The post reports what became of a person it holds; return the bookings that must now be looked at.

    ``to`` is the facility of a transfer. An absence lasts from ``start`` (default: now; else planned ahead) to
    ``until``, or while that is not known, until the return is reported.
    """
    now = clock.now()
    moved = _moved(what)
    async with db.transaction() as tx:
        current = await _held(tx, principal, person)
        if moved in AWAY:
            return await _away(tx, clock, principal, current, moved, max(start or now, now), until)
        if moved is Moved.BACK:
            return await _back(tx, clock, principal, current)
        if moved is Moved.TRANSFERRED and (to is None or to == principal.facility or not await store.facility(tx, to)):
            raise Invalid("to", "Please choose where the person was taken.", field="to")
        status = CustodyStatus.DETAINED if moved is Moved.TRANSFERRED else CustodyStatus.RELEASED
        there = to if moved is Moved.TRANSFERRED else None
        placed = await registry.place(tx, clock, person=person, status=status, facility=there, by=principal.id)
        return await reviews.placed(tx, placed, now, principal.id)


async def call_off(db: Database, clock: Clock, principal: Principal, person: str, absence: str) -> None:
    """A planned absence does not take place; bookings that only it had put in question stand again."""
    now = clock.now()
    async with db.transaction() as tx:
        await _held(tx, principal, person)
        found = await tx.get(Absence, absence)
        if found is None or (found.custody_person, found.facility) != (person, principal.facility):
            raise NotFound("no-absence", "There is no such absence.")
        if found.ended is not None or found.start <= now:
            raise Conflict("state", "This has been written down already.")
        await _end(tx, principal, [found], now)


async def approve(
    db: Database, clock: Clock, principal: Principal, person: str, exception: str, until: datetime
) -> None:
    """The post writes down what its head has approved for somebody held there: ``RULE:word`` of ``APPROVALS``."""
    now = clock.now()
    rule, _, word = exception.partition(":")
    async with db.transaction() as tx:
        await _held(tx, principal, person)
        if exception not in APPROVALS:
            raise Invalid("unknown-exception", "This rule has no such exception.", field="exception")
        if not now < until <= now + LONGEST_EXCEPTION:
            raise Invalid("until", "An exception ends within 90 days.", field="through")
        await write_exception(tx, person, rule, word, by=principal.id, at=now, until=until)


async def _held(tx: AsyncSession, principal: Principal, person: str) -> CustodyRecord:
    """Where the person is, for the post that holds them. Raises ``Denied``, or ``NotFound`` for anybody else."""
    require(principal, Action.CONFIRM_CUSTODY, relations(principal, facility=principal.facility))
    current = await cases.current_custody(tx, person)
    if current is None or current.facility != principal.facility:
        raise NotFound("no-person", "Nobody of this name is held here.")
    # a booking made meanwhile would not be marked: whoever books this person waits until this is written
    await holds.take_turns(tx, {f"custody:{person}"})
    return current


async def _away(
    tx: AsyncSession,
    clock: Clock,
    principal: Principal,
    current: CustodyRecord,
    moved: Moved,
    start: datetime,
    until: datetime | None,
) -> list[str]:
    now, why, person = clock.now(), AWAY[moved], current.person
    if start > now + FARTHEST:
        raise Invalid("start", "This lies too far ahead: at most 60 days.", field="start")
    if until is not None and not start < until <= start + FARTHEST:
        raise Invalid("until", "The end comes after the start, at most 60 days later.", field="until")
    out = moved is not Moved.ILL and start <= now
    same = [a for a in await absences.touching(tx, {person}, start, until) if a.why == why]
    if same or (out and current.status is CustodyStatus.OUTSIDE):
        raise Conflict("state", "This has been written down already.")
    if out:
        status = CustodyStatus.OUTSIDE
        await registry.place(tx, clock, person=person, status=status, facility=current.facility, by=principal.id)
    tx.add(
        Absence(
            custody_person=person,
            facility=principal.facility,
            why=why.value,
            start=start,
            end=until,
            by=principal.id,
            at=now,
        )
    )
    await tx.flush()
    details = {"why": why.value, "start": start.isoformat(), "until": until.isoformat() if until else None}
    await ledger.append(tx, "custody.away", actor=principal.id, subject=person, at=now, details=details)
    coming = await store.coming_of_custody(tx, person, now)
    here = [b for b in coming if b.facility == principal.facility and start < b.end and b.start < (until or b.end)]
    return await reviews.mark(tx, here, why, principal.id, now)


async def _back(tx: AsyncSession, clock: Clock, principal: Principal, current: CustodyRecord) -> list[str]:
    """Out no longer, ill no longer: what stood only under that stands again, what is planned stays planned."""
    now, person = clock.now(), current.person
    running = [a for a in await absences.touching(tx, {person}, now) if a.start <= now]
    if not running and current.status is not CustodyStatus.OUTSIDE:
        raise Conflict("state", "This has been written down already.")
    if current.status is CustodyStatus.OUTSIDE:
        status = CustodyStatus.DETAINED
        current = await registry.place(
            tx, clock, person=person, status=status, facility=principal.facility, by=principal.id
        )
    await _end(tx, principal, running, now)
    return await reviews.placed(tx, current, now, principal.id)


async def _end(tx: AsyncSession, principal: Principal, ended: Sequence[Absence], now: datetime) -> None:
    for absence in ended:
        absence.ended = now
    await tx.flush()
    for absence in ended:
        coming = await store.coming_of_custody(tx, absence.custody_person, now)
        here = [booking for booking in coming if booking.facility == absence.facility]
        await reviews.stand_again(tx, absence.custody_person, here, principal.id, now)
        details = {"why": absence.why}
        await ledger.append(
            tx, "custody.away-ended", actor=principal.id, subject=absence.custody_person, at=now, details=details
        )


def _moved(word: str) -> Moved:
    try:
        return Moved(word)
    except ValueError:
        raise Invalid("unknown-reason", "Please choose a reason from the list.", field="what") from None
