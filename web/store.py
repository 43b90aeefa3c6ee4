"""Queries for choices that pages offer, joining what several packages own. Reads only, in the caller's transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from cases.models import Case, CaseOfficer, Stage
from core.ledger import Entry
from people.models import Organisation, RoleGrant, Terminal
from recordings.models import Recording
from recordings.retention import kept_until
from scheduler.models import Booking, Facility, Party, Room


async def facilities_below(tx: AsyncSession, organisations: Collection[str], search: str) -> Sequence[Facility]:
    """Facilities of these organisations whose name holds ``search``, by name."""
    query = select(Facility).where(Facility.organisation.in_(organisations))
    if search:
        query = query.where(func.lower(Facility.name).contains(search.casefold(), autoescape=True))
    return (await tx.execute(query.order_by(Facility.name, Facility.id))).scalars().all()


async def rooms_below(tx: AsyncSession, facilities: Collection[str], search: str) -> list[tuple[Room, Facility]]:
    """Rooms of these facilities whose name or facility holds ``search``, by facility and name."""
    query = select(Room, Facility).join(Facility, Facility.id == Room.facility).where(Room.facility.in_(facilities))
    if search:
        part = search.casefold()
        in_room = func.lower(Room.name).contains(part, autoescape=True)
        query = query.where(in_room | func.lower(Facility.name).contains(part, autoescape=True))
    return [(row[0], row[1]) for row in await tx.execute(query.order_by(Facility.name, Room.name, Room.id))]


async def terminals_of_rooms(tx: AsyncSession, rooms: Collection[str]) -> dict[str, Terminal]:
    """The paired terminal of each room that has one."""
    query = select(Terminal).where(Terminal.room.in_(rooms), Terminal.state == "paired")
    return {terminal.room: terminal for terminal in (await tx.execute(query)).scalars()}


async def organisation_names(tx: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    """Names of organisations by id."""
    query = select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids))
    return {row[0]: row[1] for row in await tx.execute(query)}


async def grants_of(tx: AsyncSession, people: Collection[str]) -> dict[str, list[RoleGrant]]:
    """Roles these people hold now."""
    query = select(RoleGrant).where(RoleGrant.person.in_(people), RoleGrant.revoked.is_(None))
    found: dict[str, list[RoleGrant]] = {}
    for grant in (await tx.execute(query.order_by(RoleGrant.role))).scalars():
        found.setdefault(grant.person, []).append(grant)
    return found


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A session that took place, for the list of records."""

    id: str
    kind: str
    start: datetime
    started: datetime | None
    ended: datetime | None
    case_number: str
    names: str
    verdict: str
    """Of the last check; empty while the record is being prepared."""
    gaps: int
    """Interruptions that its recorder stated."""
    verified: datetime | None
    """When its recordings were last checked, the longest ago of them."""
    kept_until: datetime | None
    """Until when its recordings are kept at least."""


PREPARED_WITHIN = timedelta(hours=1)
"""A record is usually ready a minute after the end; one that is not there after this is missing."""


def is_missing(ended: datetime | None, now: datetime) -> bool:
    """Whether a session without a record should have had one by now."""
    return ended is not None and now - ended > PREPARED_WITHIN


STATES = ("intact", "look", "preparing", "erased")
"""What a list of records can be narrowed to."""


@dataclass(frozen=True, slots=True)
class Records:
    """Which records are looked for; an empty field asks for nothing."""

    search: str = ""
    kind: str = ""
    state: str = ""
    """One of ``STATES``."""
    since: datetime | None = None
    until: datetime | None = None


async def recorded_sessions(
    tx: AsyncSession, officer: str, tree: Collection[str], wanted: Records, limit: int, offset: int
) -> list[RecordedSession]:
    """Sessions that began, of the officer's own cases or of ``tree``, newest first. Privileged kinds are never here."""
    open_kinds = [kind.code for kind in KINDS.values() if not kind.privileged and kind.statistics]
    own_cases = select(CaseOfficer.case).where(CaseOfficer.person == officer)
    mine = Booking.case.in_(own_cases)
    query = (
        select(Booking, Case.number)
        .outerjoin(Case, Case.id == Booking.case)
        .where(Booking.kind.in_(open_kinds), Booking.started.is_not(None))
        .where(mine | Booking.organisation.in_(tree) if tree else mine)
        .where(*_conditions(wanted))
    )
    return await _listed(tx, query, limit, offset)


async def recorded_of_case(tx: AsyncSession, case: str) -> Sequence[Booking]:
    """Sessions of a case that began, oldest first. Privileged kinds are never here."""
    open_kinds = [kind.code for kind in KINDS.values() if not kind.privileged and kind.statistics]
    query = select(Booking).where(Booking.case == case, Booking.kind.in_(open_kinds), Booking.started.is_not(None))
    return (await tx.execute(query.order_by(Booking.started, Booking.id))).scalars().all()


