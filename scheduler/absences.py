"""Times in which somebody held at a facility cannot be met there: in hospital, at court, ill. Planned or under way.

An absence shuts the rooms of that facility for that person and no others: a questioning in hospital by approval, at a
place of its own, stays possible.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from scheduler.apart import Somebody, Windows
from scheduler.facts import RoomFacts
from scheduler.models import Absence

UNKNOWN = datetime(9999, 1, 1, tzinfo=UTC)
"""End of an absence whose end nobody has named."""


async def closed(
    tx: AsyncSession, seated: Mapping[RoomFacts, Collection[Somebody]], start: datetime, end: datetime
) -> dict[str, Windows]:
    """By room the windows that touch ``[start, end)`` in which somebody who would sit there is away."""
    persons = {one.key for there in seated.values() for one in there if one.custody}
    rows = await touching(tx, persons, start, end)
    found: dict[str, Windows] = {}
    for room, there in seated.items():
        keys = {one.key for one in there}
        windows = [
            (a.start, a.end or UNKNOWN) for a in rows if a.custody_person in keys and a.facility == room.facility
        ]
        if windows:
            found[room.id] = windows
    return found


async def touching(
    tx: AsyncSession, persons: Collection[str], start: datetime, end: datetime | None = None
) -> Sequence[Absence]:
    """Absences of these persons that stand and touch ``[start, end)``, earliest first; no ``end``: all that follow."""
    if not persons:
        return ()
    query = select(Absence).where(Absence.custody_person.in_(persons), Absence.ended.is_(None))
    query = query.where(or_(Absence.end.is_(None), Absence.end > start))
    if end is not None:
        query = query.where(Absence.start < end)
    return (await tx.execute(query.order_by(Absence.start, Absence.id))).scalars().all()
