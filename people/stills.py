"""Still pictures of identity checks: sealed when they come, shown to who checks or reviews, gone after a short term.

A picture serves one purpose, to compare document and face of one person in one session. Who it is and whether they
agreed is the session's to know; here a picture is kept, shown once the ledger says to whom, and deleted for good.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, NotFound
from core.jobs import Handler
from core.vault import Vault
from people.models import IdentityStill
from people.permissions import Action, Relation, require
from people.principals import Principal
from people.registry import SYSTEM

REMOVE = "identity.still-remove"
VIEWED = "recording.still-viewed"
"""Begins as every look at a session's record does, so that those who took part can see it."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A picture that was asked for: for which request of which session, and of whom."""

    session: str
    request: str
    part: str
    endpoint: str
    present: str


async def keep(
    database: Database, clock: Clock, vault: Vault, coming: Coming, picture: bytes, *, by: str, lasts: timedelta
) -> IdentityStill:
    """Seal and store a picture, with its deletion already asked for. Raises ``Conflict`` for a second one."""
    now = clock.now()
    row = IdentityStill(
        session=coming.session,
        request=coming.request,
        part=coming.part,
        endpoint=coming.endpoint,
        present=coming.present,
        digest=hashlib.sha256(picture).hexdigest(),
        bytes=len(picture),
        taken=now,
        due=now + lasts,
    )
    try:
        async with database.transaction() as tx:
            tx.add(row)
            await tx.flush()
            row.picture = vault.seal(picture, _context(row.id))
            await jobs.enqueue(tx, REMOVE, {"still": row.id, "why": "term"}, due=row.due, key=f"{REMOVE}:{row.id}")
            details = {"still": row.id, "part": row.part, "digest": row.digest}
            await ledger.append(tx, "identity.still-kept", actor=by, subject=row.session, at=now, details=details)
    except IntegrityError:
        raise Conflict("already-sent", "This picture has been sent already.") from None
    return row


async def withdraw(database: Database, clock: Clock, stills: Collection[str]) -> None:
    """The guest does not agree any more: have the pictures deleted now."""
    async with database.transaction() as tx:
        for still in stills:
            await jobs.enqueue(
                tx, REMOVE, {"still": still, "why": "withdrawn"}, due=clock.now(), key=f"{REMOVE}:{still}:withdrawn"
            )


async def of_session(tx: AsyncSession, session: str) -> Sequence[IdentityStill]:
    """What is known of the pictures of a session, oldest first; their content is not opened."""
    query = select(IdentityStill).where(IdentityStill.session == session)
    return (await tx.execute(query.order_by(IdentityStill.taken, IdentityStill.part.desc()))).scalars().all()


async def look(
    database: Database,
    clock: Clock,
    vault: Vault,
    principal: Principal,
    held: Collection[Relation],
    still: str,
    *,
    session: str,
) -> bytes:
    """The picture, once the ledger says who sees it; ``held`` are the relations to ``session``, whose it must be.

    Raises ``Denied``, and ``NotFound`` after its term.
    """
    now = clock.now()
    require(principal, Action.VIEW_STILLS, held)
    async with database.transaction() as tx:
        row = await tx.get(IdentityStill, still)
        if row is None or row.session != session or row.picture is None or now >= row.due:
            raise gone()
        details = {"still": row.id, "part": row.part}
        await ledger.append(tx, VIEWED, actor=principal.id, subject=row.session, at=now, details=details)
        sealed = row.picture
    return vault.unseal(sealed, _context(still))


def gone() -> NotFound:
    """The same whether a picture never was, is deleted, or is none of the asker's business."""
    return NotFound("no-still", "This picture is not kept any more. Its check value stays in the record.")


def handlers(database: Database, clock: Clock) -> dict[str, Handler]:
    """The worker's job that deletes them."""

    async def remove(payload: Mapping[str, Any]) -> None:
        async with database.transaction() as tx:
            row = await tx.get(IdentityStill, str(payload["still"]), with_for_update=True)
            if row is not None and row.picture is not None:
                row.picture, row.removed, row.removed_for = None, clock.now(), str(payload["why"])
                details = {"still": row.id, "digest": row.digest, "why": row.removed_for}
                await ledger.append(
                    tx,
                    "identity.still-removed",
                    actor=SYSTEM,
                    subject=row.session,
                    at=row.removed,
                    details=details,
                )
        await database.forget()

    return {REMOVE: remove}


def _context(still: str) -> str:
    """What the seal is bound to: the same bytes under another row cannot be opened."""
    return f"identity-still:{still}"


def reseal(vault: Vault, row: IdentityStill) -> bool:
    """Seal a picture anew when its key is an old one; whether it was."""
    if row.picture is None or not vault.outdated(row.picture):
        return False
    row.picture = vault.seal(vault.unseal(row.picture, _context(row.id)), _context(row.id))
    return True
