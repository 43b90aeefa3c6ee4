"""Protected persons of a case: an alias put in the place of a name, the name read for a purpose, an alias given up.

Marking protects what exists: every copy of the name that the site keeps is replaced in the same transaction. Copies of
packages this one does not know are theirs to replace; they are handed in as ``beyond``.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import protection, volume
from cases import store as cases
from cases.models import Case, ProtectedPerson
from cases.protection import Ending, Ground, Purpose, Source, Standing
from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from people import store as people
from people import veil
from people.permissions import Action, Relation, allowed, relations, require
from people.principals import Principal
from people.veil import Veil
from scheduler import renaming
from scheduler.models import Booking

log = structlog.get_logger()

READ = "person.name-read"
"""Tag of the ledger: somebody read a real name."""


@dataclass(frozen=True, slots=True)
class Marking:
    """Whom to protect, why, and on what ground; an empty ``alias`` lets the site choose."""

    case: str
    name: str
    ground: Ground
    source: Source
    alias: str = ""
    born: date | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Names of a case have changed: ``veil`` hides those that are not told from now on, and is empty when one is told
    again."""

    case: str
    sessions: tuple[str, ...]
    veil: Veil
    at: datetime


Beyond = Sequence[Callable[[AsyncSession, Change], Awaitable[None]]]


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody read a real name."""

    at: datetime
    name: str
    unit: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """One alias as its viewer may know it."""

    id: str
    alias: str
    ground: Ground
    source: Source
    state: Standing
    marked: datetime
    marked_by: str
    name: str
    """The real name where pages tell it to this viewer (minors, to officers of the case); else empty."""
    asked_for: Ending | None
    asked_by: str
    may: frozenset[str]
    """``read`` the name, ask for its ``end``, ``decide`` on what somebody else asked."""
    looks: Sequence[Look]


@dataclass(frozen=True, slots=True)
class InCase:
    """A case with its aliases, and the names in its bookings that still stand as they are."""

    id: str
    number: str
    persons: Sequence[Protected]
    names: Sequence[str]
    may_mark: bool


# Reading


async def overview(db: Database, principal: Principal) -> list[InCase]:
    """Cases the principal works on, and those of its tree in which somebody is protected, by number."""
    async with db.transaction(write=False) as tx:
        _require_somewhere(principal)
        mine = {case.id: case for case in await cases.cases_of_officer(tx, principal.id)}
        rest = select(Case).where(Case.id.in_(select(ProtectedPerson.case))).order_by(Case.number)
        found = [await _in_case(tx, principal, case) for case in mine.values()]
        for case in (await tx.execute(rest)).scalars():
            if case.id not in mine and allowed(principal, Action.VIEW_PROTECTED, await _held(tx, principal, case)):
                found.append(await _in_case(tx, principal, case))
    return found


async def person(db: Database, principal: Principal, wanted: str) -> tuple[Protected, str]:
    """One alias and the number of its case. Raises ``NotFound``."""
    async with db.transaction(write=False) as tx:
        row, held = await _row(tx, principal, wanted)
        return await _protected(tx, principal, held, row), (await _case(tx, row.case)).number


async def looks_at(tx: AsyncSession, case: str, alias: str) -> Sequence[Look]:
    """Who has read the name behind an alias, newest first: what the person concerned may know. Decides nothing."""
    row = next((row for row in await volume.standing(tx, case) if row.alias == alias), None)
    return await _looks(tx, row) if row else ()


def _require_somewhere(principal: Principal) -> None:
    require(principal, Action.VIEW_PROTECTED, {Relation.OWN_CASE, Relation.OWN_TREE})


async def _held(tx: AsyncSession, principal: Principal, case: Case) -> frozenset[Relation]:
    held = set(relations(principal, line=await people.line(tx, case.organisation)))
    if await cases.works_on(tx, principal.id, case.id):
        held.add(Relation.OWN_CASE)
    return frozenset(held)


async def _in_case(tx: AsyncSession, principal: Principal, case: Case) -> InCase:
    held = await _held(tx, principal, case)
    rows = await volume.persons(tx, case.id)
    may_mark = allowed(principal, Action.PROTECT_PERSON, held)
    names = sorted(await renaming.guests(tx, case.id)) if may_mark else []
    aliases = {row.alias for row in rows}
    return InCase(
        case.id,
        case.number,
        [await _protected(tx, principal, held, row) for row in rows],
        [name for name in names if name not in aliases],
        may_mark,
    )


async def _protected(
    tx: AsyncSession, principal: Principal, held: frozenset[Relation], row: ProtectedPerson
) -> Protected:
    names = await people.names(tx, {row.marked_by, row.asked_by or ""})
    tells = row.state is not Standing.ENDED and protection.tells_name(principal, row.ground, held)
    return Protected(
        id=row.id,
        alias=row.alias,
        ground=row.ground,
        source=row.source,
        state=row.state,
        marked=row.marked,
        marked_by=names.get(row.marked_by, ("", ""))[0],
        name=volume.real_name(tx, row) if tells else "",
        asked_for=row.asked_for,
        asked_by=names.get(row.asked_by or "", ("", ""))[0],
        may=_may(principal, held, row),
        looks=await _looks(tx, row),
    )


def _may(principal: Principal, held: frozenset[Relation], row: ProtectedPerson) -> frozenset[str]:
    decides = row.state is Standing.ENDING and principal.id not in (row.asked_by, row.marked_by)
    can = {
        "read": row.state is not Standing.ENDED and allowed(principal, Action.REVEAL_ALIAS, held),
        "end": row.state is Standing.STANDING and allowed(principal, Action.PROTECT_PERSON, held),
        "decide": decides and allowed(principal, Action.END_PROTECTION, held),
    }
    return frozenset(word for word, holds in can.items() if holds)


async def _looks(tx: AsyncSession, row: ProtectedPerson) -> list[Look]:
    found = await ledger.find(tx, ledger.Wanted(tag=READ, subjects=(row.id,)), 100)
    names = await people.names(tx, {entry.actor for entry in found})
    return [Look(e.at, *names.get(e.actor, ("", "")), str(e.details.get("purpose", ""))) for e in found]


# Acts


async def protect(db: Database, clock: Clock, principal: Principal, wish: Marking, beyond: Beyond) -> Change:
    """Put an alias in the place of a name, now and wherever the site keeps it."""
    now = clock.now()
    async with db.transaction() as tx:
        case = await _case(tx, wish.case)
        require(principal, Action.PROTECT_PERSON, await _held(tx, principal, case))
        name = " ".join(wish.name.split())
        protection.check_marking(name, wish.ground, wish.source, wish.born, now.date())
        if (await volume.veil(tx, case.id, now)).name(name) != name or name in await _aliases(tx, case.id):
            raise Conflict("protected-already", "This person has an alias in this case already.", field="name")
        others = {person.name for person in await cases.suspects(tx, case.id)} | await renaming.officials(tx, case.id)
        if veil.plain(name) in map(veil.plain, others):
            raise Invalid(
                "not-a-guest", "This is somebody in custody, or with an account here. Choose a guest.", field="name"
            )
        taken = await _aliases(tx, case.id) | await renaming.guests(tx, case.id) | others
        alias = protection.check_alias(wish.alias, name, taken - {name}) if wish.alias.strip() else ""
        row = ProtectedPerson(
            case=case.id,
            alias=alias or protection.next_alias(wish.ground, taken),
            ground=wish.ground,
            source=wish.source,
            state=Standing.STANDING,
            marked=now,
            marked_by=principal.id,
        )
        volume.put(tx, row, name, wish.born)
        await tx.flush()
        details = {"case": case.id, "ground": row.ground.value, "source": row.source.value}
        await ledger.append(tx, "person.protected", actor=principal.id, subject=row.id, at=now, details=details)
        change = await _change(tx, case, Veil({name: row.alias}), now, beyond)
    try:
        await db.forget()
    except Unavailable:
        log.warning("older pages of the database still hold a name for a while", person=row.id)
    return change


async def read_name(db: Database, clock: Clock, principal: Principal, person: str, purpose: Purpose) -> str:
    """The real name, once the ledger durably holds who read it and what for."""
    now = clock.now()
    async with db.transaction() as tx:
        row, held = await _row(tx, principal, person)
        require(principal, Action.REVEAL_ALIAS, held, now=now)
        if row.state is Standing.ENDED:
            raise Conflict("not-protected", "This alias was given up. The name stands where it stood.")
        details = {"case": row.case, "purpose": purpose.value}
        await ledger.append(tx, READ, actor=principal.id, subject=row.id, at=now, details=details)
    async with db.transaction(write=False) as tx:
        return volume.real_name(tx, (await _row(tx, principal, person))[0])


async def ask_end(db: Database, clock: Clock, principal: Principal, person: str, why: Ending) -> None:
    """Ask that an alias be given up; it stands until somebody else has approved."""
    now = clock.now()
    async with db.transaction() as tx:
        row, held = await _row(tx, principal, person)
        require(principal, Action.PROTECT_PERSON, held)
        if row.state is not Standing.STANDING:
            raise Conflict("state", "This has been asked for already.")
        row.state, row.asked, row.asked_by, row.asked_for = Standing.ENDING, now, principal.id, why
        details = {"case": row.case, "reason": why.value}
        await ledger.append(
            tx, "person.protection-end-asked", actor=principal.id, subject=row.id, at=now, details=details
        )


async def decide_end(
    db: Database, clock: Clock, principal: Principal, person: str, *, approve: bool, beyond: Beyond
) -> Change | None:
    """Approve or refuse, as another person, that an alias is given up; then the name stands again where the alias
    stood. What was said and recorded under the alias keeps it."""
    now = clock.now()
    async with db.transaction() as tx:
        row, held = await _row(tx, principal, person)
        require(principal, Action.END_PROTECTION, held, now=now)
        if row.state is not Standing.ENDING:
            raise Conflict("state", "There is nothing to decide: nobody has asked, or it was decided.")
        if principal.id in (row.asked_by, row.marked_by):
            raise Denied("own-request", "Somebody else decides on what you have asked.")
        row.state = Standing.ENDED if approve else Standing.STANDING
        row.decided, row.decided_by = now, principal.id
        tag = "person.protection-ended" if approve else "person.protection-kept"
        await ledger.append(tx, tag, actor=principal.id, subject=row.id, at=now, details={"case": row.case})
        if not approve:
            return None
        case = await _case(tx, row.case)
        await renaming.give_back(tx, case.id, row.alias, volume.real_name(tx, row))
        return await _tell(tx, Change(case.id, await _sessions(tx, case.id), Veil(), now), beyond)


async def _case(tx: AsyncSession, case_id: str) -> Case:
    case = await cases.case(tx, case_id)
    if case is None:
        raise NotFound("no-case", "There is no such case of yours.")
    return case


async def _row(tx: AsyncSession, principal: Principal, person: str) -> tuple[ProtectedPerson, frozenset[Relation]]:
    """The protected person, the same ``NotFound`` whether there is none or none for this viewer."""
    row = await tx.get(ProtectedPerson, person)
    held = await _held(tx, principal, await _case(tx, row.case)) if row else frozenset()
    if row is None or not allowed(principal, Action.VIEW_PROTECTED, held):
        raise NotFound("no-person", "There is no such person in a case of yours.")
    return row, held


async def _aliases(tx: AsyncSession, case: str) -> set[str]:
    return {row.alias for row in await volume.persons(tx, case)}


async def _sessions(tx: AsyncSession, case: str) -> tuple[str, ...]:
    return tuple((await tx.execute(select(Booking.id).where(Booking.case == case))).scalars())


async def _change(tx: AsyncSession, case: Case, veil: Veil, now: datetime, beyond: Beyond) -> Change:
    await renaming.lay(tx, case, veil)
    return await _tell(tx, Change(case.id, await _sessions(tx, case.id), veil, now), beyond)


async def _tell(tx: AsyncSession, change: Change, beyond: Beyond) -> Change:
    for follow in beyond:
        await follow(tx, change)
    return change
