"""Guests choose or move their own time, without an account; many witnesses of a case are asked in one go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import volume
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Denied, Invalid, NotFound
from core.refusals import Refused
from people import store as people
from people.models import Invitation
from people.permissions import Action, allowed
from people.principals import Principal
from scheduler import access, notices, store
from scheduler.amending import Change, amend
from scheduler.bookings import request_booking
from scheduler.models import Booking, OfferedTimes, State
from scheduler.moving import free_moves
from scheduler.refusals import Slot
from scheduler.requests import GuestWish, Request, check_window
from scheduler.search import apart, free_slots
from scheduler.windows import ZONE

MOST_TIMES = 40
MOST_WITNESSES = 30
DAYTIME = range(8, 20)
LATEST = timedelta(hours=1)
"""A guest chooses until this long before the session."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A time a guest can take, as an instant: the guest's own page shows it in their own zone."""

    start: datetime
    end: datetime
    mine: bool
    """Whether it is the one the session has now."""


@dataclass(frozen=True, slots=True)
class Offered:
    """The choice a guest has, as whoever invited them sees it."""

    count: int
    deadline: datetime
    chosen: bool
    open: bool
    """Whether they can still choose."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one witness of many."""

    name: str
    booking: str | None
    start: datetime | None
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """One guest's way from invitation to statement."""

    booking: str
    name: str
    start: datetime
    state: State
    invitation: str
    """``none``, ``open``, ``accepted`` or ``revoked``."""
    chosen: bool


async def offer_times(
    db: Database, clock: Clock, principal: Principal, booking: str, starts: Sequence[datetime], *, deadline: datetime
) -> int:
    """Let the guest of a booking choose among ``starts`` until ``deadline``; return how many there are."""
    now = clock.now()
    async with db.transaction() as tx:
        found = await access.load(tx, booking)
        await access.may(tx, principal, Action.INVITE_GUEST, found)
        times = sorted({found.start, *starts})
        if not 2 <= len(times) <= MOST_TIMES:
            raise Invalid("times", "Please offer between two and forty times.", field="starts")
        for start in times:
            check_window(start, start + (found.end - found.start), now)
        if not now < deadline <= times[-1]:
            raise Invalid("deadline", "The deadline lies between now and the last time offered.", field="deadline")
        row = await tx.get(OfferedTimes, booking)
        if row is None:
            row = OfferedTimes(booking=booking, starts=[], deadline=deadline)
            tx.add(row)
        row.starts, row.deadline, row.chosen = [start.isoformat() for start in times], deadline, None
        return len(times)


async def offer_free(
    db: Database, clock: Clock, principal: Principal, booking: str, *, until: datetime, zone: str = ZONE
) -> int:
    """Let the guest of a booking choose among everything that is free for the officers by day until ``until``."""
    now = clock.now()
    found = await free_moves(db, clock, principal, booking, start=now + LATEST, until=until)
    slots = [] if isinstance(found, Refused) else by_day(found, zone)
    starts = [slot.start for slot in slots if slot.start > now + 2 * LATEST]
    if not starts:
        raise Invalid("times", "Nothing else is free in these days, so there is nothing to choose from.", field="until")
    length = slots[0].end - slots[0].start
    chosen = [slot.start for slot in apart(slots, length, MOST_TIMES - 1)]
    return await offer_times(db, clock, principal, booking, chosen, deadline=chosen[-1] - LATEST)


async def offered(db: Database, clock: Clock, principal: Principal, booking: str) -> Offered | None:
    """What the guest of a booking can choose among, for whoever may invite them; ``None``: nothing was offered."""
    async with db.transaction(write=False) as tx:
        found = await store.booking(tx, booking)
        if found is None or not allowed(
            principal, Action.INVITE_GUEST, await access.relations_to(tx, principal, found)
        ):
            raise NotFound("no-booking", "There is no such booking.")
        row = await tx.get(OfferedTimes, booking)
        if row is None:
            return None
        closes = min(row.deadline, found.start - LATEST)
        return Offered(len(row.starts), closes, row.chosen is not None, clock.now() < closes)


def by_day(slots: Sequence[Slot], zone: str) -> list[Slot]:
    """Those that begin at an hour at which one can ask a witness to come, by the clock of ``zone``."""
    there = ZoneInfo(zone)
    return [slot for slot in slots if slot.start.astimezone(there).hour in DAYTIME]


async def can_choose(db: Database, clock: Clock, guest: Principal) -> bool:
    """Whether other times are offered to the guest, who has not chosen yet and still can."""
    async with db.transaction(write=False) as tx:
        try:
            _, row = await _of_guest(tx, clock, guest)
        except (NotFound, Conflict, Denied):
            return False
        return row.chosen is None


