"""Which ways in an account has, and that the last one is never taken away by its owner."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import Conflict
from people.models import Account, CodeApp, OutsideIdentity, Passkey


@dataclass(frozen=True, slots=True)
class Ways:
    """What somebody can sign in with."""

    password: bool
    app: bool
    """A code app that has shown that it works."""
    passkeys: int
    outside: bool
    """Bound to a provider of single sign-on."""


async def of(tx: AsyncSession, person: str) -> Ways:
    """The ways in of ``person``'s account."""
    account, app = await tx.get_one(Account, person), await tx.get(CodeApp, person)
    passkeys = select(func.count()).select_from(Passkey).where(Passkey.person == person)
    return Ways(
        password=account.password is not None,
        app=app is not None and app.confirmed is not None,
        passkeys=int((await tx.execute(passkeys)).scalar_one()),
        outside=await tx.get(OutsideIdentity, person) is not None,
    )


def check_left(left: Ways, *, second_factor: bool) -> None:
    """Raise ``Conflict("last-factor")`` unless ``left`` still lets its owner in by what this site asks for."""
    by_password = left.password and (left.app or not second_factor)
    if not (by_password or left.passkeys or left.outside):
        raise Conflict(
            "last-factor", "This is the last way that proves it is you. Add another passkey or a code app first."
        )
