"""Another time instead: the post offers a window for a request it cannot meet, the asker takes it or looks further."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import Conflict
from core.refusals import Refused
from core.texts import msgid as m
from people import store as people
from people.permissions import Action
from people.principals import Principal
from scheduler import access, exclusion, history, invites, notices
from scheduler.access import load
from scheduler.amending import Change, amended_request, request_of, rewrite
from scheduler.models import Booking, State
from scheduler.placing import chosen_room
from scheduler.planning import Plan, make_plan
from scheduler.requests import check_request
from scheduler.reviews import SETTLED

OFFERED = "offered"
"""Word in ``Booking.review`` while an offer waits for its answer; the window is held meanwhile."""
NOT_FREE = Refused("taken", "This time is not free for everybody. Please choose another.", input="start")


async def offer_instead(
    db: Database, clock: Clock, principal: Principal, booking: str, start: datetime, *, version: int | None = None
) -> Booking | Refused:
    """The post offers another start; the window is held until it is answered.

    For a request, and for a confirmed session that cannot stay as it is while the person is still held there: its old
    time is given up, and it waits for the answer.
    """
    now = clock.now()
    try:
        async with db.transaction() as tx:
            found = await load(tx, booking)
            await access.may(tx, principal, Action.CONFIRM_BOOKING, found)
            access.check_version(found, version)
            if not offerable(found):
                raise Conflict("state", "This is no longer possible: the booking has moved on.")
            if not await _place(tx, found, start, now):
                return NOT_FREE
            found.state, found.review = State.REQUESTED, OFFERED
            await history.record(tx, found, "offered", by=principal.id, at=now)
            values = {"start": found.start, "deadline": found.start}
            await notices.tell(tx, [found.created_by], "offer", at=now, booking=found.id, values=values)
            return found
    except IntegrityError as error:
        if exclusion.is_overlap(error):
            return NOT_FREE
        raise


def offerable(booking: Booking) -> bool:
    """Whether the post can offer another time for a booking as it stands."""
    if booking.started is not None:
        return False
    looked = booking.state is State.CONFIRMED and booking.review in SETTLED
    return looked or (booking.state is State.REQUESTED and booking.review != "urgent")


async def take_offer(
    db: Database, clock: Clock, principal: Principal, booking: str, *, version: int | None = None
) -> Booking:
    """The asker takes the offered window; it is confirmed, because the post itself offered it."""
    now = clock.now()
    async with db.transaction() as tx:
        found = await load(tx, booking)
        await access.check_maker(tx, principal, found, m("Only whoever asked can take the offer."))
        access.check_version(found, version)
        if found.state is not State.REQUESTED or found.review != OFFERED:
            raise Conflict("state", "This is no longer possible: the booking has moved on.")
        found.state, found.review, found.decided, found.decided_by = State.CONFIRMED, None, now, principal.id
        await invites.follow(tx, found)
        await history.record(tx, found, "confirmed", by=principal.id, at=now)
        return found


async def _place(tx: AsyncSession, booking: Booking, start: datetime, now: datetime) -> bool:
    """Move the booking to ``start`` with the same people when everything can be held."""
    owner = await people.account_principal(tx, booking.created_by)
    was = await request_of(tx, booking)
    wish = amended_request(was, Change(start=start, room=""))
    kind = check_request(wish, now)
    plan = await make_plan(tx, owner, wish, kind, now) if owner else None
    if not isinstance(plan, Plan):
        return False
    far, keys = await chosen_room(tx, plan, wish, but=booking.id)
    if keys:
        return False
    await rewrite(tx, booking, plan, wish, far)
    return True
