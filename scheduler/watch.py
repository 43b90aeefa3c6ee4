"""The 48-hour clocks as the resident prosecutor sees them: places and times, nobody's name (LV-1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.models import Paper
from core.clock import Clock
from core.database import Database
from people.permissions import Action, require
from people.principals import Principal
from scheduler import clocks, promises, store
from scheduler.clocks import ClockState
from scheduler.models import Booking, State

BACK = timedelta(days=30)
"""How far back breaches are shown."""


@dataclass(frozen=True, slots=True)
class WatchedClock:
    """One request for a visit."""

    facility_name: str
    since: datetime
    deadline: datetime | None
    """``None`` while a missing paper stops the clock."""
    state: ClockState
    answered: datetime | None
    """When the facility gave its answer."""
    offered: bool
    """Another time was offered and waits for the lawyer."""


@dataclass(frozen=True, slots=True)
class OverdueCheck:
    """Papers that were not checked in time."""

    facility_name: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """What the page shows: breaches first, the newest on top; then running clocks, the nearest deadline on top."""

    breached: tuple[WatchedClock, ...]
    running: tuple[WatchedClock, ...]
    overdue: tuple[OverdueCheck, ...]


async def watch(db: Database, clock: Clock, principal: Principal) -> Watch:
    """Every clock that runs and every breach of the last month."""
    require(principal, Action.VIEW_CLOCKS)
    now = clock.now()
    async with db.transaction(write=False) as tx:
        query = select(Booking).where(Booking.complete > now - BACK, Booking.kind == "visit")
        found = (await tx.execute(query.order_by(Booking.complete, Booking.id))).scalars().all()
        late = select(Paper).where(Paper.state == "submitted", Paper.due <= now).order_by(Paper.due, Paper.id)
        papers = (await tx.execute(late)).scalars().all()
        places = {b.facility for b in found if b.facility} | {paper.facility for paper in papers}
        names = {place.id: place.name for place in await store.facilities(tx, places)}
        answers = await promises.answers(tx, [booking.id for booking in found])
        lines = [
            await _line(tx, booking, names.get(booking.facility or "", ""), answers.get(booking.id), now)
            for booking in found
            if booking.state is not State.WITHDRAWN
        ]
    return Watch(
        breached=tuple(reversed([line for line in lines if line.state is ClockState.BREACHED])),
        running=tuple(line for line in lines if line.state in (ClockState.RUNNING, ClockState.PAUSED)),
        overdue=tuple(OverdueCheck(names.get(paper.facility, ""), paper.due) for paper in papers),
    )


async def _line(
    tx: AsyncSession, booking: Booking, facility_name: str, answered: datetime | None, now: datetime
) -> WatchedClock:
    since = booking.complete
    assert since is not None, "the query asks for it"
    told = clocks.clock(since, answered, now)
    if told.state is not ClockState.MET:
        told = clocks.clock(since, answered, now, await promises.pauses_of(tx, booking))
    return WatchedClock(
        facility_name=facility_name,
        since=since,
        deadline=told.deadline,
        state=told.state,
        answered=answered,
        offered=answered is not None and booking.state is State.REQUESTED,
    )
