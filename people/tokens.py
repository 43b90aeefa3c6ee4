"""Tokens: bearer secrets, stored as hashes, short-lived. Operators' for self-tests, issued on the command line; other
systems', issued by the administrators of an organisation and bound to it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from core.ids import hash_secret, new_secret
from people import store
from people.models import ApiToken
from people.permissions import Action, relations, require
from people.principals import Principal, Role
from people.registry import SYSTEM, typed

LASTS = timedelta(days=90)
SYSTEM_LASTS = timedelta(days=365)
SYSTEM_ROLES = (Role.CASE_SYSTEM, Role.CUSTODY_SYSTEM)
_LONGEST = 128


async def issue_token(
    database: Database, clock: Clock, *, name: str, lasts: timedelta = LASTS, by: str = SYSTEM
) -> str:
    """Return the secret of a new token, which is shown once. Its principal has the role ``operator``."""
    async with database.transaction() as tx:
        return (await _issue(tx, clock, name, Role.OPERATOR, None, lasts, by))[1]


async def issue_system_token(
    database: Database, clock: Clock, principal: Principal, *, name: str, role: str, lasts: timedelta = SYSTEM_LASTS
) -> tuple[str, str]:
    """An administrator connects a system of the own organisation; return id and secret, which is shown once."""
    if role not in SYSTEM_ROLES:
        raise Invalid("role-unknown", "Please choose what the system is.", field="role")
    async with database.transaction() as tx:
        line = await store.line(tx, principal.organisation)
        require(principal, Action.ISSUE_TOKEN, relations(principal, line=line), now=clock.now())
        return await _issue(tx, clock, name, Role(role), principal.organisation, lasts, principal.id)


async def _issue(
    tx: AsyncSession, clock: Clock, name: str, role: Role, organisation: str | None, lasts: timedelta, by: str
) -> tuple[str, str]:
    now, secret = clock.now(), new_secret()
    token = ApiToken(
        hash=hash_secret(secret),
        name=typed(name, 64, "name"),
        role=role.value,
        organisation=organisation,
        issued_by=by,
        issued=now,
        expires=now + lasts,
    )
    tx.add(token)
    await tx.flush()
    details = {"role": role.value, "organisation": organisation}
    await ledger.append(tx, "token.issued", actor=by, subject=token.id, at=now, details=details)
    return token.id, secret


async def authenticate_token(database: Database, clock: Clock, secret: str | None) -> Principal | None:
    """Whose token it is; ``None`` when unknown, revoked or expired."""
    if not secret or len(secret) > _LONGEST:
        return None
    async with database.transaction(write=False) as tx:
        return await store.token_principal(tx, clock.now(), hash_=hash_secret(secret))


async def revoke_token(database: Database, clock: Clock, token: str, *, by: str = SYSTEM) -> None:
    """End a token at once. Raises ``NotFound``."""
    async with database.transaction() as tx:
        await _revoke(tx, clock, token, by)


async def revoke_system_token(database: Database, clock: Clock, principal: Principal, token: str) -> None:
    """An administrator disconnects a system of the own organisation or one below. Raises ``NotFound``, ``Denied``."""
    async with database.transaction() as tx:
        found = await tx.get(ApiToken, token)
        line = await store.line(tx, found.organisation if found else None)
        require(principal, Action.MANAGE_SYSTEMS, relations(principal, line=line))
        await _revoke(tx, clock, token, principal.id)


async def _revoke(tx: AsyncSession, clock: Clock, token: str, by: str) -> None:
    now = clock.now()
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


async def system_tokens(database: Database, principal: Principal) -> Sequence[ApiToken]:
    """The systems of an administrator's organisation and those below that are connected, newest first."""
    async with database.transaction(write=False) as tx:
        line = await store.line(tx, principal.organisation)
        require(principal, Action.MANAGE_SYSTEMS, relations(principal, line=line))
        below = await store.below(tx, principal.organisation or "")
        query = select(ApiToken).where(ApiToken.organisation.in_(below), ApiToken.revoked.is_(None))
        return (await tx.execute(query.order_by(ApiToken.issued.desc()))).scalars().all()


async def act_for(tx: AsyncSession, system: Principal, number: str) -> Principal:
    """The officer with ``number`` for whom a system asks: an officer's rights, and the system's name in the ledger.

    Raises ``NotFound``, the same whether there is no such officer or one of another organisation.
    """
    reach = await store.below(tx, system.organisation or "")
    person = await store.account_by_number(tx, number, reach)
    officer = await store.account_principal(tx, person) if person else None
    line = await store.line(tx, officer.organisation if officer else system.organisation)
    require(system, Action.ACT_FOR_OFFICER, relations(system, line=line))
    if officer is None or not officer.has(Role.OFFICER):
        raise NotFound("no-officer", "There is no such officer in this organisation.", field="officer")
    return replace(officer, via=system.id)
