"""What makes the handwritten book unnecessary: escort orders, register, late entries, and the handover of a shift."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from cases.kinds import KINDS, Role
from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Denied, Invalid, NotFound
from people import store as people
from people.permissions import Action, relations, require
from people.principals import Principal
from scheduler import access, history, screened_files, store
from scheduler.contents import check_content
from scheduler.day import day_list
from scheduler.models import CustodyStep, Handover, LateScan, State, Step
from scheduler.running import ORDER
from scheduler.views import BookingView

LATE_TEXT: dict[str, str] = {
    "power": "Power cut",
    "network": "Network failure",
    "device": "Device failure",
    "paper": "Kept on paper that day",
}
"""Why something was written on paper first."""
LATE_WITHIN = timedelta(days=3)
_ASKING = (Role.LAWYER, Role.OFFICER, Role.COOPERATING_OFFICER)


@dataclass(frozen=True, slots=True)
class EscortOrder:
    """提押单: whom to bring where and when, and when they are expected back."""

    booking: str
    number: int
    """Running number of the day."""
    person: str
    kind: str
    room: str
    bring_by: datetime
    start: datetime
    end: datetime
    asked_by: str
    """Unit or firm is on the asker's papers; here stands who comes, with number."""


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """会见/提讯登记簿: one line per session of the day."""

    booking: str
    number: int
    kind: str
    person: str
    asking: str
    room: str
    planned: tuple[datetime, datetime]
    brought: datetime | None
    identity_checked: datetime | None
    escort_left: datetime | None
    returned: datetime | None
    began: datetime | None
    ended: datetime | None
    remark: str
    """Word of a no-show or cancellation; a key of ``reasons.REASON_TEXT``."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A handover with both persons by name; who takes it is empty while it waits."""

    row: Handover
    giver: str
    taker: str


@dataclass(frozen=True, slots=True)
class OpenItem:
    """Something the next shift must know: a session that runs, somebody not returned, a request, a review."""

    booking: str
    what: str
    """``running``, ``not-returned``, ``request`` or ``review``."""
    start: datetime


async def escort_orders(
    db: Database, clock: Clock, principal: Principal, *, day: date | None = None
) -> list[EscortOrder]:
    """The confirmed sessions with a person in custody of a day, by when they must be brought."""
    listed = await day_list(db, clock, principal, day=day)
    custody = [e for e in listed.entries if KINDS[e.kind].custody and e.state is State.CONFIRMED]
    return [
        EscortOrder(
            booking=e.id,
            number=number,
            person=_person(e),
            kind=e.kind,
            room=_room(e),
            bring_by=e.start - KINDS[e.kind].join_early,
            start=e.start,
            end=e.end,
            asked_by=_asking(e),
        )
        for number, e in enumerate(custody, start=1)
    ]


async def register(db: Database, clock: Clock, principal: Principal, *, day: date | None = None) -> list[RegisterLine]:
    """Every session of a day with a person in custody, as it was planned and as it went."""
    listed = await day_list(db, clock, principal, day=day)
    custody = [e for e in listed.entries if KINDS[e.kind].custody and e.state is not State.REQUESTED]
    return [
        RegisterLine(
            booking=e.id,
            number=number,
            kind=e.kind,
            person=_person(e),
            asking=_asking(e),
            room=_room(e),
            planned=(e.start, e.end),
            brought=e.steps.get(Step.BROUGHT),
            identity_checked=e.steps.get(Step.IDENTITY_CHECKED),
            escort_left=e.steps.get(Step.ESCORT_LEFT),
            returned=e.steps.get(Step.RETURNED),
            began=e.started,
            ended=e.ended,
            remark=e.reason or "",
        )
        for number, e in enumerate(custody, start=1)
    ]


