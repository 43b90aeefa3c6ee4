"""A recorded session, how its viewer stands to it, and whether the viewer has opened it: asked by every page of it."""

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.kinds import KINDS
from cases.models import Case, Stage
from core.errors import NotFound
from people.permissions import Action, Relation, allowed
from people.principals import Principal
from scheduler import access
from scheduler import store as calendar
from scheduler.models import Booking
from web import store
from web.context import context

GRANT = timedelta(hours=12)
"""How long an opened recording can be played before it is opened, and noted, anew."""
GRANTED = "recording.play-granted"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One session that is over or running, its case, and the relations of whoever asks."""

    booking: Booking
    case: Case | None
    held: frozenset[Relation]

    @property
    def case_ended(self) -> bool:
        """Whether nothing of the case is open any more. A session without a case has none that could be."""
        return self.case is None or self.case.closed is not None or self.case.stage is Stage.CLOSED

    @property
    def case_unit(self) -> str:
        """Organisation that handles the case."""
        return self.case.organisation if self.case else self.booking.organisation or ""

    def may(self, principal: Principal, action: Action) -> bool:
        return allowed(principal, action, self.held)


async def recorded(tx: AsyncSession, principal: Principal, session: str) -> Recorded:
    """The session as ``principal`` may see it. Raises ``NotFound``, also for a privileged one: it has no record that
    could be opened here."""
    booking = await calendar.booking(tx, session)
    if booking is None or KINDS[booking.kind].privileged:
        raise no_record()
    held = await access.relations_to(tx, principal, booking)
    if not allowed(principal, Action.VIEW_RECORD, held):
        raise no_record()
    return Recorded(booking, await cases.case(tx, booking.case) if booking.case else None, held)


def no_record() -> NotFound:
    return NotFound("no-record", "There is no record here that is open to you.")


async def is_opened(tx: AsyncSession, principal: Principal, session: str, request: web.Request) -> bool:
    """Whether the viewer opened the recording within the last ``GRANT``; what the ledger holds is the permission."""
    since = context(request).clock.now() - GRANT
    return await store.in_ledger(tx, GRANTED, actor=principal.id, subject=session, since=since)
