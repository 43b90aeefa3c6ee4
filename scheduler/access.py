"""How somebody stands to a booking: the relations the permission table is asked with."""

from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.kinds import KINDS
from people import store as people
from people.permissions import Relation, relations
from people.principals import Principal
from scheduler import store
from scheduler.models import Booking


async def relations_to(tx: AsyncSession, principal: Principal, booking: Booking) -> frozenset[Relation]:
    """Every relation between ``principal`` and ``booking``.

    The case of a visit gives its officers no relation: what a visit belongs to is no business of theirs.
    """
    parties = await store.parties(tx, [booking.id])
    held = set(
        relations(
            principal,
            owner=booking.created_by,
            facility=booking.facility,
            line=await people.line(tx, booking.organisation),
            session=booking.id,
            participants={p.person for p in parties if p.person},
            rooms={p.room for p in parties if p.room},
        )
    )
    if booking.case and not KINDS[booking.kind].privileged and await cases.works_on(tx, principal.id, booking.case):
        held.add(Relation.OWN_CASE)
    return frozenset(held)
