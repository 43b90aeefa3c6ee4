"""When a room is shut to those who would sit in it: somebody they must not meet is near, or one of them is away."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from scheduler import absences
from scheduler import apart as screening
from scheduler.apart import Apart, Somebody, Windows
from scheduler.facts import RoomFacts


async def closed(
    tx: AsyncSession,
    apart: Apart,
    seated: Mapping[RoomFacts, Collection[Somebody]],
    start: datetime,
    end: datetime,
    *,
    but: str | None = None,
) -> dict[str, Windows]:
    """By room the windows in which those who would sit there cannot; holds of ``but`` do not count."""
    found = await screening.closed(tx, apart, seated, start, end, but=but)
    for room, windows in (await absences.closed(tx, seated, start, end)).items():
        found.setdefault(room, []).extend(windows)
    return found
