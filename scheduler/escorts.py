"""Staggered escorts (ES-1): co-suspects are not moved through a facility at one time, where a deployment asks so."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from scheduler.models import Booking, Hold
from scheduler.rules import Rule

RULE = "ES-1"


async def moves(
    tx: AsyncSession,
    rules: Iterable[Rule],
    custody_person: str | None,
    facilities: set[str],
    start: datetime,
    end: datetime,
    but: str | None,
) -> tuple[list[datetime], timedelta]:
    """When co-suspects are brought or returned at these facilities around ``[start, end)``, and the gap to keep.

    Empty where the rule asks for no gap, which is the default.
    """
    gap = _gap(rules)
    if custody_person is None or not gap or not facilities:
        return [], gap
    others = [f"custody:{person}" for person in await cases.co_suspects(tx, custody_person)]
    query = (
        select(Hold.start, Hold.end)
        .join(Booking, Booking.id == Hold.booking)
        .where(Hold.resource.in_(others), Hold.end > start - gap, Hold.start < end + gap)
        .where(Booking.facility.in_(facilities))
    )
    if but is not None:
        query = query.where(Hold.booking != but)
    return sorted({at for row in await tx.execute(query) for at in row}), gap


def _gap(rules: Iterable[Rule]) -> timedelta:
    rule = next((r for r in rules if r.id == RULE), None)
    return timedelta(minutes=float(rule.parameters["minutes"])) if rule else timedelta(0)


def clash(found: Sequence[datetime], gap: timedelta, start: datetime, end: datetime) -> bool:
    """Whether bringing at ``start`` or returning at ``end`` comes too close to a move of a co-suspect."""
    return any(abs(at - edge) < gap for at in found for edge in (start, end))
