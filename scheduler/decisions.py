"""Acts on a booking that stands: confirm, decline, withdraw, cancel, no-show; each with who, when and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid
from people.permissions import Action
from people.principals import Principal
from scheduler import access, history, holds, practice, reopening, waiting
from scheduler.models import Booking, State
from scheduler.reasons import OWNER, Cancelled, Declined, NoShow, Owner


@dataclass(frozen=True, slots=True)
class Act:
    """One allowed move: from which states to which, by which permission, with a reason out of which list, and whether
    the holds are given back."""

    name: str
    from_: frozenset[State]
    to: State
    action: Action
    releases: bool
    reasons: type[StrEnum] | None = None


CONFIRM = Act("confirmed", frozenset({State.REQUESTED}), State.CONFIRMED, Action.CONFIRM_BOOKING, False)
DECLINE = Act("declined", frozenset({State.REQUESTED}), State.DECLINED, Action.CONFIRM_BOOKING, True, Declined)
WITHDRAW = Act("withdrawn", frozenset({State.REQUESTED}), State.WITHDRAWN, Action.CANCEL_BOOKING, True)
CANCEL = Act("cancelled", frozenset({State.CONFIRMED}), State.CANCELLED, Action.CANCEL_BOOKING, True, Cancelled)
NO_SHOW = Act("no_show", frozenset({State.CONFIRMED}), State.NO_SHOW, Action.CONFIRM_CUSTODY, True, NoShow)
ACTS: tuple[Act, ...] = (CONFIRM, DECLINE, WITHDRAW, CANCEL, NO_SHOW)


async def confirm(
    db: Database, clock: Clock, principal: Principal, booking: str, *, version: int | None = None
) -> Booking:
    """The facility agrees. ``version`` is the one the form showed; another one now raises ``Conflict``."""
    return await _act(db, clock, principal, booking, CONFIRM, "", version)


async def decline(
    db: Database, clock: Clock, principal: Principal, booking: str, reason: str, *, version: int | None = None
) -> Booking:
    """The facility cannot; ``reason`` is a word of ``Declined``."""
    return await _act(db, clock, principal, booking, DECLINE, reason, version)


async def withdraw(
    db: Database, clock: Clock, principal: Principal, booking: str, *, version: int | None = None
) -> Booking:
    """Whoever asked takes the request back before it was answered."""
    return await _act(db, clock, principal, booking, WITHDRAW, "", version)


async def cancel(
    db: Database, clock: Clock, principal: Principal, booking: str, reason: str, *, version: int | None = None
) -> Booking:
    """Give a confirmed window back; ``reason`` is a word of ``Cancelled``. Not while the session runs."""
    return await _act(db, clock, principal, booking, CANCEL, reason, version)


async def no_show(
    db: Database, clock: Clock, principal: Principal, booking: str, reason: str, *, version: int | None = None
) -> Booking:
    """It did not take place; ``reason``, a word of ``NoShow``, decides whose cause it was. Not before its start."""
    return await _act(db, clock, principal, booking, NO_SHOW, reason, version)


async def _act(
    db: Database,
    clock: Clock,
    principal: Principal,
    booking_id: str,
    act: Act,
    word: str,
    version: int | None,
) -> Booking:
    now = clock.now()
    async with db.transaction() as tx:
        booking = await access.load(tx, booking_id)
        await access.may(tx, principal, act.action, booking)
        access.check_version(booking, version)
        reason = _word(act.reasons, word) if act.reasons else None
        if booking.state not in act.from_:
            raise Conflict("state", "This is no longer possible: the booking has moved on.")
        _check_moment(act, reason, booking, now)
        booking.state = act.to
        booking.reason = reason.value if reason else None
        booking.owner = await _owner(tx, booking, reason, principal, now)
        if booking.owner == Owner.LAWYER:
            await reopening.missed_again(tx, booking.created_by, now)
        booking.decided, booking.decided_by = now, principal.id
        booking.review = None if booking.review == "urgent" else booking.review
        if act.releases:
            await holds.release(tx, booking.id)
        await history.record(tx, booking, act.name, by=principal.id, via=principal.via, at=now)
        if act.releases:
            await waiting.freed(tx, booking, now)
    return booking


async def _owner(
    tx: AsyncSession, booking: Booking, reason: StrEnum | None, principal: Principal, now: datetime
) -> str | None:
    """Whose cause it was that a confirmed time was not used: of a no-show, and of a visit given back late (LV-4d)."""
    if isinstance(reason, NoShow):
        return OWNER[reason].value
    late = isinstance(reason, Cancelled) and await practice.counts_as_missed(tx, booking, reason, principal.id, now)
    return Owner.LAWYER.value if late else None


def _check_moment(act: Act, reason: StrEnum | None, booking: Booking, now: datetime) -> None:
    """Raise ``Conflict`` for what the state would allow but the moment, or the law, does not."""
    if act is DECLINE and reason is Declined.NO_CAPACITY and KINDS[booking.kind].privileged:
        raise Conflict("LV-1", "Lack of room is no answer to a visit. Please offer another time within 48 hours.")
    if act is CONFIRM and booking.review == "offered":
        raise Conflict("offered", "Another time was offered. Please wait for the answer.")
    if act is CANCEL and booking.started is not None:
        raise Conflict("running", "The session has begun. End it instead of cancelling it.")
    if act is NO_SHOW and now < booking.start:
        raise Conflict("not-yet", "The session has not been due yet.")


def _word(enum: type[StrEnum], word: str) -> StrEnum:
    try:
        return enum(word)
    except ValueError:
        raise Invalid("unknown-reason", "Please choose a reason from the list.", field="reason") from None
