"""Who must never meet, as the calendar and the doors of live sessions ask: in one session, one place, one time.

Three sources: what somebody stated (``people.screening``), the suspects of one case among themselves, and the witnesses
and victims of a case against its suspects. Everything told to whoever asks is worded so that it reveals none of them.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import Role
from cases.models import CaseSuspect
from core.refusals import Refused
from people import screening
from people.screening import MARGIN, Pair
from scheduler.facts import RoomFacts
from scheduler.models import Booking, Hold, Party, Room, State

NOT_TOGETHER = Refused("SC-1", "This cannot be booked online as it stands. Please call the facility.", input="guests")
_INTERVIEWEES = (Role.WITNESS, Role.VICTIM)
_NAMED = (Party.role, Party.name, Party.person, Party.custody_person)
"""Columns that make a row ``Named``."""
_HOLDING = (State.REQUESTED, State.CONFIRMED)

Windows = list[tuple[datetime, datetime]]


class Named(Protocol):
    """A party, planned or booked."""

    @property
    def role(self) -> Role: ...
    @property
    def name(self) -> str: ...
    @property
    def person(self) -> str | None: ...
    @property
    def custody_person(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person as screening knows them."""

    key: str
    """Id of the account holder or the person in custody; of a guest, who has none, ``guest_key``."""
    interviewee: bool
    """Witness or victim."""
    custody: bool
    case: str | None


@dataclass(frozen=True, slots=True)
class Apart:
    """Pairs that must not meet."""

    never: frozenset[Pair] = frozenset()
    """In one facility."""
    together: frozenset[Pair] = frozenset()
    """In one room or one session: those of ``never`` too."""


@dataclass(frozen=True, slots=True)
class _Stay:
    """Where somebody of another booking is, from when to when."""

    key: str
    room: str
    facility: str
    start: datetime
    end: datetime


def guest_key(case: str | None, name: str) -> str:
    """A guest has no account: in one case the same name is the same person. No name can be read from it."""
    return hashlib.sha256(f"guest\n{case or ''}\n{name.strip()}".encode()).hexdigest()[:22]


def somebody(case: str | None, party: Named) -> Somebody:
    """A party of a booking of ``case`` as screening knows them."""
    key = party.custody_person or party.person or guest_key(case, party.name)
    return Somebody(key, party.role in _INTERVIEWEES, party.custody_person is not None, case)


async def apart_of(tx: AsyncSession, persons: Collection[Somebody]) -> Apart:
    """Every pair that has one of ``persons`` in it."""
    stated = await screening.pairs(tx, {person.key for person in persons})
    rooms = await _co_suspects(tx, {person.key for person in persons if person.custody})
    never = set(stated)
    for person in persons:
        if person.interviewee and person.case:
            suspects = await tx.execute(select(CaseSuspect.person).where(CaseSuspect.case == person.case))
            never |= {Pair.of(person.key, suspect) for suspect in suspects.scalars()}
    never |= await _interviewees_of(tx, {person.key for person in persons if person.custody})
    return Apart(frozenset(never), frozenset(never | rooms))


def together(apart: Apart, persons: Collection[Somebody]) -> Refused | None:
    """The refusal of a session that would bring two persons together who must not meet."""
    return NOT_TOGETHER if screening.meeting(apart.together, [p.key for p in persons], ()) else None


async def closed(
    tx: AsyncSession,
    apart: Apart,
    seated: Mapping[RoomFacts, Collection[Somebody]],
    start: datetime,
    end: datetime,
    *,
    but: str | None = None,
) -> dict[str, Windows]:
    """By room the windows in which those who would sit there could meet somebody they must not, coming or going.

    ``apart`` has at least every pair with one of them in it.
    """
    if not apart.together:
        return {}
    stays = await _stays(tx, {room.facility for room in seated}, start - MARGIN, end + MARGIN, but)
    found: dict[str, Windows] = {}
    for room, there in seated.items():
        for stay in stays:
            if _near(apart, room.id, room.facility, there, stay):
                found.setdefault(room.id, []).append((stay.start - MARGIN, stay.end + MARGIN))
    return found


async def is_near(
    tx: AsyncSession, session: str, room: str, facility: str, persons: Collection[Somebody], now: datetime
) -> bool:
    """Whether somebody must not come to ``room`` now, because of who is in another session there that runs, or left a
    moment ago."""
    apart = await apart_of(tx, persons)
    if not apart.together:
        return False
    query = _parties({facility}).where(Booking.id != session, Booking.started.is_not(None))
    query = query.where(or_(Booking.ended.is_(None), Booking.ended > now - MARGIN))
    return any(_near(apart, room, facility, persons, _stay(row)) for row in await tx.execute(query))


def _near(apart: Apart, room: str, facility: str, persons: Iterable[Somebody], stay: _Stay) -> bool:
    if stay.facility != facility:
        return False
    pairs = apart.together if stay.room == room else apart.never
    return any(Pair.of(person.key, stay.key) in pairs for person in persons if person.key != stay.key)


async def _stays(
    tx: AsyncSession, facilities: Collection[str], start: datetime, end: datetime, but: str | None
) -> list[_Stay]:
    # by what is held, buffers and all: an index leads from each room to its few holds of that time
    held = (Hold.resource == literal("room:").concat(Room.id)) & (Hold.booking == Booking.id)
    query = _parties(facilities).join(Hold, held).where(Hold.start < end, Hold.end > start)
    query = query.where(Booking.state.in_(_HOLDING), Booking.start < end, Booking.end > start)
    return [_stay(row) for row in await tx.execute(query.where(Booking.id != (but or "")))]


def _parties(facilities: Collection[str]):  # type: ignore[no-untyped-def]  # a Select of many columns
    query = select(*_NAMED, Party.room, Booking.case, Booking.start, Booking.end, Booking.ended, Room.facility)
    query = query.join(Booking, Booking.id == Party.booking).join(Room, Room.id == Party.room)
    return query.where(Room.facility.in_(facilities))


def _stay(row) -> _Stay:  # type: ignore[no-untyped-def]  # a row of ``_parties``
    return _Stay(somebody(row.case, row).key, row.room, row.facility, row.start, row.ended or row.end)


async def _co_suspects(tx: AsyncSession, suspects: Collection[str]) -> set[Pair]:
    if not suspects:
        return set()
    mine, theirs = CaseSuspect.__table__.alias(), CaseSuspect.__table__.alias()
    query = select(mine.c.person, theirs.c.person).join(theirs, theirs.c.case == mine.c.case)
    query = query.where(mine.c.person.in_(suspects), theirs.c.person != mine.c.person)
    return {Pair.of(one, other) for one, other in await tx.execute(query)}


async def _interviewees_of(tx: AsyncSession, suspects: Collection[str]) -> set[Pair]:
    """The witnesses and victims of the cases of ``suspects``, each against each suspect of that case."""
    if not suspects:
        return set()
    query = select(*_NAMED, CaseSuspect.case, CaseSuspect.person.label("suspect"))
    query = query.join(Booking, Booking.id == Party.booking).join(CaseSuspect, CaseSuspect.case == Booking.case)
    query = query.where(CaseSuspect.person.in_(suspects), Party.role.in_(_INTERVIEWEES))
    return {Pair.of(somebody(row.case, row).key, row.suspect) for row in await tx.execute(query)}
