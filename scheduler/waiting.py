"""The waiting list: a wish for a full time is offered a freed window in order, with a deadline. And LV-5: what officers
hold must leave a window for whoever waits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import Role
from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from core.jobs import Handler
from core.refusals import Refused
from people import store as people
from people.principals import Principal
from scheduler import absences, history, holds, naming, notices, search, store
from scheduler.access import load
from scheduler.facts import room_facts
from scheduler.hours import calendars_of
from scheduler.models import Booking, State, Waiting
from scheduler.placing import place
from scheduler.planning import Plan, make_plan
from scheduler.requests import GuestWish, Request, check_request, kind_of
from scheduler.rooms import SERVES
from scheduler.search import Seat, grid, slots
from scheduler.windows import ZONE

FREED = "waiting.freed"
EXPIRE = "waiting.expire"
KEPT = timedelta(hours=2)
"""How long an offered window is kept."""
LONGEST = timedelta(days=14)
OFFERED = "offered"
VISIT_LENGTH = timedelta(minutes=45)
"""Of the window that must be left (LV-5)."""
NO_WINDOW_LEFT = Refused(
    "LV-5", "This time cannot be given away now. Please choose another, or a shorter one.", input="start"
)


@dataclass(frozen=True, slots=True)
class WaitingView:
    """One's own wish on the list."""

    id: str
    kind: str
    since: datetime
    until: datetime
    state: str
    place: int
    """How many wait before at the same facility; 0 is next."""
    booking: str | None
    deadline: datetime | None
    facility_name: str = ""
    zone: str = ZONE


async def wait(
    db: Database, clock: Clock, principal: Principal, request: Request, *, until: datetime
) -> Waiting | Refused:
    """Put a wish on the list: any window of its length that starts in ``[request.start, until)``."""
    now = clock.now()
    kind = check_request(request, now)
    if not request.start < until <= request.start + LONGEST:
        raise Invalid("until", "Please name a span of at most two weeks.", field="until")
    async with db.transaction() as tx:
        plan = await make_plan(tx, principal, request, kind, now)
        if isinstance(plan, Refused):
            return plan
        if not plan.far:
            raise Invalid("no-list", "There is no waiting list for this.", field="room")
        made = Waiting(
            person=principal.id,
            facility=plan.far[0].facility,
            kind=kind.code,
            custody_person=request.custody_person,
            request=_saved(await naming.veiled(tx, request)),
            since=request.start,
            until=until,
            created=now,
        )
        tx.add(made)
        await tx.flush()
        await ledger.append(tx, "waiting.joined", actor=principal.id, subject=made.id, at=now)
        return made


async def my_waiting(db: Database, principal: Principal) -> list[WaitingView]:
    """One's own wishes that still wait or are offered, oldest first."""
    async with db.transaction(write=False) as tx:
        mine = select(Waiting).where(Waiting.person == principal.id, Waiting.state.in_(("waiting", OFFERED)))
        found = (await tx.execute(mine.order_by(Waiting.created, Waiting.id))).scalars().all()
        return [await _view(tx, row) for row in found]


async def offered_to(db: Database, principal: Principal, booking: str) -> WaitingView | None:
    """One's own wish for which ``booking`` is kept, if it is."""
    return next((one for one in await my_waiting(db, principal) if one.booking == booking), None)


async def leave(db: Database, clock: Clock, principal: Principal, waiting: str) -> None:
    """Take a wish off the list; an offered window goes to the next."""
    now = clock.now()
    async with db.transaction() as tx:
        row = await _own(tx, principal, waiting)
        await _give_back(tx, row, "withdrawn", now)


async def accept(db: Database, clock: Clock, principal: Principal, waiting: str) -> Booking:
    """Take the offered window. Where the facility confirms, the booking now waits for it; else it is confirmed."""
    now = clock.now()
    async with db.transaction() as tx:
        row = await _own(tx, principal, waiting)
        if row.state != OFFERED or row.booking is None or row.deadline is None or now >= row.deadline:
            raise Conflict("expired", "The offer is no longer kept for you.")
        booking = await load(tx, row.booking)
        booking.state = State.REQUESTED if kind_of(booking.kind).approval else State.CONFIRMED
        booking.review, row.state = None, "taken"
        await history.record(tx, booking, booking.state.value, by=principal.id, at=now)
        return booking


async def freed(tx: AsyncSession, booking: Booking, now: datetime) -> None:
    """Something was given back at a facility: ask the worker to look at its list. In the caller's transaction."""
    if booking.facility is not None and booking.kind != "rehearsal":
        payload = {"facility": booking.facility}
        await jobs.enqueue(tx, FREED, payload, due=now, key=f"{FREED}:{booking.id}:{booking.version}")


def handlers(db: Database, clock: Clock) -> dict[str, Handler]:
    """The jobs of the list for the worker."""

    async def offer(payload: Mapping[str, Any]) -> None:
        while await _offer_next(db, clock, str(payload["facility"])):
            pass

    async def expire(payload: Mapping[str, Any]) -> None:
        now = clock.now()
        async with db.transaction() as tx:
            row = await tx.get(Waiting, str(payload["waiting"]))
            if row is not None and row.state == OFFERED and row.deadline is not None and now >= row.deadline:
                await _give_back(tx, row, "expired", now)

    return {FREED: offer, EXPIRE: expire}


