"""Fresh proof of who is at the keyboard, for acts that ask for it (``permissions.STEP_UP``)."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied
from people import logins, throttle
from people.logins import Door
from people.models import LoginSession
from people.principals import Principal


async def proved(tx: AsyncSession, clock: Clock, principal: Principal, method: str) -> None:
    """Note in the caller's transaction that the principal just gave proof by ``method``."""
    now = clock.now()
    await tx.execute(update(LoginSession).where(LoginSession.id == principal.login).values(proved=now))
    await ledger.append(
        tx, "login.proved", actor=principal.id, subject=principal.login or "", at=now, details={"method": method}
    )


async def prove_by_password(
    database: Database, clock: Clock, door: Door, principal: Principal, *, password: str
) -> None:
    """Step up with the password, where the account has no code app. Raises ``Denied`` or ``TooMany``."""
    door.throttle.take(throttle.SECOND_STEP, principal.id)
    if not await logins.check_password(database, door, principal.id, password):
        raise Denied("password-wrong", "The present password is not right.", field="password")
    door.throttle.forgive(throttle.SECOND_STEP, principal.id)
    async with database.transaction() as tx:
        await proved(tx, clock, principal, "password")
