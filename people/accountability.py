"""Reading the ledger: auditors search what people of their tree did; everybody sees who looked at own sessions."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.ledger import Entry, Wanted
from people import store
from people.permissions import Action, Relation, relations, require
from people.principals import Principal

LOOKS = "recording."
"""Tags that begin so tell of the record of a session: looked at, played, verified, exported, held, erased."""


@dataclass(frozen=True)
class Line:
    """One act, with the names of today for ids the ledger holds."""

    number: int
    at: datetime
    tag: str
    actor: str
    actor_name: str
    """Empty for the system, guests, terminals and tokens."""
    actor_unit: str
    subject: str
    subject_name: str
    """Empty unless the subject is a person."""
    details: dict[str, object]


Private = Callable[[AsyncSession, Collection[str]], Awaitable[Collection[str]]]
"""Which of some subjects are nobody's business: asked of whoever knows what they are."""


async def search(
    database: Database, clock: Clock, principal: Principal, wanted: Wanted, *, private: Private, limit: int = 100
) -> Sequence[Line]:
    """Acts of people of the principal's organisation and those below it, newest first; the search is an entry too.

    Other trees' people are not found, whoever is asked for. Of an act about something ``private`` it is told that it
    was done, by whom and when, and never about what; nothing is found by what is private.
    """
    require(principal, Action.VIEW_LEDGER, relations(principal, line=(principal.organisation or "",)))
    async with database.transaction() as tx:
        own = await store.person_ids(tx, await store.below(tx, principal.organisation or ""))
        actors = own if wanted.actors is None else tuple(set(own) & set(wanted.actors))
        subjects = wanted.subjects and set(wanted.subjects) - set(await private(tx, wanted.subjects))
        found = await ledger.find(tx, replace(wanted, actors=actors, subjects=subjects), min(limit, 1000))
        hidden = set(await private(tx, {entry.subject for entry in found}))
        lines = [_bare(line) if line.subject in hidden else line for line in await _named(tx, found)]
        details = {"tag": wanted.tag, "found": len(found)}
        await ledger.append(
            tx,
            "ledger.searched",
            actor=principal.id,
            subject=principal.organisation or "",
            at=clock.now(),
            details=details,
        )
    return lines


async def who_looked(
    database: Database, principal: Principal, sessions: Collection[str], *, limit: int = 200
) -> Sequence[Line]:
    """Who looked at the records of ``sessions``, which whoever knows bookings found to be the principal's own.

    Given are ids of sessions and of their recordings: acts on a record name one or the other.
    """
    require(principal, Action.VIEW_OWN_LEDGER, {Relation.SELF})
    async with database.transaction(write=False) as tx:
        found = await ledger.find(tx, Wanted(tag=LOOKS, subjects=tuple(sessions), by_people=True), min(limit, 1000))
        return await _named(tx, found)


def _bare(line: Line) -> Line:
    return replace(line, subject="", subject_name="", details={})


async def _named(tx: AsyncSession, entries: Sequence[Entry]) -> Sequence[Line]:
    ids = {entry.actor for entry in entries} | {entry.subject for entry in entries}
    names = await store.names(tx, ids)
    return [
        Line(
            number=entry.number,
            at=entry.at,
            tag=entry.tag,
            actor=entry.actor,
            actor_name=names.get(entry.actor, ("", ""))[0],
            actor_unit=names.get(entry.actor, ("", ""))[1],
            subject=entry.subject,
            subject_name=names.get(entry.subject, ("", ""))[0],
            details=dict(entry.details),
        )
        for entry in entries
    ]