async def leaves_a_window(tx: AsyncSession, plan: Plan, request: Request, now: datetime) -> bool:
    """Whether every visit that waits for this person still finds a window when ``request`` is booked (LV-5)."""
    if plan.kind.privileged or request.custody_person is None:
        return True
    waiting = await tx.execute(
        select(Waiting).where(
            Waiting.custody_person == request.custody_person, Waiting.kind == "visit", Waiting.state == "waiting"
        )
    )
    for row in waiting.scalars():
        touches = request.start < row.until + VISIT_LENGTH and row.since < request.end
        if touches and not await _window(tx, row, request, now):
            return False
    return True


async def _window(tx: AsyncSession, row: Waiting, taken: Request, now: datetime) -> bool:
    """Whether the person and a visiting room have a common window in the span, beside the one about to be taken."""
    key = f"custody:{row.custody_person}"
    rooms = [room_facts(r, f) for r, f in await store.rooms_of(tx, row.facility, SERVES["visit"].far)]
    reach = max(now, row.since), row.until + VISIT_LENGTH
    busy = await store.busy(tx, {key, *(f"room:{room.id}" for room in rooms)}, *reach)
    busy.setdefault(key, []).append((taken.start, taken.end))
    away = await absences.touching(tx, {row.custody_person or ""}, *reach)
    busy[key] += [(one.start, one.end or absences.UNKNOWN) for one in away if one.facility == row.facility]
    calendar = (await calendars_of(tx, {row.facility}, *reach))[row.facility]
    seats = [Seat(room, calendar.closed("visit", room.id, *reach)) for room in rooms]
    times = grid(reach[0], row.until, VISIT_LENGTH)
    return bool(slots(seats, [holds.Resource(key)], None, busy, times, most=1))


async def _offer_next(db: Database, clock: Clock, facility: str) -> bool:
    """Hold a window for the first on the list for whom there is one; return whether there was."""
    now = clock.now()
    async with db.transaction() as tx:
        query = select(Waiting).where(Waiting.facility == facility, Waiting.state == "waiting", Waiting.until > now)
        for row in (await tx.execute(query.order_by(Waiting.created, Waiting.id))).scalars().all():
            booking = await _try(tx, row, now)
            if booking is not None:
                row.state, row.booking, row.deadline = OFFERED, booking.id, now + KEPT
                values = {"start": booking.start, "deadline": row.deadline}
                await notices.tell(tx, [row.person], "offer", at=now, booking=booking.id, values=values)
                await jobs.enqueue(tx, EXPIRE, {"waiting": row.id}, due=row.deadline, key=f"{EXPIRE}:{booking.id}")
                return True
    return False


async def _try(tx: AsyncSession, row: Waiting, now: datetime) -> Booking | None:
    principal = await people.account_principal(tx, row.person)
    if principal is None:
        return None
    wish = _request(row)
    plan = await make_plan(tx, principal, replace(wish, room=None), kind_of(row.kind), now)
    if isinstance(plan, Refused):
        return None
    length = wish.end - wish.start
    found = await search.find(tx, plan, max(now, row.since), row.until, length)
    if not found:
        return None
    wish = replace(wish, room=found[0].room, start=found[0].start, end=found[0].end)
    placed = await place(tx, plan, principal, wish, State.REQUESTED, now, act="offered", review=OFFERED)
    return placed if isinstance(placed, Booking) else None


async def _give_back(tx: AsyncSession, row: Waiting, state: str, now: datetime) -> None:
    was, row.state = row.state, state
    if was == OFFERED and row.booking is not None:
        booking = await load(tx, row.booking)
        booking.state, booking.review = State.WITHDRAWN, None
        await holds.release(tx, booking.id)
        await history.record(tx, booking, "lapsed", by="system", at=now)
        await freed(tx, booking, now)


async def _own(tx: AsyncSession, principal: Principal, waiting: str) -> Waiting:
    row = (await tx.execute(select(Waiting).where(Waiting.id == waiting).with_for_update())).scalar_one_or_none()
    if row is None or row.person != principal.id:
        raise NotFound("no-waiting", "There is no such wish on the waiting list.")
    return row


async def _view(tx: AsyncSession, row: Waiting) -> WaitingView:
    before = select(Waiting.id).where(
        Waiting.facility == row.facility, Waiting.state == "waiting", Waiting.created < row.created
    )
    place = len((await tx.execute(before)).all())
    there = await store.facility(tx, row.facility)
    return WaitingView(
        id=row.id,
        kind=row.kind,
        since=row.since,
        until=row.until,
        state=row.state,
        place=place,
        booking=row.booking,
        deadline=row.deadline,
        facility_name=there.name if there else "",
        zone=there.zone if there else ZONE,
    )


def _saved(request: Request) -> dict[str, Any]:
    """The request as JSON."""
    plain = asdict(request)
    plain["start"], plain["end"] = request.start.isoformat(), request.end.isoformat()
    plain["guests"] = [{"role": guest.role.value, "name": guest.name} for guest in request.guests]
    return plain


def _request(row: Waiting) -> Request:
    saved: dict[str, Any] = row.request
    return Request(
        kind=row.kind,
        start=datetime.fromisoformat(saved["start"]),
        end=datetime.fromisoformat(saved["end"]),
        room=saved["room"],
        own_room=saved["own_room"],
        custody_person=saved["custody_person"],
        case=saved["case"],
        officers=tuple(saved["officers"]),
        cooperating=tuple(saved["cooperating"]),
        interpreters=tuple(saved["interpreters"]),
        guests=tuple(GuestWish(Role(guest["role"]), guest["name"]) for guest in saved["guests"]),
    )
