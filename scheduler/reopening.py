"""Lawyers to whom missed visits have closed online booking (LV-4c), and the facility that opens it to them again.

A post sees the lawyers whose clients it holds, as it sees their papers. What it opens stays open until the lawyer is
the cause of another missed visit, or until the missed ones no longer count; the visit itself is never closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from people.permissions import Action, relations, require
from people.principals import Principal
from scheduler import notices, store
from scheduler.models import RuleException
from scheduler.rulebook import LONGEST_EXCEPTION, rulebook, write_exception
from scheduler.rules import Rule

RULE, WORD = "LV-4c", "lifted"


class Reopened(StrEnum):
    """Why a facility opens online booking to a lawyer again."""

    EXPLAINED = "explained"
    OTHER_CAUSE = "other-cause"
    CLIENT_WAITS = "client-waits"
    TIME_ENOUGH = "time-enough"


REOPENED_TEXT: dict[str, str] = {
    Reopened.EXPLAINED: "The lawyer has explained the missed visits",
    Reopened.OTHER_CAUSE: "The cause lay elsewhere after all",
    Reopened.CLIENT_WAITS: "The client must be able to see a lawyer soon",
    Reopened.TIME_ENOUGH: "Booking by telephone has lasted long enough",
}


@dataclass(frozen=True, slots=True)
class ClosedLawyer:
    """A lawyer who books by telephone or at the door for now."""

    id: str
    name: str
    firm: str
    missed: int
    """Visits that count, wherever they were to be."""


@dataclass(frozen=True, slots=True)
class OpenedLawyer:
    """A lawyer to whom it was opened again, while that counts."""

    name: str
    firm: str
    at: datetime
    by: str
    reason: str
    """msgid."""
    until: datetime


@dataclass(frozen=True, slots=True)
class OnlineBooking:
    """Of the lawyers whose clients a facility holds: to whom online booking is closed, and to whom opened again."""

    closed: Sequence[ClosedLawyer]
    opened: Sequence[OpenedLawyer]


def counted_since(rules: Sequence[Rule], now: datetime) -> datetime:
    """Since when missed visits count by the rule as it is set; of a rule switched off, since now."""
    rule = next((rule for rule in rules if rule.id == RULE), None)
    return now - timedelta(days=int(rule.parameters["days"])) if rule else now


async def online_booking(db: Database, clock: Clock, principal: Principal) -> OnlineBooking:
    """How it stands with the lawyers of those held at the principal's own facility, by name."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        require(principal, Action.REOPEN_BOOKING, relations(principal, facility=principal.facility))
        lawyers = await cases.lawyers_of_held(tx, principal.facility or "", now)
        opened = await _opened(tx, lawyers, now)
        missed = await _closed(tx, principal.facility, lawyers - {one.subject for one in opened}, now)
        cards = await store.person_cards(tx, {*missed, *(one.subject for one in opened), *(one.by for one in opened)})
    closed = [ClosedLawyer(id_, cards[id_].name, cards[id_].unit, n) for id_, n in missed.items() if id_ in cards]
    again = [
        OpenedLawyer(
            name=cards[one.subject].name,
            firm=cards[one.subject].unit,
            at=one.at,
            by=cards[one.by].name if one.by in cards else "",
            reason=REOPENED_TEXT.get(one.reason, ""),
            until=one.until,
        )
        for one in opened
        if one.subject in cards
    ]
    return OnlineBooking(sorted(closed, key=lambda one: one.name), sorted(again, key=lambda one: one.name))


async def reopen(db: Database, clock: Clock, principal: Principal, lawyer: str, reason: str) -> None:
    """Let a lawyer book online again; ``reason`` is a word of ``Reopened``. The lawyer is told."""
    now = clock.now()
    async with db.transaction() as tx:
        require(principal, Action.REOPEN_BOOKING, relations(principal, facility=principal.facility))
        if lawyer not in await cases.lawyers_of_held(tx, principal.facility or "", now):
            raise NotFound("no-lawyer", "No client of this lawyer is held here.")
        if reason not in REOPENED_TEXT:
            raise Invalid("unknown-reason", "Please choose a reason from the list.", field="reason")
        if await _opened(tx, {lawyer}, now) or not await _closed(tx, principal.facility, {lawyer}, now):
            raise Conflict("state", "Online booking is open to this lawyer.")
        until = now + LONGEST_EXCEPTION
        await write_exception(tx, lawyer, RULE, WORD, by=principal.id, at=now, until=until, reason=reason)
        await notices.tell(tx, [lawyer], "reopened", at=now)


async def missed_again(tx: AsyncSession, lawyer: str, now: datetime) -> None:
    """The lawyer was the cause of another missed visit: what was opened to them no longer counts."""
    for one in await _opened(tx, {lawyer}, now):
        one.until = now
        details = {"rule": RULE, "word": WORD}
        await ledger.append(tx, "rule.exception-ended", actor="system", subject=lawyer, at=now, details=details)


async def _opened(tx: AsyncSession, lawyers: set[str], now: datetime) -> Sequence[RuleException]:
    query = select(RuleException).where(
        RuleException.rule == RULE,
        RuleException.word == WORD,
        RuleException.subject.in_(lawyers),
        RuleException.until > now,
    )
    return (await tx.execute(query.order_by(RuleException.at, RuleException.id))).scalars().all()


async def _closed(tx: AsyncSession, facility: str | None, lawyers: set[str], now: datetime) -> dict[str, int]:
    """How many visits each of those missed to whom the rule, as set for the facility, closes online booking."""
    rules = await rulebook(tx, now.date(), facility)
    rule = next((rule for rule in rules if rule.id == RULE), None)
    if rule is None:
        return {}
    missed = await store.own_no_shows(tx, lawyers, counted_since(rules, now))
    return {lawyer: count for lawyer, count in missed.items() if count >= int(rule.parameters["count"])}
