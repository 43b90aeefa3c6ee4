"""How those who take part are called: what is kept is what may be shown, and who may know more is told it here.

A party's row, an invitation, a live session and all that is made from them hold the alias of a protected or minor
person. Names typed by hand pass ``veiled`` before anything is kept; the real name of a minor is added by ``told``, for
those of ``cases.protection``.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cases import protection, volume
from cases.models import CustodyPerson
from people.permissions import Relation
from people.principals import Principal
from scheduler.models import Booking, Party
from scheduler.requests import Request


async def veiled(tx: AsyncSession, request: Request) -> Request:
    """The request with the alias in place of each guest's name who is protected in its case."""
    if not request.guests:
        return request
    veil = await volume.veil(tx, request.case, request.start)
    return replace(request, guests=tuple(replace(guest, name=veil.name(guest.name)) for guest in request.guests))


def held_name(person: CustodyPerson, at: datetime) -> str:
    """How a person in custody is written into a booking: a minor by no name."""
    return protection.HELD_MINOR if protection.is_minor(person.born, at.date()) else person.name


async def told(
    tx: AsyncSession, principal: Principal, booking: Booking, parties: Sequence[Party], held: Collection[Relation]
) -> dict[str, str]:
    """By party the name this viewer is told in place of the one kept, where they are told another."""
    found: dict[str, str] = {}
    if protection.tells_held_minor(principal, held):
        minors = {p.id: p.custody_person for p in parties if p.custody_person and p.name == protection.HELD_MINOR}
        names = await volume.held_minors(tx, [person for person in minors.values() if person]) if minors else {}
        found |= {party: names[person] for party, person in minors.items() if person in names}
    guests = [p for p in parties if not p.person and not p.custody_person]
    if booking.case and guests and protection.may_be_told(principal, held):
        for row in await volume.standing(tx, booking.case):
            if protection.tells_name(principal, row.ground, held):
                name = f"{row.alias}（{volume.real_name(tx, row)}）"
                found |= {party.id: name for party in guests if party.name == row.alias}
    return found