async def privileged(tx: AsyncSession, ids: Collection[str]) -> frozenset[str]:
    """Those of ``ids`` that are lawyers' visits or recordings of them."""
    kinds = [kind.code for kind in KINDS.values() if kind.privileged]
    bookings = select(Booking.id).where(Booking.id.in_(ids), Booking.kind.in_(kinds))
    recordings = select(Recording.id).where(Recording.id.in_(ids), Recording.kind.in_(kinds))
    return frozenset((await tx.execute(union_all(bookings, recordings))).scalars())


async def filed_sessions(
    tx: AsyncSession, cases: Collection[str], limit: int, offset: int = 0
) -> list[RecordedSession]:
    """Sessions of these cases, out of investigation, whose recording was filed: what defence counsel may view."""
    open_kinds = [kind.code for kind in KINDS.values() if not kind.privileged]
    filed = select(Recording.session).where(Recording.state == "filed")
    query = (
        select(Booking, Case.number)
        .join(Case, Case.id == Booking.case)
        .where(Booking.kind.in_(open_kinds), Booking.case.in_(cases), Booking.id.in_(filed))
        .where(Case.stage != Stage.INVESTIGATION)
    )
    return await _listed(tx, query, limit, offset)


async def _listed(tx: AsyncSession, query: Select[Booking, str], limit: int, offset: int) -> list[RecordedSession]:
    rows = (await tx.execute(query.order_by(Booking.start.desc(), Booking.id).limit(limit).offset(offset))).all()
    ids = [row[0].id for row in rows]
    names, known = await _names(tx, ids), await _recordings(tx, ids)
    return [
        _recorded(booking, number or "", names.get(booking.id, ""), known.get(booking.id, ()))
        for booking, number in rows
    ]


def _conditions(wanted: Records) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.search:
        part = wanted.search.casefold()
        named = select(Party.booking).where(func.lower(Party.name).contains(part, autoescape=True))
        found.append(func.lower(Case.number).contains(part, autoescape=True) | Booking.id.in_(named))
    if wanted.kind:
        found.append(Booking.kind == wanted.kind)
    if wanted.since:
        found.append(Booking.start >= wanted.since)
    if wanted.until:
        found.append(Booking.start < wanted.until)
    of_this = exists().where(Recording.session == Booking.id)
    other = of_this.where(Recording.verdict.not_in(("INTACT", "ERASED")))
    match wanted.state:
        case "intact":
            found += [of_this, ~of_this.where(Recording.verdict != "INTACT")]
        case "look":
            found.append(other)
        case "preparing":
            found.append(~of_this)
        case "erased":
            found.append(of_this.where(Recording.state == "erased"))
    return found


def _recorded(booking: Booking, number: str, names: str, known: Sequence[Recording]) -> RecordedSession:
    """``INTACT`` only when all of its recordings are."""
    worst = next((row.verdict for row in known if row.verdict != "INTACT"), "INTACT" if known else "")
    return RecordedSession(
        booking.id,
        booking.kind,
        booking.start,
        booking.started,
        booking.ended,
        number,
        names,
        worst,
        sum(row.gaps for row in known),
        min((row.verified for row in known), default=None),
        max((kept_until(row.kind, row.ended) for row in known), default=None),
    )


async def _recordings(tx: AsyncSession, sessions: Collection[str]) -> dict[str, list[Recording]]:
    found: dict[str, list[Recording]] = {}
    query = select(Recording).where(Recording.session.in_(sessions)).order_by(Recording.started, Recording.id)
    for row in (await tx.execute(query)).scalars():
        found.setdefault(row.session, []).append(row)
    return found


async def _names(tx: AsyncSession, bookings: Collection[str]) -> dict[str, str]:
    query = select(Party.booking, Party.name).where(Party.booking.in_(bookings)).order_by(Party.id)
    found: dict[str, list[str]] = {}
    for booking, name in await tx.execute(query):
        found.setdefault(booking, []).append(name)
    return {booking: "、".join(names) for booking, names in found.items()}


async def recordings_of(tx: AsyncSession, session: str) -> Sequence[Recording]:
    """Every recording of a session whose chain has ended, in the order they were made."""
    query = select(Recording).where(Recording.session == session).order_by(Recording.started, Recording.id)
    return (await tx.execute(query)).scalars().all()


async def sessions_of_recordings(tx: AsyncSession, sessions: Collection[str]) -> dict[str, str]:
    """The session of each recording of these sessions."""
    query = select(Recording.id, Recording.session).where(Recording.session.in_(sessions))
    return {row[0]: row[1] for row in await tx.execute(query)}


async def in_ledger(tx: AsyncSession, tag: str, *, actor: str, subject: str, since: datetime) -> bool:
    """Whether the ledger holds such an entry from ``since`` on."""
    query = select(Entry.number).where(
        Entry.tag == tag, Entry.actor == actor, Entry.subject == subject, Entry.at >= since
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def entries_of(
    tx: AsyncSession, subjects: Collection[str], tags: Collection[str], before: int | None, limit: int
) -> Sequence[Entry]:
    """Entries of the ledger about any of ``subjects``, newest first, numbered below ``before``."""
    query = select(Entry).where(Entry.subject.in_(subjects), Entry.tag.in_(tags))
    if before is not None:
        query = query.where(Entry.number < before)
    return (await tx.execute(query.order_by(Entry.number.desc()).limit(limit))).scalars().all()
