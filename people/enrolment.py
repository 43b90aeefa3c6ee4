"""One-time links for a first sign-in, or after everything was lost. What follows is setting up ways of one's own."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, NotFound
from people import challenges, logins, store, throttle
from people.challenges import Purpose
from people.logins import Door
from people.models import Account, Challenge
from people.owing import Method
from people.principals import Principal


async def issue(tx: AsyncSession, clock: Clock, *, person: str, by: str) -> str:
    """Return the secret of a new link, valid three days, once; the one before is void. Raises ``NotFound``."""
    if await tx.get(Account, person) is None:
        raise NotFound("account-unknown", "This person has no account.")
    await withdraw(tx, person)
    secret = await challenges.ask(tx, clock, Purpose.ENROL, subject=person)
    await ledger.append(tx, "enrolment.issued", actor=by, subject=person, at=clock.now())
    return secret


async def withdraw(tx: AsyncSession, person: str) -> None:
    """End whatever link of ``person`` is still open."""
    await tx.execute(delete(Challenge).where(Challenge.purpose == Purpose.ENROL.value, Challenge.subject == person))


async def enter(
    database: Database, clock: Clock, door: Door, *, secret: str, address: str = "", agent: str = ""
) -> tuple[str, Principal]:
    """Sign in by a one-time link; return cookie and principal, who owes a way in of their own.

    Raises ``Denied("enrolment-over")`` for an unknown, used, expired or replaced link, the same for each; ``TooMany``.
    """
    door.throttle.take(throttle.ENROL, throttle.network(address))
    try:
        async with database.transaction() as tx:
            asked = await challenges.take(tx, clock, Purpose.ENROL, secret)
            await store.end_logins(tx, str(asked.subject), clock.now(), "revoked")
    except Denied:
        raise Denied(
            "enrolment-over",
            "This link was used already, was replaced, or is more than three days old. Ask your administrator for a "
            "new one.",
            field="secret",
        ) from None
    return await logins.start(database, clock, str(asked.subject), method=Method.LINK, address=address, agent=agent)
