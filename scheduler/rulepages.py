"""The rules as those who set, grant or question them see them: in force on a day, exceptions, replays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from cases.models import Case
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from people import store as people
from people.permissions import Action, Relation, allowed, relations, require
from people.principals import Principal, Tree
from scheduler import reopening, rulebook, store
from scheduler.access import relations_to
from scheduler.day import day_bounds
from scheduler.models import Booking, Facility, RuleException, RuleSetting
from scheduler.rulebook import Replay
from scheduler.rules import RULES, Rule


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """A rule as it counts on a day at a place."""

    rule: Rule
    """With the parameters in force."""
    off: bool
    own: bool
    """Set by the facility itself rather than for all."""
    coming: tuple[RuleSetting, ...]
    """Settings that begin later, earliest first."""


@dataclass(frozen=True, slots=True)
class Granted:
    """An exception in force."""

    rule: str
    text: str
    """msgid of what was granted."""
    reason: str
    """msgid of why, where a reason was asked for; else empty."""
    subject: str
    """Number of the case, or empty where it is for a person."""
    by: str
    until: datetime


def _require(principal: Principal) -> None:
    require(principal, Action.VIEW_RULES, {Relation.OWN_TREE} if principal.tree == Tree.POLICE else ())


async def places(db: Database, principal: Principal) -> list[Facility]:
    """Facilities of the principal's tree, or the own one of a post, by name."""
    _require(principal)
    async with db.transaction(write=False) as tx:
        query = select(Facility).where(Facility.closed.is_(None))
        if principal.facility is not None:
            query = query.where(Facility.id == principal.facility)
        else:
            query = query.where(Facility.organisation.in_(await people.below(tx, principal.organisation or "")))
        return list((await tx.execute(query.order_by(Facility.name, Facility.id))).scalars())


async def in_force(db: Database, principal: Principal, day: date, facility: str | None) -> list[RuleInForce]:
    """Every rule of the table as it counts on ``day``, at a facility or where none has its own setting."""
    _require(principal)
    async with db.transaction(write=False) as tx:
        settings = await rulebook.settings_of(tx, day, facility)
        coming = select(RuleSetting).where(RuleSetting.since > day)
        coming = coming.where(or_(RuleSetting.facility.is_(None), RuleSetting.facility == facility))
        later = (await tx.execute(coming.order_by(RuleSetting.since, RuleSetting.id))).scalars().all()
        found = []
        for rule in RULES:
            setting = settings.get(rule.id)
            found.append(
                RuleInForce(
                    rule=rulebook.as_set(rule, setting),
                    off=setting is not None and setting.off,
                    own=setting is not None and setting.facility is not None,
                    coming=tuple(one for one in later if one.rule == rule.id),
                )
            )
        return found


async def granted(db: Database, clock: Clock, principal: Principal) -> list[Granted]:
    """Exceptions in force, the next to end first; persons are not named."""
    _require(principal)
    now = clock.now()
    texts = {(rule.id, word): text for rule in RULES for word, text in rule.exceptions.items()}
    async with db.transaction(write=False) as tx:
        query = select(RuleException).where(RuleException.until > now).order_by(RuleException.until)
        rows = (await tx.execute(query)).scalars().all()
        numbers = await store.case_numbers(tx, {row.subject for row in rows})
        names = await people.names(tx, {row.by for row in rows})
        return [
            Granted(
                rule=row.rule,
                text=texts.get((row.rule, row.word), row.word),
                reason=reopening.REOPENED_TEXT.get(row.reason, ""),
                subject=numbers.get(row.subject, ""),
                by=names.get(row.by, ("", ""))[0],
                until=row.until,
            )
            for row in rows
        ]


async def grant_for_case(
    db: Database, clock: Clock, principal: Principal, *, number: str, exception: str, until: datetime
) -> None:
    """A reviewer grants ``RULE:word`` for the case of that number. Raises ``Invalid`` for an unknown case."""
    rule, _, word = exception.partition(":")
    async with db.transaction(write=False) as tx:
        units = await people.below(tx, principal.organisation or "")
        query = select(Case.id).where(Case.number == number.strip(), Case.organisation.in_(units))
        case = (await tx.execute(query)).scalar_one_or_none()
    if case is None:
        raise Invalid("no-case", "No case of your authority has this number.", field="number")
    await rulebook.grant_exception(db, clock, principal, subject=case, rule=rule, word=word, until=until)


async def replayable(db: Database, principal: Principal, facility: str, day: date) -> Sequence[Booking]:
    """Bookings of a facility's day whose decision the principal may question, by start.

    The own post may ask of every booking, others of none that is privileged: a visit is no business of theirs.
    """
    _require(principal)
    async with db.transaction(write=False) as tx:
        place = await store.facility(tx, facility)
        if place is None or not await _may_ask(tx, principal, place):
            raise NotFound("no-facility", "There is no such facility.")
        start, end = day_bounds(day, place.zone)
        found = await store.bookings_of_facility(tx, facility, start, end)
        return [b for b in found if principal.facility == facility or not KINDS[b.kind].privileged]


async def replayed(db: Database, principal: Principal, booking: str, day: date | None) -> Replay:
    """Whether a booking would be allowed by the rules of ``day``; default: of the day it was decided on."""
    _require(principal)
    async with db.transaction(write=False) as tx:
        found = await store.booking(tx, booking)
        place = await store.facility(tx, found.facility or "") if found else None
        own = place is not None and principal.facility == place.id
        seen = found is not None and (own or not KINDS[found.kind].privileged)
        if found is None or place is None or not seen or not await _may_ask(tx, principal, place):
            raise NotFound("no-booking", "There is no such booking.")
        held = await relations_to(tx, principal, found)
        if own and not allowed(principal, Action.VIEW_BOOKING, held):
            raise NotFound("no-booking", "There is no such booking.")
    return await rulebook.replay(db, booking, day=day)


async def _may_ask(tx: AsyncSession, principal: Principal, place: Facility) -> bool:
    if principal.facility is not None:
        return principal.facility == place.id
    held = relations(principal, line=await people.line(tx, place.organisation))
    return allowed(principal, Action.VIEW_SESSION, held) or allowed(principal, Action.MANAGE_ORGANISATION, held)