async def exported(db: Database, clock: Clock, principal: Principal, what: str, first: date) -> None:
    """A list leaves the house as a file: who took which, of which day, stands in the ledger."""
    async with db.transaction() as tx:
        require(principal, Action.VIEW_DAY_LIST, relations(principal, facility=principal.facility))
        details = {"list": what, "day": first.isoformat()}
        await ledger.append(
            tx, "list.exported", actor=principal.id, subject=principal.facility or "", at=clock.now(), details=details
        )


async def late_entry(
    db: Database,
    clock: Clock,
    principal: Principal,
    booking: str,
    times: dict[Step, datetime],
    *,
    reason: str,
    scan: bytes | None = None,
    scanned: bool = False,
) -> None:
    """Write down from paper what was done while the system was away; who, when and why is in the history.

    ``scan`` is the page of the book, as PDF or picture; ``scanned``: nobody opens it before the virus scanner answered.

    Raises ``Invalid`` for times out of order, in the future, or longer ago than three days.
    """
    now = clock.now()
    if reason not in LATE_TEXT:
        raise Invalid("unknown-reason", "Please choose a reason from the list.", field="reason")
    in_order = [times[step] for step in ORDER if step in times]
    if not in_order or in_order != sorted(in_order) or in_order[-1] > now or in_order[0] < now - LATE_WITHIN:
        raise Invalid(
            "times", "Please check the times: in order, not in the future, of the last three days.", field="times"
        )
    media_type = check_content(scan) if scan is not None else ""
    async with db.transaction() as tx:
        found = await access.load(tx, booking)
        await access.may(tx, principal, Action.CONFIRM_CUSTODY, found)
        if not KINDS[found.kind].custody or found.state not in (State.CONFIRMED, State.DONE):
            raise Conflict("state", "This is no longer possible: the booking has moved on.")
        there = {row.step for row in await store.custody_steps(tx, [booking])}
        if there & set(times):
            raise Conflict("step-known", "This step has already been confirmed.")
        for step, at in times.items():
            tx.add(CustodyStep(booking=booking, step=step, at=at, by=principal.id))
        if scan is not None:
            digest = hashlib.sha256(scan).hexdigest()
            kept = LateScan(
                booking=booking, by=principal.id, at=now, digest=digest, media_type=media_type, content=scan
            )
            tx.add(kept)
            if scanned:
                await screened_files.ask(tx, kept, now)
        details = {
            "late": reason,
            "scan": scan is not None,
            "steps": {step.value: at.isoformat() for step, at in times.items()},
        }
        await history.record(tx, found, "late_entry", by=principal.id, at=now, details=details)


async def late_scan(db: Database, clock: Clock, principal: Principal, booking: str) -> tuple[bytes, str, bool]:
    """The newest scan of a booking's late entry as ``papers.content`` gives a paper; the look is in the ledger."""
    async with db.transaction() as tx:
        found = await access.load(tx, booking)
        await access.may(tx, principal, Action.CONFIRM_CUSTODY, found)
        query = select(LateScan).where(LateScan.booking == booking).order_by(LateScan.at.desc(), LateScan.id)
        scan = (await tx.execute(query.limit(1))).scalar_one_or_none()
        if scan is None:
            raise NotFound("no-scan", "There is no scan of this entry.")
        screened_files.require_clean(scan)
        await ledger.append(tx, "late_scan.viewed", actor=principal.id, subject=booking, at=clock.now())
        return scan.content, scan.media_type, scan.virus_check == screened_files.CLEAN


async def scanned(db: Database, principal: Principal, bookings: Collection[str]) -> frozenset[str]:
    """Which of these bookings have a scan of a late entry."""
    async with db.transaction(write=False) as tx:
        require(principal, Action.VIEW_DAY_LIST, relations(principal, facility=principal.facility))
        return frozenset((await tx.execute(select(LateScan.booking).where(LateScan.booking.in_(bookings)))).scalars())


