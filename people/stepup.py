"""Fresh proof of who is at the keyboard, for acts that ask for it (``permissions.STEP_UP``)."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from people.models import LoginSession
from people.owing import Method
from people.principals import Principal


async def proved(tx: AsyncSession, clock: Clock, principal: Principal, method: Method) -> None:
    """Note in the caller's transaction that the principal just gave proof by ``method``."""
    now = clock.now()
    await tx.execute(update(LoginSession).where(LoginSession.id == principal.login).values(proved=now))
    await ledger.append(
        tx, "login.proved", actor=principal.id, subject=principal.login or "", at=now, details={"method": method}
    )
