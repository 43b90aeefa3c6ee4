"""Why a day has no free window, and when there is one, in words that tell nothing of anybody else.

Opening hours, the rules and one's own other sessions may be named; whatever else is in the way reads alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.refusals import Refused
from people.principals import Principal
from scheduler import search, store
from scheduler.hours import calendars_of
from scheduler.planning import Plan, make_plan
from scheduler.refusals import Slot
from scheduler.requests import HORIZON, Request, kind_of
from scheduler.rules import Rule, first_refusal
from scheduler.search import Windows, grid

FAR = timedelta(days=31)
"""How far the next free window is looked for."""


class Empty(StrEnum):
    """Why nothing is offered on a day."""

    OVER = "over"
    HORIZON = "horizon"
    CLOSED = "closed"
    RULE = "rule"
    OWN = "own"
    TAKEN = "taken"


EMPTY_TEXT: dict[Empty, str] = {
    Empty.OVER: "This day is nearly over.",
    Empty.HORIZON: "This is too far ahead: the next 90 days can be booked.",
    Empty.CLOSED: "The facility has no hours for this on that day.",
    Empty.OWN: "You have other sessions at the times that are left.",
    Empty.TAKEN: "Nothing is free for this length on that day.",
}
"""msgid of each but ``RULE``, which speaks for itself."""


@dataclass(frozen=True, slots=True)
class Why:
    """The reason a day is empty: a msgid with its values."""

    reason: Empty
    text: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """What is known of one day before it is explained. ``closed``: for each way to sit, when that is shut."""

    start: datetime
    end: datetime
    length: timedelta
    closed: Sequence[Windows]
    own: Windows


def why(span: Span, now: datetime, refuses: Sequence[Refused | None]) -> Why:
    """Why no window of ``span`` is free. ``refuses`` holds what the rules say of each quarter hour still to come."""
    times = grid(max(span.start, now), span.end, span.length)
    if times.count == 0:
        return Why(Empty.OVER, EMPTY_TEXT[Empty.OVER])
    if times.first > now + HORIZON:
        return Why(Empty.HORIZON, EMPTY_TEXT[Empty.HORIZON])
    shut = [_blocked(windows, times) for windows in span.closed]
    open_ = [n for n in range(times.count) if not all(room[n] for room in shut)]
    if not open_:
        return Why(Empty.CLOSED, EMPTY_TEXT[Empty.CLOSED])
    allowed = [n for n in open_ if refuses[n] is None]
    refused = next((refuses[n] for n in open_ if refuses[n] is not None), None)
    if not allowed and refused is not None:
        return Why(Empty.RULE, refused.text, refused.values)
    mine = _blocked(span.own, times)
    reason = Empty.OWN if all(mine[n] for n in allowed) else Empty.TAKEN
    return Why(reason, EMPTY_TEXT[reason])


def _blocked(windows: Windows, times: search.Grid) -> bytearray:
    found = bytearray(times.count)
    times.mark(found, windows, timedelta(0), timedelta(0))
    return found


async def explain(
    db: Database, clock: Clock, principal: Principal, request: Request, days: Sequence[tuple[datetime, datetime]]
) -> dict[datetime, Why]:
    """Why each of ``days`` (start and end, none of which has a free window) is empty, by its start."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        plan = await make_plan(tx, principal, request, kind_of(request.kind), now)
        if isinstance(plan, Refused) or not days:
            return {}
        rules = tuple(rule for rule in plan.rules if rule.timed)
        length = request.end - request.start
        found = {}
        for start, end in days:
            span = await _span(tx, plan, principal, start, end, length)
            found[start] = why(span, now, _judged(plan, rules, span, now))
        return found


async def _span(
    tx: AsyncSession, plan: Plan, principal: Principal, start: datetime, end: datetime, length: timedelta
) -> Span:
    reach = start, end + length
    used = [*plan.far, *([plan.own] if plan.own else [])]
    calendars = await calendars_of(tx, {room.facility for room in used}, *reach)
    asking = calendars[plan.own.facility].closed(plan.kind.code, plan.own.id, *reach) if plan.own else []
    closed = [[*calendars[room.facility].closed(plan.kind.code, room.id, *reach), *asking] for room in plan.far]
    closed = closed or [asking]
    own = (await store.busy(tx, {f"person:{principal.id}"}, *reach)).get(f"person:{principal.id}", [])
    return Span(start, end, length, closed, own)


def _judged(plan: Plan, rules: tuple[Rule, ...], span: Span, now: datetime) -> list[Refused | None]:
    times = grid(max(span.start, now), span.end, span.length)
    starts = [times.at(number) for number in range(times.count)]
    return [first_refusal(replace(plan.facts, start=start, end=start + span.length), rules) for start in starts]


async def next_free(
    db: Database, clock: Clock, principal: Principal, request: Request, *, after: datetime
) -> Slot | None:
    """The first free window that starts at or after ``after``, within a month."""
    wish = replace(request, start=after, end=after + (request.end - request.start))
    found = await search.free_slots(db, clock, principal, wish, until=after + FAR)
    return None if isinstance(found, Refused) else next(iter(found), None)
