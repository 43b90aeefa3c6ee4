"""Two persons who must never meet: co-suspects, victim and suspect. Stated by an officer, checked at every join.

``meeting`` and ``too_close`` are pure, for the hub and the calendar; both fail closed on whoever calls them late.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.errors import Invalid, NotFound
from people.models import KeptApart
from people.permissions import Action, Relation, require
from people.principals import Principal

MARGIN = timedelta(minutes=30)
"""How long one must have left a place before the other comes."""


class Reason(StrEnum):
    """Why two persons are kept apart; shown to the facility alone."""

    CO_SUSPECTS = "co_suspects"
    VICTIM_AND_SUSPECT = "victim_and_suspect"
    WITNESS_AND_SUSPECT = "witness_and_suspect"
    THREAT = "threat"


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two persons, the smaller id first."""

    one: str
    other: str

    @classmethod
    def of(cls, a: str, b: str) -> "Pair":
        return cls(min(a, b), max(a, b))


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody planned to be at a place from ``start`` to ``end``."""

    person: str
    place: str
    start: datetime
    end: datetime


def meeting(apart: Collection[Pair], arriving: Collection[str], present: Collection[str]) -> Pair | None:
    """The first pair that would meet if ``arriving`` joined ``present``; also a pair that arrives together."""
    everybody = sorted({*arriving, *present})
    coming = set(arriving)
    for index, one in enumerate(everybody):
        for other in everybody[index + 1 :]:
            if (one in coming or other in coming) and Pair(one, other) in apart:
                return Pair(one, other)
    return None


def too_close(apart: Collection[Pair], new: Stay, others: Collection[Stay], margin: timedelta = MARGIN) -> Stay | None:
    """The first of ``others`` at the same place that ``new`` could meet there, coming or going."""
    for stay in others:
        near = stay.place == new.place and new.start < stay.end + margin and stay.start < new.end + margin
        if near and stay.person != new.person and Pair.of(new.person, stay.person) in apart:
            return stay
    return None


async def pairs(tx: AsyncSession, persons: Collection[str]) -> frozenset[Pair]:
    """Every pair that stands and has one of ``persons`` in it."""
    standing = select(KeptApart.one, KeptApart.other).where(
        KeptApart.one.in_(persons) | KeptApart.other.in_(persons), KeptApart.lifted.is_(None)
    )
    return frozenset(Pair(row.one, row.other) for row in await tx.execute(standing))


async def keep_apart(
    tx: AsyncSession,
    clock: Clock,
    principal: Principal,
    held: Collection[Relation],
    *,
    one: str,
    other: str,
    reason: Reason,
) -> str:
    """State that two persons must never meet; return the statement's id. The same again is the same statement.

    ``held`` are the principal's relations to the case or facility, as whoever knows them found.
    """
    require(principal, Action.KEEP_APART, held)
    if one == other:
        raise Invalid("apart-self", "Name two different persons.", field="other")
    pair = Pair.of(one, other)
    query = select(KeptApart.id).where(
        KeptApart.one == pair.one, KeptApart.other == pair.other, KeptApart.lifted.is_(None)
    )
    known = (await tx.execute(query)).scalar()
    if known is not None:
        return known
    made = KeptApart(
        one=pair.one, other=pair.other, reason=reason.value, stated_by=principal.id, stated=clock.now(), lifted=None
    )
    tx.add(made)
    await tx.flush()
    details = {"reason": reason.value}
    await ledger.append(tx, "apart.stated", actor=principal.id, subject=made.id, at=clock.now(), details=details)
    return made.id


async def lift(
    tx: AsyncSession, clock: Clock, principal: Principal, held: Collection[Relation], statement: str
) -> None:
    """Let two persons meet again."""
    require(principal, Action.KEEP_APART, held)
    found = await tx.get(KeptApart, statement)
    if found is None or found.lifted is not None:
        raise NotFound("apart-unknown", "This was lifted already.")
    found.lifted = clock.now()
    await ledger.append(tx, "apart.lifted", actor=principal.id, subject=statement, at=clock.now())
