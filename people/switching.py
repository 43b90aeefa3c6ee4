"""At a shared desk: a colleague takes over with a PIN, so that every act has its author.

A PIN is weak alone. It works only over somebody's unlocked session of the same organisation, for people who signed in
fully within the last twelve hours, and never counts as fresh proof.
"""

import re

from sqlalchemy import select, update

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, Invalid
from people import identities, logins, store, throttle
from people.logins import Door
from people.models import LoginSession, Person, Pin
from people.permissions import FRESH, require_fresh
from people.principals import Principal

METHOD = "switch"


async def set_pin(database: Database, clock: Clock, door: Door, principal: Principal, *, pin: str) -> None:
    """Set or replace the principal's PIN of six to twelve digits; needs fresh proof."""
    require_fresh(principal, clock.now())
    if not re.fullmatch(r"[0-9]{6,12}", pin) or len(set(pin)) < 3 or pin in "01234567890" or pin in "09876543210":
        raise Invalid("pin-weak", "Use six to twelve digits that are not a row.", field="pin")
    hashed = await door.passwords.hash(pin)
    async with database.transaction() as tx:
        await tx.merge(Pin(person=principal.id, hash=hashed, created=clock.now()))
        await ledger.append(tx, "pin.set", actor=principal.id, subject=principal.id, at=clock.now())


async def switch(
    database: Database,
    clock: Clock,
    door: Door,
    principal: Principal,
    *,
    login: str,
    pin: str,
    address: str = "",
    agent: str = "",
) -> tuple[str, Principal]:
    """Hand the desk over from ``principal`` to the owner of ``login``; return the new cookie and principal.

    Raises ``Denied("switch-failed")``, the same for an unknown login, a wrong PIN, another organisation or nobody
    who signed in fully today; ``TooMany``.
    """
    folded = logins.fold(login)
    door.throttle.take(throttle.SECOND_STEP, f"switch:{principal.id}")
    door.throttle.take(throttle.SECOND_STEP, f"switch:{folded}")
    person = await _candidate(database, clock, principal, folded)
    async with database.transaction(write=False) as tx:
        stored = await tx.get(Pin, person.id) if person else None
    right = await door.passwords.verify(stored.hash if stored else None, pin[:64])
    if person is None or not right:
        async with database.transaction() as tx:
            subject = person.id if person else "unknown"
            await ledger.append(tx, "login.failed", actor=principal.id, subject=subject, at=clock.now())
        raise Denied(
            "switch-failed", "The name or the PIN is not right, or a full sign-in is needed first.", field="pin"
        )
    for key in (f"switch:{principal.id}", f"switch:{folded}"):
        door.throttle.forgive(throttle.SECOND_STEP, key)
    return await _hand_over(database, clock, principal, person.id, address, agent)


async def _hand_over(
    database: Database, clock: Clock, principal: Principal, person: str, address: str, agent: str
) -> tuple[str, Principal]:
    cookie, made = await logins.start(database, clock, person, method=METHOD, address=address, agent=agent)
    now = clock.now()
    async with database.transaction() as tx:
        await store.end_logins(tx, principal.id, now, "switched", only=principal.login or "")
        stale = now - 2 * FRESH
        await tx.execute(update(LoginSession).where(LoginSession.id == made.login).values(proved=stale))
        after = await identities.find(tx, now, "account", person, made.login)
    assert after is not None
    return cookie, after


async def _candidate(database: Database, clock: Clock, principal: Principal, login: str) -> Person | None:
    """The active colleague of the same organisation who signed in fully within the last hours."""
    async with database.transaction(write=False) as tx:
        found = await store.account_by_login(tx, login)
        if found is None or found[1].organisation != principal.organisation or found[1].id == principal.id:
            return None
        since = clock.now() - identities.LASTS
        full = select(LoginSession.id).where(
            LoginSession.person == found[1].id,
            LoginSession.method != METHOD,
            LoginSession.created > since,
            LoginSession.ended_why.is_(None) | LoginSession.ended_why.in_(("signed-out", "switched")),
        )
        return found[1] if (await tx.execute(full)).first() else None
