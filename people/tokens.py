"""Operator's tokens: bearer secrets for self-tests, issued on the command line, stored as hashes, short-lived."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from core.ids import hash_secret, new_secret
from people import store
from people.models import ApiToken
from people.principals import Principal
from people.registry import SYSTEM, typed

LASTS = timedelta(days=90)
_LONGEST = 128


async def issue_token(
    database: Database, clock: Clock, *, name: str, lasts: timedelta = LASTS, by: str = SYSTEM
) -> str:
    """Return the secret of a new token, which is shown once. Its principal has the role ``operator``."""
    now, secret = clock.now(), new_secret()
    async with database.transaction() as tx:
        token = ApiToken(
            hash=hash_secret(secret), name=typed(name, 64, "name"), issued_by=by, issued=now, expires=now + lasts
        )
        tx.add(token)
        await tx.flush()
        await ledger.append(tx, "token.issued", actor=by, subject=token.id, at=now)
    return secret


async def authenticate_token(database: Database, clock: Clock, secret: str | None) -> Principal | None:
    """Whose token it is; ``None`` when unknown, revoked or expired."""
    if not secret or len(secret) > _LONGEST:
        return None
    async with database.transaction(write=False) as tx:
        return await store.token_principal(tx, clock.now(), hash_=hash_secret(secret))


async def revoke_token(database: Database, clock: Clock, token: str, *, by: str = SYSTEM) -> None:
    """End a token at once. Raises ``NotFound``."""
    now = clock.now()
    async with database.transaction() as tx:
        ended = await tx.execute(
            update(ApiToken).where(ApiToken.id == token, ApiToken.revoked.is_(None)).values(revoked=now)
        )
        if ended.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result
            raise NotFound("token-unknown", "There is no such token, or it was revoked already.")
        await ledger.append(tx, "token.revoked", actor=by, subject=token, at=now)


async def tokens(database: Database) -> Sequence[ApiToken]:
    """Every token, newest first."""
    async with database.transaction(write=False) as tx:
        return (await tx.execute(select(ApiToken).order_by(ApiToken.issued.desc()))).scalars().all()
