"""A booking to be acted on, and how somebody stands to it: the relations the permission table is asked with."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.kinds import KINDS
from cases.models import Stage
from core.errors import Conflict, Denied, NotFound
from people import store as people
from people.permissions import Action, Relation, relations, require_known
from people.principals import Principal, Role
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


async def may(tx: AsyncSession, principal: Principal, action: Action, booking: Booking) -> frozenset[Relation]:
    """The relations of somebody who may do ``action`` to ``booking``.

    Raises ``Denied``; to whoever may not even see it ``NotFound``, as if it were not there.
    """
    held = await relations_to(tx, principal, booking)
    require_known(principal, action, held, see=Action.VIEW_BOOKING, missing=no_booking())
    return held


async def check_maker(tx: AsyncSession, principal: Principal, booking: Booking, text: str) -> None:
    """Raise ``Denied`` with ``text`` unless ``principal`` made ``booking``; ``NotFound`` as ``may``."""
    if booking.created_by == principal.id:
        return
    await may(tx, principal, Action.VIEW_BOOKING, booking)
    raise Denied("not-allowed", text)


async def defends(tx: AsyncSession, principal: Principal, booking: Booking, now: datetime) -> frozenset[Relation]:
    """The relation of defence counsel to a session of the case: none before the case leaves investigation (CPL 40)."""
    if not booking.case or KINDS[booking.kind].privileged or not principal.has(Role.LAWYER):
        return frozenset()
    case = await cases.case(tx, booking.case)
    if case is None or case.stage is Stage.INVESTIGATION:
        return frozenset()
    held = booking.case in await cases.defended_cases(tx, principal.id, now)
    return frozenset({Relation.OWN_CASE} if held else ())


async def load(tx: AsyncSession, booking_id: str) -> Booking:
    """The booking, locked for a change. Raises ``NotFound``."""
    booking = await store.booking(tx, booking_id, lock=True)
    if booking is None:
        raise no_booking()
    return booking


def no_booking() -> NotFound:
    """The same whether there is none, or none for this viewer."""
    return NotFound("no-booking", "There is no such booking.")


def check_version(booking: Booking, version: int | None) -> None:
    """Raise ``Conflict`` when a form showed an older version. Asked after the permission: a stranger learns nothing."""
    if version is not None and version != booking.version:
        raise Conflict("stale", "Somebody has changed this since you looked. Here is how it stands now.")
