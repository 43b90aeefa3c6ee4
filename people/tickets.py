"""Join tickets: identity traded for the right to open one connection to one session, once, within seconds."""

from collections.abc import Collection
from datetime import timedelta

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import Denied
from core.ids import hash_secret, new_secret
from people import identities
from people.models import JoinTicket
from people.principals import Principal

log = structlog.get_logger()

LIFETIME = timedelta(seconds=30)
KEPT = timedelta(hours=1)
"""How long a ticket is remembered after its end, so that its refusal can say why."""


async def issue(
    tx: AsyncSession,
    clock: Clock,
    *,
    session: str,
    principal: Principal,
    login: str | None = None,
    browser: str | None = None,
) -> str:
    """Return the secret of a new ticket for ``principal`` to ``session``; whether they may join was decided before.

    The ticket ends with ``login``, the login session that asked (default: the principal's own). With ``browser``, the
    hash of the cookie that asked, it is good from a browser alone that has this cookie.
    """
    now = clock.now()
    await tx.execute(delete(JoinTicket).where(JoinTicket.expires < now - KEPT))
    secret = new_secret()
    tx.add(
        JoinTicket(
            hash=hash_secret(secret),
            session=session,
            principal_kind=principal.kind,
            principal=principal.id,
            login=login or principal.login,
            browser=browser,
            issued=now,
            expires=now + LIFETIME,
        )
    )
    await tx.flush()
    return secret


async def spend(tx: AsyncSession, clock: Clock, session: str, ticket: str, browsers: Collection[str] = ()) -> Principal:
    """Use up ``ticket`` and return who holds it, looked up anew. ``browsers``: hashes of the cookies it comes with.

    Raises ``Denied`` with ``ticket-unknown`` (also for another session's), ``ticket-foreign`` (given to another
    browser, where it stays good), ``ticket-used``, ``ticket-expired`` or ``ticket-withdrawn`` (its owner was signed
    out, suspended or revoked since).
    """
    now, hashed = clock.now(), hash_secret(ticket)
    spent = await tx.execute(
        update(JoinTicket)
        .where(JoinTicket.hash == hashed, JoinTicket.session == session)
        .where(JoinTicket.spent.is_(None), JoinTicket.expires > now)
        .where(JoinTicket.browser.is_(None) | JoinTicket.browser.in_(browsers))
        .values(spent=now)
    )
    row = (await tx.execute(select(JoinTicket).where(JoinTicket.hash == hashed))).scalar_one_or_none()
    if row is None or row.session != session:
        raise _refused("ticket-unknown", session)
    if row.browser is not None and row.browser not in browsers:
        raise _refused("ticket-foreign", session)
    if spent.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result
        raise _refused("ticket-used" if row.spent is not None else "ticket-expired", session)
    principal = await identities.find(tx, now, row.principal_kind, row.principal, row.login)
    if principal is None:
        raise _refused("ticket-withdrawn", session)
    return principal


_SENTENCES = {
    "ticket-unknown": "This way in does not belong to this session. Open the session from your list again.",
    "ticket-foreign": "This way in was given to another browser. Open the session from your list in this one.",
    "ticket-used": "This way in has been used already. Open the session from your list again.",
    "ticket-expired": "This way in was valid for half a minute and has expired. Press join once more.",
    "ticket-withdrawn": "You have been signed out in the meantime. Please sign in and join again.",
}


def _refused(code: str, session: str) -> Denied:
    log.warning("a join ticket was refused", code=code, session=session)
    return Denied(code, _SENTENCES[code])
