"""Where a booking of one's own could be moved to: free windows in which its own holds do not count."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from core.refusals import Refused
from people.principals import Principal
from scheduler import access, search
from scheduler.amending import check_amendable, request_of
from scheduler.planning import Plan, make_plan
from scheduler.refusals import Slot
from scheduler.requests import HORIZON, LONGEST, SHORTEST, Request, kind_of
from scheduler.rulebook import rulebook
from scheduler.rules import first_refusal, untimed

MOST = timedelta(days=31)


async def free_moves(
    db: Database,
    clock: Clock,
    principal: Principal,
    booking: str,
    *,
    start: datetime,
    until: datetime,
    length: timedelta | None = None,
) -> list[Slot] | Refused:
    """Every window that starts in ``[start, until)`` to which the maker of ``booking`` could move it, earliest first.

    ``length`` defaults to what it is now. Raises ``Denied`` for anybody else, ``Conflict`` when it cannot be moved.
    """
    now = clock.now()
    if until - start > MOST:
        raise Invalid("too-wide", "Please search at most a month at a time.", field="until")
    async with db.transaction(write=False) as tx:
        found = await access.load(tx, booking)
        await check_amendable(tx, principal, found)
        was = await request_of(tx, found)
        wanted = length or was.end - was.start
        if not SHORTEST <= wanted <= LONGEST:
            raise Invalid("length", "Between 15 minutes and 24 hours can be booked.", field="end")
        plan = await anywhere(tx, principal, was, now)
        if isinstance(plan, Refused):
            return plan
        refused = first_refusal(plan.facts, untimed(await rulebook(tx, start.date(), plan.facts.facility)))
        if refused is not None:
            return refused
        reach = max(now, start), min(until, now + HORIZON)
        return await search.find(tx, plan, *reach, wanted, but=booking)


async def anywhere(tx: AsyncSession, principal: Principal, was: Request, now: datetime) -> Plan | Refused:
    """The plan of a request in any room that serves; one in which all sit together stays in its room."""
    kind = kind_of(was.kind)
    free = replace(was, room=None) if kind.custody and was.room != was.own_room else was
    return await make_plan(tx, principal, free, kind, now)
