"""Queries on live sessions: the lease with its fencing number, the log, the endpoints that may come back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import Conflict, Unavailable
from core.ids import new_id
from people.models import Invitation
from scheduler.protecting import Change
from signaling.models import EndpointRow, LiveSession, SessionEvent
from signaling.restore import Entry

LEASE = timedelta(seconds=60)
"""How long a session belongs to its owner without a word of it; the same node takes its own up again at once."""


async def take(
    tx: AsyncSession, session: str, *, kind: str, owner: str, media: int, now: datetime
) -> tuple[LiveSession, bool]:
    """Return the row of ``session`` as owned by ``owner`` under a new fence, and whether it was made just now.

    Raises ``Conflict`` when the session is over, ``Unavailable`` while another node holds it.
    """
    row = (
        await tx.execute(select(LiveSession).where(LiveSession.id == session).with_for_update())
    ).scalar_one_or_none()
    if row is None:
        row = LiveSession(
            id=session,
            kind=kind,
            state="waiting",
            owner=owner,
            fence=1,
            lease=now + LEASE,
            media=media,
            recording=new_id(),
            opened=now,
            reason="",
        )
        tx.add(row)
        try:
            await tx.flush()
        except IntegrityError:
            raise _elsewhere() from None  # another node was faster by a moment
        return row, True
    if row.state == "ended":
        raise Conflict("ended", "This session has ended.")
    if row.owner != owner and row.lease > now:
        raise _elsewhere()
    row.owner, row.fence, row.lease = owner, row.fence + 1, now + LEASE
    await tx.flush()
    return row, False


def _elsewhere() -> Unavailable:
    return Unavailable("elsewhere", "This session is being moved to another server. Please try again in a minute.")


async def keep(tx: AsyncSession, session: str, fence: int, **values: Any) -> bool:
    """Write ``values`` to the session's row; ``False`` when somebody else has taken it over."""
    done = await tx.execute(
        update(LiveSession).where(LiveSession.id == session, LiveSession.fence == fence).values(**values)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result


async def veil_log(tx: AsyncSession, change: Change) -> None:
    """Put aliases in the place of names in the logs kept here of a case's sessions. What a chain holds cannot change;
    whoever reads that is shown it through the same veil."""
    if not change.veil:
        return
    for row in (await tx.execute(select(SessionEvent).where(SessionEvent.session.in_(change.sessions)))).scalars():
        shown = change.veil.value(row.private)
        if shown != row.private:
            row.private = shown


async def unended(tx: AsyncSession, owner: str, now: datetime) -> Sequence[LiveSession]:
    """Sessions this node left behind, and those whose owner has been silent for longer than its lease."""
    query = select(LiveSession).where(LiveSession.state != "ended").order_by(LiveSession.opened)
    rows = (await tx.execute(query)).scalars().all()
    return [row for row in rows if row.owner == owner or row.lease < now]


async def entries(tx: AsyncSession, session: str, *, above: int = 0) -> list[Entry]:
    """The log above a number, in order."""
    query = select(SessionEvent).where(SessionEvent.session == session, SessionEvent.number > above)
    rows = (await tx.execute(query.order_by(SessionEvent.number))).scalars()
    return [Entry(row.number, row.at, row.public, row.private) for row in rows]


async def add_entries(tx: AsyncSession, session: str, new: Sequence[Entry]) -> None:
    """Add what is not there yet: a batch written a second time changes nothing."""
    last = (
        await tx.execute(select(func.max(SessionEvent.number)).where(SessionEvent.session == session))
    ).scalar_one_or_none() or 0
    for entry in new:
        if entry.number > last:
            tx.add(
                SessionEvent(
                    session=session,
                    number=entry.number,
                    at=entry.at,
                    type=str(entry.public["event"]),
                    public=dict(entry.public),
                    private=dict(entry.private),
                )
            )


async def endpoints(tx: AsyncSession, session: str) -> Sequence[EndpointRow]:
    """Every endpoint the session has had."""
    return (await tx.execute(select(EndpointRow).where(EndpointRow.session == session))).scalars().all()


async def invitation(tx: AsyncSession, invitation_id: str) -> Invitation | None:
    """What a guest was invited as."""
    return await tx.get(Invitation, invitation_id)
