"""Queries for choices that pages offer, joining what several packages own. Reads only, in the caller's transaction."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from people.models import Organisation, RoleGrant, Terminal
from scheduler.models import Facility, Room


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
