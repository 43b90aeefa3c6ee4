"""The rules as a deployment has set them, with exceptions granted, on any day: for booking now and for asking later."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, Invalid, NotFound
from people import store as people
from people.permissions import Action, Relation, allowed, require
from people.principals import Principal
from scheduler.access import relations_to
from scheduler.checks import readable
from scheduler.facts import restored
from scheduler.models import Booking, BookingChange, Facility, RuleException, RuleSetting
from scheduler.rules import RULES, Breach, Rule, Severity, judge

LONGEST_EXCEPTION = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Replay:
    """What the rules of a day say of a booking."""

    day: date
    allowed: bool
    breaches: tuple[Breach, ...]


async def rulebook(tx: AsyncSession, day: date, facility: str | None = None) -> tuple[Rule, ...]:
    """The table with the parameters in force on ``day``; rules switched off are left out.

    What a facility has set for itself goes before what is set for all.
    """
    settings = await settings_of(tx, day, facility)
    rules = tuple(as_set(rule, settings.get(rule.id)) for rule in RULES if not _off(settings.get(rule.id)))
    return tuple(_counted_from_bands(rule, rules) for rule in rules)


def _counted_from_bands(rule: Rule, rules: tuple[Rule, ...]) -> Rule:
    """Where visits lie in bands (LV-4b), their grid (LV-4s) counts from the beginning of the band: bands from half past
    eight and visits at full hours would leave no time at all."""
    if rule.id != "LV-4s":
        return rule
    bands = next((one.parameters["bands"] for one in rules if one.id == "LV-4b"), "")
    return replace(rule, parameters={**rule.parameters, "bands": bands})


async def settings_of(tx: AsyncSession, day: date, facility: str | None) -> dict[str, RuleSetting]:
    """The setting of each rule that counts on ``day`` at a facility: the newest of its own, else of all."""
    query = select(RuleSetting).where(
        RuleSetting.since <= day, or_(RuleSetting.until.is_(None), RuleSetting.until > day)
    )
    query = query.where(or_(RuleSetting.facility.is_(None), RuleSetting.facility == facility))
    found = (await tx.execute(query.order_by(RuleSetting.at, RuleSetting.id))).scalars().all()
    everywhere = {s.rule: s for s in found if s.facility is None}
    return everywhere | {s.rule: s for s in found if s.facility is not None}


async def exceptions_for(tx: AsyncSession, subjects: Collection[str], at: datetime) -> frozenset[str]:
    """Exceptions in force at an instant for a person in custody, a case or a booking, as ``RULE:word``."""
    query = select(RuleException).where(
        RuleException.subject.in_(subjects), RuleException.at <= at, RuleException.until > at
    )
    return frozenset(f"{e.rule}:{e.word}" for e in (await tx.execute(query)).scalars())


async def set_rule(
    db: Database,
    clock: Clock,
    principal: Principal,
    rule: str,
    *,
    since: date,
    until: date | None = None,
    off: bool = False,
    parameters: Mapping[str, Any] | None = None,
    facility: str | None = None,
) -> RuleSetting:
    """An administrator sets a rule's parameters from a day on, for one facility or for all.

    Raises ``Invalid`` for what the rule does not have.
    """
    require(principal, Action.MANAGE_ORGANISATION, {Relation.OWN_TREE})
    known = next((r for r in RULES if r.id == rule), None)
    if known is None:
        raise NotFound("no-rule", "There is no such rule.")
    wanted = dict(parameters or {})
    fits = all(_fits(known, name, value) for name, value in wanted.items())
    if not fits or since < clock.now().date() or (until is not None and until <= since):
        raise Invalid("rule-setting", "These values cannot be used for this rule.", field="parameters")
    async with db.transaction() as tx:
        await _check_place(tx, principal, facility)
        made = RuleSetting(
            rule=rule,
            facility=facility,
            since=since,
            until=until,
            off=off,
            parameters=wanted,
            by=principal.id,
            at=clock.now(),
        )
        tx.add(made)
        await tx.flush()
        details = {"since": since.isoformat(), "off": off, "parameters": wanted, "facility": facility}
        await ledger.append(tx, "rule.set", actor=principal.id, subject=rule, at=clock.now(), details=details)
    return made


async def _check_place(tx: AsyncSession, principal: Principal, facility: str | None) -> None:
    """One's own tree alone; a setting for all is for the root of the police tree."""
    if facility is None:
        line = await people.line(tx, principal.organisation)
        whole = principal.tree == "police" and len(line) == 1
        if not whole:
            raise Denied("not-allowed", "A rule for every facility is set by the administrator of the whole authority.")
        return
    place = await tx.get(Facility, facility)
    if place is None or principal.organisation not in await people.line(tx, place.organisation):
        raise NotFound("no-facility", "There is no such facility.")


