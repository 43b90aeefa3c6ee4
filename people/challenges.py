"""What is asked of a browser and must come back soon, once: the secret stays with the browser, its hash with us."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import Denied
from core.ids import hash_secret, new_secret
from people.models import Challenge

_LONGEST = 128


class Purpose(StrEnum):
    """What a challenge is for; one of another purpose is unknown."""

    PASSKEY_ADD = "passkey-add"
    PASSKEY_SIGN_IN = "passkey-sign-in"
    PASSKEY_PROOF = "passkey-proof"
    SECOND_STEP = "second-step"
    INVITATION_CODE = "invitation-code"
    TERMINAL_START = "terminal-start"
    ENROL = "enrol"
    """A one-time link for the first sign-in."""
    OUTSIDE = "outside"
    """A single sign-on under way."""


LASTS = {
    Purpose.PASSKEY_ADD: timedelta(minutes=5),
    Purpose.PASSKEY_SIGN_IN: timedelta(minutes=5),
    Purpose.PASSKEY_PROOF: timedelta(minutes=5),
    Purpose.SECOND_STEP: timedelta(minutes=5),
    Purpose.INVITATION_CODE: timedelta(minutes=10),
    Purpose.TERMINAL_START: timedelta(minutes=1),
    Purpose.ENROL: timedelta(days=3),
    Purpose.OUTSIDE: timedelta(minutes=10),
}


@dataclass(frozen=True)
class Asked:
    """A challenge that has come back."""

    subject: str | None
    value: str


async def ask(tx: AsyncSession, clock: Clock, purpose: Purpose, *, subject: str | None = None, value: str = "") -> str:
    """Remember a challenge and return the secret its browser brings back."""
    now, secret = clock.now(), new_secret()
    await tx.execute(delete(Challenge).where(Challenge.expires <= now))
    tx.add(
        Challenge(
            hash=hash_secret(secret),
            purpose=purpose.value,
            subject=subject,
            value=value,
            created=now,
            expires=now + LASTS[purpose],
        )
    )
    await tx.flush()
    return secret


async def take(tx: AsyncSession, clock: Clock, purpose: Purpose, secret: str) -> Asked:
    """Use a challenge up. Raises ``Denied("challenge-over")`` when unknown, used, expired or for something else."""
    gone = (
        delete(Challenge)
        .where(_which(clock, purpose, secret))
        .returning(Challenge.subject, Challenge.value)
        .execution_options(synchronize_session=False)
    )
    row = (await tx.execute(gone)).first()
    if row is None:
        raise over()
    return Asked(row.subject, row.value)


async def attempt(tx: AsyncSession, clock: Clock, purpose: Purpose, secret: str, tries: int) -> Asked:
    """Count one try at a challenge that stays until it is met; after ``tries`` it is over. Raises as ``take``."""
    counted = await tx.execute(
        update(Challenge)
        .where(_which(clock, purpose, secret), Challenge.tries < tries)
        .values(tries=Challenge.tries + 1)
        .execution_options(synchronize_session=False)
    )
    if counted.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result
        raise over()
    row = (await tx.execute(select(Challenge.subject, Challenge.value).where(_which(clock, purpose, secret)))).one()
    return Asked(row.subject, row.value)


def over() -> Denied:
    """The refusal of a challenge that no longer stands."""
    return Denied("challenge-over", "That took too long or was tried too often. Please begin again.")


def _which(clock: Clock, purpose: Purpose, secret: str) -> ColumnElement[bool]:
    return (
        (Challenge.hash == hash_secret(secret[:_LONGEST]))
        & (Challenge.purpose == purpose.value)
        & (Challenge.expires > clock.now())
    )
