"""Inviting the guests of a booking: the link's validity follows the session's window."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS, EndpointRole
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, NotFound
from people import invitations
from people.permissions import Action
from people.principals import Principal
from scheduler import access, store
from scheduler.models import Booking, State
from scheduler.windows import closes_at

AFTER = timedelta(hours=12)
"""How long past its slot the link of a questioning works, which no slot cuts."""


async def invite(
    db: Database, clock: Clock, principal: Principal, session: str, party: str, *, locale: str = "zh-CN"
) -> tuple[str, str]:
    """Invite the guest ``party`` of a confirmed booking; return the invitation's id and the secret of its link."""
    async with db.transaction() as tx:
        booking = await store.booking(tx, session)
        if booking is None:
            raise access.no_booking()
        held = await access.may(tx, principal, Action.INVITE_GUEST, booking)
        guest = next((p for p in await store.parties(tx, [session]) if p.id == party), None)
        if guest is None or guest.endpoint_role is not EndpointRole.GUEST:
            raise NotFound("no-guest", "There is no such guest in this booking.")
        if booking.state is not State.CONFIRMED:
            raise Conflict("state", "This is no longer possible: the booking has moved on.")
        wanted = invitations.NewInvitation(
            session=session,
            role=guest.role.value,
            name=guest.name,
            party=guest.id,
            valid_until=valid_until(booking, booking.end),
            locale=locale,
        )
        return await invitations.create(tx, clock, principal, held, wanted)


def valid_until(booking: Booking, end: datetime) -> datetime:
    """Until when a guest's link and cookie work for a session that ends at ``end``."""
    return closes_at(KINDS[booking.kind], end) or end + AFTER


async def follow(tx: AsyncSession, booking: Booking) -> None:
    """Let the invitations last as long as the booking does now."""
    await invitations.extend(tx, booking.id, valid_until(booking, booking.end))
