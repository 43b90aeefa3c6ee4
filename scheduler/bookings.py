"""Booking a session: permission, transaction, rules, holds, history, ledger — one function per use case.

What is well formed but not possible comes back as ``Refused`` (with alternatives: ``Taken``); what cannot be used at
all raises ``Invalid``, who may not raises ``Denied``.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from cases.kinds import REHEARSAL, EndpointRole, Kind, Role
from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from core.refusals import Refused
from people.permissions import Action, Relation, require
from people.principals import Principal
from scheduler import exclusion, history, waiting
from scheduler.facts import PlannedParty
from scheduler.models import Booking, State
from scheduler.placing import place, taken_refusal, write
from scheduler.planning import make_plan
from scheduler.requests import Request, check_request, check_window, kind_of
from scheduler.rules import first_refusal
from scheduler.windows import ZONE

URGENT = "urgent"
"""Word in ``Booking.review`` until the duty officer has decided."""
MOST_PARTICIPANTS = 16
"""Of a rehearsal."""


async def request_booking(db: Database, clock: Clock, principal: Principal, request: Request) -> Booking | Refused:
    """Book a session ahead. Confirmed at once unless the kind asks for the facility's approval."""
    now = clock.now()
    kind = check_request(request, now)
    state = State.REQUESTED if kind.approval else State.CONFIRMED
    return await _book(db, now, principal, request, kind, state)


async def start_now(db: Database, clock: Clock, principal: Principal, request: Request) -> Booking | Refused:
    """Book a session that begins this second, for kinds that may start unplanned.

    Of the times in ``request`` only the length counts.
    """
    now = clock.now().replace(microsecond=0)
    kind = kind_of(request.kind)
    if not kind.unplanned:
        raise Invalid("needs-booking", "This kind of session is booked ahead.", field="kind")
    length = request.end - request.start
    request = replace(request, start=now, end=now + (length if length > timedelta(0) else kind.duration))
    check_request(request, now, planned=False)
    require(principal, Action.START_NOW, {Relation.OWN_CASE})
    return await _book(db, now, principal, request, kind, State.CONFIRMED)


async def ask_urgent(db: Database, clock: Clock, principal: Principal, request: Request) -> Booking | Refused:
    """Ask for a scarce room at once: the duty officer alone decides, and the use is reviewed the next day.

    Of the times in ``request`` only the length counts. Never for a visit, and never over somebody else's hold.
    """
    now = clock.now().replace(microsecond=0)
    kind = kind_of(request.kind)
    if kind.privileged or not kind.custody:
        raise Invalid("not-urgent", "This kind of session cannot be asked for as urgent.", field="kind")
    length = request.end - request.start
    request = replace(request, start=now, end=now + (length if length > timedelta(0) else kind.duration))
    check_request(request, now, planned=False)
    return await _book(db, now, principal, request, kind, State.REQUESTED, act="urgent", review=URGENT)


async def start_rehearsal(
    db: Database,
    clock: Clock,
    principal: Principal,
    *,
    participants: int = 2,
    minutes: int = 15,
) -> Booking:
    """Begin a self-test at once: no rooms, no persons, one host and ``participants - 1`` others, none of them real."""
    now = clock.now().replace(microsecond=0)
    require(principal, Action.BOOK_REHEARSAL)
    if not 2 <= participants <= MOST_PARTICIPANTS:
        raise Invalid("participants", "Between 2 and 16 participants can rehearse.", field="participants")
    end = now + timedelta(minutes=minutes)
    check_window(now, end, now, planned=False)
    parties = [
        PlannedParty(
            role=Role.SYNTHETIC,
            endpoint_role=EndpointRole.HOST if number == 0 else EndpointRole.PARTY,
            side="device",
            name=f"{number + 1}",
            lead=number == 0,
        )
        for number in range(participants)
    ]
    async with db.transaction() as tx:
        booking = Booking(
            kind=REHEARSAL.code,
            state=State.CONFIRMED,
            start=now,
            end=end,
            zone=ZONE,
            created_by=principal.id,
            created=now,
            version=1,
        )
        await write(tx, booking, parties, None, None)
        await history.record(tx, booking, "started", by=principal.id, at=now, first=True)
    return booking


async def _book(
    db: Database,
    now: datetime,
    principal: Principal,
    request: Request,
    kind: Kind,
    state: State,
    *,
    act: str | None = None,
    review: str | None = None,
) -> Booking | Refused:
    """Try until a room is won, the rules refuse, or nothing is left; each try is one transaction."""
    try:
        async with db.transaction() as tx:
            made = await make_plan(tx, principal, request, kind, now)
            if isinstance(made, Refused):
                return made
            plan = made
            refused = first_refusal(plan.facts, plan.rules)
            if refused is not None:
                return refused
            if not await waiting.leaves_a_window(tx, plan, request, now):
                return waiting.NO_WINDOW_LEFT
            answer = await place(tx, plan, principal, request, state, now, act=act, review=review)
            if isinstance(answer, Booking):
                return answer
    except IntegrityError as error:
        if not exclusion.is_overlap(error):
            raise
        answer = ()
    async with db.transaction(write=False) as tx:
        return await taken_refusal(tx, now, principal, request, answer, plan=plan)
