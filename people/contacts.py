"""Phone numbers and mail addresses of guests are forgotten some weeks after their invitation ran out.

They are kept for one purpose, to send a link or a code (PIPL 6, 19, 47). That a code was asked for stays written, so
that an invitation without its contact is no easier to accept.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.jobs import Handler
from people.models import Invitation
from people.registry import SYSTEM

log = structlog.get_logger()

JOB: Final = "invitation.forget-contacts"
KEPT: Final = timedelta(days=30)
"""After the end of the invitation: as long as an officer may have to ask again whether the right person was reached."""
EVERY: Final = timedelta(days=1)


async def keep_looking(tx: AsyncSession, clock: Clock) -> None:
    """Ask for the next look, in the transaction that keeps a contact; each day's is asked for once."""
    due = clock.now() + EVERY
    await jobs.enqueue(tx, JOB, {}, due=due, key=f"{JOB}:{due:%Y-%m-%d}")


async def forget(database: Database, clock: Clock) -> int:
    """Destroy the contacts whose time is over; return how many. Goes on as long as there are any."""
    now = clock.now()
    async with database.transaction() as tx:
        over = Invitation.contact.is_not(None) & (Invitation.valid_until <= now - KEPT)
        gone = (await tx.execute(select(Invitation).where(over))).scalars().all()
        for invitation in gone:
            invitation.contact = None
            await ledger.append(tx, "invitation.contact-forgotten", actor=SYSTEM, subject=invitation.id, at=now)
        await tx.flush()
        left = select(func.count()).select_from(Invitation).where(Invitation.contact.is_not(None))
        if (await tx.execute(left)).scalar_one():
            await keep_looking(tx, clock)
    log.info("contacts were forgotten", count=len(gone))
    return len(gone)


def handlers(database: Database, clock: Clock) -> dict[str, Handler]:
    """The job of the worker."""

    async def run(_payload: Mapping[str, Any]) -> None:
        await forget(database, clock)

    return {JOB: run}
