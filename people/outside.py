"""Single sign-on: people whose authority has a provider of its own come in by it.

Who is who is bound beforehand by an administrator of the tree to the provider's stable subject, never by an address
or a name. A sign-on belongs to the browser that began it and to the provider it was begun with.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.config import SingleSignOn
from core.database import Database
from core.errors import Conflict, Denied, NotFound
from core.ids import new_secret
from people import administration, challenges, logins, oidc, store
from people.challenges import Purpose
from people.models import OutsideIdentity
from people.oidc import Provider, Request
from people.owing import Method
from people.permissions import Action
from people.principals import Principal
from people.registry import typed


class Providers:
    """The providers of the settings, by tree."""

    def __init__(self, settings: Mapping[str, SingleSignOn], clock: Clock) -> None:
        self._of = {tree: Provider(one, clock) for tree, one in settings.items()}

    def of(self, tree: str) -> Provider:
        """Raises ``NotFound``."""
        if tree not in self._of:
            raise NotFound("no-provider", "There is no such way to sign in here.")
        return self._of[tree]


async def begin(
    database: Database, clock: Clock, providers: Providers, tree: str, *, redirect: str, after: str
) -> tuple[str, str]:
    """Return a secret for a cookie of this browser, and where to send it."""
    provider = providers.of(tree)
    request = Request(redirect, new_secret(), new_secret(), secrets.token_urlsafe(48))
    place = await provider.authorization_url(request)
    value = json.dumps({"tree": tree, "after": after[:500], "request": asdict(request)})
    async with database.transaction() as tx:
        cookie = await challenges.ask(tx, clock, Purpose.OUTSIDE, value=value)
    return cookie, place


async def finish(
    database: Database,
    clock: Clock,
    providers: Providers,
    tree: str,
    *,
    cookie: str,
    answer: Mapping[str, str],
    address: str = "",
    agent: str = "",
) -> tuple[str, Principal, str]:
    """Complete a sign-on; return the login's cookie, who it is, and the page asked for.

    Raises ``Denied`` with ``challenge-over`` (another browser's, used, late), ``outside-refused``, or
    ``outside-unbound`` when nobody is bound to this subject or they belong to another tree; ``Unavailable``.
    """
    provider = providers.of(tree)
    async with database.transaction() as tx:
        kept = json.loads((await challenges.take(tx, clock, Purpose.OUTSIDE, cookie)).value)
    if kept["tree"] != tree:
        raise oidc.refused("mix-up")
    subject = await provider.subject(Request(**kept["request"]), answer)
    person = await _bound(database, clock, provider, tree, subject)
    secret, principal = await logins.start(database, clock, person, method=Method.OUTSIDE, address=address, agent=agent)
    return secret, principal, kept["after"]


async def _bound(database: Database, clock: Clock, provider: Provider, tree: str, subject: str) -> str:
    issuer = provider.settings.issuer
    query = select(OutsideIdentity.person).where(OutsideIdentity.issuer == issuer, OutsideIdentity.subject == subject)
    async with database.transaction() as tx:
        person = (await tx.execute(query)).scalar_one_or_none()
        principal = await store.account_principal(tx, person) if person else None
        if person is not None and principal is not None and principal.tree == tree:
            return person
        await ledger.append(tx, "login.failed", actor="unknown", subject=person or "unknown", at=clock.now())
    raise Denied(
        "outside-unbound",
        "You are signed in there, but no account here is bound to it. Ask your administrator to bind it.",
    )


async def bind(
    database: Database, clock: Clock, providers: Providers, principal: Principal, *, person: str, subject: str
) -> None:
    """Bind somebody of the own tree to the provider's ``subject``. Raises ``Conflict`` when it is another's."""
    named = typed(subject, 255, "subject")
    issuer = providers.of(principal.tree or "").settings.issuer
    async with database.transaction() as tx:
        await administration.may(tx, clock, principal, Action.RESET_CREDENTIALS, person)
        await _free(tx, person, issuer, named)
        await tx.merge(
            OutsideIdentity(person=person, issuer=issuer, subject=named, bound_by=principal.id, bound=clock.now())
        )
        await ledger.append(tx, "outside.bound", actor=principal.id, subject=person, at=clock.now())


async def _free(tx: AsyncSession, person: str, issuer: str, subject: str) -> None:
    query = select(OutsideIdentity.person).where(OutsideIdentity.issuer == issuer, OutsideIdentity.subject == subject)
    held = (await tx.execute(query)).scalar_one_or_none()
    if held is not None and held != person:
        raise Conflict("subject-taken", "Somebody else is bound to this already.", field="subject")


async def unbind(database: Database, clock: Clock, principal: Principal, *, person: str) -> None:
    """End the binding and every login session of that person."""
    async with database.transaction() as tx:
        await administration.may(tx, clock, principal, Action.RESET_CREDENTIALS, person)
        await tx.execute(delete(OutsideIdentity).where(OutsideIdentity.person == person))
        await store.end_logins(tx, person, clock.now(), "revoked")
        await ledger.append(tx, "outside.unbound", actor=principal.id, subject=person, at=clock.now())


async def bound(database: Database, person: str) -> OutsideIdentity | None:
    """The binding of ``person``, for the page of their administrator."""
    async with database.transaction(write=False) as tx:
        return await tx.get(OutsideIdentity, person)
