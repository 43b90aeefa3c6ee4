"""Every copy of a guest's name the calendar keeps, replaced: parties, invitations, wishes that wait, who is kept apart.

A copy that is added anywhere must be added here: ``tests/web/test_protected.py`` looks for the name in every column.
"""

from collections.abc import Callable

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases.models import Case
from people.models import Invitation, KeptApart
from people.veil import Veil
from scheduler.apart import guest_key
from scheduler.models import Booking, Handover, Party, Waiting


async def guests(tx: AsyncSession, case: str) -> set[str]:
    """Names of those without account or custody in the bookings of a case, as they are kept."""
    query = select(Party.name).join(Booking, Booking.id == Party.booking).distinct()
    query = query.where(Booking.case == case, Party.person.is_(None), Party.custody_person.is_(None))
    return set((await tx.execute(query)).scalars())


async def officials(tx: AsyncSession, case: str) -> set[str]:
    """Names of those with an account in the bookings of a case."""
    query = select(Party.name).join(Booking, Booking.id == Party.booking).distinct()
    return set((await tx.execute(query.where(Booking.case == case, Party.person.is_not(None)))).scalars())


async def lay(tx: AsyncSession, case: Case, veil: Veil) -> None:
    """Put the alias in the place of the name, in free text about the case too."""
    await _rename(tx, case.id, veil.name)
    case.title = veil.text(case.title)
    places = select(Booking.facility).where(Booking.case == case.id)
    for shift in (await tx.execute(select(Handover).where(Handover.facility.in_(places)))).scalars():
        shift.note = veil.text(shift.note)


async def give_back(tx: AsyncSession, case: str, alias: str, name: str) -> None:
    """Put the name in the place of the alias."""
    await _rename(tx, case, lambda said: name if said == alias else said)


async def _rename(tx: AsyncSession, case: str, shown: Callable[[str], str]) -> None:
    of_case = select(Booking.id).where(Booking.case == case)
    parties = select(Party).where(Party.booking.in_(of_case), Party.person.is_(None), Party.custody_person.is_(None))
    for party in (await tx.execute(parties)).scalars():
        await _move_key(tx, guest_key(case, party.name), guest_key(case, shown(party.name)))
        party.name = shown(party.name)
    for invitation in (await tx.execute(select(Invitation).where(Invitation.session.in_(of_case)))).scalars():
        invitation.name = shown(invitation.name)
    for wish in (await tx.execute(select(Waiting))).scalars():
        if wish.request.get("case") == case:
            named = [guest | {"name": shown(guest["name"])} for guest in wish.request["guests"]]
            wish.request = wish.request | {"guests": named}


async def _move_key(tx: AsyncSession, old: str, new: str) -> None:
    """Who is kept apart from whom is known by the guest's name: it goes on under the new one."""
    if old == new:
        return
    query = select(KeptApart).where(or_(KeptApart.one == old, KeptApart.other == old))
    for row in (await tx.execute(query)).scalars():
        one, other = (new if key == old else key for key in (row.one, row.other))
        row.one, row.other = min(one, other), max(one, other)