async def choices(db: Database, clock: Clock, guest: Principal) -> list[Choice]:
    """The times a guest can take now, earliest first; what is taken meanwhile is left out without a word why."""
    async with db.transaction(write=False) as tx:
        booking, row = await _of_guest(tx, clock, guest)
        length = booking.end - booking.start
        starts = [datetime.fromisoformat(start) for start in row.starts]
        keys = {hold.resource for hold in await store.holds(tx, [booking.id])}
        busy = await store.busy(tx, keys, min(starts), max(starts) + length, but=booking.id)
        taken = [window for windows in busy.values() for window in windows]
        return [
            Choice(start, start + length, start == booking.start)
            for start in starts
            if start >= clock.now() and all(start + length <= s or e <= start for s, e in taken)
        ]


async def choose(db: Database, clock: Clock, guest: Principal, start: datetime) -> Booking | Refused:
    """Take one of the offered times; the officers' holds move with it or nothing changes."""
    async with db.transaction(write=False) as tx:
        booking, row = await _of_guest(tx, clock, guest)
        if start.isoformat() not in row.starts and start not in [datetime.fromisoformat(s) for s in row.starts]:
            raise Invalid("not-offered", "This time was not offered. Please choose one of the list.", field="start")
        owner = await people.account_principal(tx, booking.created_by)
    if owner is None:
        raise Conflict("state", "This is no longer possible: the booking has moved on.")
    answer = await amend(db, clock, owner, booking.id, Change(start=start), version=booking.version)
    if isinstance(answer, Booking):
        now, values = clock.now(), {"start": answer.start}
        async with db.transaction() as tx:
            (await tx.get_one(OfferedTimes, booking.id)).chosen = now
            # amended in the name of whoever invited, who is told of nobody's act but the guest's
            await notices.tell(tx, [owner.id], "amended", at=now, booking=booking.id, values=values)
    return answer


async def ask_many(
    db: Database, clock: Clock, principal: Principal, request: Request, names: Sequence[str], *, until: datetime
) -> list[Asked]:
    """Book one statement after the other for many witnesses, each at the next time free for the officers.

    ``request`` is the pattern: officers, case, length, and the one guest whose role they take; times from its start on.
    """
    if not 1 <= len(names) <= MOST_WITNESSES or len(request.guests) != 1:
        raise Invalid("names", "Please name between one and thirty people.", field="names")
    async with db.transaction(write=False) as tx:
        veil = await volume.veil(tx, request.case, request.start)
    names = [veil.name(name) for name in names]
    slots = await free_slots(db, clock, principal, request, until=until)
    if isinstance(slots, Refused):
        return [Asked(name, None, None, slots) for name in names]
    slots = by_day(slots, ZONE) or slots
    found = apart(slots, request.end - request.start, len(names))
    answers = []
    for number, name in enumerate(names):
        wish = replace(request, guests=(GuestWish(request.guests[0].role, name),))
        if number < len(found):
            wish = replace(wish, start=found[number].start, end=found[number].end)
        answer = await request_booking(db, clock, principal, wish)
        made = isinstance(answer, Booking)
        answers.append(
            Asked(
                name,
                answer.id if isinstance(answer, Booking) else None,
                wish.start if made else None,
                answer if isinstance(answer, Refused) else None,
            )
        )
    return answers


async def progress(db: Database, principal: Principal, case: str) -> list[Progress]:
    """How far the guests of a case's statements are, by time, for the officers who made the bookings."""
    async with db.transaction(write=False) as tx:
        query = select(Booking).where(Booking.case == case, Booking.kind == "statement").order_by(Booking.start)
        bookings = [b for b in (await tx.execute(query)).scalars() if b.created_by == principal.id]
        ids = [b.id for b in bookings]
        guests = {p.booking: p for p in await store.parties(tx, ids) if not p.person and not p.custody_person}
        invited = await tx.execute(
            select(Invitation.session, Invitation.state).where(Invitation.session.in_(ids)).order_by(Invitation.created)
        )
        states = {row.session: row.state for row in invited}
        chosen = {
            row.booking
            for row in (await tx.execute(select(OfferedTimes).where(OfferedTimes.booking.in_(ids)))).scalars()
            if row.chosen is not None
        }
        return [
            Progress(b.id, guests[b.id].name, b.start, b.state, states.get(b.id, "none"), b.id in chosen)
            for b in bookings
            if b.id in guests
        ]


async def _of_guest(tx: AsyncSession, clock: Clock, guest: Principal) -> tuple[Booking, OfferedTimes]:
    if guest.kind != "guest" or guest.session is None:
        raise Denied("not-allowed", "This page is for invited guests.")
    booking = await store.booking(tx, guest.session)
    row = await tx.get(OfferedTimes, guest.session)
    if booking is None or row is None:
        raise NotFound("no-times", "No other times are offered. Please call the station if you cannot come.")
    now = clock.now()
    late = now >= min(row.deadline, booking.start - LATEST)
    if booking.state is not State.CONFIRMED or booking.started is not None or late:
        raise Conflict("too-late", "It is too late to choose another time here. Please call the station.")
    return booking, row
