"""What a facility asks of lawyers around a visit (LV-4): coming early, and giving a time back in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from core.clock import Clock
from core.database import Database
from people.principals import Principal
from scheduler import store
from scheduler.models import Booking, State
from scheduler.reasons import Cancelled
from scheduler.rulebook import rulebook

ARRIVE, LATE = "LV-4a", "LV-4d"
LIGHT = frozenset({Cancelled.OTHER_TIME.value, Cancelled.NOT_NEEDED.value})
"""Reasons that lie with the lawyer; illness, court or a transfer never count."""


@dataclass(frozen=True, slots=True)
class Practice:
    """For one visit. ``arrive``: minutes before the start, 0 when nothing is asked; ``late``: the hours of notice that
    are no longer left, ``None`` while giving it back costs nothing."""

    arrive: int
    late: int | None


async def practice(db: Database, clock: Clock, principal: Principal, booking: str) -> Practice | None:
    """What the facility asks of the lawyer who made the visit; ``None`` for everybody and everything else."""
    async with db.transaction(write=False) as tx:
        found = await store.booking(tx, booking)
        if found is None or found.created_by != principal.id or not KINDS[found.kind].privileged:
            return None
        asked = await _asked(tx, found)
        late = asked[LATE] if found.state is State.CONFIRMED and _is_late(found, asked[LATE], clock.now()) else None
        return Practice(asked[ARRIVE], late)


async def counts_as_missed(tx: AsyncSession, booking: Booking, reason: str, by: str, now: datetime) -> bool:
    """Whether a lawyer who cancels now, for a reason of their own, is counted as not having come."""
    if by != booking.created_by or not KINDS[booking.kind].privileged or reason not in LIGHT:
        return False
    return _is_late(booking, (await _asked(tx, booking))[LATE], now)


def _is_late(booking: Booking, hours: int, now: datetime) -> bool:
    return bool(hours) and booking.start - now < timedelta(hours=hours)


async def _asked(tx: AsyncSession, booking: Booking) -> dict[str, int]:
    """The number each of the two rules asks for; 0 when it is off."""
    rules = {rule.id: rule for rule in await rulebook(tx, booking.start.date(), booking.facility)}
    names = {ARRIVE: "minutes", LATE: "hours"}
    return {id_: int(rules[id_].parameters[name]) if id_ in rules else 0 for id_, name in names.items()}
