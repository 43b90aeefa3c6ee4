"""The two 48-hour clocks of a visit as its lawyer reads them (LV-1)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.models import Representation
from core.clock import Clock
from core.database import Database
from people.principals import Principal
from scheduler import papers, store
from scheduler.clocks import Clock48, Pause, clock
from scheduler.models import Booking, BookingChange, State

ANSWERS = ("confirmed", "declined", "offered")
"""Acts that answer a request: a time, another time, or a refusal with its reason."""
_CLOSED = frozenset({State.WITHDRAWN, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Promise:
    """Both clocks: since the request stood with its papers, and since the papers were found in order."""

    submitted: Clock48
    checked: Clock48


async def promise(db: Database, now_by: Clock, principal: Principal, booking: str) -> Promise | None:
    """The clocks of a visit for the lawyer who asked; ``None`` for everybody else and for what has no clock."""
    async with db.transaction(write=False) as tx:
        found = await store.booking(tx, booking)
        if found is None or found.created_by != principal.id or found.complete is None or found.state in _CLOSED:
            return None
        return await clocks_of(tx, found, now_by.now())


async def clocks_of(tx: AsyncSession, booking: Booking, now: datetime) -> Promise:
    """Both clocks of a visit that has them, as everybody sees them: lawyer, post, prosecutor."""
    since = booking.complete
    assert since is not None, "only what was asked for with its papers has clocks"
    answer = (await answers(tx, [booking.id])).get(booking.id)
    stops = await pauses_of(tx, booking)
    return Promise(clock(since, answer, now, stops), clock(booking.checked or since, answer, now, stops))


async def answers(tx: AsyncSession, bookings: Collection[str]) -> dict[str, datetime]:
    """When each request was first answered since its clock began; those without an answer are left out."""
    query = select(BookingChange.booking, func.min(BookingChange.at)).join(Booking, Booking.id == BookingChange.booking)
    query = query.where(BookingChange.booking.in_(bookings), BookingChange.act.in_(ANSWERS))
    query = query.where(BookingChange.at >= Booking.complete).group_by(BookingChange.booking)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def pauses_of(tx: AsyncSession, booking: Booking) -> list[Pause]:
    """What stops the clocks: a refused paper of the mandate, after the request was made."""
    clients = {p.custody_person for p in await store.parties(tx, [booking.id]) if p.custody_person}
    query = select(Representation.id).where(
        Representation.lawyer == booking.created_by, Representation.client.in_(clients)
    )
    found = []
    for bond in (await tx.execute(query)).scalars():
        found += papers.pauses(await papers.of_representation(tx, bond))
    return [(start, end) for start, end in found if start >= booking.created]
