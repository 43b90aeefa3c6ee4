"""What happens to a booking while its session runs: begun, extended, custody steps, ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS, Edge
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from core.refusals import Refused
from people.permissions import Action
from people.principals import Principal
from scheduler import access, exclusion, history, holds, invites, store, waiting
from scheduler.access import load
from scheduler.models import Booking, CustodyStep, Hold, State, Step
from scheduler.windows import GRID

ORDER: tuple[Step, ...] = (Step.BROUGHT, Step.IDENTITY_CHECKED, Step.ESCORT_LEFT, Step.RETURNED)
LONGEST_EXTENSION = 240
"""Minutes that can be added at once."""
NOT_FREE = Refused(
    "taken", "It cannot be extended: the room or somebody who takes part is needed elsewhere afterwards."
)


async def session_started(db: Database, clock: Clock, session: str) -> None:
    """The live session has begun; repeated calls change nothing."""
    now = clock.now()
    async with db.transaction() as tx:
        booking = await load(tx, session)
        if booking.started is None and booking.state is State.CONFIRMED:
            booking.started = now
            await history.record(tx, booking, "begun", by="system", at=now)


async def session_ended(db: Database, clock: Clock, session: str, *, by: str = "system") -> None:
    """The live session is over: the booking is done and what is left of its window is free again. Repeatable."""
    now = clock.now()
    async with db.transaction() as tx:
        booking = await load(tx, session)
        if booking.state is not State.CONFIRMED:
            return
        booking.state, booking.ended = State.DONE, now
        if booking.started is None:
            booking.started = now
        await _free_the_rest(tx, booking, now)
        await history.record(tx, booking, "done", by=by, at=now)
        if now < booking.end:
            await waiting.freed(tx, booking, now)


async def extend(db: Database, clock: Clock, session: str, minutes: int, *, by: str) -> datetime | Refused:
    """Add ``minutes`` to a session when every hold can be kept that much longer; return the new end.

    Who may ask was decided by the live session. Raises ``Invalid`` for an impossible length, ``Conflict`` when over.
    """
    if not 1 <= minutes <= LONGEST_EXTENSION:
        raise Invalid("length", "Between 1 and 240 minutes can be added.", field="minutes")
    now = clock.now()
    try:
        async with db.transaction() as tx:
            booking = await load(tx, session)
            if booking.state is not State.CONFIRMED:
                raise Conflict("state", "This is no longer possible: the booking has moved on.")
            end = booking.end + timedelta(minutes=minutes)
            if not await _stretch(tx, booking, end):
                return NOT_FREE
            booking.end = end
            await invites.follow(tx, booking)
            await history.record(tx, booking, "extended", by=by, at=now, details={"minutes": minutes})
            return end
    except IntegrityError as error:
        if exclusion.is_overlap(error):
            return NOT_FREE
        raise


async def overrun(db: Database, clock: Clock, session: str) -> tuple[datetime, list[str]]:
    """A questioning goes on past its slot, which never cuts it: claim a quarter of an hour more.

    Returns the end as it is now and the bookings that stand in the way: they are marked to be looked at, and everybody
    concerned is told. Repeat it while the session runs.
    """
    now = clock.now()
    async with db.transaction() as tx:
        booking = await load(tx, session)
        if KINDS[booking.kind].edge is not Edge.NEVER or booking.state is not State.CONFIRMED:
            return booking.end, []
        end = max(booking.end, now) + GRID
        if await _stretch(tx, booking, end):
            booking.end = end
            await invites.follow(tx, booking)
            await history.record(tx, booking, "overrun", by="system", at=now)
            return end, []
        marked = []
        for other in await store.next_in_the_way(tx, booking, end):
            if other.review is None:
                other.review = "overrun"
                await history.record(tx, other, "review", by="system", at=now, details={"why": "overrun"})
                marked.append(other.id)
        return booking.end, marked


async def set_custody_step(
    db: Database, clock: Clock, principal: Principal, session: str, step: Step
) -> Mapping[Step, datetime]:
    """The duty post confirms a step, in order; return all steps so far. A step confirmed before stays as it was.

    ``returned`` may follow any step, because somebody may have to be taken back early.
    """
    now = clock.now()
    async with db.transaction() as tx:
        booking = await load(tx, session)
        await access.may(tx, principal, Action.CONFIRM_CUSTODY, booking)
        if not KINDS[booking.kind].custody:
            raise Conflict("no-custody", "Nobody in custody takes part in this session.")
        there = {row.step: row.at for row in await store.custody_steps(tx, [session])}
        if step in there:
            return there
        _check_step(booking, step, there)
        tx.add(CustodyStep(booking=session, step=step, at=now, by=principal.id))
        there[step] = now
        await history.record(tx, booking, step.value, by=principal.id, at=now)
        return there


async def set_arrived(db: Database, clock: Clock, principal: Principal, session: str) -> datetime:
    """The duty post writes down that whoever asked is there; return since when. Once written it stays."""
    now = clock.now()
    async with db.transaction() as tx:
        booking = await load(tx, session)
        await access.may(tx, principal, Action.CONFIRM_CUSTODY, booking)
        if booking.state is not State.CONFIRMED:
            raise Conflict("state", "This is no longer possible: the booking has moved on.")
        if booking.arrived is None:
            booking.arrived = now
            await history.record(tx, booking, "arrived", by=principal.id, at=now)
        return booking.arrived


def _check_step(booking: Booking, step: Step, there: Mapping[Step, datetime]) -> None:
    if booking.state not in (State.CONFIRMED, State.DONE):
        raise Conflict("state", "This is no longer possible: the booking has moved on.")
    if Step.RETURNED in there:
        raise Conflict("returned", "The person has already been returned.")
    before = ORDER[: ORDER.index(step)] if step is not Step.RETURNED else ORDER[:1]
    missing = next((s for s in before if s not in there), None)
    if missing is not None:
        raise Conflict("step-order", "Please confirm the earlier steps first.")
    if booking.state is State.DONE and step is not Step.RETURNED:
        raise Conflict("state", "This is no longer possible: the booking has moved on.")


async def _stretch(tx: AsyncSession, booking: Booking, end: datetime) -> bool:
    """Keep every hold ``end - booking.end`` longer; return False and change nothing when one is not free."""
    longer = end - booking.end
    mine = await store.holds(tx, [booking.id])
    wanted = {hold.resource: (hold.end, hold.end + longer) for hold in mine}
    if not wanted:
        return True
    await holds.take_turns(tx, wanted)
    first, last = min(w[0] for w in wanted.values()), max(w[1] for w in wanted.values())
    for other in await store.holds_of(tx, wanted, first, last):
        from_, until = wanted[other.resource]
        if other.booking != booking.id and other.start < until and from_ < other.end:
            return False
    for hold in mine:
        hold.end += longer
    await tx.flush()
    return True


async def _free_the_rest(tx: AsyncSession, booking: Booking, now: datetime) -> None:
    """Shorten the holds to what was used, buffers kept; a session that ended before its window holds nothing."""
    unused = booking.end - now
    for hold in await store.holds(tx, [booking.id]):
        await _shorten(tx, hold, unused)


async def _shorten(tx: AsyncSession, hold: Hold, unused: timedelta) -> None:
    if unused <= timedelta(0):
        return
    if hold.end - unused <= hold.start:
        await tx.delete(hold)
    else:
        hold.end -= unused


async def require_booking(tx: AsyncSession, session: str) -> Booking:
    """The booking of a session, or ``NotFound``."""
    booking = await store.booking(tx, session)
    if booking is None:
        raise NotFound("no-booking", "There is no such booking.")
    return booking