async def grant_exception(
    db: Database, clock: Clock, principal: Principal, *, subject: str, rule: str, word: str, until: datetime
) -> RuleException:
    """A reviewer grants an enumerated exception for a person, case or booking, until an instant."""
    now = clock.now()
    known = next((r for r in RULES if r.id == rule and word in r.exceptions), None)
    if known is None:
        raise Invalid("unknown-exception", "This rule has no such exception.", field="word")
    require(principal, Action.GRANT_EXCEPTION, {Relation.OWN_TREE})
    if not now < until <= now + LONGEST_EXCEPTION:
        raise Invalid("until", "An exception ends within 90 days.", field="until")
    async with db.transaction() as tx:
        return await write_exception(tx, subject, rule, word, by=principal.id, at=now, until=until)


async def write_exception(
    tx: AsyncSession, subject: str, rule: str, word: str, *, by: str, at: datetime, until: datetime, reason: str = ""
) -> RuleException:
    """Write an exception down; whether it may be granted was decided before."""
    made = RuleException(subject=subject, rule=rule, word=word, reason=reason, by=by, at=at, until=until)
    tx.add(made)
    await tx.flush()
    details = {"rule": rule, "word": word, **({"reason": reason} if reason else {})}
    await ledger.append(tx, "rule.exception", actor=by, subject=subject, at=at, details=details)
    return made


async def warnings_of(db: Database, principal: Principal, booking: str) -> tuple[Breach, ...]:
    """What the rules found that did not forbid the booking, for those who may see it: its maker and the post."""
    async with db.transaction(write=False) as tx:
        found = await tx.get(Booking, booking)
        if found is None or not allowed(principal, Action.VIEW_BOOKING, await relations_to(tx, principal, found)):
            raise NotFound("no-booking", "There is no such booking.")
    return (await replay(db, booking)).breaches


async def replay(db: Database, booking: str, *, day: date | None = None) -> Replay:
    """Judge a booking by what the rules saw when it was last made or moved, under the rules of ``day``.

    ``day`` defaults to the day it was decided on. The same question gives the same answer years later. The caller has
    decided who may ask.
    """
    async with db.transaction(write=False) as tx:
        query = select(BookingChange).where(BookingChange.booking == booking).order_by(BookingChange.version.desc())
        saved = next((c for c in (await tx.execute(query)).scalars() if "facts" in c.snapshot), None)
        if saved is None:
            raise NotFound("no-booking", "There is no such booking.")
        on = day or saved.at.date()
        facts = restored(saved.snapshot["facts"])
        breaches = tuple(judge(facts, await rulebook(tx, on, facts.facility), on))
        refusing = any(breach.rule.severity is Severity.REFUSE for breach in breaches)
        return Replay(day=on, allowed=not refusing, breaches=breaches)


def _fits(rule: Rule, name: str, value: object) -> bool:
    """Whether a parameter exists and its value is of its sort: a number, or the bands or lengths of a text."""
    if name not in rule.parameters:
        return False
    if not isinstance(rule.parameters[name], str):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) and len(value) <= 200 and readable(name, value)


async def booking_of(tx: AsyncSession, booking: str) -> Booking:
    """The row a replay was asked about."""
    return await tx.get_one(Booking, booking)


def as_set(rule: Rule, setting: RuleSetting | None) -> Rule:
    """The rule with the parameters a setting gives it."""
    if setting is None:
        return rule
    return replace(rule, parameters={**rule.parameters, **setting.parameters}, since=setting.since)


def _off(setting: RuleSetting | None) -> bool:
    return setting is not None and setting.off