async def handovers(db: Database, principal: Principal, *, limit: int = 20) -> list[HandedOver]:
    """The last handovers of the principal's own post with the names of both, newest first."""
    async with db.transaction(write=False) as tx:
        require(principal, Action.VIEW_DAY_LIST, relations(principal, facility=principal.facility))
        query = select(Handover).where(Handover.facility == principal.facility)
        rows = (await tx.execute(query.order_by(Handover.given.desc(), Handover.id).limit(limit))).scalars().all()
        names = await people.names(tx, {p for row in rows for p in (row.given_by, row.taken_by) if p})
        found = []
        for row in rows:
            giver, taker = (names.get(person or "", ("", ""))[0] for person in (row.given_by, row.taken_by))
            found.append(HandedOver(row, giver, taker))
        return found


async def open_items(db: Database, clock: Clock, principal: Principal) -> list[OpenItem]:
    """What the principal's post has open now, earliest first."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        require(principal, Action.VIEW_DAY_LIST, relations(principal, facility=principal.facility))
        facility = principal.facility or ""
        found = [OpenItem(b.id, "request", b.start) for b in await store.requests_of_facility(tx, facility)]
        looked = [b for b in await store.reviews_of_facility(tx, facility) if b.review not in ("urgent", "offered")]
        found += [OpenItem(b.id, "review", b.start) for b in looked]
        recent = await store.bookings_of_facility(tx, facility, now - timedelta(days=2), now + timedelta(hours=1))
        steps: dict[str, set[Step]] = {}
        for row in await store.custody_steps(tx, [b.id for b in recent]):
            steps.setdefault(row.booking, set()).add(row.step)
        for b in recent:
            if b.started is not None and b.ended is None and b.state is State.CONFIRMED:
                found.append(OpenItem(b.id, "running", b.start))
            elif Step.BROUGHT in steps.get(b.id, set()) and Step.RETURNED not in steps[b.id]:
                found.append(OpenItem(b.id, "not-returned", b.start))
        return sorted(found, key=lambda item: (item.start, item.booking))


async def hand_over(db: Database, clock: Clock, principal: Principal, note: str = "") -> Handover:
    """End a shift: the open items are written down for the next one to acknowledge."""
    items = await open_items(db, clock, principal)
    if len(note) > 500:
        raise Invalid("note", "Please keep the note under 500 characters.", field="note")
    async with db.transaction() as tx:
        made = Handover(
            facility=principal.facility or "",
            given_by=principal.id,
            given=clock.now(),
            items=[{"booking": i.booking, "what": i.what, "start": i.start.isoformat()} for i in items],
            note=note.strip(),
        )
        tx.add(made)
        await tx.flush()
        details = {"items": len(items)}
        await ledger.append(tx, "shift.given", actor=principal.id, subject=made.id, at=made.given, details=details)
        return made


async def take_over(db: Database, clock: Clock, principal: Principal, handover: str) -> Handover:
    """The next shift acknowledges the list: another person of the same post."""
    async with db.transaction() as tx:
        query = select(Handover).where(Handover.id == handover).with_for_update()
        found = (await tx.execute(query)).scalar_one_or_none()
        if found is None or found.facility != principal.facility:
            raise NotFound("no-handover", "There is no such handover.")
        require(principal, Action.VIEW_DAY_LIST, relations(principal, facility=found.facility))
        if found.given_by == principal.id:
            raise Denied("own-handover", "Somebody else takes the shift over.")
        if found.taken is None:
            found.taken, found.taken_by = clock.now(), principal.id
            await ledger.append(tx, "shift.taken", actor=principal.id, subject=found.id, at=clock.now())
        return found


def _person(view: BookingView) -> str:
    return next((p.name for p in view.parties if p.custody_person), "")


def _room(view: BookingView) -> str:
    return next((p.room_name for p in view.parties if p.custody_person), "")


def _asking(view: BookingView) -> str:
    return "、".join(f"{p.name} {p.number}".strip() for p in view.parties if p.role in _ASKING)
